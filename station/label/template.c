#include "station/label/template.h"

#include "base/bytes.h"
#include "station/label/element.h"
#include "station/label/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEMPLATE_SIZE_MAX (256 * 1024)

/* The one code that every label needs: what the operator scans back (code.h). */
static const char unit_code[] = "[01]{{gtin}}[21]{{serial}}[91]{{label}}";

DEFINE_CLEANUP(xmlDoc *, xmlFreeDoc)

/* One template being read. */
struct reading {
    struct font_book *fonts;
    struct template *template;
    unsigned unit_codes;
};

void template_clear(struct template *template)
{
    for (size_t i = 0; i < template->symbol_count; i++)
        wiped_clear(&template->symbols[i].pattern);
    xmlFreeDoc(template->whole);
    xmlFreeDoc(template->fields);
    template->whole = template->fields = NULL;
}

void template_filling_clear(struct template_filling *filling)
{
    wiped_clear(&filling->svg);
    for (size_t i = 0; i < TEMPLATE_SYMBOLS_MAX; i++)
        wiped_clear(&filling->codes[i]);
}

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
}

static bool read_whole(const char *path, struct wiped *result, struct fault *fault)
{
    CLEANUP(close_descriptor) int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open %s: %s", path, strerror(errno));
    for (;;) {
        char piece[4096];
        ssize_t count = read(file, piece, sizeof piece);
        if (count < 0)
            return fault_set(fault, FAULT_FILE, (unsigned long)errno, "read %s: %s", path, strerror(errno));
        if (count == 0)
            return true;
        if (result->size + (size_t)count > TEMPLATE_SIZE_MAX)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s is longer than %d bytes", path, TEMPLATE_SIZE_MAX);
        if (!wiped_append(result, piece, (size_t)count, fault))
            return false;
    }
}

static bool check_hash(const struct wiped *file, const uint8_t *wanted, struct fault *fault)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (!EVP_Q_digest(NULL, "SHA256", NULL, file->bytes, file->size, hash, &size) || size != LABEL_SHA256_SIZE)
        return fault_set(fault, FAULT_CRYPTO, 0, "SHA-256 of a template failed");
    if (memcmp(hash, wanted, LABEL_SHA256_SIZE) != 0)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the file has changed since the product was read");
    return true;
}

static bool set_attribute(xmlNode *node, const char *name, const char *value, struct fault *fault)
{
    if (!xmlSetProp(node, BAD_CAST name, BAD_CAST value))
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to fill a template");
    return true;
}

static bool has_text(const xmlNode *node, const char *text)
{
    xmlChar *content = xmlNodeGetContent(node);
    bool found = content && strstr((const char *)content, text);
    xmlFree(content);
    return found;
}

static bool take_text(struct reading *reading, xmlNode *element, struct fault *fault)
{
    struct template *template = reading->template;
    char words[ELEMENT_WORDS_SIZE];
    if (template->text_count == TEMPLATE_TEXTS_MAX)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: more than %d texts", element_words(element, words),
                         TEMPLATE_TEXTS_MAX);
    struct template_text *text = &template->texts[template->text_count];
    const struct text_pen pen = {.fonts = reading->fonts, .dpi = template->dpi};
    text->has_fields = text_has_fields(element);
    if (!text->has_fields && !text_fill(&pen, element, &text->blank, fault))
        return false;
    xmlChar *id = xmlGetNoNsProp(element, BAD_CAST "id");
    if (id)
        (void)snprintf(text->id, sizeof text->id, "%s", (const char *)id);
    else
        (void)snprintf(text->id, sizeof text->id, "line-%ld-%zu", xmlGetLineNo(element), template->text_count + 1);
    xmlFree(id);
    template->text_count++;
    return set_attribute(element, "id", text->id, fault);
}

static bool read_correction(const char *word, unsigned *ret_correction)
{
    static const char levels[] = "LMQH";
    const char *level = strlen(word) == 1 ? strchr(levels, *word) : NULL;
    if (level)
        *ret_correction = (unsigned)(level - levels) + 1;
    return level;
}

static bool read_quiet(const char *word, unsigned *ret_quiet)
{
    size_t length = strlen(word);
    if (length == 0 || length > 2 || strspn(word, "0123456789") != length)
        return false;
    *ret_quiet = (unsigned)strtoul(word, NULL, 10);
    return true;
}

