#include "hsm/make.h"

#include "hsm/attack.h"

#include <string.h>

static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
} attributes[] = {
    {CKA_TOKEN, "CKA_TOKEN"},
    {CKA_PRIVATE, "CKA_PRIVATE"},
    {CKA_SENSITIVE, "CKA_SENSITIVE"},
    {CKA_EXTRACTABLE, "CKA_EXTRACTABLE"},
    {CKA_MODIFIABLE, "CKA_MODIFIABLE"},
    {CKA_SIGN, "CKA_SIGN"},
    {CKA_DERIVE, "CKA_DERIVE"},
    {CKA_DECRYPT, "CKA_DECRYPT"},
    {CKA_UNWRAP, "CKA_UNWRAP"},
    {CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE"},
    {CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"},
    {CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"},
    {CKA_LOCAL, "CKA_LOCAL"},
};
_Static_assert(ARRAY_SIZE(attributes) == MAKE_ATTRIBUTES, "one place for each attribute told");

const char *make_attribute_name(size_t index)
{
    return index < MAKE_ATTRIBUTES ? attributes[index].name : NULL;
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

#define FOUND_MAX 8 /* of one label there are two at most, or something is wrong */

/* All objects of a label, of any class; those of one CKA_ID, unless it is NULL. */
static bool find_all(struct token *token, const char *label, const uint8_t *id, CK_OBJECT_HANDLE found[FOUND_MAX],
                     size_t *ret_count, struct fault *fault)
{
    CK_ATTRIBUTE filter[] = {{CKA_LABEL, (char *)label, strlen(label)}, {CKA_ID, (uint8_t *)id, MAKE_ID_SIZE}};
    size_t count = FOUND_MAX;
    if (!call_find(&token->session, filter, id ? 2 : 1, found, &count, fault))
        return fault_within(fault, "look for '%s'", label);
    *ret_count = count;
    return true;
}

bool make_check_free(struct token *token, const char *label, struct fault *fault)
{
    CK_OBJECT_HANDLE found[FOUND_MAX];
    size_t count;
    if (!find_all(token, label, NULL, found, &count, fault))
        return false;
    return count == 0 ||
           fault_set(fault, FAULT_HSM_KEY_EXISTS, 0, "'%s' is on token '%s' already", label, token->label);
}

bool make_check_only(struct token *token, const char *label, const uint8_t id[MAKE_ID_SIZE], struct fault *fault)
{
    CK_OBJECT_HANDLE found[FOUND_MAX];
    size_t all, ours;
    if (!find_all(token, label, NULL, found, &all, fault) || !find_all(token, label, id, found, &ours, fault))
        return false;
    return all == ours || fault_set(fault, FAULT_HSM_KEY_EXISTS, 0,
                                    "another '%s' than this ceremony's is on token '%s'", label, token->label);
}

bool make_erase(struct token *token, const char *label, const uint8_t id[MAKE_ID_SIZE], struct fault *fault)
{
    CK_OBJECT_HANDLE found[FOUND_MAX];
    size_t count;
    call_make_writable(&token->session);
    if (!find_all(token, label, id, found, &count, fault))
        return false;
    for (size_t i = 0; i < count; i++)
        call_destroy(&token->session, found[i]);
    if (!find_all(token, label, id, found, &count, fault))
        return false;
    return count == 0 ||
           fault_set(fault, FAULT_HSM_CALL, 0, "'%s' cannot be destroyed on token '%s'", label, token->label);
}

static bool find_class(struct made_key *made, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *ret_object, struct fault *fault)
{
    const char *label = made->order->label;
    CK_ATTRIBUTE filter[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (char *)label, strlen(label)}, {CKA_ID, made->id, MAKE_ID_SIZE}};
    CK_OBJECT_HANDLE found[2];
    size_t count = ARRAY_SIZE(found);
    if (!call_find(&made->token->session, filter, ARRAY_SIZE(filter), found, &count, fault))
        return fault_within(fault, "look for '%s'", label);
    if (count == 0)
        return fault_set(fault, FAULT_HSM_KEY_NOT_FOUND, 0, "'%s' is gone from token '%s'", label, made->token->label);
    if (count > 1)
        return fault_set(fault, FAULT_HSM_AMBIGUOUS, 0, "'%s' is twice on token '%s'", label, made->token->label);
    *ret_object = found[0];
    return true;
}

bool make_find(struct token *token, const struct make_order *order, const uint8_t id[MAKE_ID_SIZE],
               struct made_key *ret_made, struct fault *fault)
{
    struct made_key made = {.order = order, .token = token};
    memcpy(made.id, id, sizeof made.id);
    bool pair = order->use != MAKE_MAC;
    if (!find_class(&made, pair ? CKO_PRIVATE_KEY : CKO_SECRET_KEY, &made.key.handle, fault) ||
        (pair && !find_class(&made, CKO_PUBLIC_KEY, &made.public_handle, fault)))
        return false;
    *ret_made = made;
    return true;
}

static CK_RV make_pair(struct made_key *made, bool asks_pin)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    const struct make_order *order = made->order;
    CK_BBOOL signs = order->use == MAKE_SIGN, derives = order->use == MAKE_DERIVE, asks = CK_TRUE;
    CK_ATTRIBUTE public_half[] = {
        {CKA_EC_PARAMS, p256, sizeof p256},  {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},       {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_VERIFY, &signs, sizeof signs},  {CKA_ENCRYPT, &no, sizeof no},
        {CKA_WRAP, &no, sizeof no},          {CKA_LABEL, (char *)order->label, strlen(order->label)},
        {CKA_ID, made->id, sizeof made->id},
    };
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_SIGN, &signs, sizeof signs},
        {CKA_DERIVE, &derives, sizeof derives},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},
        {CKA_LABEL, (char *)order->label, strlen(order->label)},
        {CKA_ID, made->id, sizeof made->id},
        {CKA_ALWAYS_AUTHENTICATE, &asks, sizeof asks}, /* last: left out where it is not wanted */
    };
    const struct call_template public_template = {public_half, ARRAY_SIZE(public_half)};
    const struct call_template private_template = {private_half, ARRAY_SIZE(private_half) - (asks_pin ? 0 : 1)};
    return call_make_pair(&made->token->session, &public_template, &private_template, &made->public_handle,
                          &made->key.handle);
}

