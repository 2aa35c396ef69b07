#include "jigs/jig_texts.h"

#include <string.h>

#include "jigs/value.h"

#define BY_PATH "/dev/serial/by-path/"
#define KEYBOARD_BY_PATH "/dev/input/by-path/"
#define KEYBOARD_SUFFIX "-event-kbd"

/* Where something is plugged in, in a form that stays the same whichever device was plugged in first. */
static bool read_topology(const struct spot *spot, const char *by_path, const char *text, char *ret_path, size_t size)
{
    const char *name = strncmp(text, by_path, strlen(by_path)) == 0 ? text + strlen(by_path) : text;
    size_t length = strlen(text);
    bool good = strchr(name, '-') && strncmp(name, "tty", 3) != 0 && length < size;
    for (const char *at = name; good && *at; at++)
        good = (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
               strchr(":.-_+", *at);
    if (!good)
        return document_refuse(spot, "path", FAULT_CONFIG_VALUE,
                               "expected where it is plugged in, as 1-1.2 or a name of %s, found '%.40s'", by_path,
                               text);
    memcpy(ret_path, text, length + 1);
    return true;
}

static bool read_port_kind(const struct spot *spot, const char *text, const struct value_choice *kinds, size_t count,
                           enum port_kind *ret_kind)
{
    int kind;
    if (!value_read_choice(spot, "kind", text, kinds, count, &kind))
        return false;
    *ret_kind = (enum port_kind)kind;
    return true;
}

static bool read_port_path(const struct spot *spot, enum port_kind kind, const char *text, char *ret_path)
{
    if (kind == PORT_STREAM)
        return value_read_stream(spot, "path", text, ret_path, JIG_PATH_SIZE);
    return read_topology(spot, kind == PORT_KEYBOARD ? KEYBOARD_BY_PATH : BY_PATH, text, ret_path, JIG_PATH_SIZE);
}

/* ---- tokens ---- */

/* A spare that is the same token again, or has another token's keys, is none. */
static bool check_token(const struct spot *spot, const struct jig *jig, unsigned index)
{
    const struct jig_token *token = &jig->tokens[index];
    for (unsigned i = 0; i < index; i++) {
        const struct jig_token *earlier = &jig->tokens[i];
        if (strcmp(earlier->module, token->module) == 0 && strcmp(earlier->uri, token->uri) == 0)
            return document_refuse(spot, "uri", FAULT_CONFIG_VALUE,
                                   "expected a token of its own, found that of entry %u again", i + 1);
        if (strcmp(earlier->issuing_certificate, token->issuing_certificate) == 0)
            return document_refuse(spot, "issuing", FAULT_CONFIG_VALUE,
                                   "expected a certificate of its own, found that of entry %u", i + 1);
        if (strcmp(earlier->station_certificate, token->station_certificate) == 0)
            return document_refuse(spot, "station", FAULT_CONFIG_VALUE,
                                   "expected a certificate of its own, found that of entry %u", i + 1);
    }
    return true;
}

bool jig_read_tokens(const struct spot *top, const struct jig_texts *texts, struct jig *jig)
{
    for (unsigned i = 0; i < texts->tokens_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "tokens", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        const struct jig_token_texts *from = &texts->tokens[i];
        struct jig_token *token = &jig->tokens[i];
        if (!token_read_texts(&spot, &from->token, token->module, token->uri, token->pin_file, JIG_PATH_SIZE) ||
            !value_read_path(&spot, "issuing", from->issuing, token->issuing_certificate, JIG_PATH_SIZE) ||
            !value_read_path(&spot, "station", from->station, token->station_certificate, JIG_PATH_SIZE) ||
            !check_token(&spot, jig, i))
            return false;
    }
    jig->token_count = texts->tokens_count;
    return true;
}

/* ---- printers ---- */

/* In lower case, so that a comparison is one of bytes. */
static bool read_uuid(const struct spot *spot, const char *text, char ret_uuid[JIG_UUID_SIZE])
{
    static const char form[] = "urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!text)
        return true;
    bool good = strlen(text) == sizeof form - 1;
    for (size_t i = 0; good && text[i]; i++)
        good = form[i] == 'x' ? strchr("0123456789abcdef", text[i]) != NULL : text[i] == form[i];
    if (!good)
        return document_refuse(spot, "uuid", FAULT_CONFIG_VALUE,
                               "expected the printer's printer-uuid, %s in lower case, found '%.50s'", form, text);
    memcpy(ret_uuid, text, sizeof form);
    return true;
}

static bool read_mode(const struct spot *spot, const char *text, struct jig_printer *printer)
{
    static const struct value_choice modes[] = {
        {"tear", PRINTER_TEARS}, {"peel", PRINTER_PEELS}, {"cut", PRINTER_CUTS}};
    int mode;
    if (!text)
        return true;
    if (printer->kind != PRINTER_ZPL)
        return document_refuse(spot, "mode", FAULT_CONFIG_VALUE, "only a printer of kind zpl has one");
    if (!value_read_choice(spot, "mode", text, modes, ARRAY_SIZE(modes), &mode))
        return false;
    printer->mode = (enum printer_mode)mode;
    return true;
}

static bool read_printer(const struct spot *spot, const struct printer_texts *texts, struct jig_printer *printer)
{
    static const struct value_choice kinds[] = {{"zpl", PRINTER_ZPL}, {"png", PRINTER_PNG}, {"ipp", PRINTER_IPP}};
    static const struct value_choice resolutions[] = {{"203", 203}, {"300", 300}, {"600", 600}};
    int kind, dpi;
    if (!value_read_text(spot, "name", texts->name, VALUE_NAME, printer->name, sizeof printer->name) ||
        !value_read_choice(spot, "kind", texts->kind, kinds, ARRAY_SIZE(kinds), &kind) ||
        !value_read_choice(spot, "dpi", texts->dpi, resolutions, ARRAY_SIZE(resolutions), &dpi))
        return false;
    printer->kind = (enum printer_kind)kind;
    printer->dpi = (unsigned)dpi;
    if (texts->uuid && printer->kind != PRINTER_IPP)
        return document_refuse(spot, "uuid", FAULT_CONFIG_VALUE, "only a printer of kind ipp has one");
    if (!read_mode(spot, texts->mode, printer))
        return false;
    if (printer->kind == PRINTER_IPP)
        return value_read_ipp(spot, "path", texts->path, printer->path, sizeof printer->path) &&
               read_uuid(spot, texts->uuid, printer->uuid);
    return printer->kind == PRINTER_ZPL
               ? value_read_stream(spot, "path", texts->path, printer->path, sizeof printer->path)
               : value_read_path(spot, "path", texts->path, printer->path, sizeof printer->path);
}

bool jig_read_printers(const struct spot *top, const struct jig_texts *texts, struct jig *jig)
{
    for (unsigned i = 0; i < texts->printers_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "printers", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        struct jig_printer *printer = &jig->printers[i];
        if (!read_printer(&spot, &texts->printers[i], printer))
            return false;
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(jig->printers[k].name, printer->name) == 0)
                return document_refuse(&spot, "name", FAULT_CONFIG_VALUE, "expected each name once, found '%s' again",
                                       printer->name);
            if (strcmp(jig->printers[k].path, printer->path) == 0)
                return document_refuse(&spot, "path", FAULT_CONFIG_VALUE,
                                       "expected a path of its own, found that of printer '%s'", jig->printers[k].name);
        }
    }
    jig->printer_count = texts->printers_count;
    return true;
}

