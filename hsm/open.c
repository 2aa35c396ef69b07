#include "hsm/open.h"

#include "hsm/agree.h"
#include "hsm/der.h"
#include "hsm/envelope.h"
#include "hsm/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 64
#define SHARED_INFO_MAX 64

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

static bool find_key(struct token *token, const char *label, X509 *certificate, struct key *ret_key,
                     struct fault *fault)
{
    uint8_t point[POINT_SIZE];
    EVP_PKEY *certified = X509_get0_pubkey(certificate);
    struct key key = {0};
    if (!certified)
        return crypto_failed(fault, FAULT_CRYPTO, "recovery certificate's key");
    if (!crypto_point(certified, point, fault) || !key_find(token, label, &key, fault))
        return false;
    if (memcmp(point, key.point, sizeof point) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' is not its certificate's", label);
    *ret_key = key;
    return true;
}

/* The secret leaves the token once, into secret memory. */
static bool agree(struct token *token, const struct key *key, const uint8_t point[POINT_SIZE], uint8_t *ret_shared,
                  struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *on_the_curve = NULL;
    if (!crypto_public_key(point, &on_the_curve, fault))
        return fault_set(fault, FAULT_SEAL, 0, "the sender's point is not on the curve");
    return agree_outside(token, key->handle, point, ret_shared, fault);
}

/* X9.63 over SHA-256: one block gives the whole key. ECC-CMS-SharedInfo { keyInfo, suppPubInfo [2] OCTET STRING of the
 * key's length in bits }. `material` is the shared secret with room behind it. */
static bool derive_wrapping_key(uint8_t *material, struct span wrap_algorithm, uint8_t *ret_key, struct fault *fault)
{
    static const uint8_t counter[] = {0, 0, 0, 1}, bits[] = {0xa2, 0x06, 0x04, 0x04, 0, 0, 1, 0};
    size_t body = wrap_algorithm.size + sizeof bits;
    if (body + 2 > SHARED_INFO_MAX)
        return fault_set(fault, FAULT_SEAL, 0, "the blob's key wrap has parameters");
    uint8_t *at = material + AGREE_SHARED_SIZE;
    memcpy(at, counter, sizeof counter);
    at += sizeof counter;
    *at++ = DER_SEQUENCE;
    *at++ = (uint8_t)body;
    memcpy(at, wrap_algorithm.at, wrap_algorithm.size);
    at += wrap_algorithm.size;
    memcpy(at, bits, sizeof bits);
    return crypto_sha256(material, (size_t)(at - material) + sizeof bits, ret_key, fault);
}

static bool unwrap(const uint8_t *wrapping_key, struct span wrapped, uint8_t *ret_key)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int size = 0;
    if (!cipher)
        return false;
    EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    return EVP_DecryptInit_ex(cipher, EVP_aes_256_wrap(), NULL, wrapping_key, NULL) == 1 &&
           EVP_DecryptUpdate(cipher, ret_key, &size, wrapped.at, (int)wrapped.size) == 1 && size == ENVELOPE_KEY_SIZE;
}

static bool decrypt(const uint8_t *key, const struct envelope *envelope, uint8_t *ret_content)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int size = 0, last = 0;
    return cipher && EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, envelope->nonce.at) == 1 &&
           EVP_DecryptUpdate(cipher, ret_content, &size, envelope->content.at, (int)envelope->content.size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, ENVELOPE_TAG_SIZE, (void *)envelope->tag.at) == 1 &&
           EVP_DecryptFinal_ex(cipher, ret_content + size, &last) == 1 && (size_t)size == envelope->content.size;
}

static bool open_content(struct token *token, const struct key *key, const struct envelope *envelope,
                         struct secret **ret_content, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *material = secret_new(AGREE_SHARED_SIZE + 4 + SHARED_INFO_MAX);
    CLEANUP(secret_freep) struct secret *keys = secret_new(2 * (size_t)ENVELOPE_WRAPPED_SIZE);
    CLEANUP(secret_freep) struct secret *content = secret_new(envelope->content.size);
    if (!material || !keys || !content)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for the content");
    uint8_t *wrapping_key = secret_write(keys), *content_key = wrapping_key + ENVELOPE_WRAPPED_SIZE;
    if (!agree(token, key, envelope->point, secret_write(material), fault) ||
        !derive_wrapping_key(secret_write(material), envelope->wrap_algorithm, wrapping_key, fault))
        return false;
    if (!unwrap(wrapping_key, envelope->wrapped_key, content_key) ||
        !decrypt(content_key, envelope, secret_write(content))) {
        ERR_clear_error();
        return fault_set(fault, FAULT_SEAL, 0, "the blob was changed or is not for this key");
    }
    *ret_content = TAKE(content);
    return true;
}

/* "<serial>\n<kind>\n<password>": the two names must be those asked for, to the letter. */
static bool take_password(const struct secret *content, const struct open_request *request,
                          struct secret **ret_password, struct fault *fault)
{
    char head[2 * (NAME_MAX_LENGTH + 1) + 1];
    size_t serial = strnlen(request->serial, NAME_MAX_LENGTH + 1), kind = strnlen(request->kind, NAME_MAX_LENGTH + 1);
    if (serial == 0 || serial > NAME_MAX_LENGTH || kind == 0 || kind > NAME_MAX_LENGTH ||
        memchr(request->serial, '\n', serial) || memchr(request->kind, '\n', kind))
        return fault_set(fault, FAULT_SEAL, 0, "serial and kind must be 1 to %d printable characters", NAME_MAX_LENGTH);
    size_t length = serial + kind + 2;
    memcpy(head, request->serial, serial);
    head[serial] = '\n';
    memcpy(head + serial + 1, request->kind, kind);
    head[length - 1] = '\n';
    if (secret_size(content) <= length || CRYPTO_memcmp(secret_read(content), head, length) != 0)
        return fault_set(fault, FAULT_SEAL, 0, "the blob is another unit's, or another kind of password");
    struct secret *password = secret_new(secret_size(content) - length);
    if (!password)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for the password");
    memcpy(secret_write(password), secret_read(content) + length, secret_size(password));
    *ret_password = password;
    return true;
}

bool seal_open(struct token *token, const struct open_request *request, struct secret **ret_password,
               struct fault *fault)
{
    const char *label = request->key == OPEN_RECOVERY ? KEY_RECOVERY : KEY_SPARE;
    CLEANUP(X509_freep) X509 *certificate = NULL;
    CLEANUP(secret_freep) struct secret *content = NULL;
    struct envelope envelope = {0};
    struct key key = {0};
    if (!crypto_read_certificate(request->certificate_path, &certificate, fault) ||
        !find_key(token, label, certificate, &key, fault) ||
        !envelope_read(request->blob, request->size, certificate, &envelope, fault) ||
        !open_content(token, &key, &envelope, &content, fault) || !take_password(content, request, ret_password, fault))
        return fault_within(fault, "open password of '%.64s'", request->serial);
    return true;
}
