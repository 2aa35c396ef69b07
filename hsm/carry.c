#include "hsm/carry.h"

#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* The token's own answer tells what it cannot do; p11-kit's client answers so for what it does not pass. */
static bool cannot(struct fault *fault, const struct token *token, const char *function, CK_RV rv)
{
    return fault_set(fault, FAULT_HSM_CANNOT, rv, "token '%s': %s: %s (0x%lx)", token->label, function, call_name(rv),
                     rv);
}

void carry_drop(const struct carried *key)
{
    if (key->handle != CK_INVALID_HANDLE)
        call_destroy(&key->token->session, key->handle);
}

/* A one-time pair of the session. */
struct pair {
    struct token *token;
    CK_OBJECT_HANDLE public_half, private_half;
    uint8_t point[POINT_SIZE];
};

static void pair_drop(const struct pair *pair)
{
    if (pair->private_half != CK_INVALID_HANDLE)
        call_destroy(&pair->token->session, pair->private_half);
    if (pair->public_half != CK_INVALID_HANDLE)
        call_destroy(&pair->token->session, pair->public_half);
}

static bool pair_make(struct token *token, struct pair *pair, struct fault *fault)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE public_half[] = {
        {CKA_EC_PARAMS, p256, sizeof p256}, {CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &no, sizeof no}};
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes}, {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_SIGN, &no, sizeof no},      {CKA_DERIVE, &yes, sizeof yes},
    };
    const struct call_template public_template = {public_half, ARRAY_SIZE(public_half)};
    const struct call_template private_template = {private_half, ARRAY_SIZE(private_half)};
    pair->token = token;
    CK_RV rv =
        call_make_pair(&token->session, &public_template, &private_template, &pair->public_half, &pair->private_half);
    if (rv != CKR_OK)
        return cannot(fault, token, "C_GenerateKeyPair for this session", rv);
    return key_point(token, pair->public_half, pair->point, "one-time", fault);
}

/* The AES key that this token's private key shares with the owner of the point. */
static bool agree(struct token *token, CK_OBJECT_HANDLE private_half, const uint8_t point[POINT_SIZE],
                  struct carried *ret_key, struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG size = 32;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},    {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_WRAP, &yes, sizeof yes},       {CKA_UNWRAP, &yes, sizeof yes},
        {CKA_ENCRYPT, &no, sizeof no},     {CKA_DECRYPT, &no, sizeof no},
    };
    CK_ECDH1_DERIVE_PARAMS parameters = {
        .kdf = CKD_NULL, .ulPublicDataLen = POINT_SIZE, .pPublicData = (uint8_t *)point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    const struct call_template template = {key, ARRAY_SIZE(key)};
    CK_RV rv = call_derive(&token->session, &mechanism, private_half, &template, &ret_key->handle);
    if (rv != CKR_OK)
        return cannot(fault, token, "C_DeriveKey", rv);
    ret_key->token = token;
    return true;
}

static bool wrap(const struct carried *key, const struct carried *transport, uint8_t ret_wrapped[CARRY_WRAPPED_SIZE],
                 struct fault *fault)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    uint8_t bytes[CARRY_WRAPPED_SIZE];
    size_t size = sizeof bytes;
    CK_RV rv = call_wrap(&key->token->session, &mechanism, transport->handle, key->handle, bytes, &size);
    if (rv != CKR_OK)
        return cannot(fault, key->token, "C_WrapKey", rv);
    if (size != sizeof bytes)
        return fault_set(fault, FAULT_HSM_CALL, 0, "token '%s': C_WrapKey gave %zu bytes", key->token->label, size);
    memcpy(ret_wrapped, bytes, sizeof bytes);
    return true;
}

static CK_RV unwrap(const struct carried *transport, const uint8_t wrapped[CARRY_WRAPPED_SIZE],
                    CK_ATTRIBUTE *attributes, size_t count, CK_OBJECT_HANDLE *ret_key)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    const struct call_wrapped what = {&mechanism, transport->handle, (uint8_t *)wrapped, CARRY_WRAPPED_SIZE};
    const struct call_template template = {attributes, count};
    return call_unwrap(&transport->token->session, &what, &template, ret_key);
}

/* A secret for HMAC that lives as long as the session and may be wrapped on. */
static bool unwrap_for_session(const struct carried *transport, const uint8_t wrapped[CARRY_WRAPPED_SIZE],
                               struct carried *ret_key, struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, sizeof no},
        {CKA_PRIVATE, &yes, sizeof yes},     {CKA_SENSITIVE, &yes, sizeof yes},  {CKA_SIGN, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VERIFY, &no, sizeof no},       {CKA_WRAP, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},        {CKA_ENCRYPT, &no, sizeof no},      {CKA_DECRYPT, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
    };
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_RV rv = unwrap(transport, wrapped, key, ARRAY_SIZE(key), &handle);
    if (rv != CKR_OK)
        return cannot(fault, transport->token, "C_UnwrapKey", rv);
    *ret_key = (struct carried){transport->token, handle};
    return true;
}

