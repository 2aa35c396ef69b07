#include "station/line/scan.h"

#include "station/label/code.h"

#include <string.h>

static const char slot_tag[] = "KOKUIN-SLOT-";
static const char badge_tag[] = "KOKUIN-BADGE-";

struct word {
    const char *text;
    size_t size;
};

static bool begins(struct word word, const char *with)
{
    size_t size = strlen(with);
    return word.size >= size && memcmp(word.text, with, size) == 0;
}

static bool is(struct word word, const char *text)
{
    return word.size == strlen(text) && begins(word, text);
}

/* What tags and cards may be printed as. An identifier that is none of these stays, and makes the line foreign. */
static struct word without_aim(struct word word)
{
    static const char *const identifiers[] = {"]d1", "]d2", "]Q0", "]Q1", "]Q3", "]C0", "]C1"};
    for (size_t i = 0; i < ARRAY_SIZE(identifiers); i++)
        if (begins(word, identifiers[i]))
            return (struct word){.text = word.text + 3, .size = word.size - 3};
    return word;
}

static bool read_slot_tag(struct word word, struct scan_message *scan)
{
    size_t digits = word.size - strlen(slot_tag);
    const char *at = word.text + strlen(slot_tag);
    if (digits < 1 || digits > 2)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        scan->slot = scan->slot * 10 + (uint32_t)(at[i] - '0');
    }
    scan->kind = SCAN_SLOT_TAG;
    return scan->slot > 0;
}

static bool read_badge(struct word word, struct scan_message *scan)
{
    size_t size = word.size - strlen(badge_tag);
    const char *at = word.text + strlen(badge_tag);
    if (size < 1 || size >= sizeof scan->badge)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'A' && at[i] <= 'Z') || (at[i] >= 'a' && at[i] <= 'z') ||
              at[i] == '-'))
            return false;
    scan->kind = SCAN_BADGE;
    memcpy(scan->badge, at, size);
    return true;
}

static bool read_card(struct word word, struct scan_message *scan)
{
    if (is(word, "KOKUIN-PAUSE"))
        scan->kind = SCAN_PAUSE;
    if (is(word, "KOKUIN-RESUME"))
        scan->kind = SCAN_RESUME;
    if (is(word, "KOKUIN-REPRINT"))
        scan->kind = SCAN_REPRINT;
    if (is(word, "KOKUIN-REKEY"))
        scan->kind = SCAN_REKEY;
    return scan->kind != 0;
}

/* Whether the line is one of our tags or cards, good or not. */
static bool read_tag(struct word word, struct scan_message *scan)
{
    bool good = false;
    if (begins(word, slot_tag))
        good = read_slot_tag(word, scan);
    else if (begins(word, badge_tag))
        good = read_badge(word, scan);
    else if (begins(word, "KOKUIN-"))
        good = read_card(word, scan);
    else
        return false;
    if (!good)
        *scan = (struct scan_message){
            .version = MESSAGE_VERSION, .kind = SCAN_REFUSED, .fault = (uint32_t)FAULT_SCAN_TRUNCATED};
    return true;
}

void scan_read(const char *line, size_t size, struct scan_message *ret_scan)
{
    *ret_scan = (struct scan_message){.version = MESSAGE_VERSION};
    if (read_tag(without_aim((struct word){.text = line, .size = size}), ret_scan))
        return;

    struct label_code code;
    struct fault why;
    if (!label_code_parse(line, size, &code, &why)) {
        ret_scan->kind = SCAN_REFUSED;
        ret_scan->fault = (uint32_t)why.code;
        return;
    }
    ret_scan->kind = SCAN_LABEL;
    memcpy(ret_scan->gtin, code.gtin, sizeof code.gtin);
    memcpy(ret_scan->serial, code.serial, sizeof code.serial);
    memcpy(ret_scan->label, code.label, sizeof code.label);
}

static struct scan_message refused(enum fault_code why)
{
    return (struct scan_message){.version = MESSAGE_VERSION, .kind = SCAN_REFUSED, .fault = (uint32_t)why};
}

bool scan_collect(struct scan_collector *collector, uint8_t byte, struct scan_message *ret_scan)
{
    if (byte != '\r' && byte != '\n') {
        if (collector->size == SCAN_LINE_MAX)
            collector->overrun = true;
        else
            collector->line[collector->size++] = (char)byte;
        return false;
    }
    bool line = collector->size > 0;
    if (collector->overrun)
        *ret_scan = refused(FAULT_SCAN_UNKNOWN);
    else if (line)
        scan_read(collector->line, collector->size, ret_scan);
    explicit_bzero(collector, sizeof *collector);
    return line;
}

bool scan_collect_end(struct scan_collector *collector, struct scan_message *ret_scan)
{
    bool begun = collector->size > 0;
    if (begun)
        *ret_scan = refused(FAULT_SCAN_TRUNCATED);
    explicit_bzero(collector, sizeof *collector);
    return begun;
}
