#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct secret {
    size_t size;
    uint8_t bytes[];
};

bool secret_arena_open(size_t bytes, struct fault *fault)
{
#if WATCHED_BY_SANITIZER
    (void)bytes;
    (void)fault;
    return true;
#else
    /* 2 means that the arena exists but could not be locked: a secret there could reach the swap. */
    int result = CRYPTO_secure_malloc_init(bytes, 32);
    if (result == 2)
        (void)CRYPTO_secure_malloc_done(); /* or a caller that goes on regardless would get unlocked memory */
    if (result != 1)
        return fault_set(fault, FAULT_SECRET_MEMORY, (unsigned long)result, "cannot lock %zu bytes for secrets", bytes);
    return true;
#endif
}

void secret_arena_close(void)
{
#if !WATCHED_BY_SANITIZER
    (void)CRYPTO_secure_malloc_done();
#endif
}

struct secret *secret_new(size_t size)
{
    size_t total;
    if (__builtin_add_overflow(size, sizeof(struct secret), &total))
        return NULL;
#if WATCHED_BY_SANITIZER
    struct secret *secret = calloc(1, total);
#else
    /* Without an arena OpenSSL would quietly hand out ordinary memory. */
    if (!CRYPTO_secure_malloc_initialized())
        return NULL;
    struct secret *secret = OPENSSL_secure_zalloc(total);
#endif
    if (secret)
        secret->size = size;
    return secret;
}

void secret_free(struct secret *secret)
{
    if (!secret)
        return;
    size_t total = sizeof *secret + secret->size;
#if WATCHED_BY_SANITIZER
    explicit_bzero(secret, total);
    free(secret);
#else
    OPENSSL_secure_clear_free(secret, total);
#endif
}

size_t secret_size(const struct secret *secret)
{
    return secret->size;
}

const uint8_t *secret_read(const struct secret *secret)
{
    return secret->bytes;
}

uint8_t *secret_write(struct secret *secret)
{
    return secret->bytes;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return a->size == b->size && CRYPTO_memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Reads up to the end of the file; -1 when there is more than the buffer holds or reading fails. */
static ssize_t read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(fd, bytes + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            return (ssize_t)done;
        done += (size_t)count;
    }
    errno = EFBIG;
    return -1;
}

bool secret_from_file(const char *path, struct secret **ret_secret, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *whole = secret_new(4097);
    if (!whole)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "read secret file");

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open '%s': %s", path, strerror(errno));
    ssize_t count = read_all(fd, whole->bytes, whole->size);
    int error = errno;
    (void)close(fd);
    if (count < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)error, "read '%s': %s", path, strerror(error));

    size_t length = (size_t)count;
    if (length > 0 && whole->bytes[length - 1] == '\n')
        length--;
    if (length == 0)
        return fault_set(fault, FAULT_FILE, 0, "'%s' is empty", path);

    CLEANUP(secret_freep) struct secret *secret = secret_new(length);
    if (!secret)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "read secret file");
    memcpy(secret->bytes, whole->bytes, length);
    *ret_secret = TAKE(secret);
    return true;
}
