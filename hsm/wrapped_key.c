#include "hsm/wrapped_key.h"

#include "base/secret.h"
#include "hsm/key.h"
#include "hsm/weak.h"
#include "hsm/wrapped_key_trial.h"

#include <string.h>

#define WRAP_KEY_SIZE 32
#define WRAP_STEP 8 /* RFC 5649 gives whole steps, and at least two */
#define VALUE_MAX 256

/* RFC 5649 by its number of PKCS#11 v3.0, for which p11-kit 0.24 has no name, and by the older one, which some tokens
 * gave to RFC 5649 and some to a padding of their own. The exact one first. */
static const CK_MECHANISM_TYPE mechanisms[] = {0x210bUL, CKM_AES_KEY_WRAP_PAD};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Everything that is in the token for one wrapped key; the objects die together. */
struct making {
    struct token *token;
    CK_OBJECT_HANDLE device_public, transport_public, wrapping;
    struct key device, transport;
};

static void unmake(struct making *making)
{
    const CK_OBJECT_HANDLE objects[] = {making->wrapping, making->device.handle, making->device_public,
                                        making->transport.handle, making->transport_public};
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        if (objects[i] != CK_INVALID_HANDLE)
            call_destroy(&making->token->session, objects[i]);
}

/* What the token, or what lies before it, will answer next time too. */
static bool failed(const struct making *making, const char *what, const char *function, CK_RV rv, struct fault *fault)
{
    if (call_cure(rv) != CALL_STOP)
        return call_failed(fault, function, rv);
    return fault_set(fault, FAULT_HSM_CANNOT, rv, "token '%s', over this way to it, %s (%s: %s)", making->token->label,
                     what, function, call_name(rv));
}

struct pair_order {
    const char *refusal;
    bool leaves; /* may be wrapped out; else may agree on keys */
};

static bool make_pair(const struct making *making, const struct pair_order *order, CK_OBJECT_HANDLE *ret_public,
                      struct key *ret_key, struct fault *fault)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_BBOOL signs = order->leaves, derives = !order->leaves, leaves = order->leaves;
    CK_ATTRIBUTE public_half[] = {
        {CKA_EC_PARAMS, p256, sizeof p256},
        {CKA_TOKEN, &no, sizeof no},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &signs, sizeof signs},
    };
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &leaves, sizeof leaves},
        {CKA_SIGN, &signs, sizeof signs},  {CKA_DERIVE, &derives, sizeof derives},
        {CKA_DECRYPT, &no, sizeof no},     {CKA_UNWRAP, &no, sizeof no},
    };
    const struct call_template public_template = {public_half, ARRAY_SIZE(public_half)};
    const struct call_template private_template = {private_half, ARRAY_SIZE(private_half)};
    CK_RV rv =
        call_make_pair(&making->token->session, &public_template, &private_template, ret_public, &ret_key->handle);
    if (rv != CKR_OK)
        return failed(making, order->refusal, "C_GenerateKeyPair", rv, fault);
    return key_point(making->token, *ret_public, ret_key->point, order->leaves ? "device" : "transport", fault);
}

/* What the token says is necessary, not sufficient. */
static bool is_as_told(const struct making *making, CK_OBJECT_HANDLE object, bool leaves, const char *name,
                       struct fault *fault)
{
    CK_BBOOL on_token = CK_TRUE, sensitive = CK_FALSE, extractable = CK_TRUE;
    CK_ATTRIBUTE attributes[] = {
        {CKA_TOKEN, &on_token, sizeof on_token},
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
    };
    if (!call_attributes(&making->token->session, object, attributes, ARRAY_SIZE(attributes), fault))
        return false;
    if (on_token != CK_FALSE || sensitive != CK_TRUE || extractable != (leaves ? CK_TRUE : CK_FALSE))
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0,
                         "the token made the %s key otherwise: on token %d, sensitive %d, extractable %d", name,
                         on_token, sensitive, extractable);
    return true;
}

/* In place of a certificate request's signature: the private half is that of the point. */
static bool prove_device(const struct making *making, struct fault *fault)
{
    uint8_t challenge[32], signature[DER_SIGNATURE_MAX];
    size_t size;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *public_key = NULL;
    if (!crypto_public_key(making->device.point, &public_key, fault) ||
        !token_draw(making->token, challenge, sizeof challenge, fault) ||
        !key_sign(making->token, &making->device, NULL, challenge, signature, &size, fault))
        return false;
    return crypto_verify(public_key, challenge, signature, size) ||
           fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the device key does not sign for its point");
}

static bool derive_wrapping(struct making *making, const uint8_t unit_point[POINT_SIZE], struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG size = WRAP_KEY_SIZE;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},    {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no}, {CKA_WRAP, &yes, sizeof yes},       {CKA_UNWRAP, &no, sizeof no},
        {CKA_ENCRYPT, &no, sizeof no},     {CKA_DECRYPT, &no, sizeof no},
    };
    CK_ECDH1_DERIVE_PARAMS parameters = {
        .kdf = CKD_NULL, .ulPublicDataLen = POINT_SIZE, .pPublicData = (uint8_t *)unit_point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    const struct call_template template = {attributes, ARRAY_SIZE(attributes)};
    CK_RV rv = call_derive(&making->token->session, &mechanism, making->transport.handle, &template, &making->wrapping);
    return rv == CKR_OK || failed(making, "agrees on no key that wraps", "C_DeriveKey", rv, fault);
}