/* SoftHSM takes the attributes one by one and refuses those behind CKA_MODIFIABLE: it stands last. */
static bool unwrap_to_stay(const struct carried *transport, const uint8_t wrapped[CARRY_WRAPPED_SIZE],
                           struct made_key *made, struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},   {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},        {CKA_VERIFY, &no, sizeof no},
        {CKA_ENCRYPT, &no, sizeof no},       {CKA_DECRYPT, &no, sizeof no},
        {CKA_WRAP, &no, sizeof no},          {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},        {CKA_LABEL, (char *)made->order->label, strlen(made->order->label)},
        {CKA_ID, made->id, sizeof made->id}, {CKA_MODIFIABLE, &no, sizeof no},
    };
    CK_RV rv = unwrap(transport, wrapped, key, ARRAY_SIZE(key), &made->key.handle);
    return rv == CKR_OK || cannot(fault, made->token, "C_UnwrapKey", rv);
}

/* Wraps the key for a pair of the other token, and derives the same transport key there. */
static bool hand_over(const struct carried *key, struct token *to, struct carried *ret_transport,
                      uint8_t ret_wrapped[CARRY_WRAPPED_SIZE], struct fault *fault)
{
    CLEANUP(pair_drop) struct pair theirs = {0};
    struct carry_parcel parcel;
    if (!pair_make(to, &theirs, fault) || !carry_seal(key, theirs.point, &parcel, fault) ||
        !agree(to, theirs.private_half, parcel.point, ret_transport, fault))
        return false;
    memcpy(ret_wrapped, parcel.wrapped, sizeof parcel.wrapped);
    return true;
}

bool carry_generate(struct token *token, struct carried *ret_key, struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = CARRY_KEY_SIZE;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &no, sizeof no},         {CKA_PRIVATE, &yes, sizeof yes},    {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_SIGN, &yes, sizeof yes},       {CKA_VERIFY, &no, sizeof no},
    };
    const struct call_template template = {key, ARRAY_SIZE(key)};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_RV rv = call_make_key(&token->session, CKM_GENERIC_SECRET_KEY_GEN, &template, &handle);
    if (rv != CKR_OK)
        return cannot(fault, token, "C_GenerateKey for this session", rv);
    *ret_key = (struct carried){token, handle};
    return true;
}

bool carry_to(const struct carried *key, struct made_key *made, struct fault *fault)
{
    CLEANUP(carry_drop) struct carried transport = {0};
    uint8_t wrapped[CARRY_WRAPPED_SIZE];
    return (hand_over(key, made->token, &transport, wrapped, fault) &&
            unwrap_to_stay(&transport, wrapped, made, fault)) ||
           fault_within(fault, "carry '%s' to token '%s'", made->order->label, made->token->label);
}

bool carry_seal(const struct carried *key, const uint8_t point[POINT_SIZE], struct carry_parcel *ret_parcel,
                struct fault *fault)
{
    CLEANUP(pair_drop) struct pair ours = {0};
    CLEANUP(carry_drop) struct carried transport = {0};
    struct carry_parcel parcel;
    if (!pair_make(key->token, &ours, fault) || !agree(key->token, ours.private_half, point, &transport, fault) ||
        !wrap(key, &transport, parcel.wrapped, fault))
        return false;
    memcpy(parcel.point, ours.point, sizeof parcel.point);
    *ret_parcel = parcel;
    return true;
}

bool carry_open(struct token *token, const struct key *key, const struct carry_parcel *parcel, struct carried *ret_key,
                struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *on_the_curve = NULL;
    CLEANUP(carry_drop) struct carried transport = {0};
    struct carry_parcel copy = *parcel;
    return crypto_public_key(copy.point, &on_the_curve, fault) &&
           agree(token, key->handle, copy.point, &transport, fault) &&
           unwrap_for_session(&transport, copy.wrapped, ret_key, fault);
}

bool carry_check(const struct carried *key, const char *label, uint8_t ret_check[MAKE_CHECK_SIZE], struct fault *fault)
{
    const struct call_signing signing = {.mechanism = CKM_SHA256_HMAC, .key = key->handle};
    uint8_t mac[32];
    size_t size = sizeof mac;
    if (!call_sign(&key->token->session, &signing, (const uint8_t *)label, strlen(label), mac, &size, fault))
        return false;
    if (size != sizeof mac)
        return fault_set(fault, FAULT_HSM_CALL, 0, "token '%s': the HMAC has %zu bytes", key->token->label, size);
    memcpy(ret_check, mac, MAKE_CHECK_SIZE);
    return true;
}

bool carry_agrees(struct token *token)
{
    CLEANUP(pair_drop) struct pair pair = {0};
    CLEANUP(carry_drop) struct carried key = {0};
    struct fault ignored;
    return pair_make(token, &pair, &ignored) && agree(token, pair.private_half, pair.point, &key, &ignored);
}

bool carry_rehearse(struct token *from, struct token *to, struct fault *fault)
{
    static const char label[] = "rehearsal";
    CLEANUP(carry_drop) struct carried key = {0};
    CLEANUP(carry_drop) struct carried transport = {0};
    CLEANUP(carry_drop) struct carried copy = {0};
    uint8_t wrapped[CARRY_WRAPPED_SIZE], before[MAKE_CHECK_SIZE], after[MAKE_CHECK_SIZE];
    if (!carry_generate(from, &key, fault) || !hand_over(&key, to, &transport, wrapped, fault) ||
        !unwrap_for_session(&transport, wrapped, &copy, fault) || !carry_check(&key, label, before, fault) ||
        !carry_check(&copy, label, after, fault))
        return fault_within(fault, "carry a key from '%s' to '%s'", from->label, to->label);
    if (memcmp(before, after, sizeof before) != 0)
        return fault_set(fault, FAULT_HSM_CANNOT, 0, "a key carried from '%s' to '%s' arrives as another", from->label,
                         to->label);
    return true;
}
