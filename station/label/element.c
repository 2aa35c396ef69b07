#include "station/label/element.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SVG_NAME_SPACE "http://www.w3.org/2000/svg"

const char *element_words(const xmlNode *node, char ret_words[ELEMENT_WORDS_SIZE])
{
    xmlChar *id = xmlGetNoNsProp(node, BAD_CAST "id");
    if (id)
        (void)snprintf(ret_words, ELEMENT_WORDS_SIZE, "%.40s '%.40s'", (const char *)node->name, (const char *)id);
    else
        (void)snprintf(ret_words, ELEMENT_WORDS_SIZE, "%.40s at line %ld", (const char *)node->name,
                       xmlGetLineNo(node));
    xmlFree(id);
    return ret_words;
}

bool element_is_svg(const xmlNode *node)
{
    return !node->ns || strcmp((const char *)node->ns->href, SVG_NAME_SPACE) == 0;
}

bool element_is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static bool is_allowed(const xmlNode *node)
{
    static const char *const allowed[] = {"svg",  "g",    "title", "desc",   "metadata", "defs",     "text",   "tspan",
                                          "rect", "line", "path",  "circle", "ellipse",  "polyline", "polygon"};
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
        if (element_is_named(node, allowed[i]))
            return node->ns != NULL;
    return false;
}

/* Moving is harmless; turning and scaling would make the size checks lie and the codes' dots uneven. */
static bool is_translation(const char *transform)
{
    if (strncmp(transform, "translate(", 10) != 0)
        return false;
    size_t numbers = strspn(transform + 10, "0123456789.,- ");
    return strcmp(transform + 10 + numbers, ")") == 0;
}

static const char *refuse_attribute(const xmlAttr *attribute, const char *value)
{
    const char *name = (const char *)attribute->name;
    if (strcasecmp(name, "href") == 0)
        return "refers to something outside the label";
    if (strncasecmp(name, "on", 2) == 0)
        return "has a script";
    if (strstr(value, "{{"))
        return "has a field in an attribute: fields stand in text only";
    if (strcasestr(value, "url(") || strchr(value, '\\') || strchr(value, '@'))
        return "refers to something outside itself";
    if (strcmp(name, "transform") == 0 && !is_translation(value))
        return "may be moved by translate(), not otherwise transformed";
    return NULL;
}

bool element_check(const xmlNode *node, struct fault *fault)
{
    char words[ELEMENT_WORDS_SIZE];
    if (!is_allowed(node))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: not allowed in a label", element_words(node, words));
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        xmlChar *value = xmlNodeGetContent((const xmlNode *)attribute);
        if (!value)
            return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to read a template");
        const char *reason = refuse_attribute(attribute, (const char *)value);
        xmlFree(value);
        if (reason)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: %s %s", element_words(node, words),
                             (const char *)attribute->name, reason);
    }
    return true;
}

/* strtod() in the C locale: a German station would read "2.5" as 2. */
static bool read_number(const char *text, const char *unit, double *ret_number)
{
    static locale_t plain;
    if (!plain)
        plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end = NULL;
    double number = plain ? strtod_l(text, &end, plain) : NAN;
    if (!end || end == text || !isfinite(number) || strcmp(end, unit) != 0)
        return false;
    *ret_number = number;
    return true;
}

static bool is_length(const xmlNode *root, const char *name, double millimetres)
{
    xmlChar *text = xmlGetNoNsProp(root, BAD_CAST name);
    double number = 0;
    bool fits = text && read_number((const char *)text, "mm", &number) && fabs(number - millimetres) < 0.001;
    xmlFree(text);
    return fits;
}

static bool is_view(const xmlNode *root, double width_mm, double height_mm)
{
    xmlChar *text = xmlGetNoNsProp(root, BAD_CAST "viewBox");
    if (!text)
        return false;
    const double wanted[4] = {0, 0, width_mm, height_mm};
    char *rest = (char *)text, *word = NULL;
    bool fits = true;
    for (size_t i = 0; i < 4; i++) {
        double number = 0;
        word = strsep(&rest, " ");
        fits = fits && word && read_number(word, "", &number) && fabs(number - wanted[i]) < 0.001;
    }
    fits = fits && !rest;
    xmlFree(text);
    return fits;
}

