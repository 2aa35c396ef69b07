#include "hsm/open.h"

#include "hsm/agree.h"
#include "hsm/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 32                 /* AES-256 */
#define WRAPPED_SIZE (KEY_SIZE + 8) /* RFC 3394 */
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define NAME_MAX_LENGTH 64
#define SHARED_INFO_MAX 64

#define SEQUENCE 0x30
#define SET 0x31
#define NUMBER 0x02
#define BITS 0x03
#define OCTETS 0x04

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

struct span {
    const uint8_t *at;
    size_t size;
};

/* What of the blob the arithmetic needs; all of it lies inside the blob but the sender's point. */
struct envelope {
    uint8_t point[POINT_SIZE];
    struct span wrap_algorithm; /* the whole AlgorithmIdentifier */
    struct span wrapped_key;
    struct span nonce;
    struct span content;
    struct span tag;
};

/* The next element of this tag, DER with lengths of at most two bytes. `ret_whole` (or NULL) is with its header. */
static bool next(struct span *from, uint8_t tag, struct span *ret_inside, struct span *ret_whole)
{
    const uint8_t *at = from->at;
    size_t size = from->size, header = 2, length;
    if (size < 2 || at[0] != tag)
        return false;
    length = at[1];
    if (length == 0x81 && size >= 3 && at[2] >= 0x80) {
        header = 3;
        length = at[2];
    } else if (length == 0x82 && size >= 4 && at[2] != 0) {
        header = 4;
        length = (size_t)at[2] << 8 | at[3];
    } else if (length >= 0x80) {
        return false;
    }
    if (length > size - header)
        return false;
    *ret_inside = (struct span){at + header, length};
    if (ret_whole)
        *ret_whole = (struct span){at, header + length};
    *from = (struct span){at + header + length, size - header - length};
    return true;
}

static bool next_is(struct span *from, const uint8_t *bytes, size_t size)
{
    if (from->size < size || memcmp(from->at, bytes, size) != 0)
        return false;
    *from = (struct span){from->at + size, from->size - size};
    return true;
}

#define NEXT_IS(from, ...) next_is(from, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* IssuerAndSerialNumber of the certificate, as the sealer names its recipients. */
static bool names_certificate(struct span name, X509 *certificate)
{
    CLEANUP(openssl_bytes_freep) unsigned char *issuer = NULL;
    CLEANUP(openssl_bytes_freep) unsigned char *serial = NULL;
    int issuer_size = i2d_X509_NAME(X509_get_issuer_name(certificate), &issuer);
    int serial_size = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
    return issuer_size > 0 && serial_size > 0 && next_is(&name, issuer, (size_t)issuer_size) &&
           next_is(&name, serial, (size_t)serial_size) && name.size == 0;
}

/* dhSinglePass-stdDH-sha256kdf-scheme with AES-256 key wrap, one recipient in each. */
static bool read_recipient(struct span recipient, X509 *certificate, struct envelope *envelope, bool *ret_ours)
{
    struct span originator, public_key, algorithm, bits, scheme, keys, key, name;
    if (!NEXT_IS(&recipient, NUMBER, 1, 3) || !next(&recipient, 0xa0, &originator, NULL) ||
        !next(&originator, 0xa1, &public_key, NULL) || !next(&public_key, SEQUENCE, &algorithm, NULL) ||
        !NEXT_IS(&algorithm, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01) || algorithm.size != 0 ||
        !next(&public_key, BITS, &bits, NULL) || bits.size != POINT_SIZE + 1 || bits.at[0] != 0)
        return false;
    if (!next(&recipient, SEQUENCE, &scheme, NULL) ||
        !NEXT_IS(&scheme, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01) ||
        !next(&scheme, SEQUENCE, &algorithm, &envelope->wrap_algorithm) ||
        !NEXT_IS(&algorithm, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d))
        return false;
    if (!next(&recipient, SEQUENCE, &keys, NULL) || recipient.size != 0 || !next(&keys, SEQUENCE, &key, NULL) ||
        keys.size != 0 || !next(&key, SEQUENCE, &name, NULL) || !next(&key, OCTETS, &envelope->wrapped_key, NULL) ||
        key.size != 0 || envelope->wrapped_key.size != WRAPPED_SIZE)
        return false;
    memcpy(envelope->point, bits.at + 1, POINT_SIZE);
    *ret_ours = names_certificate(name, certificate);
    return true;
}

