/* secret.h -- bytes that must not leak.
 *
 * The bytes live in OpenSSL's secure heap: locked in memory, left out of core files, and wiped when freed. There is
 * no way to print one, copy one or grow one.
 *
 * Builds with AddressSanitizer take the ordinary heap instead, so that an overrun is caught; the wipe stays.
 *
 * Owner    whoever holds the pointer owns the bytes and frees them
 * Threads  one secret belongs to one thread
 * Secrets  this is the type; tests/lint/secret-doors lists the files that may open it
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

struct secret;

/* Call once in main(), before the first secret. `bytes` must be a power of two. Fails unless the arena is locked.
 *
 * Faults: SECRET_MEMORY.
 */
NODISCARD NONNULL(2) bool secret_arena_open(size_t bytes, struct fault *fault);
void secret_arena_close(void);

/* A zeroed secret of exactly `size` bytes; NULL when the arena is full. */
NODISCARD struct secret *secret_new(size_t size);
void secret_free(struct secret *secret);
DEFINE_CLEANUP(struct secret *, secret_free)

NODISCARD NONNULL(1) size_t secret_size(const struct secret *secret);

/* The two doors to the bytes. tests/lint/secret-doors lists the files that may call them. */
NODISCARD NONNULL(1) const uint8_t *secret_read(const struct secret *secret);
NODISCARD NONNULL(1) uint8_t *secret_write(struct secret *secret);

/* Takes the same time whatever the bytes are. */
NODISCARD NONNULL(1, 2) bool secret_equal(const struct secret *a, const struct secret *b);

/* Reads a whole small file (a PIN, a key store's pass phrase) without one trailing newline.
 *
 * At most 4096 bytes; an empty file is refused. Nothing of it stays in a stdio buffer.
 *
 * Faults: FILE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool secret_from_file(const char *path, struct secret **ret_secret, struct fault *fault);