static bool wrap(const struct making *making, CK_MECHANISM_TYPE type, struct wrapped_key *key, struct fault *fault)
{
    CK_MECHANISM mechanism = {.mechanism = type};
    size_t size = sizeof key->bytes;
    CK_RV rv =
        call_wrap(&making->token->session, &mechanism, making->wrapping, making->device.handle, key->bytes, &size);
    if (rv != CKR_OK)
        return failed(making, "does not wrap a key by RFC 5649", "C_WrapKey", rv, fault);
    if (size < 2 * (size_t)WRAP_STEP || size > sizeof key->bytes || size % WRAP_STEP != 0)
        return fault_set(fault, FAULT_HSM_CANNOT, 0, "token '%s' wraps a key into %zu bytes: not RFC 5649",
                         making->token->label, size);
    key->size = size;
    return true;
}

static bool fill(struct making *making, CK_MECHANISM_TYPE mechanism, const uint8_t unit_point[POINT_SIZE],
                 struct wrapped_key *key, struct fault *fault)
{
    static const struct pair_order device = {"makes no key that may leave it wrapped", true};
    static const struct pair_order transport = {"makes no key for one agreement", false};
    if (!make_pair(making, &device, &making->device_public, &making->device, fault) ||
        !is_as_told(making, making->device.handle, true, "device", fault) || !prove_device(making, fault) ||
        !make_pair(making, &transport, &making->transport_public, &making->transport, fault) ||
        !is_as_told(making, making->transport.handle, false, "transport", fault) ||
        !derive_wrapping(making, unit_point, fault) ||
        !is_as_told(making, making->wrapping, false, "wrapping", fault) || !wrap(making, mechanism, key, fault))
        return false;
    memcpy(key->point, making->device.point, sizeof key->point);
    memcpy(key->transport, making->transport.point, sizeof key->transport);
    return true;
}

/* Only for keys of a trial: the value of a real one must not come into this process even from a token that gives it. */
static bool value_stays(const struct making *making, CK_OBJECT_HANDLE object, const char *name, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *value = secret_new(VALUE_MAX);
    if (!value)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "trial of a wrapped key");
    CK_ATTRIBUTE attribute = {CKA_VALUE, secret_write(value), VALUE_MAX};
    if (!call_attributes(&making->token->session, object, &attribute, 1, fault))
        return false;
    if (attribute.ulValueLen != CK_UNAVAILABLE_INFORMATION && attribute.ulValueLen != 0)
        return fault_set(fault, FAULT_HSM_KEY_LEAVES, 0, "token '%s' shows the %s key's value", making->token->label,
                         name);
    return true;
}

static bool try_mechanism(struct token *token, CK_MECHANISM_TYPE mechanism, struct fault *fault)
{
    CLEANUP(unmake) struct making making = {.token = token};
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *own = EVP_EC_gen("P-256");
    uint8_t point[POINT_SIZE];
    struct wrapped_key key = {0};
    bool whole;
    if (!own)
        return crypto_failed(fault, FAULT_CRYPTO, "make a key for the trial");
    if (!crypto_point(own, point, fault) || !fill(&making, mechanism, point, &key, fault) ||
        !value_stays(&making, making.device.handle, "device", fault) ||
        !value_stays(&making, making.wrapping, "wrapping", fault) || !wrapped_key_try(own, &key, &whole, fault))
        return false;
    return whole ||
           fault_set(fault, FAULT_HSM_CANNOT, mechanism, "token '%s' wraps keys, but not by RFC 5649", token->label);
}

bool wrapped_key_probe(struct token *token, unsigned long *ret_mechanism, struct fault *fault)
{
    struct fault last;
    for (size_t i = 0; i < ARRAY_SIZE(mechanisms); i++) {
        struct fault why;
        if (try_mechanism(token, mechanisms[i], &why)) {
            *ret_mechanism = mechanisms[i];
            return true;
        }
        last = why;
        if (why.code != FAULT_HSM_CANNOT)
            break;
    }
    *fault = last;
    return fault_within(fault, "make a key for a unit");
}

/* Before the token computes with it: not every token looks whether a point lies on the curve, and with a key that
 * everybody knows the wrapped one would be open to everybody. */
static bool check_point(const uint8_t point[POINT_SIZE], struct fault *fault)
{
    struct fault inner;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (!crypto_public_key(point, &key, &inner))
        return fault_set(fault, FAULT_TRANSPORT_REFUSED, 0, "the unit's transport point is not on P-256");
    bool weak;
    if (!weak_key(point, &weak, fault))
        return false;
    return !weak || fault_set(fault, FAULT_TRANSPORT_REFUSED, 0,
                              "the unit's transport point belongs to a key that everybody knows");
}

bool wrapped_key_make(struct token *token, unsigned long mechanism, const uint8_t unit_point[POINT_SIZE],
                      struct wrapped_key *ret_key, struct fault *fault)
{
    CLEANUP(unmake) struct making making = {.token = token};
    struct wrapped_key key = {0};
    if (!check_point(unit_point, fault) || !fill(&making, mechanism, unit_point, &key, fault))
        return fault_within(fault, "make a key for the unit");
    *ret_key = key;
    return true;
}
