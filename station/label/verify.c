#include "station/label/verify.h"

#include <dmtx.h>
#include <string.h>
#include <zbar.h>

/* Neighbours are left in view, as a scanner has them. */
#define VIEW_MARGIN_DOTS 8
#define READING_MS 3000

/* A part of the label in 8-bit grey. */
struct view {
    struct wiped points;
    unsigned width, height;
};

static void view_clear(struct view *view)
{
    wiped_clear(&view->points);
}

static bool take_view(const struct label_bitmap *bitmap, struct box place, struct view *ret_view, struct fault *fault)
{
    CLEANUP(view_clear)
    struct view view = {.width = (unsigned)(place.right - place.left) + 2 * VIEW_MARGIN_DOTS,
                        .height = (unsigned)(place.bottom - place.top) + 2 * VIEW_MARGIN_DOTS};
    if (!wiped_extend(&view.points, (size_t)view.width * view.height, fault))
        return false;
    for (unsigned y = 0; y < view.height; y++) {
        for (unsigned x = 0; x < view.width; x++) {
            /* Left or above the label this wraps to a far place, where there is no ink. */
            uint32_t dot_x = (uint32_t)place.left + x - VIEW_MARGIN_DOTS;
            uint32_t dot_y = (uint32_t)place.top + y - VIEW_MARGIN_DOTS;
            view.points.bytes[(size_t)y * view.width + x] = label_bitmap_dot(bitmap, dot_x, dot_y) ? 0 : 255;
        }
    }
    *ret_view = view;
    view = (struct view){0};
    return true;
}

static void free_image(DmtxImage **image)
{
    if (*image)
        (void)dmtxImageDestroy(image);
}

static void free_decode(DmtxDecode **decode)
{
    if (*decode)
        (void)dmtxDecodeDestroy(decode);
}

static void free_region(DmtxRegion **region)
{
    if (*region)
        (void)dmtxRegionDestroy(region);
}

static void free_message(DmtxMessage **message)
{
    if (*message)
        (void)dmtxMessageDestroy(message);
}

/* Of GS1: 0x1D for FNC1, in front of the first identifier as well as between two; scanners drop the first. */
static bool matches_datamatrix(const DmtxMessage *message, bool gs1, const uint8_t *wanted, size_t size)
{
    const uint8_t *text = message->output;
    size_t length = (size_t)message->outputIdx;
    if (gs1) {
        if (length == 0 || text[0] != 0x1d)
            return false;
        text++;
        length--;
    }
    return length == size && memcmp(text, wanted, size) == 0;
}

static bool verify_datamatrix(const struct view *view, bool gs1, const uint8_t *wanted, size_t size,
                              struct fault *fault)
{
    CLEANUP(free_image)
    DmtxImage *image = dmtxImageCreate(view->points.bytes, (int)view->width, (int)view->height, DmtxPack8bppK);
    CLEANUP(free_decode) DmtxDecode *decode = image ? dmtxDecodeCreate(image, 1) : NULL;
    if (!decode || (gs1 && dmtxDecodeSetProp(decode, DmtxPropFnc1, 0x1d) != DmtxPass))
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to read a code back");
    DmtxTime until = dmtxTimeAdd(dmtxTimeNow(), READING_MS);
    for (;;) {
        CLEANUP(free_region) DmtxRegion *region = dmtxRegionFindNext(decode, &until);
        if (!region)
            return fault_set(fault, FAULT_LABEL_UNREADABLE, 0, "no DataMatrix is found on the finished label");
        CLEANUP(free_message) DmtxMessage *message = dmtxDecodeMatrixRegion(decode, region, DmtxUndefined);
        if (!message)
            continue;
        if (!matches_datamatrix(message, gs1, wanted, size))
            return fault_set(fault, FAULT_LABEL_UNREADABLE, 0,
                             "the DataMatrix on the finished label says another thing");
        return true;
    }
}

static void free_scanner(zbar_image_scanner_t **scanner)
{
    if (*scanner)
        zbar_image_scanner_destroy(*scanner);
}

static void free_picture(zbar_image_t **picture)
{
    if (*picture)
        zbar_image_destroy(*picture);
}

static bool verify_with_zbar(const struct view *view, zbar_symbol_type_t type, const uint8_t *wanted, size_t size,
                             struct fault *fault)
{
    CLEANUP(free_scanner) zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    CLEANUP(free_picture) zbar_image_t *picture = zbar_image_create();
    if (!scanner || !picture || zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0) != 0 ||
        zbar_image_scanner_set_config(scanner, type, ZBAR_CFG_ENABLE, 1) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to read a code back");
    /* Every other row and column of dots: a module has two dots at least (MODULE_DOTS_MIN), so each is still looked at.
     */
    if (zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_X_DENSITY, 2) != 0 ||
        zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_Y_DENSITY, 2) != 0)
        return fault_set(fault, FAULT_INTERNAL, 0, "zbar does not take its settings");
    zbar_image_set_format(picture, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(picture, view->width, view->height);
    zbar_image_set_data(picture, view->points.bytes, view->points.size, NULL);
    int found = zbar_scan_image(scanner, picture);
    const zbar_symbol_t *symbol = found > 0 ? zbar_image_first_symbol(picture) : NULL;
    if (!symbol)
        return fault_set(fault, FAULT_LABEL_UNREADABLE, 0, "no %s is found on the finished label",
                         zbar_get_symbol_name(type));
    for (; symbol; symbol = zbar_symbol_next(symbol))
        if (zbar_symbol_get_type(symbol) != type || zbar_symbol_get_data_length(symbol) != size ||
            memcmp(zbar_symbol_get_data(symbol), wanted, size) != 0)
            return fault_set(fault, FAULT_LABEL_UNREADABLE, 0, "the %s on the finished label says another thing",
                             zbar_get_symbol_name(type));
    return true;
}

bool verify_symbol(const struct label_bitmap *bitmap, struct box place, enum symbol_kind kind, const uint8_t *wanted,
                   size_t size, struct fault *fault)
{
    CLEANUP(view_clear) struct view view = {0};
    if (!take_view(bitmap, place, &view, fault))
        return false;
    switch (kind) {
    case SYMBOL_DATAMATRIX:
        return verify_datamatrix(&view, false, wanted, size, fault);
    case SYMBOL_GS1_DATAMATRIX:
        return verify_datamatrix(&view, true, wanted, size, fault);
    case SYMBOL_QR:
        return verify_with_zbar(&view, ZBAR_QRCODE, wanted, size, fault);
    case SYMBOL_CODE128:
        return verify_with_zbar(&view, ZBAR_CODE128, wanted, size, fault);
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "a code of kind %d", (int)kind);
}
