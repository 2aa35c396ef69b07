#include "station/label/drawing.h"

#include <cairo.h>
#include <librsvg/rsvg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Each dot is drawn as 3 x 3 points and black from a mean below this. At one point a dot and a threshold in the
 * middle, the hyphens of small text vanish at 203 dpi. */
#define POINTS_PER_DOT 3
#define BLACK_BELOW 160
/* For measuring, where a pale edge counts too. */
#define INK_BELOW 200
/* Letters may reach beyond the line that librsvg counts as their place. */
#define REACH_MM 2.0

struct drawing {
    RsvgHandle *handle;
    double width_mm, height_mm;
    unsigned dpi;
    unsigned width, height;
};

DEFINE_CLEANUP(cairo_t *, cairo_destroy)

static void free_error(GError **error)
{
    if (*error)
        g_error_free(*error);
}

static void free_surface(cairo_surface_t **surface)
{
    if (!*surface)
        return;
    uint8_t *points = cairo_image_surface_get_data(*surface);
    if (points)
        explicit_bzero(points, (size_t)cairo_image_surface_get_stride(*surface) *
                                   (size_t)cairo_image_surface_get_height(*surface));
    cairo_surface_destroy(*surface);
}

void ink_clear(struct ink *ink)
{
    wiped_clear(&ink->dots);
}

static bool box_holds(struct box box, int x, int y)
{
    return x >= box.left && x < box.right && y >= box.top && y < box.bottom;
}

static size_t box_width(struct box box)
{
    return (size_t)(box.right - box.left);
}

static size_t box_height(struct box box)
{
    return (size_t)(box.bottom - box.top);
}

static uint8_t *dot_of(const struct ink *ink, int x, int y)
{
    return ink->dots.bytes + (size_t)(y - ink->area.top) * box_width(ink->area) + (size_t)(x - ink->area.left);
}

bool ink_at(const struct ink *ink, int x, int y)
{
    return box_holds(ink->area, x, y) && *dot_of(ink, x, y);
}

bool box_overlaps(struct box a, struct box b)
{
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

double dots_of_mm(double millimetres, unsigned dpi)
{
    return dpi == 203 ? millimetres * 8 : millimetres * dpi / 25.4;
}

bool drawing_open(const struct wiped *svg, double width_mm, double height_mm, unsigned dpi,
                  struct drawing **ret_drawing, struct fault *fault)
{
    CLEANUP(drawing_freep) struct drawing *drawing = calloc(1, sizeof *drawing);
    if (!drawing)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a drawing");
    *drawing = (struct drawing){.width_mm = width_mm, .height_mm = height_mm, .dpi = dpi};
    drawing->width = (unsigned)lround(dots_of_mm(width_mm, dpi));
    drawing->height = (unsigned)lround(dots_of_mm(height_mm, dpi));
    /* From memory and without a base address librsvg fetches nothing. */
    CLEANUP(free_error) GError *error = NULL;
    drawing->handle = rsvg_handle_new_from_data(svg->bytes, svg->size, &error);
    if (!drawing->handle)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0, "librsvg cannot read it");
    /* One user unit is a millimetre: at another resolution librsvg reports places 3.5 times off. */
    rsvg_handle_set_dpi(drawing->handle, 25.4);
    *ret_drawing = TAKE(drawing);
    return true;
}

void drawing_free(struct drawing *drawing)
{
    if (!drawing)
        return;
    g_clear_object(&drawing->handle);
    free(drawing);
}

void drawing_size(const struct drawing *drawing, unsigned *ret_width, unsigned *ret_height)
{
    *ret_width = drawing->width;
    *ret_height = drawing->height;
}

/* Where librsvg says that an element is, in millimetres. */
static bool place_of(const struct drawing *drawing, const char *id, RsvgRectangle *ret_place, struct fault *fault)
{
    char reference[64];
    (void)g_snprintf(reference, sizeof reference, "#%s", id);
    const RsvgRectangle label = {0, 0, drawing->width_mm, drawing->height_mm};
    RsvgRectangle ink;
    CLEANUP(free_error) GError *error = NULL;
    if (!rsvg_handle_get_geometry_for_layer(drawing->handle, reference, &label, &ink, ret_place, &error))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0, "'%s' has no place", id);
    return true;
}

