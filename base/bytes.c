#include "base/bytes.h"

#include <string.h>

const uint8_t *reader_take(struct reader *reader, size_t size)
{
    if (reader->failed || size > reader->size - reader->at) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *view = reader->bytes ? reader->bytes + reader->at : NULL;
    reader->at += size;
    return view;
}

static uint64_t read_number(struct reader *reader, size_t size)
{
    const uint8_t *bytes = reader_take(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)read_number(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
    return (uint16_t)read_number(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)read_number(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
    return read_number(reader, 8);
}

void reader_copy(struct reader *reader, void *ret_bytes, size_t size)
{
    const uint8_t *bytes = reader_take(reader, size);
    if (size == 0)
        return;
    if (bytes)
        memcpy(ret_bytes, bytes, size);
    else
        memset(ret_bytes, 0, size);
}

size_t reader_left(const struct reader *reader)
{
    return reader->failed ? 0 : reader->size - reader->at;
}

bool reader_end(const struct reader *reader, const char *what, struct fault *fault)
{
    if (reader->failed)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "%s: cut short at byte %zu of %zu", what, reader->at, reader->size);
    if (reader->at != reader->size)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "%s: %zu bytes too many", what, reader->size - reader->at);
    return true;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t size)
{
    if (writer->failed || size > writer->size - writer->at) {
        writer->failed = true;
        return;
    }
    if (size > 0)
        memcpy(writer->bytes + writer->at, bytes, size);
    writer->at += size;
}

static void write_number(struct writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    writer_bytes(writer, bytes, size);
}

void writer_u8(struct writer *writer, uint8_t value)
{
    write_number(writer, value, 1);
}

void writer_u16(struct writer *writer, uint16_t value)
{
    write_number(writer, value, 2);
}

void writer_u32(struct writer *writer, uint32_t value)
{
    write_number(writer, value, 4);
}

void writer_u64(struct writer *writer, uint64_t value)
{
    write_number(writer, value, 8);
}

bool writer_end(const struct writer *writer, const char *what, struct fault *fault)
{
    if (writer->failed)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "%s: longer than %zu bytes", what, writer->size);
    return true;
}

void hex_write(const void *bytes, size_t size, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i++) {
        ret_text[2 * i] = digits[from[i] >> 4];
        ret_text[2 * i + 1] = digits[from[i] & 15];
    }
    ret_text[2 * size] = '\0';
}

/* Without a branch that depends on the digit: guessing it wrong costs more than all the rest of reading. */
static int hex_digit(char letter)
{
    unsigned digit = (unsigned)(unsigned char)letter - '0';
    unsigned alpha = ((unsigned)(unsigned char)letter | 0x20U) - 'a';
    int value = digit < 10 ? (int)digit : -1;
    return alpha < 6 ? (int)alpha + 10 : value;
}

bool hex_read(const char *text, uint8_t *ret_bytes, size_t size, struct fault *fault)
{
    size_t length = strnlen(text, 2 * size + 1);
    if (length != 2 * size)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "hex: expected %zu digits", 2 * size);
    int all = 0; /* becomes negative with the first that is no digit */
    for (size_t i = 0; i < length; i++)
        all |= hex_digit(text[i]);
    for (size_t i = 0; all < 0 && i < length; i++)
        if (hex_digit(text[i]) < 0)
            return fault_set(fault, FAULT_BAD_BYTES, 0, "hex: no digit at %zu", i + 1);
    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return true;
}

bool text_copy(char *ret_text, size_t size, const char *text, const char *what, struct fault *fault)
{
    size_t length = strnlen(text, size);
    if (length == size) {
        ret_text[0] = '\0';
        return fault_set(fault, FAULT_BAD_BYTES, 0, "%s: longer than %zu characters", what, size - 1);
    }
    memcpy(ret_text, text, length + 1);
    return true;
}

void base32_write(uint64_t value, size_t letters, char *ret_text)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (size_t i = letters; i > 0; i--, value >>= 5)
        ret_text[i - 1] = alphabet[value & 31];
    ret_text[letters] = '\0';
}
