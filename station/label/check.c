#include "station/label/check.h"

#include <math.h>

/* Labels are not cut exactly. */
#define EDGE_MM 0.5

struct label_edges {
    int left, top, right, bottom;
};

static bool is_inside(struct box box, struct label_edges edges)
{
    return box.left >= edges.left && box.top >= edges.top && box.right <= edges.right && box.bottom <= edges.bottom;
}

static bool touches_art(const struct ink *text, const struct ink *art)
{
    for (int y = text->box.top; y < text->box.bottom; y++)
        for (int x = text->box.left; x < text->box.right; x++)
            if (ink_at(text, x, y) && ink_at(art, x, y))
                return true;
    return false;
}

static bool has_art_inside(const struct ink *art, struct box box)
{
    for (int y = box.top; y < box.bottom; y++)
        for (int x = box.left; x < box.right; x++)
            if (ink_at(art, x, y))
                return true;
    return false;
}

static bool check_places(const struct template *template, const struct ink *art, const struct box *places,
                         struct label_edges edges, struct fault *fault)
{
    for (size_t i = 0; i < template->symbol_count; i++) {
        const char *id = template->symbols[i].id;
        if (!is_inside(places[i], edges))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s' runs off the label", id);
        if (has_art_inside(art, places[i]))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s' has something drawn in its place", id);
        for (size_t j = 0; j < i; j++)
            if (box_overlaps(places[i], places[j]))
                return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s' overlaps code '%s'", id,
                                 template->symbols[j].id);
    }
    return true;
}

/* `boxes` are those of the texts so far; an empty box overlaps nothing. */
static bool check_text(const struct template *template, size_t at, const struct ink *ink, const struct ink *art,
                       const struct box *places, const struct box *boxes, struct label_edges edges, struct fault *fault)
{
    const char *id = template->texts[at].id;
    if (ink->box.right <= ink->box.left)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' draws nothing", id);
    if (!is_inside(ink->box, edges))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' runs off the label", id);
    if (touches_art(ink, art))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' touches a line or shape", id);
    for (size_t i = 0; i < template->symbol_count; i++)
        if (box_overlaps(ink->box, places[i]))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' runs into code '%s'", id,
                             template->symbols[i].id);
    for (size_t i = 0; i < at; i++)
        if (box_overlaps(ink->box, boxes[i]))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' overlaps text '%s'", id, template->texts[i].id);
    return true;
}

bool check_layout(const struct template *template, const struct drawing *drawing, const struct drawing *art_drawing,
                  const struct box *places, struct fault *fault)
{
    CLEANUP(ink_clear) struct ink art = {0};
    if (!drawing_ink(art_drawing, NULL, &art, fault))
        return false;
    double dots_per_mm = art.area.right / template->width_mm;
    const int edge = (int)lround(EDGE_MM * dots_per_mm);
    const struct label_edges edges = {edge, edge, art.area.right - edge, art.area.bottom - edge};
    if (!check_places(template, &art, places, edges, fault))
        return false;

    struct box boxes[TEMPLATE_TEXTS_MAX] = {0};
    for (size_t i = 0; i < template->text_count; i++) {
        if (template->texts[i].blank)
            continue;
        CLEANUP(ink_clear) struct ink ink = {0};
        if (!drawing_ink(drawing, template->texts[i].id, &ink, fault) ||
            !check_text(template, i, &ink, &art, places, boxes, edges, fault))
            return false;
        boxes[i] = ink.box;
    }
    return true;
}
