/* bytes.h -- a bounded reader and a bounded writer over a buffer, hex, and what is text.
 *
 * A reader or writer that was asked for more than it has stays failed: later calls give zero or do nothing, so that a
 * whole message may be read in a row and asked about once, at the end.
 *
 * Owner    the caller owns the buffer; readers and writers are values
 * Threads  a reader or writer belongs to one thread
 * Secrets  may pass through; nothing is kept outside the caller's buffer
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    bool failed;
};

struct writer {
    uint8_t *bytes;
    size_t size;
    size_t at;
    bool failed;
};

static inline struct reader reader_over(const void *bytes, size_t size)
{
    return (struct reader){.bytes = bytes, .size = size};
}

static inline struct writer writer_over(void *bytes, size_t size)
{
    return (struct writer){.bytes = bytes, .size = size};
}

/* Big-endian integers; zero when the reader has failed. */
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);

/* A view of the next `size` bytes, which lives as long as the buffer; NULL when there are fewer (and for no bytes of a
 * buffer that is NULL itself). */
const uint8_t *reader_take(struct reader *reader, size_t size);

/* Copies the next `size` bytes; on failure `ret_bytes` is zeroed. */
void reader_copy(struct reader *reader, void *ret_bytes, size_t size);

NODISCARD size_t reader_left(const struct reader *reader);

/* True when everything was read and nothing was missing.
 *
 * Faults: BAD_BYTES, naming `what`.
 */
NODISCARD NONNULL(1, 2, 3) bool reader_end(const struct reader *reader, const char *what, struct fault *fault);

void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_bytes(struct writer *writer, const void *bytes, size_t size);

/* True when all that was written did fit.
 *
 * Faults: BAD_BYTES, naming `what`.
 */
NODISCARD NONNULL(1, 2, 3) bool writer_end(const struct writer *writer, const char *what, struct fault *fault);

/* Lower-case hex with its terminator; `ret_text` holds 2 * size + 1 characters. */
void hex_write(const void *bytes, size_t size, char *ret_text);

/* Reads exactly `size` bytes from 2 * size hex digits of either case.
 *
 * Faults: BAD_BYTES.
 */
NODISCARD NONNULL(1, 2, 4) bool hex_read(const char *text, uint8_t *ret_bytes, size_t size, struct fault *fault);

/* Copies a text into a fixed array of `size` > 0 with its terminator; on false the array is empty.
 *
 * Faults: BAD_BYTES when it does not fit, naming `what`.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool text_copy(char *ret_text, size_t size, const char *text, const char *what,
                                             struct fault *fault);

/* An even spread of base-32 letters that nobody misreads: 0-9 A-Z without I, L, O and U (Crockford's alphabet).
 * Writes one letter for each five bits of `value`, most significant first, then the terminator. */
void base32_write(uint64_t value, size_t letters, char *ret_text);