/* "barcode=qr ecc=M quiet=4 value=..." ; everything after value= is the code's text. */
static bool read_code(char *description, struct symbol_options *ret_options, const char **ret_value,
                      struct fault *fault)
{
    char *value = strstr(description, "value=");
    if (!value)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a code needs value=");
    *value = '\0';
    value += strlen("value=");
    for (size_t end = strlen(value); end > 0 && strchr(" \t\r\n", value[end - 1]); end--)
        value[end - 1] = '\0';

    struct symbol_options options = {.correction = 2};
    bool has_kind = false, has_quiet = false;
    char *rest = description, *word = NULL;
    while ((word = strsep(&rest, " \t\r\n"))) {
        bool known = *word == '\0';
        if (strncmp(word, "barcode=", 8) == 0)
            known = has_kind = symbol_kind_of(word + 8, &options.kind);
        else if (strncmp(word, "ecc=", 4) == 0)
            known = read_correction(word + 4, &options.correction);
        else if (strncmp(word, "quiet=", 6) == 0)
            known = has_quiet = read_quiet(word + 6, &options.quiet);
        if (!known)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a code does not know '%.40s'", word);
    }
    if (!has_kind)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a code needs barcode=");
    if (!has_quiet)
        options.quiet = symbol_least_quiet(options.kind);
    if (options.quiet < symbol_least_quiet(options.kind))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a quiet zone of %u is too small, at least %u", options.quiet,
                         symbol_least_quiet(options.kind));
    *ret_options = options;
    *ret_value = value;
    return true;
}

static bool take_code(struct reading *reading, char *description, struct template_symbol *symbol, struct fault *fault)
{
    const char *value = NULL;
    if (!read_code(description, &symbol->options, &value, fault))
        return false;
    if (symbol->options.kind == SYMBOL_GS1_DATAMATRIX) {
        if (strcmp(value, unit_code) != 0)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a gs1dm code must have value=%s", unit_code);
        reading->unit_codes++;
    }
    return wiped_append(&symbol->pattern, value, strlen(value) + 1, fault);
}

static bool take_symbol(struct reading *reading, xmlNode *element, const xmlNode *description, struct fault *fault)
{
    struct template *template = reading->template;
    char words[ELEMENT_WORDS_SIZE];
    (void)element_words(element, words);
    xmlChar *id = xmlGetNoNsProp(element, BAD_CAST "id");
    bool has_id = id != NULL;
    if (template->symbol_count == TEMPLATE_SYMBOLS_MAX || !has_id) {
        xmlFree(id);
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, has_id ? "%s: too many codes" : "%s: a code needs an id",
                         words);
    }
    struct template_symbol *symbol = &template->symbols[template->symbol_count++];
    (void)snprintf(symbol->id, sizeof symbol->id, "%s", (const char *)id);
    xmlFree(id);

    xmlChar *content = xmlNodeGetContent(description);
    if (!content)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to fill a template");
    bool taken = take_code(reading, (char *)content, symbol, fault);
    xmlFree(content);
    if (!taken)
        return fault_within(fault, "%s", words);
    /* Its place is still measured, but nothing is drawn there: dots are set straight into the bitmap. */
    return set_attribute(element, "style", "", fault) && set_attribute(element, "fill", "none", fault) &&
           set_attribute(element, "stroke", "none", fault);
}

static xmlNode *find_code(const xmlNode *element)
{
    for (xmlNode *child = element->children; child; child = child->next)
        if (element_is_named(child, "desc") && has_text(child, "barcode="))
            return child;
    return NULL;
}

static bool walk(struct reading *reading, xmlNode *parent, struct fault *fault);

/* `node` may be gone afterwards. */
static bool take_node(struct reading *reading, xmlNode *node, struct fault *fault)
{
    char words[ELEMENT_WORDS_SIZE];
    if (node->type == XML_ELEMENT_NODE && !element_is_svg(node)) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
        return true;
    }
    if (node->type == XML_COMMENT_NODE)
        return true;
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
        if (has_text(node, "{{"))
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: a field may not stand here",
                             element_words(node->parent, words));
        return true;
    }
    if (node->type != XML_ELEMENT_NODE)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: no processing instructions or entities",
                         element_words(node, words));
    if (element_is_named(node, "svg") || element_is_named(node, "tspan"))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: may not stand here", element_words(node, words));
    if (!element_check(node, fault))
        return false;
    if (element_is_named(node, "text"))
        return take_text(reading, node, fault);
    const xmlNode *code = find_code(node);
    if (!code)
        return walk(reading, node, fault);
    if (!element_is_named(node, "rect"))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: a code's place is a rect", element_words(node, words));
    return take_symbol(reading, node, code, fault);
}

