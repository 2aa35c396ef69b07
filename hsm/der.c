#include "hsm/der.h"

#include <string.h>

struct reader der_enter_any(struct reader *from, uint8_t *ret_tag)
{
    struct reader inner = {.failed = true};
    *ret_tag = reader_u8(from);
    uint8_t form = reader_u8(from);
    size_t size = form, least = 0;
    if (form == 0x81) {
        size = reader_u8(from);
        least = 0x80;
    } else if (form == 0x82) {
        size = reader_u16(from);
        least = 0x100;
    } else if (form == 0x83) {
        size = (size_t)reader_u8(from) << 16;
        size |= reader_u16(from);
        least = 0x10000;
    } else if (form >= 0x80) {
        from->failed = true;
    }
    from->failed |= size < least;
    const uint8_t *bytes = from->failed ? NULL : reader_take(from, size);
    return bytes ? reader_over(bytes, size) : inner;
}

struct reader der_enter(struct reader *from, enum der_tag tag)
{
    uint8_t found;
    struct reader inner = der_enter_any(from, &found);
    if (found == tag)
        return inner;
    from->failed = true;
    return (struct reader){.failed = true};
}

uint8_t der_next(const struct reader *from)
{
    return from->failed || from->at == from->size ? 0 : from->bytes[from->at];
}

bool der_is_done(const struct reader *reader)
{
    return !reader->failed && reader_left(reader) == 0;
}

bool der_is_rest(struct reader *reader, const void *bytes, size_t size)
{
    if (reader->failed || reader_left(reader) != size)
        return false;
    const uint8_t *rest = reader_take(reader, size);
    return size == 0 || (rest && memcmp(rest, bytes, size) == 0);
}

bool der_is_element(struct reader *from, enum der_tag tag, const void *bytes, size_t size)
{
    struct reader inner = der_enter(from, tag);
    return der_is_rest(&inner, bytes, size);
}

bool der_is_whole(struct reader *from, const void *bytes, size_t size)
{
    const uint8_t *found = reader_take(from, size);
    return found && memcmp(found, bytes, size) == 0;
}

size_t der_open(struct writer *writer, enum der_tag tag)
{
    writer_u8(writer, (uint8_t)tag);
    writer_u8(writer, 0);
    return writer->at;
}

void der_close(struct writer *writer, size_t opened)
{
    if (writer->failed)
        return;
    size_t size = writer->at - opened;
    size_t more = size < 0x80 ? 0 : size < 0x100 ? 1 : size < 0x10000 ? 2 : 3;
    if (size >= 0x1000000) {
        writer->failed = true;
        return;
    }
    static const uint8_t room[3];
    writer_bytes(writer, room, more);
    if (writer->failed)
        return;
    uint8_t *content = writer->bytes + opened;
    if (more == 0) {
        content[-1] = (uint8_t)size;
        return;
    }
    memmove(content + more, content, size);
    content[-1] = (uint8_t)(0x80 | more);
    for (size_t i = 0; i < more; i++)
        content[i] = (uint8_t)(size >> 8 * (more - 1 - i));
}

void der_element(struct writer *writer, enum der_tag tag, const void *bytes, size_t size)
{
    size_t opened = der_open(writer, tag);
    writer_bytes(writer, bytes, size);
    der_close(writer, opened);
}

void der_unsigned(struct writer *writer, const uint8_t *bytes, size_t size)
{
    while (size > 1 && bytes[0] == 0) {
        bytes++;
        size--;
    }
    size_t opened = der_open(writer, DER_INTEGER);
    if (bytes[0] & 0x80)
        writer_u8(writer, 0); /* else it would be negative */
    writer_bytes(writer, bytes, size);
    der_close(writer, opened);
}

void der_time(struct writer *writer, const char *text)
{
    bool short_form = memcmp(text, "2050", 4) < 0;
    const char *from = short_form ? text + 2 : text;
    der_element(writer, short_form ? DER_UTC_TIME : DER_GENERALIZED_TIME, from, strlen(from));
}

/* One arc, seven bits to a byte. */
static void put_arc(struct writer *writer, uint64_t arc)
{
    unsigned shift = 0;
    while (shift < 63 && arc >> (shift + 7) != 0)
        shift += 7;
    for (; shift > 0; shift -= 7)
        writer_u8(writer, (uint8_t)(0x80 | (arc >> shift & 0x7f)));
    writer_u8(writer, (uint8_t)(arc & 0x7f));
}

bool der_oid(const char *dots, uint8_t *ret_bytes, size_t size, size_t *ret_size)
{
    struct writer writer = writer_over(ret_bytes, size);
    uint64_t first = 0;
    size_t arcs = 0;
    for (const char *at = dots; at; arcs++) {
        uint64_t arc = 0;
        size_t digits = 0;
        for (; at[digits] >= '0' && at[digits] <= '9' && digits <= 10; digits++)
            arc = 10 * arc + (uint64_t)(at[digits] - '0');
        if (digits < 1 || digits > 10 || (digits > 1 && at[0] == '0') || (at[digits] != '.' && at[digits] != '\0'))
            return false;
        if ((arcs == 0 && arc > 2) || (arcs == 1 && first < 2 && arc > 39))
            return false;
        if (arcs == 0)
            first = arc;
        else
            put_arc(&writer, arcs == 1 ? 40 * first + arc : arc);
        at = at[digits] == '.' ? at + digits + 1 : NULL;
    }
    *ret_size = writer.at;
    return arcs >= 2 && !writer.failed;
}
