#include "station/label/stand_in/raster.h"

#include <stdlib.h>
#include <string.h>

#include <cups/raster.h>

struct source {
    const uint8_t *bytes;
    size_t size, at;
};

static ssize_t read_source(void *context, unsigned char *ret_bytes, size_t size)
{
    struct source *source = context;
    size_t left = source->size - source->at;
    size_t count = size < left ? size : left;
    memcpy(ret_bytes, source->bytes + source->at, count);
    source->at += count;
    return (ssize_t)count;
}

static void close_raster(cups_raster_t **raster)
{
    if (*raster)
        cupsRasterClose(*raster);
}

static bool check_header(const cups_page_header2_t *header, unsigned dpi, struct fault *fault)
{
    const bool black = header->cupsColorSpace == CUPS_CSPACE_K && header->cupsBitsPerPixel == 1;
    const bool gray = header->cupsColorSpace == CUPS_CSPACE_SW && header->cupsBitsPerPixel == 8;
    if (header->HWResolution[0] != dpi || header->HWResolution[1] != dpi)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "raster: %u dpi", header->HWResolution[0]);
    if (strcmp(header->MediaClass, "PwgRaster") != 0 || (!black && !gray) || header->NumCopies != 1 ||
        header->cupsBytesPerLine != (black ? (header->cupsWidth + 7) / 8 : header->cupsWidth))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "raster: not one copy of black_1 or sgray_8");
    return true;
}

/* Takes the lines from the page. */
static bool read_lines(cups_raster_t *raster, const cups_page_header2_t *header, struct label_bitmap *bitmap,
                       struct fault *fault)
{
    uint8_t line[LABEL_DOTS_MAX];
    for (uint32_t y = 0; y < bitmap->height; y++) {
        if (cupsRasterReadPixels(raster, line, header->cupsBytesPerLine) != header->cupsBytesPerLine)
            return fault_set(fault, FAULT_BAD_BYTES, 0, "raster: line %u is not there", y);
        for (uint32_t x = 0; x < bitmap->width; x++)
            if (header->cupsBitsPerPixel == 1 ? (line[x / 8] >> (7 - x % 8) & 1) != 0 : line[x] < 128)
                label_bitmap_ink(bitmap, x, y);
    }
    explicit_bzero(line, sizeof line);
    return true;
}

bool raster_read(const uint8_t *bytes, size_t size, unsigned dpi, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    struct source source = {.bytes = bytes, .size = size};
    CLEANUP(close_raster) cups_raster_t *raster = cupsRasterOpenIO(read_source, &source, CUPS_RASTER_READ);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    cups_page_header2_t header;
    if (!raster || !cupsRasterReadHeader2(raster, &header))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "raster: no page header");
    if (!check_header(&header, dpi, fault) || !label_bitmap_new(header.cupsWidth, header.cupsHeight, &bitmap, fault) ||
        !read_lines(raster, &header, bitmap, fault))
        return false;
    if (cupsRasterReadHeader2(raster, &header))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "raster: more than one page");
    *ret_bitmap = TAKE(bitmap);
    return true;
}
