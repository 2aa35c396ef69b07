#include "station/label/wiped.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A label takes a third of the time of zlib's default, and 6 % more bytes. */
#define LEVEL 4

void wiped_clear(struct wiped *buffer)
{
    if (buffer->bytes)
        explicit_bzero(buffer->bytes, buffer->room);
    free(buffer->bytes);
    *buffer = (struct wiped){0};
}

/* realloc() would leave the old bytes where they were. */
static bool make_room(struct wiped *buffer, size_t more, struct fault *fault)
{
    size_t needed;
    if (__builtin_add_overflow(buffer->size, more, &needed) || needed > SIZE_MAX / 2)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for %zu bytes of label", more);
    if (needed <= buffer->room)
        return true;
    size_t room = needed < 2048 ? 4096 : buffer->size == 0 ? needed : 2 * needed;
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for %zu bytes of label", room);
    if (buffer->size > 0)
        memcpy(bytes, buffer->bytes, buffer->size);
    size_t size = buffer->size;
    wiped_clear(buffer);
    *buffer = (struct wiped){.size = size, .room = room, .bytes = bytes};
    return true;
}

bool wiped_append(struct wiped *buffer, const void *bytes, size_t size, struct fault *fault)
{
    if (!make_room(buffer, size, fault))
        return false;
    if (size > 0)
        memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return true;
}

bool wiped_extend(struct wiped *buffer, size_t size, struct fault *fault)
{
    if (!make_room(buffer, size, fault))
        return false;
    memset(buffer->bytes + buffer->size, 0, size);
    buffer->size += size;
    return true;
}

bool wiped_append_text(struct wiped *buffer, const char *text, struct fault *fault)
{
    return wiped_append(buffer, text, strlen(text), fault);
}

void wiped_drop(struct wiped *buffer, size_t size)
{
    if (size == 0)
        return;
    if (size > buffer->size)
        size = buffer->size;
    memmove(buffer->bytes, buffer->bytes + size, buffer->size - size);
    explicit_bzero(buffer->bytes + buffer->size - size, size);
    buffer->size -= size;
}

/* zlib frees its window as it was; the size stands in front so that it can be wiped first. */
static void *allocate(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    size_t total = (size_t)count * size + sizeof(max_align_t);
    size_t *block = calloc(1, total);
    if (!block)
        return NULL;
    *block = total;
    return (char *)block + sizeof(max_align_t);
}

static void release(void *unused, void *address)
{
    (void)unused;
    if (!address)
        return;
    size_t *block = (size_t *)(void *)((char *)address - sizeof(max_align_t));
    size_t total = *block;
    explicit_bzero(block, total);
    free(block);
}

static void end_deflate(z_stream *stream)
{
    (void)deflateEnd(stream);
}

static void end_inflate(z_stream *stream)
{
    (void)inflateEnd(stream);
}

bool wiped_deflate(struct wiped *buffer, const uint8_t *bytes, size_t size, struct fault *fault)
{
    CLEANUP(end_deflate) z_stream stream = {.zalloc = allocate, .zfree = release};
    if (size > UINT_MAX || deflateInit(&stream, LEVEL) != Z_OK)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to compress a label");
    uLong bound = deflateBound(&stream, size);
    if (!make_room(buffer, bound, fault))
        return false;
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = buffer->bytes + buffer->size;
    stream.avail_out = (uInt)bound;
    int result = deflate(&stream, Z_FINISH);
    if (result != Z_STREAM_END)
        return fault_set(fault, FAULT_INTERNAL, (unsigned long)result, "zlib did not finish the label: %d", result);
    buffer->size += stream.total_out;
    return true;
}

bool wiped_inflate(const uint8_t *bytes, size_t stream_size, uint8_t *ret_bytes, size_t size, struct fault *fault)
{
    CLEANUP(end_inflate) z_stream stream = {.zalloc = allocate, .zfree = release};
    if (stream_size > UINT_MAX || size > UINT_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "zlib stream: too long");
    if (inflateInit(&stream) != Z_OK)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to open a label");
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)stream_size;
    stream.next_out = ret_bytes;
    stream.avail_out = (uInt)size;
    int result = inflate(&stream, Z_FINISH);
    if (result != Z_STREAM_END || stream.avail_in != 0 || stream.avail_out != 0)
        return fault_set(fault, FAULT_BAD_BYTES, (unsigned long)result, "zlib stream: not exactly %zu bytes", size);
    return true;
}
