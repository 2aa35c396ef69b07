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

bool drawing_place(const struct drawing *drawing, const char *id, struct box *ret_box, struct fault *fault)
{
    char reference[64];
    (void)g_snprintf(reference, sizeof reference, "#%s", id);
    const RsvgRectangle label = {0, 0, drawing->width_mm, drawing->height_mm};
    RsvgRectangle ink, place;
    CLEANUP(free_error) GError *error = NULL;
    if (!rsvg_handle_get_geometry_for_layer(drawing->handle, reference, &label, &ink, &place, &error))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0, "'%s' has no place", id);
    const double little = 1e-6;
    *ret_box = (struct box){
        .left = (int)ceil(dots_of_mm(place.x, drawing->dpi) - little),
        .top = (int)ceil(dots_of_mm(place.y, drawing->dpi) - little),
        .right = (int)floor(dots_of_mm(place.x + place.width, drawing->dpi) + little),
        .bottom = (int)floor(dots_of_mm(place.y + place.height, drawing->dpi) + little),
    };
    return true;
}

static bool draw(const struct drawing *drawing, const char *id, unsigned points_per_dot, cairo_surface_t **ret_surface,
                 struct fault *fault)
{
    const unsigned width = drawing->width * points_per_dot, height = drawing->height * points_per_dot;
    CLEANUP(free_surface)
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    CLEANUP(cairo_destroyp) cairo_t *pen = cairo_create(surface);
    cairo_set_source_rgb(pen, 1, 1, 1);
    cairo_paint(pen);
    const RsvgRectangle area = {0, 0, width, height};
    CLEANUP(free_error) GError *error = NULL;
    char reference[64];
    (void)g_snprintf(reference, sizeof reference, "#%s", id ? id : "");
    bool drawn = id ? rsvg_handle_render_layer(drawing->handle, pen, reference, &area, &error)
                    : rsvg_handle_render_document(drawing->handle, pen, &area, &error);
    if (!drawn)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0, "%s cannot be drawn",
                         id ? id : "the label");
    cairo_surface_flush(surface);
    if (cairo_status(pen) != CAIRO_STATUS_SUCCESS || cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
        return fault_set(fault, FAULT_NO_MEMORY, (unsigned long)cairo_status(pen), "cairo cannot draw the label");
    *ret_surface = TAKE(surface);
    return true;
}

/* What was drawn, 4 bytes to a point. */
struct points {
    const uint8_t *bytes;
    size_t stride;
    unsigned per_dot;
};

static struct points points_of(cairo_surface_t *surface, unsigned per_dot)
{
    return (struct points){.bytes = cairo_image_surface_get_data(surface),
                           .stride = (size_t)cairo_image_surface_get_stride(surface),
                           .per_dot = per_dot};
}

/* How light one dot is, 0 to 255. Almost all of a label is white: that is answered first. */
static unsigned lightness(const struct points *points, unsigned x, unsigned y)
{
    const uint32_t white = 0xffffff;
    unsigned sum = 0;
    for (unsigned j = 0; j < points->per_dot; j++) {
        const uint8_t *row = points->bytes + ((size_t)y * points->per_dot + j) * points->stride;
        for (unsigned i = 0; i < points->per_dot; i++) {
            uint32_t point;
            memcpy(&point, row + 4 * ((size_t)x * points->per_dot + i), 4);
            if ((point & white) == white)
                sum += 255;
            else
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

bool drawing_ink(const struct drawing *drawing, const char *id, struct ink *ret_ink, struct fault *fault)
{
    CLEANUP(free_surface) cairo_surface_t *surface = NULL;
    CLEANUP(ink_clear) struct ink ink = {.width = drawing->width, .height = drawing->height};
    if (!draw(drawing, id, 1, &surface, fault) || !wiped_extend(&ink.dots, (size_t)ink.width * ink.height, fault))
        return false;
    const struct points points = points_of(surface, 1);
    for (unsigned y = 0; y < ink.height; y++) {
        for (unsigned x = 0; x < ink.width; x++) {
            if (lightness(&points, x, y) >= INK_BELOW)
                continue;
            ink.dots.bytes[(size_t)y * ink.width + x] = 1;
            grow_box(&ink.box, (int)x, (int)y);
        }
    }
    *ret_ink = ink;
    ink = (struct ink){0};
    return true;
}

bool drawing_print(const struct drawing *drawing, struct label_bitmap *bitmap, struct fault *fault)
{
    CLEANUP(free_surface) cairo_surface_t *surface = NULL;
    if (!draw(drawing, NULL, POINTS_PER_DOT, &surface, fault))
        return false;
    const struct points points = points_of(surface, POINTS_PER_DOT);
    for (unsigned y = 0; y < drawing->height; y++)
        for (unsigned x = 0; x < drawing->width; x++)
            if (lightness(&points, x, y) < BLACK_BELOW)
                label_bitmap_ink(bitmap, x, y);
    return true;
}
