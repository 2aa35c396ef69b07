#include "station/label/check.h"

#include <math.h>

/* Labels are not cut exactly. */
#define EDGE_MM 0.5

void layout_clear(struct layout *layout)
{
    ink_clear(&layout->art);
}

static bool is_empty(struct box box)
{
    return box.right <= box.left;
}

static bool is_inside(struct box box, struct box inside)
{
    return box.left >= inside.left && box.top >= inside.top && box.right <= inside.right && box.bottom <= inside.bottom;
}

static bool has_art_inside(const struct ink *art, struct box box)
{
    for (int y = box.top; y < box.bottom; y++)
        for (int x = box.left; x < box.right; x++)
            if (ink_at(art, x, y))
                return true;
    return false;
}

static bool check_places(const struct layout *layout, const struct template *template, struct fault *fault)
{
    for (size_t i = 0; i < template->symbol_count; i++) {
        const char *id = template->symbols[i].id;
        if (!is_inside(layout->places[i], layout->inside))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s' runs off the label", id);
        if (has_art_inside(&layout->art, layout->places[i]))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s' has something drawn in its place", id);
        for (size_t j = 0; j < i; j++)
            if (box_overlaps(layout->places[i], layout->places[j]))
                return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s' overlaps code '%s'", id,
                                 template->symbols[j].id);
    }
    return true;
}

bool layout_open(const struct template *template, const struct drawing *drawing, const struct drawing *art,
                 struct layout *ret_layout, struct fault *fault)
{
    CLEANUP(layout_clear) struct layout layout = {0};
    unsigned width = 0, height = 0;
    drawing_size(drawing, &width, &height);
    const int edge = (int)lround(EDGE_MM * width / template->width_mm);
    layout.inside = (struct box){edge, edge, (int)width - edge, (int)height - edge};
    for (size_t i = 0; i < template->symbol_count; i++)
        if (!drawing_place(drawing, template->symbols[i].id, &layout.places[i], fault))
            return false;
    if (!drawing_all_ink(art, &layout.art, fault) || !check_places(&layout, template, fault))
        return false;
    *ret_layout = layout;
    layout = (struct layout){0};
    return true;
}

bool layout_check_text(const struct layout *layout, const struct template *template, size_t at, const struct ink *ink,
                       struct box boxes[TEMPLATE_TEXTS_MAX], struct fault *fault)
{
    const char *id = template->texts[at].id;
    if (!ink_is_printed(ink))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' draws nothing", id);
    if (!is_inside(ink->box, layout->inside))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' runs off the label", id);
    if (ink_touches(ink, &layout->art))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' touches a line or shape", id);
    for (size_t i = 0; i < template->symbol_count; i++)
        if (box_overlaps(ink->box, layout->places[i]))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' runs into code '%s'", id,
                             template->symbols[i].id);
    for (size_t i = 0; i < template->text_count; i++)
        if (!is_empty(boxes[i]) && box_overlaps(ink->box, boxes[i]))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "text '%s' overlaps text '%s'",
                             template->texts[at > i ? at : i].id, template->texts[at > i ? i : at].id);
    boxes[at] = ink->box;
    return true;
}
