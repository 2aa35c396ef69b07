#include "station/label/template.h"

#include "base/bytes.h"
#include "station/label/drawing.h"
#include "station/label/element.h"
#include "station/label/font.h"

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

/* One template being filled. */
struct filling {
    struct field_values *values;
    unsigned dpi;
    struct template *template;
    unsigned unit_codes;
};

void template_clear(struct template *template)
{
    for (size_t i = 0; i < template->symbol_count; i++)
        wiped_clear(&template->symbols[i].value);
    wiped_clear(&template->svg);
    wiped_clear(&template->art);
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

/* Replaces the node by a new one: xmlNodeSetContent() would read a value's & and < as XML. */
static bool fill_text_node(struct filling *filling, xmlNode *node, bool *ret_blank, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped filled = {0};
    struct field_use use = {0};
    struct element_look look;
    char words[ELEMENT_WORDS_SIZE];
    const char *text = node->content ? (const char *)node->content : "";
    if (!field_expand(text, filling->values, true, &filled, &use, fault))
        return fault_within(fault, "%s", element_words(node->parent, words));
    if (!wiped_append(&filled, "", 1, fault))
        return false;
    size_t length = filled.size - 1;
    if (strspn((const char *)filled.bytes, " \t\r\n") == length) {
        *ret_blank = true;
    } else {
        if (!element_look_of(node->parent, &look, fault) || !check_size(node->parent, &look, &use, filling->dpi, fault))
            return false;
        if (!font_check(look.family, look.bold, (const char *)filled.bytes, length, use.secret, fault))
            return fault_within(fault, "%s", element_words(node->parent, words));
        *ret_blank = false;
    }
    if (!use.any)
        return true;
    xmlNode *replacement = xmlNewText(filled.bytes);
    if (!replacement)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to fill a template");
    xmlFreeNode(xmlReplaceNode(node, replacement));
    return true;
}

static bool fill_text(struct filling *filling, xmlNode *element, bool *ret_blank, struct fault *fault)
{
    char words[ELEMENT_WORDS_SIZE];
    for (xmlNode *child = element->children, *next = NULL; child; child = next) {
        next = child->next;
        bool blank = true;
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
            if (!fill_text_node(filling, child, &blank, fault))
                return false;
        } else if (element_is_named(child, "tspan") && element_is_svg(child)) {
            if (!element_check(child, fault) || !fill_text(filling, child, &blank, fault))
                return false;
        } else if (child->type != XML_COMMENT_NODE) {
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: only text and tspan may be in a text",
                             element_words(child, words));
        }
        *ret_blank &= blank;
    }
    return true;
}

static bool take_text(struct filling *filling, xmlNode *element, struct fault *fault)
{
    struct template *template = filling->template;
    char words[ELEMENT_WORDS_SIZE];
    if (template->text_count == TEMPLATE_TEXTS_MAX)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: more than %d texts", element_words(element, words),
                         TEMPLATE_TEXTS_MAX);
    bool blank = true;
    if (!fill_text(filling, element, &blank, fault))
        return false;
    struct template_text *text = &template->texts[template->text_count];
    xmlChar *id = xmlGetNoNsProp(element, BAD_CAST "id");
    if (id)
        (void)snprintf(text->id, sizeof text->id, "%s", (const char *)id);
    else
        (void)snprintf(text->id, sizeof text->id, "line-%ld-%zu", xmlGetLineNo(element), template->text_count + 1);
    xmlFree(id);
    text->blank = blank;
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

static bool fill_code(struct filling *filling, char *description, struct template_symbol *symbol, struct fault *fault)
{
    const char *value = NULL;
    struct field_use use = {0};
    if (!read_code(description, &symbol->options, &value, fault))
        return false;
    if (symbol->options.kind == SYMBOL_GS1_DATAMATRIX) {
        if (strcmp(value, unit_code) != 0)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a gs1dm code must have value=%s", unit_code);
        filling->unit_codes++;
    }
    if (!field_expand(value, filling->values, false, &symbol->value, &use, fault))
        return false;
    if (symbol->value.size == 0)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a code of nothing");
    return true;
}

