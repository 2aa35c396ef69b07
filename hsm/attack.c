#include "hsm/attack.h"

#include "hsm/agree.h"

#include <string.h>

#define LEAKED_MAX 4096
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

static const struct {
    CK_MECHANISM_TYPE type;
    const char *name;
} mechanisms[] = {
    {CKM_AES_KEY_WRAP_PAD, "CKM_AES_KEY_WRAP_PAD"},
    {KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP"},
    {CKM_AES_KEY_WRAP, "CKM_AES_KEY_WRAP"},
    {CKM_AES_CBC_PAD, "CKM_AES_CBC_PAD"},
};
_Static_assert(ARRAY_SIZE(mechanisms) == ATTACK_MECHANISMS, "one place for each mechanism tried");

const char *attack_mechanism_name(size_t index)
{
    return index < ATTACK_MECHANISMS ? mechanisms[index].name : NULL;
}

/* Two AES keys of this session: one wraps, one is the control that may leave. */
struct workbench {
    struct call_session *session;
    CK_OBJECT_HANDLE wrapping, control;
};

static void workbench_clear(const struct workbench *bench)
{
    if (bench->control != CK_INVALID_HANDLE)
        call_destroy(bench->session, bench->control);
    if (bench->wrapping != CK_INVALID_HANDLE)
        call_destroy(bench->session, bench->wrapping);
}

static bool workbench_make(struct call_session *session, struct workbench *bench)
{
    bench->session = session;
    return make_aes(session, true, &bench->wrapping) == CKR_OK && make_aes(session, false, &bench->control) == CKR_OK;
}

bool attack_probe(struct token *token, bool ret_wraps[ATTACK_MECHANISMS])
{
    CLEANUP(workbench_clear) struct workbench bench = {0};
    bool made = workbench_make(&token->session, &bench);
    for (size_t i = 0; i < ATTACK_MECHANISMS; i++)
        ret_wraps[i] = made && wrap_out(bench.session, mechanisms[i].type, bench.wrapping, bench.control) == CKR_OK;
    return made;
}

/* A refusal proves something only where the same mechanism lets a key out that may leave: that is the control. */
static bool try_wrapping(struct made_key *made, struct fault *fault)
{
    CLEANUP(workbench_clear) struct workbench bench = {0};
    made->wrap = MAKE_NOT_POSSIBLE;
    if (!workbench_make(&made->token->session, &bench))
        return true;
    for (size_t i = 0; i < ATTACK_MECHANISMS; i++) {
        if (wrap_out(bench.session, mechanisms[i].type, bench.wrapping, made->key.handle) == CKR_OK)
            return fault_set(fault, FAULT_HSM_KEY_LEAVES, 0, "it can be wrapped out with mechanism 0x%lx",
                             mechanisms[i].type);
        if (wrap_out(bench.session, mechanisms[i].type, bench.wrapping, bench.control) == CKR_OK)
            made->wrap = MAKE_PASSED;
    }
    return true;
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
        EVP_PKEY_derive(context, secret_write(shared), &size) != 1 || size != AGREE_SHARED_SIZE)
        return crypto_failed(fault, FAULT_CRYPTO, "agree on a secret");
    return true;
}

static bool is_not_possible(CK_RV rv)
{
    return rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_FUNCTION_NOT_SUPPORTED;
}

static bool try_deriving(struct made_key *made, struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *passing = EVP_EC_gen("P-256");
    CLEANUP(secret_freep) struct secret *ours = secret_new(AGREE_SHARED_SIZE);
    CLEANUP(secret_freep) struct secret *theirs = secret_new(AGREE_SHARED_SIZE);
    uint8_t point[POINT_SIZE];
    if (!passing || !ours || !theirs)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "trial of the key agreement");
    if (!agree_in_software(made, passing, ours, fault) || !crypto_point(passing, point, fault))
        return false;

    struct fault why;
    if (!agree_outside(made->token, made->key.handle, point, secret_write(theirs), &why)) {
        made->derive = MAKE_NOT_POSSIBLE;
        if (why.code == FAULT_HSM_CALL && is_not_possible(why.native))
            return true;
        *fault = why;
        return false;
    }
    if (!secret_equal(ours, theirs))
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "it does not agree on the same secret as its public half");
    made->derive = MAKE_PASSED;
    return true;
}

bool attack_key(struct made_key *made, struct fault *fault)
{
    return value_stays(made, fault) && try_wrapping(made, fault) &&
           (made->order->use != MAKE_DERIVE || try_deriving(made, fault));
}
