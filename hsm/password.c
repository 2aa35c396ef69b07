#include "hsm/password.h"

#include "hsm/key.h"

#include <string.h>

#define ALPHABET_MIN 2
#define ALPHABET_MAX 94
#define LENGTH_MAX 128
#define DRAW 64 /* bytes asked of the token at once */

/* A doubled character would be drawn twice as often; one outside printable ASCII cannot be typed or labelled. */
static bool alphabet_check(const char *alphabet, size_t *ret_size, struct fault *fault)
{
    size_t size = strnlen(alphabet, ALPHABET_MAX + 1);
    if (size < ALPHABET_MIN || size > ALPHABET_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "alphabet: must have %d to %d characters", ALPHABET_MIN, ALPHABET_MAX);
    for (size_t i = 0; i < size; i++) {
        if (alphabet[i] <= ' ' || alphabet[i] > '~')
            return fault_set(fault, FAULT_USAGE, 0, "alphabet: character %zu is not printable ASCII", i + 1);
        if (memchr(alphabet + i + 1, alphabet[i], size - i - 1))
            return fault_set(fault, FAULT_USAGE, 0, "alphabet: character %zu is there twice", i + 1);
    }
    *ret_size = size;
    return true;
}

bool password_draw(struct token *token, const char *alphabet, size_t length, struct secret **ret_password,
                   struct fault *fault)
{
    size_t letters;
    if (!alphabet_check(alphabet, &letters, fault))
        return fault_within(fault, "draw password");
    if (length == 0 || length > LENGTH_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "draw password: length must be 1 to %d", LENGTH_MAX);

    CLEANUP(secret_freep) struct secret *password = secret_new(length);
    CLEANUP(secret_freep) struct secret *random = secret_new(DRAW);
    if (!password || !random)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "draw password");

    const unsigned limit = 256 - 256 % (unsigned)letters; /* at and above it, values would favour the first letters */
    uint8_t *to = secret_write(password);
    for (size_t done = 0; done < length;) {
        if (!token_random(token, random, fault))
            return fault_within(fault, "draw password");
        const uint8_t *from = secret_read(random);
        for (size_t i = 0; i < DRAW && done < length; i++)
            if (from[i] < limit)
                to[done++] = (uint8_t)alphabet[from[i] % letters];
    }
    *ret_password = TAKE(password);
    return true;
}

bool password_fingerprint(struct token *token, const struct secret *password, uint8_t ret_fingerprint[FINGERPRINT_SIZE],
                          struct fault *fault)
{
    CK_OBJECT_HANDLE key;
    if (!key_find_secret(token, KEY_FINGERPRINT, &key, fault))
        return fault_within(fault, "fingerprint password");

    const struct call_signing signing = {.mechanism = CKM_SHA256_HMAC, .key = key};
    uint8_t mac[FINGERPRINT_SIZE];
    size_t size = sizeof mac;
    if (!call_sign(&token->session, &signing, secret_read(password), secret_size(password), mac, &size, fault))
        return fault_within(fault, "fingerprint password");
    if (size != sizeof mac)
        return fault_set(fault, FAULT_HSM_CALL, 0, "fingerprint password: the token gave %zu bytes", size);
    memcpy(ret_fingerprint, mac, sizeof mac);
    return true;
}
