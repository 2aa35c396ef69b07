#include "audit/checkpoint.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 32
#define SIGNATURES_MAX 64
#define ROOT_TEXT 44 /* 32 bytes in base64 */
#define DASH "\xe2\x80\x94 "

struct checkpoint_keys {
    size_t count;
    EVP_PKEY *each[KEYS_MAX];
    uint8_t ids[KEYS_MAX][CHECKPOINT_KEY_ID_SIZE];
};

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static bool is_word(const char *text, size_t most)
{
    size_t length = strnlen(text, most);
    if (length == 0 || length == most)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '+')
            return false;
    return true;
}

bool checkpoint_text(const struct checkpoint *checkpoint, char ret_text[CHECKPOINT_TEXT_MAX], struct fault *fault)
{
    if (!is_word(checkpoint->origin, sizeof checkpoint->origin) || !is_word(checkpoint->time, sizeof checkpoint->time))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "a head's origin and time are words");
    unsigned char root[ROOT_TEXT + 1];
    (void)EVP_EncodeBlock(root, checkpoint->root.bytes, MERKLE_SIZE);
    int length = snprintf(ret_text, CHECKPOINT_TEXT_MAX, "%s\n%llu\n%s\n%s\n", checkpoint->origin,
                          (unsigned long long)checkpoint->size, (const char *)root, checkpoint->time);
    if (length < 0 || length >= CHECKPOINT_TEXT_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "a head's text does not fit");
    return true;
}

bool checkpoint_note(const struct checkpoint *checkpoint, const uint8_t key_id[CHECKPOINT_KEY_ID_SIZE],
                     const uint8_t *signature, size_t signature_size, char ret_note[CHECKPOINT_NOTE_MAX + 1],
                     struct fault *fault)
{
    char text[CHECKPOINT_TEXT_MAX];
    uint8_t bytes[CHECKPOINT_KEY_ID_SIZE + CHECKPOINT_SIGNATURE_MAX];
    unsigned char base64[4 * ((sizeof bytes + 2) / 3) + 1];
    if (!checkpoint_text(checkpoint, text, fault))
        return false;
    if (signature_size == 0 || signature_size > CHECKPOINT_SIGNATURE_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "a signature of %zu bytes", signature_size);
    memcpy(bytes, key_id, CHECKPOINT_KEY_ID_SIZE);
    memcpy(bytes + CHECKPOINT_KEY_ID_SIZE, signature, signature_size);
    (void)EVP_EncodeBlock(base64, bytes, (int)(CHECKPOINT_KEY_ID_SIZE + signature_size));
    (void)snprintf(ret_note, CHECKPOINT_NOTE_MAX + 1, "%s\n" DASH "%s %s\n", text, checkpoint->origin,
                   (const char *)base64);
    return true;
}

/* ---- keys ---- */

void checkpoint_keys_free(struct checkpoint_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++)
        EVP_PKEY_free(keys->each[i]);
    free(keys);
}

static bool add_key(struct checkpoint_keys *keys, EVP_PKEY *key, const char *path, struct fault *fault)
{
    char group[32] = "";
    unsigned char *der = NULL;
    int size = key ? i2d_PUBKEY(key, &der) : 0;
    bool good = size > 0 && keys->count < KEYS_MAX && EVP_PKEY_is_a(key, "EC") &&
                EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0;
    if (good) {
        const struct merkle_hash digest = merkle_sha256(der, (size_t)size);
        memcpy(keys->ids[keys->count], digest.bytes, CHECKPOINT_KEY_ID_SIZE);
        EVP_PKEY_up_ref(key);
        keys->each[keys->count++] = key;
    }
    OPENSSL_free(der);
    return good || fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "'%s': key %zu is not on P-256, or one too many",
                             path, keys->count + 1);
}

static bool add_pem(struct checkpoint_keys *keys, const char *kind, const unsigned char *der, long size,
                    const char *path, struct fault *fault)
{
    if (strcmp(kind, PEM_STRING_PUBLIC) == 0) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = d2i_PUBKEY(NULL, &der, size);
        return add_key(keys, key, path, fault);
    }
    if (strcmp(kind, PEM_STRING_X509) == 0) {
        CLEANUP(X509_freep) X509 *certificate = d2i_X509(NULL, &der, size);
        return add_key(keys, certificate ? X509_get0_pubkey(certificate) : NULL, path, fault);
    }
    return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "'%s' has something else than certificates and public keys",
                     path);
}

bool checkpoint_keys_read(const char *path, struct checkpoint_keys **ret_keys, struct fault *fault)
{
    CLEANUP(checkpoint_keys_freep) struct checkpoint_keys *keys = calloc(1, sizeof *keys);
    CLEANUP(BIO_free_allp) BIO *file = BIO_new_file(path, "r");
    ERR_clear_error();
    if (!keys)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "public keys");
    if (!file)
        return fault_set(fault, FAULT_FILE, 0, "'%s' cannot be opened", path);
    char *kind, *header;
    unsigned char *der;
    long size;
    bool good = true;
    while (good && PEM_read_bio(file, &kind, &header, &der, &size) == 1) {
        good = add_pem(keys, kind, der, size, path, fault);
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    ERR_clear_error(); /* the end of the file is an error to OpenSSL */
    if (good && keys->count == 0)
        return fault_set(fault, FAULT_FILE, 0, "'%s' has no certificate and no public key", path);
    if (good)
        *ret_keys = TAKE(keys);
    return good;
}

