#include "hsm/provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME "kokuin-hsm"
#define SIGNER "kokuin-signer" /* the parameter through which the key enters */
#define GROUP "prime256v1"

/* The token's side of a key, which OpenSSL passes around without looking into it. */
struct signer {
    struct token *token; /* NULL: left */
    struct key key;
    struct fault trouble; /* FAULT_NONE: the latest signature was made */
};

struct provider {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *loaded;
    EVP_PKEY *handle;
    struct signer signer;
};

/* One key as OpenSSL holds it. A certificate's public key comes in here too, to be compared: it has no signer. */
struct key_data {
    struct signer *signer;
    uint8_t point[POINT_SIZE]; /* first byte 0: none */
};

static void *key_data_new(UNUSED void *context)
{
    return calloc(1, sizeof(struct key_data));
}

static void key_data_free(void *data)
{
    free(data);
}

static int key_data_has(const void *data, int selection)
{
    const struct key_data *key = data;
    if (!key)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && !key->signer)
        return 0;
    return !(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) || key->point[0] != 0;
}

/* There is one curve, so the parameters of two keys always match. */
static int key_data_match(const void *first, const void *second, int selection)
{
    const struct key_data *a = first, *b = second;
    if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
        return 1;
    return a->point[0] != 0 && memcmp(a->point, b->point, sizeof a->point) == 0;
}

static int import_point(struct key_data *key, const OSSL_PARAM *parameter)
{
    const void *bytes;
    size_t size;
    struct fault ignored;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *checked = NULL;
    if (!OSSL_PARAM_get_octet_string_ptr(parameter, &bytes, &size) || size != sizeof key->point ||
        !crypto_public_key(bytes, &checked, &ignored))
        return 0;
    memcpy(key->point, bytes, sizeof key->point);
    return 1;
}

static int key_data_import(void *data, UNUSED int selection, const OSSL_PARAM parameters[])
{
    struct key_data *key = data;
    const void *bytes;
    size_t size;
    const char *group;
    const OSSL_PARAM *at = OSSL_PARAM_locate_const(parameters, SIGNER);
    if (at) {
        if (!OSSL_PARAM_get_octet_string_ptr(at, &bytes, &size) || size != sizeof key->signer)
            return 0;
        memcpy(&key->signer, bytes, size);
        memcpy(key->point, key->signer->key.point, sizeof key->point);
        return 1;
    }
    if (OSSL_PARAM_locate_const(parameters, OSSL_PKEY_PARAM_PRIV_KEY))
        return 0;
    at = OSSL_PARAM_locate_const(parameters, OSSL_PKEY_PARAM_GROUP_NAME);
    if (at &&
        (!OSSL_PARAM_get_utf8_string_ptr(at, &group) || (strcmp(group, GROUP) != 0 && strcmp(group, "P-256") != 0)))
        return 0;
    at = OSSL_PARAM_locate_const(parameters, OSSL_PKEY_PARAM_PUB_KEY);
    return at ? import_point(key, at) : 1;
}

static const OSSL_PARAM *key_data_types(UNUSED int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_octet_string(SIGNER, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_END,
    };
    return types;
}

/* The public half only. */
static int key_data_export(void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
    struct key_data *key = data;
    OSSL_PARAM parameters[3], *at = parameters;
    if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
        return 0;
    *at++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){GROUP}, 0);
    if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY)
        *at++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, key->point, sizeof key->point);
    *at = OSSL_PARAM_construct_end();
    return callback(parameters, argument);
}

static int set_number(OSSL_PARAM parameters[], const char *name, int value)
{
    OSSL_PARAM *at = OSSL_PARAM_locate(parameters, name);
    return !at || OSSL_PARAM_set_int(at, value);
}

static int set_text(OSSL_PARAM parameters[], const char *name, const char *value)
{
    OSSL_PARAM *at = OSSL_PARAM_locate(parameters, name);
    return !at || OSSL_PARAM_set_utf8_string(at, value);
}

static int key_data_get(void *data, OSSL_PARAM parameters[])
{
    const struct key_data *key = data;
    OSSL_PARAM *point = OSSL_PARAM_locate(parameters, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
    return set_number(parameters, OSSL_PKEY_PARAM_BITS, 256) &&
           set_number(parameters, OSSL_PKEY_PARAM_SECURITY_BITS, 128) &&
           set_number(parameters, OSSL_PKEY_PARAM_MAX_SIZE, DER_SIGNATURE_MAX) &&
           set_text(parameters, OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256") &&
           set_text(parameters, OSSL_PKEY_PARAM_GROUP_NAME, GROUP) &&
           (!point || OSSL_PARAM_set_octet_string(point, key->point, sizeof key->point));
}

static const OSSL_PARAM *key_data_gettable(UNUSED void *context)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_END,
    };
    return gettable;
}

/* A name of its own for the signature: under "ECDSA" libcrypto would first try to export the key elsewhere. */
static const char *key_data_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "HSM-ECDSA" : NULL;
}

/* A signature in the making: only which key. */
struct signature {
    struct signer *signer;
};

static void *signature_new(UNUSED void *context, UNUSED const char *query)
{
    return calloc(1, sizeof(struct signature));
}

static void signature_free(void *data)
{
    free(data);
}

