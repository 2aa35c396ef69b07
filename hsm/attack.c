#include "hsm/attack.h"

#include <string.h>

#define LEAKED_MAX 4096
#define SHARED_SIZE 32
#define AES_BLOCK 16
#define KEY_WRAP_KWP 0x210bUL /* RFC 5649 by its number of PKCS#11 v3.0; p11-kit 0.24 has no name for it */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static bool value_stays(struct made_key *made, struct fault *fault)
{
    uint8_t bytes[LEAKED_MAX];
    CK_ATTRIBUTE attribute = {CKA_VALUE, bytes, sizeof bytes};
    bool asked = call_attributes(&made->token->session, made->key.handle, &attribute, 1, fault);
    explicit_bzero(bytes, sizeof bytes);
    if (!asked)
        return false;
    if (attribute.ulValueLen != CK_UNAVAILABLE_INFORMATION && attribute.ulValueLen != 0)
        return fault_set(fault, FAULT_HSM_KEY_LEAVES, 0, "its value can be read");
    return true;
}

/* An AES key of this session: one to wrap with, one to be wrapped as the control. */
static CK_RV make_aes(struct call_session *session, bool wraps, CK_OBJECT_HANDLE *ret_key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG size = 32;
    CK_BBOOL wrap = wraps;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &no, sizeof no},       {CKA_SENSITIVE, &yes, sizeof yes},  {CKA_EXTRACTABLE, &yes, sizeof yes},
        {CKA_WRAP, &wrap, sizeof wrap},    {CKA_ENCRYPT, &wrap, sizeof wrap},
    };
    const struct call_template template = {key, ARRAY_SIZE(key)};
    return call_make_key(session, CKM_AES_KEY_GEN, &template, ret_key);
}

static CK_RV wrap_out(struct call_session *session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE wrapping,
                      CK_OBJECT_HANDLE key)
{
    uint8_t iv[AES_BLOCK] = {0}, bytes[LEAKED_MAX];
    CK_MECHANISM mechanism = {.mechanism = type};
    if (type == CKM_AES_CBC_PAD) {
        mechanism.pParameter = iv;
        mechanism.ulParameterLen = sizeof iv;
    }
    size_t size = sizeof bytes;
    CK_RV rv = call_wrap(session, &mechanism, wrapping, key, bytes, &size);
    explicit_bzero(bytes, sizeof bytes);
    return rv;
}

/* A refusal proves something only where the same mechanism lets a key out that may leave: that is the control. */
static bool stays_wrapped(struct made_key *made, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE control,
                          struct fault *fault)
{
    static const CK_MECHANISM_TYPE mechanisms[] = {CKM_AES_KEY_WRAP_PAD, KEY_WRAP_KWP, CKM_AES_KEY_WRAP,
                                                   CKM_AES_CBC_PAD};
    struct call_session *session = &made->token->session;
    made->wrap = MAKE_NOT_POSSIBLE;
    for (size_t i = 0; i < ARRAY_SIZE(mechanisms); i++) {
        if (wrap_out(session, mechanisms[i], wrapping, made->key.handle) == CKR_OK)
            return fault_set(fault, FAULT_HSM_KEY_LEAVES, 0, "it can be wrapped out with mechanism 0x%lx",
                             mechanisms[i]);
        if (wrap_out(session, mechanisms[i], wrapping, control) == CKR_OK)
            made->wrap = MAKE_PASSED;
    }
    return true;
}

static bool try_wrapping(struct made_key *made, struct fault *fault)
{
    struct call_session *session = &made->token->session;
    CK_OBJECT_HANDLE wrapping = CK_INVALID_HANDLE, control = CK_INVALID_HANDLE;
    bool stays = true;
    made->wrap = MAKE_NOT_POSSIBLE;
    if (make_aes(session, true, &wrapping) == CKR_OK && make_aes(session, false, &control) == CKR_OK)
        stays = stays_wrapped(made, wrapping, control, fault);
    if (control != CK_INVALID_HANDLE)
        call_destroy(session, control);
    if (wrapping != CK_INVALID_HANDLE)
        call_destroy(session, wrapping);
    return stays;
}

/* The secret that a passing software key and the token's public key share. */
static bool agree_in_software(const struct made_key *made, EVP_PKEY *passing, struct secret *shared,
                              struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *peer = NULL;
    if (!crypto_public_key(made->key.point, &peer, fault))
        return false;
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(passing, NULL);
    size_t size = secret_size(shared);
    if (!context || EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, peer) != 1 ||
        EVP_PKEY_derive(context, secret_write(shared), &size) != 1 || size != SHARED_SIZE)
        return crypto_failed(fault, FAULT_CRYPTO, "agree on a secret");
    return true;
}

static CK_RV agree_in_token(struct made_key *made, uint8_t point[POINT_SIZE], CK_OBJECT_HANDLE *ret_key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = SHARED_SIZE;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &no, sizeof no},       {CKA_SENSITIVE, &no, sizeof no},    {CKA_EXTRACTABLE, &yes, sizeof yes},
    };
    CK_ECDH1_DERIVE_PARAMS parameters = {.kdf = CKD_NULL, .ulPublicDataLen = POINT_SIZE, .pPublicData = point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    const struct call_template template = {key, ARRAY_SIZE(key)};
    return call_derive(&made->token->session, &mechanism, made->key.handle, &template, ret_key);
}

static bool try_deriving(struct made_key *made, struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *passing = EVP_EC_gen("P-256");
    CLEANUP(secret_freep) struct secret *ours = secret_new(SHARED_SIZE);
    CLEANUP(secret_freep) struct secret *theirs = secret_new(SHARED_SIZE);
    uint8_t point[POINT_SIZE];
    if (!passing || !ours || !theirs)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "trial of the key agreement");
    if (!agree_in_software(made, passing, ours, fault) || !crypto_point(passing, point, fault))
        return false;

    CK_OBJECT_HANDLE shared;
    CK_RV rv = agree_in_token(made, point, &shared);
    if (rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_FUNCTION_NOT_SUPPORTED) {
        made->derive = MAKE_NOT_POSSIBLE;
        return true;
    }
    if (rv != CKR_OK)
        return call_failed(fault, "C_DeriveKey", rv);
    CK_ATTRIBUTE value = {CKA_VALUE, secret_write(theirs), SHARED_SIZE};
    bool read = call_attributes(&made->token->session, shared, &value, 1, fault);
    if (read)
        call_destroy(&made->token->session, shared);
    if (!read)
        return false;
    if (value.ulValueLen != SHARED_SIZE || !secret_equal(ours, theirs))
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "it does not agree on the same secret as its public half");
    made->derive = MAKE_PASSED;
    return true;
}

bool attack_key(struct made_key *made, struct fault *fault)
{
    return value_stays(made, fault) && try_wrapping(made, fault) &&
           (made->order->use != MAKE_DERIVE || try_deriving(made, fault));
}