/* ---- reading ---- */

/* Bytes whose base64 is exactly this text; false for another spelling of the same bytes. */
static bool decode(const char *text, size_t length, uint8_t *ret_bytes, size_t most, size_t *ret_size)
{
    uint8_t bytes[3 * 64];
    unsigned char again[4 * 64 + 1];
    if (length == 0 || length % 4 != 0 || length > 4 * 64)
        return false;
    if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length) < 0)
        return false;
    size_t size = length / 4 * 3 - (text[length - 1] == '=') - (text[length - 2] == '=');
    (void)EVP_EncodeBlock(again, bytes, (int)size);
    if (size > most || memcmp(again, text, length) != 0)
        return false;
    memcpy(ret_bytes, bytes, size);
    *ret_size = size;
    return true;
}

/* The next line without its end; NULL when there is none. */
static const char *next_line(const char **from, const char *end, size_t *ret_length)
{
    const char *line = *from, *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop)
        return NULL;
    *ret_length = (size_t)(stop - line);
    *from = stop + 1;
    return line;
}

static bool read_word(const char **from, const char *end, char *ret_word, size_t size)
{
    size_t length = 0;
    const char *line = next_line(from, end, &length);
    if (!line || length >= size || memchr(line, '\0', length))
        return false;
    memcpy(ret_word, line, length);
    ret_word[length] = '\0';
    return is_word(ret_word, size);
}

static bool read_size(const char *text, uint64_t *ret_size)
{
    uint64_t value = 0;
    if (text[0] == '0' && text[1])
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || value > (INT64_MAX - 9) / 10)
            return false;
        else
            value = 10 * value + (uint64_t)(*text - '0');
    *ret_size = value;
    return true;
}

static bool read_text(const char **from, const char *end, struct checkpoint *checkpoint)
{
    char number[24], root[ROOT_TEXT + 2];
    size_t length = 0;
    const char *line = NULL;
    if (!read_word(from, end, checkpoint->origin, sizeof checkpoint->origin) ||
        !read_word(from, end, number, sizeof number) || !read_size(number, &checkpoint->size))
        return false;
    /* base64 may have a plus, so it is no word */
    line = next_line(from, end, &length);
    if (!line || length != ROOT_TEXT)
        return false;
    memcpy(root, line, length);
    if (!decode(root, length, checkpoint->root.bytes, MERKLE_SIZE, &length) || length != MERKLE_SIZE)
        return false;
    return read_word(from, end, checkpoint->time, sizeof checkpoint->time) && next_line(from, end, &length) &&
           length == 0;
}

static bool verify(EVP_PKEY *key, const char *text, size_t size, const uint8_t *signature, size_t signature_size)
{
    CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, signature_size, (const unsigned char *)text, size) == 1;
    ERR_clear_error();
    return good;
}

/* One "— name base64" line: counts in `signed_by` when a known key made it; false when it should have and did not. */
static bool read_signature(const char *line, size_t length, const struct checkpoint *checkpoint,
                           const struct checkpoint_keys *keys, const char *text, size_t text_size, size_t *signed_by)
{
    size_t name = strlen(checkpoint->origin), dash = strlen(DASH), size = 0;
    uint8_t bytes[CHECKPOINT_KEY_ID_SIZE + CHECKPOINT_SIGNATURE_MAX];
    if (length < dash || memcmp(line, DASH, dash) != 0)
        return false;
    if (length <= dash + name + 1 || memcmp(line + dash, checkpoint->origin, name) != 0 || line[dash + name] != ' ')
        return true; /* somebody else's */
    const char *base64 = line + dash + name + 1;
    if (!decode(base64, length - dash - name - 1, bytes, sizeof bytes, &size) || size <= CHECKPOINT_KEY_ID_SIZE)
        return true;
    bool known = false;
    for (size_t i = 0; i < keys->count; i++) {
        if (memcmp(bytes, keys->ids[i], CHECKPOINT_KEY_ID_SIZE) != 0)
            continue;
        known = true;
        if (verify(keys->each[i], text, text_size, bytes + CHECKPOINT_KEY_ID_SIZE, size - CHECKPOINT_KEY_ID_SIZE)) {
            (*signed_by)++;
            return true;
        }
    }
    return !known;
}

bool checkpoint_read(const char *note, size_t size, const struct checkpoint_keys *keys,
                     struct checkpoint *ret_checkpoint, struct fault *fault)
{
    struct checkpoint checkpoint = {0};
    const char *from = note, *end = note + size, *line;
    size_t length = 0, signed_by = 0, lines = 0;
    if (size > CHECKPOINT_NOTE_MAX || !read_text(&from, end, &checkpoint))
        return fault_set(fault, FAULT_LOG_HEAD, 0, "this is no head of a log");
    size_t text_size = (size_t)(from - note) - 1;
    while ((line = next_line(&from, end, &length)) != NULL && lines++ < SIGNATURES_MAX)
        if (!read_signature(line, length, &checkpoint, keys, note, text_size, &signed_by))
            return fault_set(fault, FAULT_LOG_HEAD, 0, "head of %llu: a signature does not hold",
                             (unsigned long long)checkpoint.size);
    if (from != end || signed_by == 0)
        return fault_set(fault, FAULT_LOG_HEAD, 0, "head of %llu: none of the given keys signed it",
                         (unsigned long long)checkpoint.size);
    *ret_checkpoint = checkpoint;
    return true;
}