static CK_RV make_secret(struct made_key *made)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = 32;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE_LEN, &size, sizeof size}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},     {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},   {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},        {CKA_VERIFY, &no, sizeof no},
        {CKA_ENCRYPT, &no, sizeof no},       {CKA_DECRYPT, &no, sizeof no},
        {CKA_WRAP, &no, sizeof no},          {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},        {CKA_LABEL, (char *)made->order->label, strlen(made->order->label)},
        {CKA_ID, made->id, sizeof made->id},
    };
    const struct call_template template = {key, ARRAY_SIZE(key)};
    return call_make_key(&made->token->session, CKM_GENERIC_SECRET_KEY_GEN, &template, &made->key.handle);
}

static bool create(struct made_key *made, struct fault *fault)
{
    if (made->order->use == MAKE_MAC) {
        CK_RV rv = make_secret(made);
        return rv == CKR_OK || call_failed(fault, "C_GenerateKey", rv);
    }
    CK_RV rv = make_pair(made, made->order->asks_pin);
    /* Not every token can ask for the PIN each time. What it does is read back and goes into the record. */
    if (made->order->asks_pin &&
        (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT))
        rv = make_pair(made, false);
    return rv == CKR_OK || call_failed(fault, "C_GenerateKeyPair", rv);
}

static bool read_back(struct made_key *made, struct fault *fault)
{
    CK_BBOOL values[MAKE_ATTRIBUTES];
    CK_ATTRIBUTE asked[MAKE_ATTRIBUTES];
    for (size_t i = 0; i < MAKE_ATTRIBUTES; i++)
        asked[i] = (CK_ATTRIBUTE){attributes[i].type, &values[i], sizeof values[i]};
    if (!call_attributes(&made->token->session, made->key.handle, asked, MAKE_ATTRIBUTES, fault))
        return false;
    for (size_t i = 0; i < MAKE_ATTRIBUTES; i++) {
        if (asked[i].ulValueLen != sizeof values[i])
            made->told[i] = MAKE_NOT_TOLD;
        else
            made->told[i] = values[i] == CK_FALSE ? MAKE_TOLD_FALSE : MAKE_TOLD_TRUE;
        if (attributes[i].type == CKA_ALWAYS_AUTHENTICATE)
            made->key.asks_pin = made->told[i] == MAKE_TOLD_TRUE;
    }
    return true;
}