/* ---- slots ---- */

static bool read_baud(const struct spot *spot, const char *text, unsigned *ret_baud)
{
    static const struct value_choice bauds[] = {
        {"9600", 9600},     {"19200", 19200},   {"38400", 38400},   {"57600", 57600},
        {"115200", 115200}, {"230400", 230400}, {"460800", 460800}, {"921600", 921600},
    };
    int baud = 115200;
    if (!value_read_choice(spot, "baud", text, bauds, ARRAY_SIZE(bauds), &baud))
        return false;
    *ret_baud = (unsigned)baud;
    return true;
}

/* A key that says nothing about this kind of port was meant for another one. */
static bool refuse_strays(const struct spot *spot, const struct slot_texts *texts, enum port_kind kind)
{
    const struct {
        const char *key, *text;
        bool allowed;
    } keys[] = {
        {"baud", texts->baud, kind != PORT_USB},
        {"vendor_id", texts->vendor_id, kind != PORT_STREAM},
        {"product_id", texts->product_id, kind != PORT_STREAM},
        {"interface", texts->interface, kind == PORT_USB},
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].text && !keys[i].allowed)
            return document_refuse(spot, keys[i].key, FAULT_CONFIG_VALUE, "expected none for a slot of kind %s",
                                   texts->kind);
    if (kind == PORT_USB && (!texts->vendor_id || !texts->product_id))
        return document_refuse(spot, texts->vendor_id ? "product_id" : "vendor_id", FAULT_CONFIG_KEY,
                               "missing key; a usb slot says what must be plugged in");
    if (!texts->vendor_id != !texts->product_id)
        return document_refuse(spot, texts->vendor_id ? "product_id" : "vendor_id", FAULT_CONFIG_KEY,
                               "missing key; vendor_id and product_id come together");
    return true;
}