bool element_check_root(const xmlNode *root, double width_mm, double height_mm, struct fault *fault)
{
    char words[ELEMENT_WORDS_SIZE];
    if (!element_is_named(root, "svg") || !root->ns || !element_is_svg(root))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: the outermost element must be svg",
                         element_words(root, words));
    if (!is_length(root, "width", width_mm) || !is_length(root, "height", height_mm))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0,
                         "%s: width and height must be %gmm and %gmm, as the product says", element_words(root, words),
                         width_mm, height_mm);
    if (!is_view(root, width_mm, height_mm))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: viewBox must be \"0 0 %g %g\", so that a unit is 1 mm",
                         element_words(root, words), width_mm, height_mm);
    return true;
}

/* A property in style="a: b; c: d"; the last one counts. Writes an empty text when it is not there. */
static void find_in_style(char *style, const char *property, char *ret_value, size_t size)
{
    ret_value[0] = '\0';
    char *rest = style, *part = NULL;
    while ((part = strsep(&rest, ";"))) {
        char *colon = strchr(part, ':');
        if (!colon)
            continue;
        *colon = '\0';
        char *name = part + strspn(part, " \t\n");
        name[strcspn(name, " \t\n")] = '\0';
        char *value = colon + 1 + strspn(colon + 1, " \t\n");
        if (strcmp(name, property) == 0)
            (void)snprintf(ret_value, size, "%s", value);
    }
}

/* The nearest element that says it, from the inside out; a style wins over an attribute, as in SVG. */
static void find_property(const xmlNode *node, const char *property, char *ret_value, size_t size)
{
    ret_value[0] = '\0';
    for (; node && node->type == XML_ELEMENT_NODE && !*ret_value; node = node->parent) {
        xmlChar *style = xmlGetNoNsProp(node, BAD_CAST "style");
        if (style)
            find_in_style((char *)style, property, ret_value, size);
        xmlFree(style);
        xmlChar *value = *ret_value ? NULL : xmlGetNoNsProp(node, BAD_CAST property);
        if (value)
            (void)snprintf(ret_value, size, "%s", (const char *)value);
        xmlFree(value);
    }
    size_t length = strlen(ret_value);
    while (length > 0 && strchr(" \t\n", ret_value[length - 1]))
        ret_value[--length] = '\0';
}

static bool read_family(const char *text, char ret_family[FONT_FAMILY_SIZE])
{
    size_t length = strlen(text);
    if (length >= 2 && (text[0] == '\'' || text[0] == '"') && text[length - 1] == text[0]) {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= FONT_FAMILY_SIZE || memchr(text, ',', length))
        return false;
    memcpy(ret_family, text, length);
    ret_family[length] = '\0';
    return true;
}

static bool has_one_of(const xmlNode *node, const char *property, const char *const *words, size_t count)
{
    char value[128];
    find_property(node, property, value, sizeof value);
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return *value == '\0';
}

static bool is_black(const xmlNode *node)
{
    static const char *const blacks[] = {"#000", "#000000", "black", "none"}, *const ones[] = {"1", "1.0"};
    static const char *const opacities[] = {"opacity", "fill-opacity", "stroke-opacity"};
    bool black = has_one_of(node, "fill", blacks, ARRAY_SIZE(blacks) - 1) &&
                 has_one_of(node, "stroke", blacks, ARRAY_SIZE(blacks));
    for (size_t i = 0; i < ARRAY_SIZE(opacities); i++)
        black = black && has_one_of(node, opacities[i], ones, ARRAY_SIZE(ones));
    return black;
}

bool element_look_of(const xmlNode *node, struct element_look *ret_look, struct fault *fault)
{
    char words[ELEMENT_WORDS_SIZE], value[128];
    struct element_look look = {0};
    find_property(node, "font-family", value, sizeof value);
    if (!read_family(value, look.family))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: needs exactly one font-family",
                         element_words(node, words));
    find_property(node, "font-size", value, sizeof value);
    if (!read_number(value, "px", &look.size_mm) && !read_number(value, "", &look.size_mm))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: needs a font-size in user units, such as 2.1px",
                         element_words(node, words));
    find_property(node, "font-weight", value, sizeof value);
    look.bold = strcmp(value, "bold") == 0 || strcmp(value, "700") == 0;
    if (!look.bold && *value && strcmp(value, "normal") != 0 && strcmp(value, "400") != 0)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: font-weight is normal or bold",
                         element_words(node, words));
    look.black = is_black(node);
    *ret_look = look;
    return true;
}
