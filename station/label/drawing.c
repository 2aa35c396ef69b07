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
/* How far a drawn curve may be from the true one. cairo's own 0.1 is meant for points, of which a dot has three. */
#define TOLERANCE_DOTS 0.05
/* A drawing bigger than this is made in bands from the top down. */
#define CANVAS_BYTES_MAX ((size_t)16 << 20)
/* Letters may reach beyond the line that librsvg counts as their place. */
#define REACH_MM 2.0

struct drawing {
    RsvgHandle *handle;
    struct canvas *canvas;
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

DEFINE_CLEANUP(cairo_surface_t *, cairo_surface_destroy)

void canvas_clear(struct canvas *canvas)
{
    if (canvas->bytes)
        explicit_bzero(canvas->bytes, canvas->size);
    free(canvas->bytes);
    *canvas = (struct canvas){.black = canvas->black};
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
    return box_holds(ink->area, x, y) && *dot_of(ink, x, y) != INK_NONE;
}

bool ink_is_printed(const struct ink *ink)
{
    for (int y = ink->box.top; y < ink->box.bottom; y++)
        if (memchr(dot_of(ink, ink->box.left, y), INK_BLACK, box_width(ink->box)))
            return true;
    return false;
}

static struct box common_box(struct box a, struct box b)
{
    return (struct box){.left = a.left > b.left ? a.left : b.left,
                        .top = a.top > b.top ? a.top : b.top,
                        .right = a.right < b.right ? a.right : b.right,
                        .bottom = a.bottom < b.bottom ? a.bottom : b.bottom};
}

bool ink_touches(const struct ink *ink, const struct ink *other)
{
    const struct box common = common_box(ink->box, other->box);
    for (int y = common.top; y < common.bottom && common.left < common.right; y++) {
        const uint8_t *dots = dot_of(ink, common.left, y), *others = dot_of(other, common.left, y);
        for (int x = common.left; x < common.right; x++, dots++, others++)
            if (*dots != INK_NONE && *others != INK_NONE)
                return true;
    }
    return false;
}

void ink_print(const struct ink *ink, struct label_bitmap *bitmap)
{
    for (int y = ink->box.top; y < ink->box.bottom; y++) {
        const uint8_t *dots = dot_of(ink, ink->box.left, y);
        for (int x = ink->box.left; x < ink->box.right; x++)
            if (*dots++ == INK_BLACK)
                label_bitmap_ink(bitmap, (uint32_t)x, (uint32_t)y);
    }
}

bool box_overlaps(struct box a, struct box b)
{
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

double dots_of_mm(double millimetres, unsigned dpi)
{
    return dpi == 203 ? millimetres * 8 : millimetres * dpi / 25.4;
}

bool drawing_open(const struct wiped *svg, double width_mm, double height_mm, unsigned dpi, struct canvas *canvas,
                  struct drawing **ret_drawing, struct fault *fault)
{
    CLEANUP(drawing_freep) struct drawing *drawing = calloc(1, sizeof *drawing);
    if (!drawing)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a drawing");
    *drawing = (struct drawing){.canvas = canvas, .width_mm = width_mm, .height_mm = height_mm, .dpi = dpi};
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

bool drawing_rows(const struct drawing *drawing, const char *id, struct box *ret_rows, struct fault *fault)
{
    RsvgRectangle place;
    if (!place_of(drawing, id, &place, fault))
        return false;
    const struct box label = whole_label(drawing);
    const double top = dots_of_mm(place.y - REACH_MM, drawing->dpi);
    const double bottom = dots_of_mm(place.y + place.height + REACH_MM, drawing->dpi);
    struct box rows = label;
    rows.top = (int)fmin(fmax(floor(top), 0), label.bottom - 1);
    rows.bottom = (int)fmin(fmax(ceil(bottom), 1), label.bottom);
    *ret_rows = rows.top < rows.bottom ? rows : label;
    return true;
}

/* The canvas is blank wherever nothing is being drawn: whoever draws on it leaves it so. */
static bool canvas_take(struct canvas *canvas, size_t size, struct fault *fault)
{
    if (canvas->size >= size)
        return true;
    canvas_clear(canvas);
    canvas->bytes = malloc(size);
    if (!canvas->bytes)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for %zu bytes of label", size);
    canvas->size = size;
    memset(canvas->bytes, canvas->black ? 0 : 0xff, size);
    return true;
}

/* What was drawn: one byte to a point, how black it is; or four, of which the first may hold anything. */
struct points {
    uint8_t *bytes;
    size_t stride;
    size_t width; /* points */
    bool black;
    unsigned size; /* bytes to a point */
};

static bool draw_on(cairo_surface_t *surface, const struct drawing *drawing, const char *id, struct box part,
                    struct fault *fault)
{
    CLEANUP(cairo_destroyp) cairo_t *pen = cairo_create(surface);
    cairo_set_tolerance(pen, TOLERANCE_DOTS * POINTS_PER_DOT);
    cairo_translate(pen, -(double)part.left * POINTS_PER_DOT, -(double)part.top * POINTS_PER_DOT);
    const RsvgRectangle label = {0, 0, (double)drawing->width * POINTS_PER_DOT,
                                 (double)drawing->height * POINTS_PER_DOT};
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
    return true;
}

/* Draws an element, or everything with NULL, as far as it lies in this part of the label. */
static bool draw(const struct drawing *drawing, const char *id, struct box part, struct points *ret_points,
                 struct fault *fault)
{
    const bool black = drawing->canvas->black;
    const cairo_format_t format = black ? CAIRO_FORMAT_A8 : CAIRO_FORMAT_RGB24;
    struct points points = {.width = box_width(part) * POINTS_PER_DOT, .black = black, .size = black ? 1 : 4};
    points.stride = (size_t)cairo_format_stride_for_width(format, (int)points.width);
    const size_t rows = box_height(part) * POINTS_PER_DOT;
    if (!canvas_take(drawing->canvas, points.stride * rows, fault))
        return false;
    points.bytes = drawing->canvas->bytes;
    CLEANUP(cairo_surface_destroyp)
    cairo_surface_t *surface =
        cairo_image_surface_create_for_data(points.bytes, format, (int)points.width, (int)rows, (int)points.stride);
    if (!draw_on(surface, drawing, id, part, fault)) {
        cairo_surface_finish(surface);
        canvas_clear(drawing->canvas);
        return false;
    }
    *ret_points = points;
    return true;
}

/* Almost all of a label is blank, so it is looked through 32 bytes at a time. */
#define STRIDE 32

static bool is_blank(const uint8_t *bytes, uint64_t blank)
{
    uint64_t four[STRIDE / 8];
    memcpy(four, bytes, sizeof four);
    return ((four[0] ^ blank) | (four[1] ^ blank) | (four[2] ^ blank) | (four[3] ^ blank)) == 0;
}

/* The bytes of a row that are not blank, from the first to behind the last; false when all are. */
static bool find_ink(const uint8_t *row, size_t size, uint8_t blank, size_t *ret_begin, size_t *ret_end)
{
    const uint64_t blanks = blank * 0x0101010101010101u;
    size_t begin = 0, end = size;
    while (begin + STRIDE <= end && is_blank(row + begin, blanks))
        begin += STRIDE;
    while (begin < end && row[begin] == blank)
        begin++;
    if (begin == end)
        return false;
    while (begin + STRIDE <= end && is_blank(row + end - STRIDE, blanks))
        end -= STRIDE;
    while (row[end - 1] == blank)
        end--;
    *ret_begin = begin;
    *ret_end = end;
    return true;
}

static unsigned lightness_of_point(uint32_t point)
{
    const uint32_t blue = point & 255;
    if ((point & 0xffffff) == blue * 0x010101)
        return blue;
    return (299 * (point >> 16 & 255) + 587 * (point >> 8 & 255) + 114 * blue) / 1000;
}

/* `at` is the first of a dot's points. */
static enum ink_dot dot_of_black(const struct points *points, const uint8_t *at)
{
    unsigned sum = 0;
    for (unsigned j = 0; j < POINTS_PER_DOT; j++, at += points->stride)
        for (unsigned i = 0; i < POINTS_PER_DOT; i++)
            sum += at[i];
    const unsigned all = POINTS_PER_DOT * POINTS_PER_DOT;
    return sum == 0 ? INK_NONE : (255 * all - sum) / all < BLACK_BELOW ? INK_BLACK : INK_PALE;
}

static enum ink_dot dot_of_colours(const struct points *points, const uint8_t *at)
{
    unsigned sum = 0;
    uint32_t common = UINT32_MAX;
    for (unsigned j = 0; j < POINTS_PER_DOT; j++, at += points->stride) {
        for (unsigned i = 0; i < POINTS_PER_DOT; i++) {
            uint32_t point;
            memcpy(&point, at + 4 * i, sizeof point);
            common &= point;
            sum += lightness_of_point(point);
        }
    }
    const unsigned all = POINTS_PER_DOT * POINTS_PER_DOT;
    return (common & 0xffffff) == 0xffffff ? INK_NONE : sum / all < BLACK_BELOW ? INK_BLACK : INK_PALE;
}

static void grow_box(struct box *box, struct box by)
{
    if (box->right <= box->left) {
        *box = by;
        return;
    }
    box->left = by.left < box->left ? by.left : box->left;
    box->top = by.top < box->top ? by.top : box->top;
    box->right = by.right > box->right ? by.right : box->right;
    box->bottom = by.bottom > box->bottom ? by.bottom : box->bottom;
}

/* Turns one row of dots of `part` from points into ink, and the points back to blank. */
static void take_row(const struct points *points, struct box part, size_t y, struct ink *ink)
{
    const uint8_t blank = points->black ? 0 : 0xff;
    const size_t bytes_per_dot = points->size * POINTS_PER_DOT;
    uint8_t *rows = points->bytes + y * POINTS_PER_DOT * points->stride;
    size_t first = points->stride, end = 0;
    for (size_t j = 0; j < POINTS_PER_DOT; j++) {
        size_t begins, ends;
        if (!find_ink(rows + j * points->stride, points->size * points->width, blank, &begins, &ends))
            continue;
        first = begins < first ? begins : first;
        end = ends > end ? ends : end;
    }
    if (end == 0)
        return;
    first /= bytes_per_dot;
    end = (end + bytes_per_dot - 1) / bytes_per_dot;
    uint8_t *dots = dot_of(ink, part.left, part.top + (int)y);
    for (size_t x = first; x < end; x++) {
        const uint8_t *at = rows + x * bytes_per_dot;
        dots[x] = (uint8_t)(points->black ? dot_of_black(points, at) : dot_of_colours(points, at));
    }
    for (size_t j = 0; j < POINTS_PER_DOT; j++)
        memset(rows + j * points->stride + first * bytes_per_dot, blank, (end - first) * bytes_per_dot);
    /* White that was drawn is no ink. */
    while (first < end && dots[first] == INK_NONE)
        first++;
    while (first < end && dots[end - 1] == INK_NONE)
        end--;
    if (first < end)
        grow_box(&ink->box, (struct box){.left = part.left + (int)first,
                                         .top = part.top + (int)y,
                                         .right = part.left + (int)end,
                                         .bottom = part.top + (int)y + 1});
}

static int rows_in_a_band(struct box area)
{
    const size_t bytes_a_row = 4 * box_width(area) * POINTS_PER_DOT * POINTS_PER_DOT;
    const size_t rows = CANVAS_BYTES_MAX / bytes_a_row;
    return rows == 0 ? 1 : (int)rows;
}

static bool measure(const struct drawing *drawing, const char *id, struct box area, struct ink *ret_ink,
                    struct fault *fault)
{
    CLEANUP(ink_clear) struct ink ink = {.area = area};
    if (!wiped_extend(&ink.dots, box_width(area) * box_height(area), fault))
        return false;
    const int step = rows_in_a_band(area);
    for (struct box part = area; part.top < area.bottom; part.top += step) {
        part.bottom = part.top + step < area.bottom ? part.top + step : area.bottom;
        struct points points;
        if (!draw(drawing, id, part, &points, fault))
            return false;
        for (size_t y = 0; y < box_height(part); y++)
            take_row(&points, part, y, &ink);
    }
    *ret_ink = ink;
    ink = (struct ink){0};
    return true;
}

/* Ink in the first or the last row, where the label itself goes on: there may be more of it outside. */
static bool is_cut(const struct ink *ink, struct box label)
{
    const struct box area = ink->area, box = ink->box;
    if (box.right <= box.left)
        return false;
    return (box.top == area.top && area.top > label.top) || (box.bottom == area.bottom && area.bottom < label.bottom);
}

bool drawing_ink(const struct drawing *drawing, const char *id, struct box rows, struct ink *ret_ink,
                 struct fault *fault)
{
    CLEANUP(ink_clear) struct ink ink = {0};
    const struct box label = whole_label(drawing);
    if (!measure(drawing, id, rows, &ink, fault))
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

bool drawing_all_ink(const struct drawing *drawing, struct ink *ret_ink, struct fault *fault)
{
    return measure(drawing, NULL, whole_label(drawing), ret_ink, fault);
}
