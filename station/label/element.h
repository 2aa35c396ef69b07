/* element.h -- which elements and attributes a template may have, and what an element says about its own look.
 *
 * The list names what is allowed: what it does not name is refused, be it new, animated, scripted or fetched from
 * somewhere. There are no style sheets; each text carries its look itself, as Inkscape writes it.
 *
 * Owner    nodes belong to their document
 * Threads  the main thread
 * Secrets  none: called before values are filled in
 * Layer    station/label/
 */
#pragma once

#include "station/label/font.h"

#include <libxml/tree.h>

#define ELEMENT_WORDS_SIZE 96

/* "text 'admin'", or "text at line 12" for one without an id. */
NONNULL(1, 2) const char *element_words(const xmlNode *node, char ret_words[ELEMENT_WORDS_SIZE]);

/* True for an element of SVG; false for one of an editor's own name spaces, which is left out of the label. */
NODISCARD NONNULL(1) bool element_is_svg(const xmlNode *node);
NODISCARD NONNULL(1, 2) bool element_is_named(const xmlNode *node, const char *name);

/* The element itself with its attributes, not what is in it. Faults: LABEL_TEMPLATE. */
NODISCARD NONNULL(1, 2) bool element_check(const xmlNode *node, struct fault *fault);

/* The root: svg, sized in millimetres, one user unit a millimetre. Faults: LABEL_TEMPLATE. */
NODISCARD NONNULL(1, 4) bool element_check_root(const xmlNode *root, double width_mm, double height_mm,
                                                struct fault *fault);

struct element_look {
    char family[FONT_FAMILY_SIZE];
    bool bold;
    double size_mm;
    bool black; /* all of it, and nothing shines through */
};

/* The look of the text in this element, inherited where it does not say. Faults: LABEL_TEMPLATE. */
NODISCARD NONNULL(1, 2, 3) bool element_look_of(const xmlNode *node, struct element_look *ret_look,
                                                struct fault *fault);
