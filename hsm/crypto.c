#include "hsm/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define PEM_FILE_MAX (64 * 1024)

DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

const uint8_t crypto_ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
const uint8_t crypto_p256_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                      0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

bool crypto_failed(struct fault *fault, enum fault_code code, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    ERR_clear_error();
    return fault_set(fault, code, error, "%s: %s", what, reason ? reason : "refused by OpenSSL");
}

bool crypto_public_key(const uint8_t point[POINT_SIZE], EVP_PKEY **ret_key, struct fault *fault)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"prime256v1"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)point, POINT_SIZE),
        OSSL_PARAM_construct_end(),
    };
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (!maker || EVP_PKEY_fromdata_init(maker) != 1 ||
        EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "public key");
    /* P-256 has no small subgroups, so a point on the curve is one of the group: the long check finds nothing more. */
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *checker = EVP_PKEY_CTX_new(key, NULL);
    if (!checker || EVP_PKEY_public_check_quick(checker) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "public key");
    *ret_key = TAKE(key);
    return true;
}

bool crypto_point(const EVP_PKEY *key, uint8_t ret_point[POINT_SIZE], struct fault *fault)
{
    char group[32];
    uint8_t point[POINT_SIZE + 1];
    size_t size = 0;
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0)
        return crypto_failed(fault, FAULT_CRYPTO, "not a key on P-256");
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) != 1 ||
        size != POINT_SIZE || point[0] != 0x04)
        return crypto_failed(fault, FAULT_CRYPTO, "no uncompressed point");
    memcpy(ret_point, point, POINT_SIZE);
    return true;
}

bool crypto_signature(const uint8_t raw[RAW_SIGNATURE_SIZE], uint8_t ret_der[DER_SIGNATURE_MAX], size_t *ret_size,
                      struct fault *fault)
{
    CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *signature = ECDSA_SIG_new();
    CLEANUP(BN_freep) BIGNUM *r = BN_bin2bn(raw, RAW_SIGNATURE_SIZE / 2, NULL);
    CLEANUP(BN_freep) BIGNUM *s = BN_bin2bn(raw + RAW_SIGNATURE_SIZE / 2, RAW_SIGNATURE_SIZE / 2, NULL);
    if (!signature || !r || !s || ECDSA_SIG_set0(signature, r, s) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "signature");
    (void)TAKE(r); /* now the signature's */
    (void)TAKE(s);
    uint8_t *end = ret_der;
    int size = i2d_ECDSA_SIG(signature, NULL);
    if (size <= 0 || size > DER_SIGNATURE_MAX)
        return crypto_failed(fault, FAULT_CRYPTO, "signature");
    *ret_size = (size_t)i2d_ECDSA_SIG(signature, &end);
    return true;
}

/* Fetching a digest costs more than hashing a certificate, so each is fetched once. */
static EVP_MD *fetched_sha1, *fetched_sha256;

static void fetch_digests(void)
{
    fetched_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    fetched_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static bool digest(bool sha256, const void *bytes, size_t size, uint8_t *ret_digest, struct fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch_digests);
    const EVP_MD *md = sha256 ? fetched_sha256 : fetched_sha1;
    if (!md || EVP_Digest(bytes, size, ret_digest, NULL, md, NULL) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, sha256 ? "SHA-256" : "SHA-1");
    return true;
}

bool crypto_sha1(const void *bytes, size_t size, uint8_t ret_digest[20], struct fault *fault)
{
    return digest(false, bytes, size, ret_digest, fault);
}

bool crypto_sha256(const void *bytes, size_t size, uint8_t ret_digest[32], struct fault *fault)
{
    return digest(true, bytes, size, ret_digest, fault);
}

bool crypto_verify(EVP_PKEY *key, const uint8_t digest[32], const uint8_t *der, size_t size)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key, NULL);
    bool good =
        verifier && EVP_PKEY_verify_init(verifier) == 1 && EVP_PKEY_verify(verifier, der, size, digest, 32) == 1;
    ERR_clear_error();
    return good;
}

