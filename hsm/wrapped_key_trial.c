/* The only keys that are ever opened here are those of a trial, which serve nothing. */
#include "hsm/wrapped_key_trial.h"

#include "base/secret.h"

#include <openssl/err.h>
#include <string.h>

#define SHARED_SIZE 32

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

static bool agree(EVP_PKEY *own, const uint8_t point[POINT_SIZE], struct secret *shared, struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *other = NULL;
    if (!crypto_public_key(point, &other, fault))
        return fault_within(fault, "the token's transport point");
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    size_t size = SHARED_SIZE;
    if (!context || EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, other) != 1 ||
        EVP_PKEY_derive(context, secret_write(shared), &size) != 1 || size != SHARED_SIZE)
        return crypto_failed(fault, FAULT_CRYPTO, "agree on a secret");
    return true;
}

/* RFC 5649 finds out damage by itself: false is "not this scheme, or not this key". */
static bool unwrap(const struct secret *shared, const struct wrapped_key *key, struct secret *plain, int *ret_size)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher)
        return false;
    EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool opened = EVP_DecryptInit_ex(cipher, EVP_aes_256_wrap_pad(), NULL, secret_read(shared), NULL) == 1 &&
                  EVP_DecryptUpdate(cipher, secret_write(plain), ret_size, key->bytes, (int)key->size) == 1 &&
                  *ret_size > 0;
    ERR_clear_error();
    return opened;
}

/* SoftHSM fills the PKCS#8 up with zeros to whole steps of 8 bytes before RFC 5649 would. */
static bool is_filling(const unsigned char *at, const unsigned char *end)
{
    if (end - at >= 8)
        return false;
    while (at < end)
        if (*at++ != 0)
            return false;
    return true;
}

static bool is_private_half(const struct secret *plain, int size, const uint8_t point[POINT_SIZE])
{
    const unsigned char *at = secret_read(plain);
    uint8_t shown[POINT_SIZE];
    struct fault inner;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, size);
    ERR_clear_error();
    return key && is_filling(at, secret_read(plain) + size) && crypto_point(key, shown, &inner) &&
           memcmp(shown, point, sizeof shown) == 0;
}

bool wrapped_key_try(EVP_PKEY *own, const struct wrapped_key *key, bool *ret_whole, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *shared = secret_new(SHARED_SIZE);
    CLEANUP(secret_freep) struct secret *plain = secret_new(WRAPPED_KEY_MAX);
    int size = 0;
    if (!shared || !plain)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "trial of a wrapped key");
    if (!agree(own, key->transport, shared, fault))
        return false;
    *ret_whole = unwrap(shared, key, plain, &size) && is_private_half(plain, size, key->point);
    return true;
}