bool drawing_place(const struct drawing *drawing, const char *id, struct box *ret_box, struct fault *fault)
{
    RsvgRectangle place;
    if (!place_of(drawing, id, &place, fault))
        return false;
    const double little = 1e-6;
    *ret_box = (struct box){
        .left = (int)ceil(dots_of_mm(place.x, drawing->dpi) - little),
        .top = (int)ceil(dots_of_mm(place.y, drawing->dpi) - little),
        .right = (int)floor(dots_of_mm(place.x + place.width, drawing->dpi) + little),
        .bottom = (int)floor(dots_of_mm(place.y + place.height, drawing->dpi) + little),
    };
    return true;
}

static struct box whole_label(const struct drawing *drawing)
{
    return (struct box){.right = (int)drawing->width, .bottom = (int)drawing->height};
}

/* The dots in which an element's ink is to be looked for. */
static bool reach_of(const struct drawing *drawing, const char *id, struct box *ret_area, struct fault *fault)
{
    RsvgRectangle place;
    if (!place_of(drawing, id, &place, fault))
        return false;
    const struct box label = whole_label(drawing);
    const double left = dots_of_mm(place.x - REACH_MM, drawing->dpi);
    const double top = dots_of_mm(place.y - REACH_MM, drawing->dpi);
    const double right = dots_of_mm(place.x + place.width + REACH_MM, drawing->dpi);
    const double bottom = dots_of_mm(place.y + place.height + REACH_MM, drawing->dpi);
    *ret_area = (struct box){.left = (int)fmin(fmax(floor(left), 0), label.right - 1),
                             .top = (int)fmin(fmax(floor(top), 0), label.bottom - 1),
                             .right = (int)fmin(fmax(ceil(right), 1), label.right),
                             .bottom = (int)fmin(fmax(ceil(bottom), 1), label.bottom)};
    if (ret_area->right <= ret_area->left || ret_area->bottom <= ret_area->top)
        *ret_area = label;
    return true;
}

/* Draws an element, or everything with NULL, as far as it lies in this area of the label. */
static bool draw(const struct drawing *drawing, const char *id, struct box part, unsigned points_per_dot,
                 cairo_surface_t **ret_surface, struct fault *fault)
{
    const double width = (double)drawing->width * points_per_dot, height = (double)drawing->height * points_per_dot;
    CLEANUP(free_surface)
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(box_width(part) * points_per_dot),
                                                          (int)(box_height(part) * points_per_dot));
    CLEANUP(cairo_destroyp) cairo_t *pen = cairo_create(surface);
    cairo_set_source_rgb(pen, 1, 1, 1);
    cairo_paint(pen);
    cairo_translate(pen, -(double)part.left * points_per_dot, -(double)part.top * points_per_dot);
    const RsvgRectangle label = {0, 0, width, height};
    CLEANUP(free_error) GError *error = NULL;
    char reference[64];
    (void)g_snprintf(reference, sizeof reference, "#%s", id ? id : "");
    bool drawn = id ? rsvg_handle_render_layer(drawing->handle, pen, reference, &label, &error)
                    : rsvg_handle_render_document(drawing->handle, pen, &label, &error);
    if (!drawn)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0, "%s cannot be drawn",
                         id ? id : "the label");
    cairo_surface_flush(surface);
    if (cairo_status(pen) != CAIRO_STATUS_SUCCESS || cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
        return fault_set(fault, FAULT_NO_MEMORY, (unsigned long)cairo_status(pen), "cairo cannot draw the label");
    *ret_surface = TAKE(surface);
    return true;
}

/* What was drawn, 4 bytes to a point, of which the first may hold anything. */
struct points {
    const uint8_t *bytes;
    size_t stride;
    size_t width; /* points */
    unsigned per_dot;
};

static struct points points_of(cairo_surface_t *surface, unsigned per_dot)
{
    return (struct points){.bytes = cairo_image_surface_get_data(surface),
                           .stride = (size_t)cairo_image_surface_get_stride(surface),
                           .width = (size_t)cairo_image_surface_get_width(surface),
                           .per_dot = per_dot};
}

/* The first point from `at` on that is not white, or points->width. Almost all of a label is white: two at a time. */
static size_t skip_white(const struct points *points, const uint8_t *row, size_t at)
{
    const uint64_t white = 0x00ffffff00ffffff;
    uint64_t two;
    for (; at + 2 <= points->width; at += 2) {
        memcpy(&two, row + 4 * at, sizeof two);
        if ((two & white) != white)
            break;
    }
    uint32_t one;
    for (; at < points->width; at++) {
        memcpy(&one, row + 4 * at, sizeof one);
        if ((one & (uint32_t)white) != (uint32_t)white)
            break;
    }
    return at;
}