static bool take_symbol(struct filling *filling, xmlNode *element, const xmlNode *description, struct fault *fault)
{
    struct template *template = filling->template;
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
    bool filled = fill_code(filling, (char *)content, symbol, fault);
    xmlFree(content);
    if (!filled)
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

static bool walk(struct filling *filling, xmlNode *parent, struct fault *fault);

/* `node` may be gone afterwards. */
static bool take_node(struct filling *filling, xmlNode *node, struct fault *fault)
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
        return take_text(filling, node, fault);
    const xmlNode *code = find_code(node);
    if (!code)
        return walk(filling, node, fault);
    if (!element_is_named(node, "rect"))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: a code's place is a rect", element_words(node, words));
    return take_symbol(filling, node, code, fault);
}

static bool walk(struct filling *filling, xmlNode *parent, struct fault *fault)
{
    for (xmlNode *child = parent->children, *next = NULL; child; child = next) {
        next = child->next;
        if (!take_node(filling, child, fault))
            return false;
    }
    return true;
}

static bool check_ids(const struct template *template, struct fault *fault)
{
    const char *ids[TEMPLATE_TEXTS_MAX + TEMPLATE_SYMBOLS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < template->text_count; i++)
        ids[count++] = template->texts[i].id;
    for (size_t i = 0; i < template->symbol_count; i++)
        ids[count++] = template->symbols[i].id;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(ids[i], ids[j]) == 0)
                return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the id '%s' is there twice", ids[i]);
    return true;
}

static bool check_whole(const struct filling *filling, struct fault *fault)
{
    if (filling->unit_codes != 1)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "there must be one gs1dm code for the scan-back, not %u",
                         filling->unit_codes);
    for (size_t i = 0; i < filling->values->count; i++)
        if (filling->values->at[i].secret && !filling->values->at[i].shown)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the password '%s' is not on the label",
                             filling->values->at[i].name);
    return check_ids(filling->template, fault);
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

static bool fill_document(struct filling *filling, xmlDoc *document, const struct label_request *request,
                          struct fault *fault)
{
    xmlNode *root = xmlDocGetRootElement(document);
    if (!root || document->intSubset)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a DOCTYPE is not allowed");
    for (const xmlNode *node = document->children; node; node = node->next)
        if (node->type == XML_PI_NODE)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "no processing instructions or entities");
    if (!element_check_root(root, request->width_mm, request->height_mm, fault) || !element_check(root, fault) ||
        !walk(filling, root, fault) || !check_whole(filling, fault))
        return false;
    return write_out(document, &filling->template->svg, fault) && hide_texts(root, fault) &&
           write_out(document, &filling->template->art, fault);
}

bool template_fill(const struct label_request *request, struct field_values *values, struct template *ret_template,
                   struct fault *fault)
{
    CLEANUP(template_clear)
    struct template template = {.width_mm = request->width_mm, .height_mm = request->height_mm};
    CLEANUP(wiped_clear) struct wiped file = {0};
    if (!read_whole(request->template_path, &file, fault))
        return false;
    const char *slash = strrchr(request->template_path, '/');
    const char *name = slash ? slash + 1 : request->template_path;
    if (request->template_sha256 && !check_hash(&file, request->template_sha256, fault))
        return fault_within(fault, "%s", name);
    /* Without NOENT and with NONET: nothing is fetched, and no entity is put in. */
    CLEANUP(xmlFreeDocp)
    xmlDoc *document = xmlReadMemory((const char *)file.bytes, (int)file.size, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!document) {
        const xmlError *error = xmlGetLastError();
        return fault_set(fault, FAULT_LABEL_TEMPLATE, error ? (unsigned long)error->code : 0,
                         "%s: not XML from line %d on", name, error ? error->line : 0);
    }
    struct filling filling = {.values = values, .dpi = request->dpi, .template = &template};
    if (!fill_document(&filling, document, request, fault))
        return fault_within(fault, "%s", name);
    *ret_template = template;
    template = (struct template){0};
    return true;
}