/* The recipient that this certificate is, among one or two. */
static bool find_recipient(struct span recipients, X509 *certificate, struct envelope *envelope, struct fault *fault)
{
    bool ours = false;
    while (recipients.size > 0 && !ours) {
        struct span recipient;
        if (!next(&recipients, 0xa1, &recipient, NULL) || !read_recipient(recipient, certificate, envelope, &ours))
            return fault_set(fault, FAULT_SEAL, 0, "a recipient of the blob is not as this program seals");
    }
    return ours || fault_set(fault, FAULT_SEAL, 0, "the blob is not sealed to this certificate");
}

static bool read_content(struct span *sealed, struct envelope *envelope)
{
    struct span content, algorithm, parameters;
    return next(sealed, SEQUENCE, &content, NULL) &&
           NEXT_IS(&content, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01) &&
           next(&content, SEQUENCE, &algorithm, NULL) &&
           NEXT_IS(&algorithm, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e) &&
           next(&algorithm, SEQUENCE, &parameters, NULL) && algorithm.size == 0 &&
           next(&parameters, OCTETS, &envelope->nonce, NULL) && NEXT_IS(&parameters, NUMBER, 1, TAG_SIZE) &&
           parameters.size == 0 && envelope->nonce.size == NONCE_SIZE &&
           next(&content, 0x80, &envelope->content, NULL) && content.size == 0 &&
           next(sealed, OCTETS, &envelope->tag, NULL) && sealed->size == 0 && envelope->tag.size == TAG_SIZE;
}

/* ContentInfo { id-ct-authEnvelopedData, [0] AuthEnvelopedData }, without attributes: nothing else was ever sealed. */
static bool read_envelope(const uint8_t *blob, size_t size, X509 *certificate, struct envelope *ret_envelope,
                          struct fault *fault)
{
    struct span all = {blob, size}, outer, explicit_tag, sealed, recipients;
    if (size > SEALED_MAX || !next(&all, SEQUENCE, &outer, NULL) || all.size != 0 ||
        !NEXT_IS(&outer, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17) ||
        !next(&outer, 0xa0, &explicit_tag, NULL) || outer.size != 0 || !next(&explicit_tag, SEQUENCE, &sealed, NULL) ||
        explicit_tag.size != 0 || !NEXT_IS(&sealed, NUMBER, 1, 0) || !next(&sealed, SET, &recipients, NULL) ||
        !read_content(&sealed, ret_envelope))
        return fault_set(fault, FAULT_SEAL, 0, "the blob is cut or not as this program seals");
    return find_recipient(recipients, certificate, ret_envelope, fault);
}

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
    *at++ = SEQUENCE;
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
           EVP_DecryptUpdate(cipher, ret_key, &size, wrapped.at, (int)wrapped.size) == 1 && size == KEY_SIZE;
}

static bool decrypt(const uint8_t *key, const struct envelope *envelope, uint8_t *ret_content)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int size = 0, last = 0;
    return cipher && EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, envelope->nonce.at) == 1 &&
           EVP_DecryptUpdate(cipher, ret_content, &size, envelope->content.at, (int)envelope->content.size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)envelope->tag.at) == 1 &&
           EVP_DecryptFinal_ex(cipher, ret_content + size, &last) == 1 && (size_t)size == envelope->content.size;
}

static bool open_content(struct token *token, const struct key *key, const struct envelope *envelope,
                         struct secret **ret_content, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *material = secret_new(AGREE_SHARED_SIZE + 4 + SHARED_INFO_MAX);
    CLEANUP(secret_freep) struct secret *keys = secret_new(2 * (size_t)WRAPPED_SIZE);
    CLEANUP(secret_freep) struct secret *content = secret_new(envelope->content.size);
    if (!material || !keys || !content)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for the content");
    uint8_t *wrapping_key = secret_write(keys), *content_key = wrapping_key + WRAPPED_SIZE;
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
        !read_envelope(request->blob, request->size, certificate, &envelope, fault) ||
        !open_content(token, &key, &envelope, &content, fault) || !take_password(content, request, ret_password, fault))
        return fault_within(fault, "open password of '%.64s'", request->serial);
    return true;
}