/* libssl calls this as a question, once for each algorithm the client offers: the token must not be touched here. */
static int signature_begin(void *data, const char *digest, void *key_data, UNUSED const OSSL_PARAM parameters[])
{
    struct signature *signature = data;
    const struct key_data *key = key_data;
    if (!key || !key->signer)
        return 0;
    if (digest && strcasecmp(digest, "SHA256") != 0 && strcasecmp(digest, "SHA2-256") != 0)
        return 0;
    signature->signer = key->signer;
    return 1;
}

static bool sign(struct signer *signer, const unsigned char *message, size_t size, uint8_t ret_der[DER_SIGNATURE_MAX],
                 size_t *ret_size, struct fault *fault)
{
    uint8_t digest[32];
    if (!signer->token)
        return fault_set(fault, FAULT_HSM_CALL, 0, "the key's token was left");
    return crypto_sha256(message, size, digest, fault) &&
           key_sign(signer->token, &signer->key, NULL, digest, ret_der, ret_size, fault);
}

static int signature_make(void *data, unsigned char *bytes, size_t *size, size_t space, const unsigned char *message,
                          size_t message_size)
{
    struct signer *signer = ((struct signature *)data)->signer;
    uint8_t der[DER_SIGNATURE_MAX];
    struct fault fault = {0};
    if (!bytes) { /* asks for the size */
        *size = DER_SIGNATURE_MAX;
        return 1;
    }
    size_t made;
    if (!sign(signer, message, message_size, der, &made, &fault)) {
        signer->trouble = fault;
        ERR_raise_data(ERR_LIB_USER, 1, "%s", fault.text);
        return 0;
    }
    signer->trouble = fault;
    if (made > space)
        return 0;
    memcpy(bytes, der, made);
    *size = made;
    return 1;
}

typedef void (*entry)(void);

static const OSSL_DISPATCH key_management[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (entry)key_data_new},
    {OSSL_FUNC_KEYMGMT_FREE, (entry)key_data_free},
    {OSSL_FUNC_KEYMGMT_HAS, (entry)key_data_has},
    {OSSL_FUNC_KEYMGMT_MATCH, (entry)key_data_match},
    {OSSL_FUNC_KEYMGMT_IMPORT, (entry)key_data_import},
    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (entry)key_data_types},
    {OSSL_FUNC_KEYMGMT_EXPORT, (entry)key_data_export},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (entry)key_data_types},
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, (entry)key_data_get},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (entry)key_data_gettable},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (entry)key_data_operation},
    {0, NULL},
};

static const OSSL_DISPATCH signing[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (entry)signature_new},
    {OSSL_FUNC_SIGNATURE_FREECTX, (entry)signature_free},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (entry)signature_begin},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (entry)signature_make},
    {0, NULL},
};

static const OSSL_ALGORITHM *provider_query(UNUSED void *context, int operation, int *no_cache)
{
    /* libssl takes a server's key only when it says that it is an "EC". */
    static const OSSL_ALGORITHM keys[] = {
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" NAME, key_management, "a P-256 key in a token"},
        {NULL, NULL, NULL, NULL}};
    static const OSSL_ALGORITHM signatures[] = {{"HSM-ECDSA", "provider=" NAME, signing, "ECDSA with SHA-256"},
                                                {NULL, NULL, NULL, NULL}};
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keys;
    return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, UNUSED const OSSL_DISPATCH *from_core,
                         const OSSL_DISPATCH **ret_dispatch, void **ret_context)
{
    static const OSSL_DISPATCH dispatch[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (entry)provider_query}, {0, NULL}};
    *ret_dispatch = dispatch;
    *ret_context = (void *)handle; /* OpenSSL wants something here; nothing reads it */
    return 1;
}

bool provider_open(struct token *token, const struct key *key, struct provider **ret_provider, struct fault *fault)
{
    CLEANUP(provider_freep) struct provider *provider = calloc(1, sizeof *provider);
    if (!provider)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "key provider");
    provider->signer = (struct signer){.token = token, .key = *key};
    provider->library = OSSL_LIB_CTX_new();
    if (!provider->library || OSSL_PROVIDER_add_builtin(provider->library, NAME, provider_init) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "key provider");
    provider->loaded = OSSL_PROVIDER_load(provider->library, NAME);
    if (!provider->loaded)
        return crypto_failed(fault, FAULT_CRYPTO, "load key provider");

    struct signer *signer = &provider->signer;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(SIGNER, &signer, sizeof signer),
                               OSSL_PARAM_construct_end()};
    CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(provider->library, "EC", NULL);
    if (!maker || EVP_PKEY_fromdata_init(maker) != 1 ||
        EVP_PKEY_fromdata(maker, &provider->handle, EVP_PKEY_KEYPAIR, parameters) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "key in the token");
    *ret_provider = TAKE(provider);
    return true;
}

void provider_free(struct provider *provider)
{
    if (!provider)
        return;
    EVP_PKEY_free(provider->handle);
    if (provider->loaded)
        (void)OSSL_PROVIDER_unload(provider->loaded);
    OSSL_LIB_CTX_free(provider->library);
    free(provider);
}

void provider_leave(struct provider *provider)
{
    provider->signer.token = NULL;
}

void provider_renew(struct provider *provider, struct token *token, const struct key *key)
{
    provider->signer = (struct signer){.token = token, .key = *key};
}

EVP_PKEY *provider_key(const struct provider *provider)
{
    return provider->handle;
}

const struct fault *provider_trouble(const struct provider *provider)
{
    return provider->signer.trouble.code == FAULT_NONE ? NULL : &provider->signer.trouble;
}