static bool walk(struct reading *reading, xmlNode *parent, struct fault *fault)
{
    for (xmlNode *child = parent->children, *next = NULL; child; child = next) {
        next = child->next;
        if (!take_node(reading, child, fault))
            return false;
    }
    return true;
}

/* librsvg finds an element by its id, and takes the first of two. */
static unsigned count_id(const xmlNode *parent, const char *id)
{
    unsigned count = 0;
    for (const xmlNode *child = parent->children; child; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        xmlChar *own = xmlGetNoNsProp(child, BAD_CAST "id");
        count += own && strcmp((const char *)own, id) == 0;
        xmlFree(own);
        count += count_id(child, id);
    }
    return count;
}

static bool check_id(const xmlNode *root, const char *id, struct fault *fault)
{
    return count_id(root, id) == 1 || fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the id '%s' is there twice", id);
}

static bool check_whole(const struct reading *reading, const xmlNode *root, struct fault *fault)
{
    const struct template *template = reading->template;
    if (reading->unit_codes != 1)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "there must be one gs1dm code for the scan-back, not %u",
                         reading->unit_codes);
    for (size_t i = 0; i < template->text_count; i++)
        if (!check_id(root, template->texts[i].id, fault))
            return false;
    for (size_t i = 0; i < template->symbol_count; i++)
        if (!check_id(root, template->symbols[i].id, fault))
            return false;
    return true;
}

static bool take_document(struct reading *reading, xmlDoc *document, struct fault *fault)
{
    const struct template *template = reading->template;
    xmlNode *root = xmlDocGetRootElement(document);
    if (!root || document->intSubset)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a DOCTYPE is not allowed");
    for (const xmlNode *node = document->children; node; node = node->next)
        if (node->type == XML_PI_NODE)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "no processing instructions or entities");
    return element_check_root(root, template->width_mm, template->height_mm, fault) && element_check(root, fault) &&
           walk(reading, root, fault) && check_whole(reading, root, fault);
}

/* ---- what is made of it ---- */

/* Leaves texts with fields, and the groups around them, which may move them or give them a font. */
static void leave_fields(xmlNode *parent)
{
    for (xmlNode *child = parent->children, *next = NULL; child; child = next) {
        next = child->next;
        bool text = element_is_named(child, "text");
        if (child->type == XML_ELEMENT_NODE && !text)
            leave_fields(child);
        if (text ? text_has_fields(child) : child->type == XML_ELEMENT_NODE && child->children)
            continue;
        xmlUnlinkNode(child);
        xmlFreeNode(child);
    }
}

static bool copy_document(xmlDoc *document, xmlDoc **ret_copy, struct fault *fault)
{
    *ret_copy = xmlCopyDoc(document, 1);
    return *ret_copy || fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to fill a template");
}

static bool write_out(xmlDoc *document, struct wiped *result, struct fault *fault)
{
    xmlChar *text = NULL;
    int size = 0;
    xmlDocDumpMemoryEnc(document, &text, &size, "UTF-8");
    if (!text)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to fill a template");
    bool kept = wiped_append(result, text, (size_t)size, fault);
    explicit_bzero(text, (size_t)size);
    xmlFree(text);
    return kept;
}

static bool hide_texts(xmlNode *parent, struct fault *fault)
{
    for (xmlNode *child = parent->children; child; child = child->next) {
        if (element_is_named(child, "text")) {
            if (!set_attribute(child, "style", "display:none", fault))
                return false;
        } else if (!hide_texts(child, fault)) {
            return false;
        }
    }
    return true;
}

bool template_svg(const struct template *template, bool texts, struct wiped *ret_svg, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped svg = {0};
    CLEANUP(xmlFreeDocp) xmlDoc *copy = NULL;
    if (!copy_document(template->whole, &copy, fault) || (!texts && !hide_texts(xmlDocGetRootElement(copy), fault)) ||
        !write_out(copy, &svg, fault))
        return false;
    *ret_svg = svg;
    svg = (struct wiped){0};
    return true;
}

