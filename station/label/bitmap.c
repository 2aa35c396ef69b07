#include "station/label/bitmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool label_bitmap_new(uint32_t width, uint32_t height, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    if (width == 0 || height == 0 || width > LABEL_DOTS_MAX || height > LABEL_DOTS_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a label of %u x %u dots cannot be made", width, height);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = calloc(1, sizeof *bitmap);
    if (!bitmap)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a label");
    bitmap->width = width;
    bitmap->height = height;
    bitmap->stride = (width + 7) / 8;
    size_t size = label_bitmap_size(bitmap);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return fault_set(fault, FAULT_NO_MEMORY, (unsigned long)errno, "no memory for %zu bytes of label", size);
    bitmap->rows = pages;
    if (mlock(pages, size) != 0 || madvise(pages, size, MADV_DONTDUMP) != 0)
        return fault_set(fault, FAULT_SECRET_MEMORY, (unsigned long)errno, "cannot lock %zu bytes for a label: %s",
                         size, strerror(errno));
    *ret_bitmap = TAKE(bitmap);
    return true;
}

void label_bitmap_free(struct label_bitmap *bitmap)
{
    if (!bitmap)
        return;
    if (bitmap->rows) {
        explicit_bzero(bitmap->rows, label_bitmap_size(bitmap));
        (void)munmap(bitmap->rows, label_bitmap_size(bitmap));
    }
    free(bitmap);
}

size_t label_bitmap_size(const struct label_bitmap *bitmap)
{
    return (size_t)bitmap->stride * bitmap->height;
}

static uint8_t mask_of(uint32_t x)
{
    return (uint8_t)(0x80u >> (x % 8));
}

bool label_bitmap_dot(const struct label_bitmap *bitmap, uint32_t x, uint32_t y)
{
    if (x >= bitmap->width || y >= bitmap->height)
        return false;
    return bitmap->rows[(size_t)y * bitmap->stride + x / 8] & mask_of(x);
}

void label_bitmap_ink(struct label_bitmap *bitmap, uint32_t x, uint32_t y)
{
    if (x < bitmap->width && y < bitmap->height)
        bitmap->rows[(size_t)y * bitmap->stride + x / 8] |= mask_of(x);
}

void label_bitmap_trim(struct label_bitmap *bitmap)
{
    if (bitmap->width % 8 == 0)
        return;
    uint8_t keep = (uint8_t)(0xff00u >> (bitmap->width % 8));
    for (uint32_t y = 0; y < bitmap->height; y++)
        bitmap->rows[(size_t)y * bitmap->stride + bitmap->stride - 1] &= keep;
}
