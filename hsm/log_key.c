#include "hsm/log_key.h"

#include "hsm/inside.h"
#include "hsm/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct log_key {
    struct token *token;
    struct key key;
    EVP_PKEY *public_half;
    uint8_t id[LOG_KEY_ID_SIZE];
};

void log_key_free(struct log_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->public_half);
    free(key);
}

/* The certificate of the file whose key this point is; NULL when there is none. */
static X509 *find_certificate(BIO *file, const uint8_t point[POINT_SIZE])
{
    X509 *certificate;
    while ((certificate = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        uint8_t certified[POINT_SIZE];
        struct fault ignored;
        EVP_PKEY *key = X509_get0_pubkey(certificate);
        if (key && crypto_point(key, certified, &ignored) && memcmp(certified, point, POINT_SIZE) == 0)
            return certificate;
        X509_free(certificate);
    }
    ERR_clear_error();
    return NULL;
}

static bool take_id(struct log_key *key, struct fault *fault)
{
    CLEANUP(openssl_bytes_freep) unsigned char *der = NULL;
    uint8_t digest[32];
    int size = i2d_PUBKEY(key->public_half, &der);
    if (size <= 0)
        return crypto_failed(fault, FAULT_CRYPTO, "checkpoint key");
    if (!crypto_sha256(der, (size_t)size, digest, fault))
        return false;
    memcpy(key->id, digest, sizeof key->id);
    return true;
}

bool log_key_open(struct token *token, const char *certificates, struct log_key **ret_key, struct fault *fault)
{
    CLEANUP(log_key_freep) struct log_key *key = calloc(1, sizeof *key);
    CLEANUP(BIO_free_allp) BIO *file = BIO_new_file(certificates, "r");
    if (!key)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "checkpoint key");
    if (!file)
        return crypto_failed(fault, FAULT_FILE, certificates);
    key->token = token;
    if (!key_find(token, KEY_CHECKPOINT, &key->key, fault))
        return false;
    CLEANUP(X509_freep) X509 *certificate = find_certificate(file, key->key.point);
    if (!certificate)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' of token '%s' is of no certificate in '%s'",
                         KEY_CHECKPOINT, token->label, certificates);
    if (!key_find_for(token, KEY_CHECKPOINT, certificate, NULL, &key->key, fault))
        return false;
    key->public_half = X509_get_pubkey(certificate);
    if (!key->public_half || !take_id(key, fault))
        return crypto_failed(fault, FAULT_CRYPTO, "checkpoint key");
    *ret_key = TAKE(key);
    return true;
}

void log_key_id(const struct log_key *key, uint8_t ret_id[LOG_KEY_ID_SIZE])
{
    memcpy(ret_id, key->id, LOG_KEY_ID_SIZE);
}

bool log_key_sign(struct log_key *key, const void *text, size_t size, uint8_t ret_der[LOG_KEY_SIGNATURE_MAX],
                  size_t *ret_size, struct fault *fault)
{
    uint8_t digest[32], der[DER_SIGNATURE_MAX];
    size_t der_size = 0;
    if (!crypto_sha256(text, size, digest, fault) ||
        !key_sign(key->token, &key->key, NULL, digest, der, &der_size, fault))
        return fault_within(fault, "sign the log's head");
    if (der_size > LOG_KEY_SIGNATURE_MAX || !crypto_verify(key->public_half, digest, der, der_size))
        return fault_set(fault, FAULT_CRYPTO, 0, "the log's head: the token's signature does not verify");
    memcpy(ret_der, der, der_size);
    *ret_size = der_size;
    return true;
}
