#include "hsm/seal.h"

#include "hsm/crypto.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define RECIPIENTS_MAX 2
#define NAME_MAX_LENGTH 64 /* of a serial or a kind */
#define PASSWORD_MAX_LENGTH 128

struct sealer {
    X509 *certificates[RECIPIENTS_MAX];
    size_t count;
    uint8_t key[32];
};

DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)

/* A key that could not open what is sealed to it would lose every password: its kind and its use are checked here. */
static bool check_recipient(X509 *certificate, struct fault *fault)
{
    uint8_t point[POINT_SIZE];
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (!key)
        return crypto_failed(fault, FAULT_CRYPTO, "recovery certificate's key");
    if (!crypto_point(key, point, fault))
        return fault_within(fault, "recovery certificate");
    if (!(X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) ||
        !(X509_get_key_usage(certificate) & KU_KEY_AGREEMENT))
        return fault_set(fault, FAULT_CRYPTO, 0, "recovery certificate is not for key agreement");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0 ||
        X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return fault_set(fault, FAULT_CRYPTO, 0, "recovery certificate is not valid now");
    return true;
}

bool sealer_open(const char *const *certificate_paths, size_t count, struct sealer **ret_sealer, struct fault *fault)
{
    if (count == 0 || count > RECIPIENTS_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "open sealer: give 1 to %d recovery certificates", RECIPIENTS_MAX);
    CLEANUP(sealer_freep) struct sealer *sealer = calloc(1, sizeof *sealer);
    if (!sealer)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open sealer");
    for (size_t i = 0; i < count; i++, sealer->count++)
        if (!crypto_read_certificate(certificate_paths[i], &sealer->certificates[i], fault) ||
            !check_recipient(sealer->certificates[i], fault))
            return fault_within(fault, "open sealer");

    struct certificate first;
    if (!crypto_certificate_value(sealer->certificates[0], &first, fault))
        return fault_within(fault, "open sealer");
    memcpy(sealer->key, first.sha256, sizeof sealer->key);
    *ret_sealer = TAKE(sealer);
    return true;
}

void sealer_free(struct sealer *sealer)
{
    if (!sealer)
        return;
    for (size_t i = 0; i < RECIPIENTS_MAX; i++)
        X509_free(sealer->certificates[i]);
    free(sealer);
}

const uint8_t *sealer_key(const struct sealer *sealer)
{
    return sealer->key;
}

/* A line break inside a name would let one field be read as two. */
static bool name_fits(const char *name)
{
    size_t length = strnlen(name, NAME_MAX_LENGTH + 1);
    if (length == 0 || length > NAME_MAX_LENGTH)
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            return false;
    return true;
}

static bool build_content(const char *serial, const char *kind, const struct secret *password,
                          struct secret **ret_content, struct fault *fault)
{
    size_t serial_size = strlen(serial), kind_size = strlen(kind), password_size = secret_size(password);
    struct secret *content = secret_new(serial_size + 1 + kind_size + 1 + password_size);
    if (!content)
        return fault_set(fault, FAULT_SEAL, 0, "no memory for the content");
    uint8_t *at = secret_write(content);
    memcpy(at, serial, serial_size);
    at += serial_size;
    *at++ = '\n';
    memcpy(at, kind, kind_size);
    at += kind_size;
    *at++ = '\n';
    memcpy(at, secret_read(password), password_size);
    *ret_content = content;
    return true;
}

static bool add_recipients(const struct sealer *sealer, CMS_ContentInfo *cms, struct fault *fault)
{
    for (size_t i = 0; i < sealer->count; i++) {
        /* CMS_KEY_PARAM lets the key derivation be set; OpenSSL's own choice is SHA-1. */
        CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, sealer->certificates[i], CMS_KEY_PARAM);
        EVP_PKEY_CTX *agreement = recipient ? CMS_RecipientInfo_get0_pkey_ctx(recipient) : NULL;
        if (!agreement || EVP_PKEY_CTX_set_ecdh_kdf_md(agreement, EVP_sha256()) != 1)
            return crypto_failed(fault, FAULT_SEAL, "add recipient");
    }
    return true;
}

/* The content goes from secret memory straight into the cipher. CMS_final() would first copy it through two buffers
 * that nobody wipes. */
static bool encrypt(CMS_ContentInfo *cms, const struct secret *content, struct fault *fault)
{
    CLEANUP(BIO_free_allp) BIO *cipher = CMS_dataInit(cms, NULL);
    int size = (int)secret_size(content);
    if (!cipher || BIO_write(cipher, secret_read(content), size) != size || BIO_flush(cipher) != 1 ||
        CMS_dataFinal(cms, cipher) != 1)
        return crypto_failed(fault, FAULT_SEAL, "encrypt");
    return true;
}

static bool seal(const struct sealer *sealer, const struct secret *content, struct sealed *ret_sealed,
                 struct fault *fault)
{
    CLEANUP(CMS_ContentInfo_freep) CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
    if (!cms || CMS_set_detached(cms, 0) != 1)
        return crypto_failed(fault, FAULT_SEAL, "envelope");
    if (!add_recipients(sealer, cms, fault) || !encrypt(cms, content, fault))
        return false;

    struct sealed sealed;
    uint8_t *end = sealed.der;
    int size = i2d_CMS_ContentInfo(cms, NULL);
    if (size <= 0 || (size_t)size > sizeof sealed.der)
        return fault_set(fault, FAULT_SEAL, 0, "the envelope has %d bytes, at most %d fit", size, SEALED_MAX);
    sealed.size = (size_t)i2d_CMS_ContentInfo(cms, &end);
    *ret_sealed = sealed;
    return true;
}

bool seal_password(struct sealer *sealer, const char *serial, const char *kind, const struct secret *password,
                   struct sealed *ret_sealed, struct fault *fault)
{
    if (!name_fits(serial) || !name_fits(kind))
        return fault_set(fault, FAULT_SEAL, 0, "seal password: serial and kind must be 1 to %d printable characters",
                         NAME_MAX_LENGTH);
    if (secret_size(password) == 0 || secret_size(password) > PASSWORD_MAX_LENGTH)
        return fault_set(fault, FAULT_SEAL, 0, "seal password: it must have 1 to %d bytes", PASSWORD_MAX_LENGTH);
    CLEANUP(secret_freep) struct secret *content = NULL;
    if (!build_content(serial, kind, password, &content, fault) || !seal(sealer, content, ret_sealed, fault))
        return fault_within(fault, "seal password");
    return true;
}