/* How light one dot is, 0 to 255. */
static unsigned lightness(const struct points *points, size_t x, size_t y)
{
    unsigned sum = 0;
    for (unsigned j = 0; j < points->per_dot; j++) {
        const uint8_t *row = points->bytes + (y * points->per_dot + j) * points->stride;
        for (unsigned i = 0; i < points->per_dot; i++) {
            uint32_t point;
            memcpy(&point, row + 4 * (x * points->per_dot + i), 4);
            sum += (299 * (point >> 16 & 255) + 587 * (point >> 8 & 255) + 114 * (point & 255)) / 1000;
        }
    }
    return sum / (points->per_dot * points->per_dot);
}

static void grow_box(struct box *box, int x, int y)
{
    if (box->right <= box->left) {
        *box = (struct box){.left = x, .top = y, .right = x + 1, .bottom = y + 1};
        return;
    }
    box->left = x < box->left ? x : box->left;
    box->top = y < box->top ? y : box->top;
    box->right = x >= box->right ? x + 1 : box->right;
    box->bottom = y >= box->bottom ? y + 1 : box->bottom;
}

static bool measure(const struct drawing *drawing, const char *id, struct box area, struct ink *ret_ink,
                    struct fault *fault)
{
    CLEANUP(free_surface) cairo_surface_t *surface = NULL;
    CLEANUP(ink_clear) struct ink ink = {.area = area};
    if (!draw(drawing, id, area, 1, &surface, fault) ||
        !wiped_extend(&ink.dots, box_width(area) * box_height(area), fault))
        return false;
    const struct points points = points_of(surface, 1);
    for (size_t y = 0; y < box_height(area); y++) {
        const uint8_t *row = points.bytes + y * points.stride;
        for (size_t x = skip_white(&points, row, 0); x < points.width; x = skip_white(&points, row, x + 1)) {
            if (lightness(&points, x, y) >= INK_BELOW)
                continue;
            *dot_of(&ink, area.left + (int)x, area.top + (int)y) = 1;
            grow_box(&ink.box, area.left + (int)x, area.top + (int)y);
        }
    }
    *ret_ink = ink;
    ink = (struct ink){0};
    return true;
}

/* Ink at the very edge of the area, where the label itself goes on: there may be more of it outside. */
static bool is_cut(const struct ink *ink, struct box label)
{
    const struct box area = ink->area, box = ink->box;
    if (box.right <= box.left)
        return false;
    return (box.left == area.left && area.left > label.left) || (box.top == area.top && area.top > label.top) ||
           (box.right == area.right && area.right < label.right) ||
           (box.bottom == area.bottom && area.bottom < label.bottom);
}

bool drawing_ink(const struct drawing *drawing, const char *id, struct ink *ret_ink, struct fault *fault)
{
    CLEANUP(ink_clear) struct ink ink = {0};
    const struct box label = whole_label(drawing);
    struct box area = label;
    if ((id && !reach_of(drawing, id, &area, fault)) || !measure(drawing, id, area, &ink, fault))
        return false;
    if (is_cut(&ink, label)) {
        ink_clear(&ink);
        ink = (struct ink){0};
        if (!measure(drawing, id, label, &ink, fault))
            return false;
    }
    *ret_ink = ink;
    ink = (struct ink){0};
    return true;
}

bool drawing_print(const struct drawing *drawing, struct label_bitmap *bitmap, struct fault *fault)
{
    CLEANUP(free_surface) cairo_surface_t *surface = NULL;
    if (!draw(drawing, NULL, whole_label(drawing), POINTS_PER_DOT, &surface, fault))
        return false;
    const struct points points = points_of(surface, POINTS_PER_DOT);
    for (size_t row = 0; row < (size_t)drawing->height * POINTS_PER_DOT; row++) {
        const uint8_t *bytes = points.bytes + row * points.stride;
        const size_t y = row / POINTS_PER_DOT;
        for (size_t at = skip_white(&points, bytes, 0); at < points.width;) {
            const size_t x = at / POINTS_PER_DOT;
            if (lightness(&points, x, y) < BLACK_BELOW)
                label_bitmap_ink(bitmap, (uint32_t)x, (uint32_t)y);
            at = skip_white(&points, bytes, (x + 1) * POINTS_PER_DOT);
        }
    }
    return true;
}
