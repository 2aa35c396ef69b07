/* wiped.h -- growing buffers and zlib streams that leave nothing behind when they are freed.
 *
 * A printer job and a picture of a label show its passwords, and so does the memory zlib works in.
 *
 * Owner    the caller frees the buffer
 * Threads  one buffer belongs to one thread
 * Secrets  the bytes may show passwords; they are wiped when freed and whenever the buffer moves
 * Layer    station/label/, and its stand-in printer
 */
#pragma once

#include "base/fault.h"

struct wiped {
    size_t size;
    size_t room;
    uint8_t *bytes;
};

/* For CLEANUP(): wipes and frees what the buffer holds, not the struct. */
void wiped_clear(struct wiped *buffer);

/* Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 4) bool wiped_append(struct wiped *buffer, const void *bytes, size_t size, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool wiped_append_text(struct wiped *buffer, const char *text, struct fault *fault);

/* Appends `size` zero bytes. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 3) bool wiped_extend(struct wiped *buffer, size_t size, struct fault *fault);

/* Removes the first `size` bytes. */
NONNULL(1) void wiped_drop(struct wiped *buffer, size_t size);

/* Appends the bytes as one zlib stream (RFC 1950). Faults: NO_MEMORY, INTERNAL. */
NODISCARD NONNULL(1, 2, 4) bool wiped_deflate(struct wiped *buffer, const uint8_t *bytes, size_t size,
                                              struct fault *fault);

/* Opens one whole zlib stream that must give exactly `size` bytes. Faults: NO_MEMORY, BAD_BYTES. */
NODISCARD NONNULL(1, 3, 5) bool wiped_inflate(const uint8_t *stream, size_t stream_size, uint8_t *ret_bytes,
                                              size_t size, struct fault *fault);
