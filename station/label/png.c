#include "station/label/png.h"

#include "base/bytes.h"
#include "station/label/picture.h"

#include <zlib.h>

static bool append_chunk(struct wiped *buffer, const char type[4], const uint8_t *bytes, size_t size,
                         struct fault *fault)
{
    uint8_t number[4];
    struct writer length = writer_over(number, sizeof number);
    writer_u32(&length, (uint32_t)size);
    if (!wiped_append(buffer, number, sizeof number, fault) || !wiped_append(buffer, type, 4, fault) ||
        !wiped_append(buffer, bytes, size, fault))
        return false;
    uLong sum = crc32(crc32(0, (const Bytef *)type, 4), bytes, (uInt)size);
    struct writer check = writer_over(number, sizeof number);
    writer_u32(&check, (uint32_t)sum);
    return wiped_append(buffer, number, sizeof number, fault);
}

static bool append_header(struct wiped *buffer, const struct label_bitmap *bitmap, unsigned dpi, struct fault *fault)
{
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13], physical[9];
    struct writer writer = writer_over(header, sizeof header);
    writer_u32(&writer, bitmap->width);
    writer_u32(&writer, bitmap->height);
    writer_bytes(&writer, (const uint8_t[]){1, 0, 0, 0, 0}, 5); /* 1 bit, grey, deflate, filtered, not interlaced */
    if (!writer_end(&writer, "PNG header", fault))
        return false;

    uint32_t dots_per_metre = (uint32_t)((dpi * 10000u + 127) / 254);
    writer = writer_over(physical, sizeof physical);
    writer_u32(&writer, dots_per_metre);
    writer_u32(&writer, dots_per_metre);
    writer_u8(&writer, 1);
    if (!writer_end(&writer, "PNG size", fault))
        return false;
    return wiped_append(buffer, signature, sizeof signature, fault) &&
           append_chunk(buffer, "IHDR", header, sizeof header, fault) &&
           append_chunk(buffer, "pHYs", physical, sizeof physical, fault);
}

bool png_append(const struct label_bitmap *bitmap, unsigned dpi, struct wiped *buffer, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped rows = {0};
    CLEANUP(wiped_clear) struct wiped packed = {0};
    for (uint32_t y = 0; y < bitmap->height; y++) {
        const uint8_t no_filter = 0;
        if (!wiped_append(&rows, &no_filter, 1, fault) ||
            !wiped_append(&rows, bitmap->rows + (size_t)y * bitmap->stride, bitmap->stride, fault))
            return false;
        /* In a picture a set bit is light. */
        for (size_t i = rows.size - bitmap->stride; i < rows.size; i++)
            rows.bytes[i] = (uint8_t)~rows.bytes[i];
    }
    return wiped_deflate(&packed, rows.bytes, rows.size, fault) && append_header(buffer, bitmap, dpi, fault) &&
           append_chunk(buffer, "IDAT", packed.bytes, packed.size, fault) &&
           append_chunk(buffer, "IEND", (const uint8_t *)"", 0, fault);
}

bool png_write(const struct label_bitmap *bitmap, unsigned dpi, const char *directory, const char *name,
               struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped picture = {0};
    return png_append(bitmap, dpi, &picture, fault) && picture_keep(&picture, directory, name, fault);
}