/* What was asked for must be what the token says; only the last three are the token's own account. */
static bool compare_told(const struct made_key *made, struct fault *fault)
{
    const enum make_use use = made->order->use;
    const struct {
        CK_ATTRIBUTE_TYPE type;
        bool value;
        bool must_be_told;
    } wanted[] = {
        {CKA_TOKEN, true, true},
        {CKA_PRIVATE, true, true},
        {CKA_SENSITIVE, true, true},
        {CKA_EXTRACTABLE, false, true},
        {CKA_MODIFIABLE, false, false},
        {CKA_SIGN, use != MAKE_DERIVE, true},
        {CKA_DERIVE, use == MAKE_DERIVE, false},
        {CKA_DECRYPT, false, false},
        {CKA_UNWRAP, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        const enum make_told told = made->told[i];
        if (attributes[i].type != wanted[i].type)
            return fault_set(fault, FAULT_INTERNAL, 0, "the attribute tables differ");
        if (told == MAKE_NOT_TOLD ? wanted[i].must_be_told : (told == MAKE_TOLD_TRUE) != wanted[i].value)
            return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the token made it with another %s", attributes[i].name);
    }
    return true;
}

static bool read_public(struct made_key *made, struct fault *fault)
{
    if (made->order->use == MAKE_MAC) {
        const struct call_signing signing = {.mechanism = CKM_SHA256_HMAC, .key = made->key.handle};
        uint8_t mac[32];
        size_t size = sizeof mac;
        const char *label = made->order->label;
        if (!call_sign(&made->token->session, &signing, (const uint8_t *)label, strlen(label), mac, &size, fault))
            return false;
        memcpy(made->check, mac, sizeof made->check);
        return true;
    }
    struct key found;
    if (!key_find(made->token, made->order->label, &found, fault))
        return false;
    if (found.handle != made->key.handle)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the token finds another key under its label");
    memcpy(made->key.point, found.point, sizeof found.point);
    return true;
}

bool make_choose(struct token *token, const struct make_order *order, struct made_key *ret_made, struct fault *fault)
{
    struct made_key made = {.order = order, .token = token};
    if (!token_draw(token, made.id, sizeof made.id, fault))
        return fault_within(fault, "make '%s'", order->label);
    *ret_made = made;
    return true;
}

bool make_create(struct made_key *made, struct fault *fault)
{
    call_make_writable(&made->token->session);
    return create(made, fault) ||
           fault_within(fault, "make '%s' on token '%s'", made->order->label, made->token->label);
}

/* A key that cannot do its work never gets a certificate. */
static bool prove(const struct made_key *made, const struct secret *pin, struct fault *fault)
{
    uint8_t challenge[32], der[DER_SIGNATURE_MAX];
    size_t size;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *public_half = NULL;
    if (!crypto_public_key(made->key.point, &public_half, fault) ||
        !token_draw(made->token, challenge, sizeof challenge, fault) ||
        !key_sign(made->token, &made->key, pin, challenge, der, &size, fault))
        return fault_within(fault, "prove it");
    return crypto_verify(public_half, challenge, der, size) ||
           fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "it does not sign for its public half");
}

bool make_examine(struct made_key *made, const struct secret *pin, struct fault *fault)
{
    if (!read_back(made, fault) || !compare_told(made, fault) || !read_public(made, fault) ||
        !attack_key(made, fault) || (made->order->use == MAKE_SIGN && !prove(made, pin, fault)))
        return fault_within(fault, "'%s' on token '%s'", made->order->label, made->token->label);
    return true;
}

bool make_key(struct token *token, const struct make_order *order, struct made_key *ret_made, struct fault *fault)
{
    struct made_key made;
    if (!make_choose(token, order, &made, fault))
        return false;
    if (!make_create(&made, fault) || !make_examine(&made, NULL, fault)) {
        make_undo(&made);
        return false;
    }
    *ret_made = made;
    return true;
}

void make_undo(struct made_key *made)
{
    if (made->key.handle != CK_INVALID_HANDLE)
        call_destroy(&made->token->session, made->key.handle);
    if (made->public_handle != CK_INVALID_HANDLE)
        call_destroy(&made->token->session, made->public_handle);
    made->key.handle = made->public_handle = CK_INVALID_HANDLE;
}