static bool find_printer(const struct spot *spot, const struct jig *jig, const char *name, unsigned *ret_printer)
{
    for (unsigned i = 0; i < jig->printer_count; i++)
        if (strcmp(jig->printers[i].name, name) == 0) {
            *ret_printer = i;
            return true;
        }
    return document_refuse(spot, "printer", FAULT_CONFIG_VALUE,
                           "expected the name of a printer of this jig, found '%.40s'", name);
}

static bool read_slot(const struct spot *spot, const struct slot_texts *texts, const struct jig *jig,
                      struct jig_slot *slot)
{
    static const struct value_choice kinds[] = {{"serial", PORT_SERIAL}, {"usb", PORT_USB}, {"stream", PORT_STREAM}};
    unsigned interface = 0;
    if (!value_read_number(spot, "number", texts->number, 1, JIG_SLOTS_MAX, &slot->number) ||
        !read_port_kind(spot, texts->kind, kinds, ARRAY_SIZE(kinds), &slot->kind) ||
        !refuse_strays(spot, texts, slot->kind) || !read_port_path(spot, slot->kind, texts->path, slot->path) ||
        !value_read_hex16(spot, "vendor_id", texts->vendor_id, &slot->vendor_id) ||
        !value_read_hex16(spot, "product_id", texts->product_id, &slot->product_id) ||
        !value_read_number(spot, "interface", texts->interface, 0, 255, &interface))
        return false;
    slot->interface = (uint8_t)interface;
    /* Behind a console server the line's speed is the server's affair, and matters only where it is slow. */
    if ((slot->kind == PORT_SERIAL || texts->baud) && !read_baud(spot, texts->baud, &slot->baud))
        return false;
    return find_printer(spot, jig, texts->printer, &slot->printer);
}

/* What is left of a path without what only says which directory of links it was read from. */
static bool is_same_place(const char *one, const char *other)
{
    const char *paths[] = {one, other};
    size_t lengths[2];
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(paths[i], BY_PATH, sizeof BY_PATH - 1) == 0)
            paths[i] += sizeof BY_PATH - 1;
        else if (strncmp(paths[i], KEYBOARD_BY_PATH, sizeof KEYBOARD_BY_PATH - 1) == 0)
            paths[i] += sizeof KEYBOARD_BY_PATH - 1;
        const char *suffix = strstr(paths[i], KEYBOARD_SUFFIX);
        lengths[i] = suffix ? (size_t)(suffix - paths[i]) : strlen(paths[i]);
    }
    return lengths[0] == lengths[1] && memcmp(paths[0], paths[1], lengths[0]) == 0;
}

