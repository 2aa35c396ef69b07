/* drawing.h -- a filled SVG as something that can be measured and drawn, in dots of one printer.
 *
 * Owner    the caller frees the drawing
 * Threads  the main thread
 * Secrets  the drawing shows them; librsvg and cairo keep copies (label.h)
 * Layer    station/label/; drawing.c is the only user of librsvg and cairo
 */
#pragma once

#include "station/label/bitmap.h"
#include "station/label/wiped.h"

struct drawing;

/* Room for points, which drawings use one after the other. Empty at first; the caller clears it, after the drawings.
 *
 * With `black` a point has one byte, how much black it has, instead of four for its colours. That is quicker, and the
 * same for what is nothing but black.
 */
struct canvas {
    bool black;
    uint8_t *bytes;
    size_t size;
};

void canvas_clear(struct canvas *canvas);

/* Dots, from the left and from the top; `right` and `bottom` are the first outside. */
struct box {
    int left, top, right, bottom;
};

enum ink_dot {
    INK_NONE,
    INK_PALE,  /* the very edge of a stroke lies in it: white on paper, but no other ink may lie in it */
    INK_BLACK, /* printed */
};

/* The dots of an area, one byte each, and the smallest box around those with ink. Outside the area there is none. */
struct ink {
    struct wiped dots;
    struct box area;
    struct box box; /* empty: right <= left */
};

void ink_clear(struct ink *ink);
/* Pale ink counts. */
NODISCARD NONNULL(1) bool ink_at(const struct ink *ink, int x, int y);
/* Whether any of it is printed. */
NODISCARD NONNULL(1) bool ink_is_printed(const struct ink *ink);
/* Whether they have a dot in common, pale ones counted. */
NODISCARD NONNULL(1, 2) bool ink_touches(const struct ink *ink, const struct ink *other);
/* Only black ink is printed. Where no two inks have a dot in common, printing one after the other gives the very dots
 * of all of them drawn at once. */
NONNULL(1, 2) void ink_print(const struct ink *ink, struct label_bitmap *bitmap);
NODISCARD bool box_overlaps(struct box a, struct box b);

/* How many dots so many millimetres are. A "203 dpi" head has exactly 8 dots to the millimetre. */
NODISCARD double dots_of_mm(double millimetres, unsigned dpi);

/* Faults: LABEL_TEMPLATE, NO_MEMORY. */
NODISCARD NONNULL(1, 5, 6, 7) bool drawing_open(const struct wiped *svg, double width_mm, double height_mm,
                                                unsigned dpi, struct canvas *canvas, struct drawing **ret_drawing,
                                                struct fault *fault);
void drawing_free(struct drawing *drawing);
DEFINE_CLEANUP(struct drawing *, drawing_free)

/* The size of the whole label in dots. */
NONNULL(1, 2, 3) void drawing_size(const struct drawing *drawing, unsigned *ret_width, unsigned *ret_height);

/* The place of one element, whether it draws something or not; only whole dots inside it. Faults: LABEL_TEMPLATE. */
NODISCARD NONNULL(1, 2, 3, 4) bool drawing_place(const struct drawing *drawing, const char *id, struct box *ret_box,
                                                 struct fault *fault);

/* The rows in which the ink of one element lies, and some more, over the whole width. Faults: LABEL_TEMPLATE. */
NODISCARD NONNULL(1, 2, 3, 4) bool drawing_rows(const struct drawing *drawing, const char *id, struct box *ret_rows,
                                                struct fault *fault);

/* The ink of one element, looked for in these rows first and on the whole label when it reaches out of them. Faults:
 * LABEL_TEMPLATE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4, 5) bool drawing_ink(const struct drawing *drawing, const char *id, struct box rows,
                                               struct ink *ret_ink, struct fault *fault);
/* The ink of all. Faults: LABEL_TEMPLATE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool drawing_all_ink(const struct drawing *drawing, struct ink *ret_ink,
                                                struct fault *fault);
