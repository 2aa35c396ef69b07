#include "station/label/text.h"

#include "station/label/drawing.h"
#include "station/label/element.h"

#include <string.h>

/* What serials, addresses, names and passwords are made of. */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz 0123456789-:./";

bool text_has_fields(const xmlNode *element)
{
    xmlChar *content = xmlNodeGetContent(element);
    bool has = content && strstr((const char *)content, "{{");
    xmlFree(content);
    return has;
}

/* Below so many dots a stroke of the letter falls between two dots; below so many millimetres nobody reads it. */
static bool check_size(const xmlNode *node, const struct element_look *look, const struct field_use *use, unsigned dpi,
                       struct fault *fault)
{
    double dots = use->secret ? 26 : use->any ? 16 : 12;
    double least = use->secret ? 3.0 : use->any ? 1.6 : 1.2;
    if (dots / dots_of_mm(1, dpi) > least)
        least = dots / dots_of_mm(1, dpi);
    char words[ELEMENT_WORDS_SIZE];
    if (look->size_mm < least)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: %.2f mm is too small, at least %.2f mm at %u dpi",
                         element_words(node, words), look->size_mm, least, dpi);
    return true;
}

static bool check_letters(const struct text_pen *pen, const xmlNode *node, const struct wiped *filled,
                          const struct field_use *use, struct fault *fault)
{
    struct element_look look;
    char words[ELEMENT_WORDS_SIZE];
    if (!element_look_of(node, &look, fault) || !check_size(node, &look, use, pen->dpi, fault))
        return false;
    if (use->any && !look.black)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: a text with a field is black, without opacity",
                         element_words(node, words));
    return font_check(pen->fonts, look.family, look.bold, (const char *)filled->bytes, filled->size, use->secret,
                      fault) ||
           fault_within(fault, "%s", element_words(node, words));
}

static bool is_blank(const struct wiped *filled)
{
    for (size_t i = 0; i < filled->size; i++)
        if (!strchr(" \t\r\n", filled->bytes[i]))
            return false;
    return true;
}

static bool expand(const struct text_pen *pen, const char *text, struct wiped *result, struct field_use *ret_use,
                   struct fault *fault)
{
    if (!strstr(text, "{{"))
        return wiped_append_text(result, text, fault);
    if (pen->values)
        return field_expand(text, pen->values, true, result, ret_use, fault);
    ret_use->any = true;
    return wiped_append_text(result, letters, fault);
}

/* Replaces the node by a new one: xmlNodeSetContent() would read a value's & and < as XML. */
static bool fill_node(const struct text_pen *pen, xmlNode *node, bool *ret_blank, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped filled = {0};
    struct field_use use = {0};
    char words[ELEMENT_WORDS_SIZE];
    if (!expand(pen, node->content ? (const char *)node->content : "", &filled, &use, fault))
        return fault_within(fault, "%s", element_words(node->parent, words));
    *ret_blank = is_blank(&filled);
    if (pen->values || !use.any)
        if (!*ret_blank && !check_letters(pen, node->parent, &filled, &use, fault))
            return false;
    if (!use.any)
        return true;
    xmlNode *replacement = xmlNewTextLen(filled.bytes, (int)filled.size);
    if (!replacement)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to fill a template");
    xmlFreeNode(xmlReplaceNode(node, replacement));
    return true;
}

bool text_fill(const struct text_pen *pen, xmlNode *element, bool *ret_blank, struct fault *fault)
{
    char words[ELEMENT_WORDS_SIZE];
    *ret_blank = true;
    for (xmlNode *child = element->children, *next = NULL; child; child = next) {
        next = child->next;
        bool blank = true;
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
            if (!fill_node(pen, child, &blank, fault))
                return false;
        } else if (element_is_named(child, "tspan") && element_is_svg(child)) {
            if (!element_check(child, fault) || !text_fill(pen, child, &blank, fault))
                return false;
        } else if (child->type != XML_COMMENT_NODE) {
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: only text and tspan may be in a text",
                             element_words(child, words));
        }
        *ret_blank &= blank;
    }
    return true;
}