static bool check_slot(const struct spot *spot, const struct jig *jig, unsigned index)
{
    const struct jig_slot *slot = &jig->slots[index];
    for (unsigned i = 0; i < index; i++) {
        if (jig->slots[i].number == slot->number)
            return document_refuse(spot, "number", FAULT_CONFIG_VALUE, "expected each number once, found %u again",
                                   slot->number);
        if (is_same_place(jig->slots[i].path, slot->path))
            return document_refuse(spot, "path", FAULT_CONFIG_VALUE,
                                   "expected a path of its own, found that of slot %u", jig->slots[i].number);
    }
    return true;
}

bool jig_read_slots(const struct spot *top, const struct jig_texts *texts, struct jig *jig)
{
    for (unsigned i = 0; i < texts->slots_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "slots", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        if (!read_slot(&spot, &texts->slots[i], jig, &jig->slots[i]) || !check_slot(&spot, jig, i))
            return false;
    }
    jig->slot_count = texts->slots_count;
    return true;
}

/* ---- scanners ---- */

static bool has_slot(const struct jig *jig, unsigned number)
{
    for (size_t i = 0; i < jig->slot_count; i++)
        if (jig->slots[i].number == number)
            return true;
    return false;
}

static bool check_scanner(const struct spot *spot, const struct jig *jig, unsigned index)
{
    const struct jig_scanner *scanner = &jig->scanners[index];
    if (scanner->slot != 0 && !has_slot(jig, scanner->slot))
        return document_refuse(spot, "slot", FAULT_CONFIG_VALUE, "expected the number of a slot of this jig, found %u",
                               scanner->slot);
    for (unsigned i = 0; i < index; i++) {
        if (strcmp(jig->scanners[i].name, scanner->name) == 0)
            return document_refuse(spot, "name", FAULT_CONFIG_VALUE, "expected each name once, found '%s' again",
                                   scanner->name);
        if (is_same_place(jig->scanners[i].path, scanner->path))
            return document_refuse(spot, "path", FAULT_CONFIG_VALUE,
                                   "expected a path of its own, found that of scanner '%s'", jig->scanners[i].name);
    }
    for (size_t i = 0; i < jig->slot_count; i++)
        if (is_same_place(jig->slots[i].path, scanner->path))
            return document_refuse(spot, "path", FAULT_CONFIG_VALUE,
                                   "expected a path of its own, found that of slot %u", jig->slots[i].number);
    return true;
}

/* A unit whose label nobody can scan would never be closed. */
static bool check_every_slot_scanned(const struct spot *top, const struct jig *jig)
{
    for (size_t i = 0; i < jig->slot_count; i++) {
        bool scanned = false;
        for (size_t k = 0; k < jig->scanner_count; k++)
            scanned = scanned || jig->scanners[k].slot == 0 || jig->scanners[k].slot == jig->slots[i].number;
        if (!scanned)
            return document_refuse(top, "scanners", FAULT_CONFIG_VALUE,
                                   "expected a scanner for slot %u, or one without a slot, which all share",
                                   jig->slots[i].number);
    }
    return true;
}

bool jig_read_scanners(const struct spot *top, const struct jig_texts *texts, struct jig *jig)
{
    static const struct value_choice kinds[] = {
        {"serial", PORT_SERIAL}, {"keyboard", PORT_KEYBOARD}, {"stream", PORT_STREAM}};
    for (unsigned i = 0; i < texts->scanners_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "scanners", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        const struct scanner_texts *from = &texts->scanners[i];
        struct jig_scanner *scanner = &jig->scanners[i];
        if (!value_read_text(&spot, "name", from->name, VALUE_NAME, scanner->name, sizeof scanner->name) ||
            !read_port_kind(&spot, from->kind, kinds, ARRAY_SIZE(kinds), &scanner->kind) ||
            !read_port_path(&spot, scanner->kind, from->path, scanner->path) ||
            !value_read_number(&spot, "slot", from->slot, 1, JIG_SLOTS_MAX, &scanner->slot) ||
            !check_scanner(&spot, jig, i))
            return false;
    }
    jig->scanner_count = texts->scanners_count;
    return check_every_slot_scanned(top, jig);
}