static bool read_file(const struct label_request *request, const char *name, struct wiped *file, struct fault *fault)
{
    if (!read_whole(request->template_path, file, fault))
        return false;
    return !request->template_sha256 || check_hash(file, request->template_sha256, fault) ||
           fault_within(fault, "%s", name);
}

bool template_open(const struct label_request *request, struct font_book *fonts, struct template *ret_template,
                   struct fault *fault)
{
    CLEANUP(template_clear)
    struct template template = {.width_mm = request->width_mm, .height_mm = request->height_mm, .dpi = request->dpi};
    CLEANUP(wiped_clear) struct wiped file = {0};
    const char *slash = strrchr(request->template_path, '/');
    const char *name = template.name;
    (void)snprintf(template.name, sizeof template.name, "%s", slash ? slash + 1 : request->template_path);
    if (!read_file(request, name, &file, fault))
        return false;
    /* Without NOENT and with NONET: nothing is fetched, and no entity is put in. */
    template.whole = xmlReadMemory((const char *)file.bytes, (int)file.size, NULL, NULL,
                                   XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!template.whole) {
        const xmlError *error = xmlGetLastError();
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0,
                         "%s: not XML from line %d on", name, error ? error->line : 0);
    }
    struct reading reading = {.fonts = fonts, .template = &template};
    if (!take_document(&reading, template.whole, fault))
        return fault_within(fault, "%s", name);
    if (!copy_document(template.whole, &template.fields, fault))
        return false;
    leave_fields(xmlDocGetRootElement(template.fields));
    *ret_template = template;
    template = (struct template){0};
    return true;
}

/* ---- one label ---- */

/* The texts of the document are those of the template, in their order; `at` is the next one. */
static bool fill_texts(const struct template *template, const struct text_pen *pen, xmlNode *parent, bool whole,
                       size_t *at, bool *ret_blank, struct fault *fault)
{
    for (xmlNode *child = parent->children; child; child = child->next) {
        if (!element_is_named(child, "text")) {
            if (!fill_texts(template, pen, child, whole, at, ret_blank, fault))
                return false;
            continue;
        }
        while (!whole && !template->texts[*at].has_fields)
            ++*at;
        if (!text_fill(pen, child, &ret_blank[(*at)++], fault))
            return false;
    }
    return true;
}

static bool fill_codes(const struct template *template, struct field_values *values, struct wiped *codes,
                       struct fault *fault)
{
    for (size_t i = 0; i < template->symbol_count; i++) {
        const struct template_symbol *symbol = &template->symbols[i];
        struct field_use use = {0};
        if (!field_expand((const char *)symbol->pattern.bytes, values, false, &codes[i], &use, fault))
            return fault_within(fault, "rect '%s'", symbol->id);
        if (codes[i].size == 0)
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "rect '%s': a code of nothing", symbol->id);
    }
    return true;
}

static bool check_shown(const struct field_values *values, struct fault *fault)
{
    for (size_t i = 0; i < values->count; i++)
        if (values->at[i].secret && !values->at[i].shown)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the password '%s' is not on the label",
                             values->at[i].name);
    return true;
}

static bool fill(const struct template *template, const struct text_pen *pen, bool whole,
                 struct template_filling *filling, struct fault *fault)
{
    CLEANUP(xmlFreeDocp) xmlDoc *document = NULL;
    size_t at = 0;
    if (!copy_document(whole ? template->whole : template->fields, &document, fault) ||
        !fill_texts(template, pen, xmlDocGetRootElement(document), whole, &at, filling->blank, fault))
        return false;
    if (pen->values && (!check_shown(pen->values, fault) || !fill_codes(template, pen->values, filling->codes, fault)))
        return false;
    return write_out(document, &filling->svg, fault);
}

bool template_fill(const struct template *template, struct font_book *fonts, struct field_values *values, bool whole,
                   struct template_filling *ret_filling, struct fault *fault)
{
    CLEANUP(template_filling_clear) struct template_filling filling = {0};
    const struct text_pen pen = {.values = values, .fonts = fonts, .dpi = template->dpi};
    if (!fill(template, &pen, whole, &filling, fault))
        return fault_within(fault, "%s", template->name);
    *ret_filling = filling;
    filling = (struct template_filling){0};
    return true;
}
