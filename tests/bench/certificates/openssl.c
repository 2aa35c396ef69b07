/* OpenSSL in process, as its manual shows it: with libp11's engine for the token's key, and with a software key. What
 * does not change from unit to unit is made once. */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines, the one way to libp11 */
#include "tests/bench/certificates/peer.h"
#include "tests/support/softhsm.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static ENGINE *engine;
static EVP_PKEY *key;
static X509 *issuing;
static X509_EXTENSION *authority, *usage;
static ASN1_OBJECT *module_name;
static uint8_t latest[2048];
static size_t latest_size;

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)

static bool failed(struct fault *fault, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return fault_set(fault, FAULT_CRYPTO, ERR_peek_last_error(), "OpenSSL: %s: %s", what, reason ? reason : "refused");
}

static bool prepare(const struct bench *bench, const char *certificate, struct fault *fault)
{
    char path[BENCH_PATH];
    X509V3_CTX context;
    bench_path(bench, certificate, path);
    FILE *file = fopen(path, "re");
    issuing = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    if (!issuing)
        return failed(fault, path);
    X509V3_set_ctx(&context, issuing, NULL, NULL, NULL, 0);
    authority = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    usage = X509V3_EXT_conf_nid(NULL, &context, NID_key_usage, "critical,digitalSignature");
    module_name = OBJ_txt2obj("1.3.6.1.5.5.7.8.4", 1);
    return (authority && usage && module_name) || failed(fault, "extensions");
}

static bool begin_engine(const struct bench *bench, struct fault *fault)
{
    engine = ENGINE_by_id("pkcs11");
    if (!engine || ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", SOFTHSM_MODULE, 0) != 1 ||
        ENGINE_ctrl_cmd_string(engine, "PIN", SOFTHSM_PIN, 0) != 1 || ENGINE_init(engine) != 1)
        return failed(fault, "libp11's engine");
    key = ENGINE_load_private_key(engine, BENCH_KEY_URI, NULL, NULL);
    return key ? prepare(bench, "ca/issuing-1.pem", fault) : failed(fault, "the engine's key");
}

static bool begin_software(const struct bench *bench, struct fault *fault)
{
    char path[BENCH_PATH];
    bench_path(bench, "bench/software.key", path);
    FILE *file = fopen(path, "re");
    key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    return key ? prepare(bench, "bench/software.pem", fault) : failed(fault, path);
}

static void end(void)
{
    EVP_PKEY_free(key);
    X509_free(issuing);
    X509_EXTENSION_free(authority);
    X509_EXTENSION_free(usage);
    ASN1_OBJECT_free(module_name);
    if (engine) {
        (void)ENGINE_finish(engine);
        (void)ENGINE_free(engine);
    }
}

static bool add_module_name(X509 *certificate, const char *serial)
{
    uint8_t hardware[BENCH_HARDWARE_MODULE_MAX];
    int size = (int)bench_hardware_module(serial, hardware);
    CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_STRING *sequence = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    if (!names || !name || !value || !sequence || sk_GENERAL_NAME_push(names, name) == 0 ||
        ASN1_STRING_set(sequence, hardware, size) != 1)
        return false; /* the bench ends: what is lost here is lost once */
    ASN1_TYPE_set(value, V_ASN1_SEQUENCE, sequence);
    return GENERAL_NAME_set0_othername(name, OBJ_dup(module_name), value) == 1 &&
           X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
}

static bool set_fields(X509 *certificate, X509_REQ *request, const char *serial)
{
    uint8_t number[20];
    if (RAND_bytes(number, sizeof number) != 1)
        return false;
    number[0] &= 0x7f;
    CLEANUP(BN_freep) BIGNUM *big = BN_bin2bn(number, sizeof number, NULL);
    return big && X509_set_version(certificate, X509_VERSION_3) == 1 &&
           BN_to_ASN1_INTEGER(big, X509_get_serialNumber(certificate)) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuing)) == 1 &&
           X509_set_subject_name(certificate, X509_REQ_get_subject_name(request)) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
           X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request)) == 1 &&
           X509_add_ext(certificate, authority, -1) == 1 && X509_add_ext(certificate, usage, -1) == 1 &&
           add_module_name(certificate, serial);
}

static bool issue_one(const struct bench_unit *unit, struct fault *fault)
{
    const unsigned char *from = unit->der;
    CLEANUP(X509_REQ_freep) X509_REQ *request = d2i_X509_REQ(NULL, &from, (long)unit->size);
    CLEANUP(X509_freep) X509 *certificate = X509_new();
    if (!request || !certificate || X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) != 1)
        return failed(fault, "request");
    if (!set_fields(certificate, request, unit->serial) || X509_sign(certificate, key, EVP_sha256()) <= 0)
        return failed(fault, "sign");
    int size = i2d_X509(certificate, NULL);
    if (size <= 0 || (size_t)size > sizeof latest)
        return failed(fault, "encode");
    unsigned char *to = latest;
    latest_size = (size_t)i2d_X509(certificate, &to);
    return true;
}

static bool issue(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++)
        if (!issue_one(&bench->units[i % BENCH_UNITS], fault))
            return false;
    return true;
}

static bool save(const struct bench *bench, const char *path, struct fault *fault)
{
    (void)bench;
    return bench_save_der(latest, latest_size, path, fault);
}

#define LACKS "number from its own generator; subject copied, not compared; no size or point rules; no lint, no check"

const struct peer peer_engine = {.name = "libp11's engine in process",
                                 .lacks = LACKS,
                                 .turn = 256,
                                 .open = begin_engine,
                                 .issue = issue,
                                 .save = save,
                                 .close = end};

const struct peer peer_software = {.name = "OpenSSL, software key",
                                   .lacks = "no token at all; " LACKS,
                                   .turn = 256,
                                   .software = true,
                                   .open = begin_software,
                                   .issue = issue,
                                   .save = save,
                                   .close = end};