bool crypto_read_certificate(const char *path, X509 **ret_certificate, struct fault *fault)
{
    CLEANUP(BIO_free_allp) BIO *file = BIO_new_file(path, "rbe");
    if (!file) {
        int error = errno;
        ERR_clear_error();
        return fault_set(fault, FAULT_FILE, (unsigned long)error, "open '%s': %s", path, strerror(error));
    }
    FILE *stream = NULL;
    if (BIO_get_fp(file, &stream) != 1 || fseek(stream, 0, SEEK_END) != 0 || ftell(stream) > PEM_FILE_MAX ||
        fseek(stream, 0, SEEK_SET) != 0)
        return fault_set(fault, FAULT_FILE, 0, "'%s' is not a file of at most %d bytes", path, PEM_FILE_MAX);

    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    if (!certificate) {
        (void)crypto_failed(fault, FAULT_CRYPTO, "no PEM certificate");
        return fault_within(fault, "read '%s'", path);
    }
    *ret_certificate = certificate;
    return true;
}

bool crypto_certificate_value(X509 *x509, struct certificate *ret_certificate, struct fault *fault)
{
    struct certificate value = {0};
    CLEANUP(openssl_bytes_freep) unsigned char *der = NULL;
    CLEANUP(openssl_bytes_freep) unsigned char *spki = NULL;
    CLEANUP(BN_freep) BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    int der_size = i2d_X509(x509, &der);
    int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    if (der_size <= 0 || der_size > CERTIFICATE_MAX || spki_size <= 0)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate is too large or has no key");
    if (!serial || BN_is_negative(serial) || BN_num_bytes(serial) > CERTIFICATE_SERIAL_MAX)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate has no usable serial number");
    if (!crypto_sha256(der, (size_t)der_size, value.sha256, fault) ||
        !crypto_sha256(spki, (size_t)spki_size, value.spki_sha256, fault))
        return false;

    value.der_size = (size_t)der_size;
    memcpy(value.der, der, value.der_size);
    value.serial_size = (size_t)BN_bn2bin(serial, value.serial);
    *ret_certificate = value;
    return true;
}

bool crypto_trust(X509 *root, X509_STORE **ret_store, struct fault *fault)
{
    CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
    if (!store || X509_STORE_add_cert(store, root) != 1)
        return crypto_failed(fault, FAULT_NO_MEMORY, "trust store");
    *ret_store = TAKE(store);
    return true;
}

static void x509_stack_free(STACK_OF(X509) * stack)
{
    sk_X509_free(stack);
}
DEFINE_CLEANUP(STACK_OF(X509) *, x509_stack_free)

static bool verify(X509_STORE_CTX *context, unsigned long flags, struct fault *fault)
{
    X509_STORE_CTX_set_flags(context, flags);
    if (X509_verify_cert(context) == 1)
        return true;
    int error = X509_STORE_CTX_get_error(context);
    ERR_clear_error();
    return fault_set(fault, FAULT_CERTIFICATE_REFUSED, (unsigned long)error, "verify certificate: %s",
                     X509_verify_cert_error_string(error));
}

bool crypto_verify_chain(X509 *leaf, X509 *intermediate, X509_STORE *root, struct fault *fault)
{
    CLEANUP(x509_stack_freep) STACK_OF(X509) *untrusted = sk_X509_new_null();
    CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (!untrusted || !context || (intermediate && sk_X509_push(untrusted, intermediate) == 0) ||
        X509_STORE_CTX_init(context, root, leaf, untrusted) != 1)
        return crypto_failed(fault, FAULT_NO_MEMORY, "verify certificate");
    return verify(context, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE, fault);
}

bool crypto_verify_issued(X509 *leaf, X509_STORE *issuing, struct fault *fault)
{
    CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (!context || X509_STORE_CTX_init(context, issuing, leaf, NULL) != 1)
        return crypto_failed(fault, FAULT_NO_MEMORY, "verify certificate");
    return verify(context, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN, fault);
}
