#include "station/label/pwg.h"

#include <string.h>

#define HEADER_SIZE 1796
#define POINTS_PER_INCH 72
#define RUN_MAX 128
#define LINES_MAX 256

/* Where a field of the page header begins. All that is not named here is zero. */
enum {
    AT_MAGIC = 0, /* "PwgRaster" */
    AT_RESOLUTION = 276,
    AT_COPIES = 340,
    AT_PAGE_SIZE = 352,
    AT_WIDTH = 372,
    AT_HEIGHT = 376,
    AT_BITS_PER_COLOR = 384,
    AT_BITS_PER_PIXEL = 388,
    AT_BYTES_PER_LINE = 392,
    AT_COLOR_SPACE = 400,
    AT_COLORS = 420,
    AT_PAGES = 452,
    AT_CROSS_FEED = 456,
    AT_FEED = 460,
};

enum { SPACE_BLACK = 3, SPACE_SGRAY = 18 };

static void put(uint8_t *header, size_t at, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        header[at + (size_t)i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t points(uint32_t dots, unsigned dpi)
{
    return (dots * POINTS_PER_INCH + dpi / 2) / dpi;
}

static uint32_t line_size(const struct label_bitmap *bitmap, enum pwg_type type)
{
    return type == PWG_BLACK_1 ? bitmap->stride : bitmap->width;
}

static bool append_header(const struct label_bitmap *bitmap, unsigned dpi, enum pwg_type type, struct wiped *buffer,
                          struct fault *fault)
{
    uint8_t header[HEADER_SIZE] = {0};
    const uint32_t bits = type == PWG_BLACK_1 ? 1 : 8;
    memcpy(header + AT_MAGIC, "PwgRaster", strlen("PwgRaster"));
    put(header, AT_RESOLUTION, dpi);
    put(header, AT_RESOLUTION + 4, dpi);
    put(header, AT_COPIES, 1);
    put(header, AT_PAGE_SIZE, points(bitmap->width, dpi));
    put(header, AT_PAGE_SIZE + 4, points(bitmap->height, dpi));
    put(header, AT_WIDTH, bitmap->width);
    put(header, AT_HEIGHT, bitmap->height);
    put(header, AT_BITS_PER_COLOR, bits);
    put(header, AT_BITS_PER_PIXEL, bits);
    put(header, AT_BYTES_PER_LINE, line_size(bitmap, type));
    put(header, AT_COLOR_SPACE, type == PWG_BLACK_1 ? SPACE_BLACK : SPACE_SGRAY);
    put(header, AT_COLORS, 1);
    put(header, AT_PAGES, 1);
    put(header, AT_CROSS_FEED, 1);
    put(header, AT_FEED, 1);
    return wiped_append_text(buffer, "RaS2", fault) && wiped_append(buffer, header, sizeof header, fault);
}

static void draw_line(const struct label_bitmap *bitmap, uint32_t y, enum pwg_type type, uint8_t *line)
{
    if (type == PWG_BLACK_1)
        memcpy(line, bitmap->rows + (size_t)y * bitmap->stride, bitmap->stride);
    else
        for (uint32_t x = 0; x < bitmap->width; x++)
            line[x] = label_bitmap_dot(bitmap, x, y) ? 0 : 255;
}

/* How many bytes from here on are the same, up to the longest run that one code can say. */
static size_t run_length(const uint8_t *bytes, size_t size)
{
    size_t length = 1;
    while (length < size && length < RUN_MAX && bytes[length] == bytes[0])
        length++;
    return length;
}

static bool append_run(const uint8_t *bytes, size_t length, struct wiped *buffer, struct fault *fault)
{
    const uint8_t code[2] = {(uint8_t)(length - 1), bytes[0]};
    return wiped_append(buffer, code, sizeof code, fault);
}

/* Bytes as they are, 2 to 128 of them: until two that are the same begin a run. */
static bool append_others(const uint8_t *bytes, size_t length, struct wiped *buffer, struct fault *fault)
{
    const uint8_t code = (uint8_t)(257 - length);
    return wiped_append(buffer, &code, 1, fault) && wiped_append(buffer, bytes, length, fault);
}

static bool append_line(const uint8_t *line, size_t size, struct wiped *buffer, struct fault *fault)
{
    for (size_t at = 0; at < size;) {
        size_t length = run_length(line + at, size - at);
        if (length > 1 || at + 1 == size) {
            if (!append_run(line + at, length, buffer, fault))
                return false;
        } else {
            while (at + length < size && length < RUN_MAX && run_length(line + at + length, size - at - length) == 1)
                length++;
            if (length == 1 ? !append_run(line + at, 1, buffer, fault)
                            : !append_others(line + at, length, buffer, fault))
                return false;
        }
        at += length;
    }
    return true;
}

bool pwg_append_page(const struct label_bitmap *bitmap, unsigned dpi, enum pwg_type type, struct wiped *buffer,
                     struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped lines = {0};
    const uint32_t size = line_size(bitmap, type);
    if (!append_header(bitmap, dpi, type, buffer, fault) || !wiped_extend(&lines, 2 * (size_t)size, fault))
        return false;
    uint8_t *line = lines.bytes, *next = lines.bytes + size;
    draw_line(bitmap, 0, type, line);
    for (uint32_t y = 0; y < bitmap->height;) {
        uint32_t same = 1;
        for (; y + same < bitmap->height; same++) {
            draw_line(bitmap, y + same, type, next);
            if (same == LINES_MAX || memcmp(line, next, size) != 0)
                break;
        }
        const uint8_t repeat = (uint8_t)(same - 1);
        if (!wiped_append(buffer, &repeat, 1, fault) || !append_line(line, size, buffer, fault))
            return false;
        y += same;
        uint8_t *drawn = line;
        line = next;
        next = drawn;
    }
    return true;
}
