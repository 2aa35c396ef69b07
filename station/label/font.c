#include "station/label/font.h"

#include "station/label/field.h"

#include <fontconfig/fontconfig.h>
#include <string.h>
#include <strings.h>

DEFINE_CLEANUP(FcPattern *, FcPatternDestroy)

static bool has_family(FcPattern *match, const char *family)
{
    FcChar8 *name = NULL;
    for (int i = 0; FcPatternGetString(match, FC_FAMILY, i, &name) == FcResultMatch; i++)
        if (strcasecmp((const char *)name, family) == 0)
            return true;
    return false;
}

static bool check_characters(const FcCharSet *set, const char *family, const char *text, size_t length, bool secret,
                             struct fault *fault)
{
    const char *end = text + length;
    while (text < end) {
        uint32_t character = field_next_character(&text, end);
        if (character == 0)
            return fault_set(fault, FAULT_LABEL_FONT, 0, "a text is not UTF-8");
        if (character == '\n' || character == '\t' || character == '\r' || FcCharSetHasChar(set, character))
            continue;
        if (secret)
            return fault_set(fault, FAULT_LABEL_FONT, 0, "font '%s' lacks a character of a password", family);
        return fault_set(fault, FAULT_LABEL_FONT, character, "font '%s' lacks U+%04X", family, character);
    }
    return true;
}

static bool look_up(const char *family, bool bold, FcPattern **ret_match, struct fault *fault)
{
    CLEANUP(FcPatternDestroyp) FcPattern *wanted = FcPatternCreate();
    if (!wanted || !FcPatternAddString(wanted, FC_FAMILY, (const FcChar8 *)family) ||
        !FcPatternAddInteger(wanted, FC_WEIGHT, bold ? FC_WEIGHT_BOLD : FC_WEIGHT_REGULAR) ||
        !FcConfigSubstitute(NULL, wanted, FcMatchPattern))
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to look up a font");
    FcDefaultSubstitute(wanted);
    FcResult result = FcResultNoMatch;
    CLEANUP(FcPatternDestroyp) FcPattern *match = FcFontMatch(NULL, wanted, &result);
    if (!match || !has_family(match, family))
        return fault_set(fault, FAULT_LABEL_FONT, 0, "font '%s' is not installed", family);
    int weight = 0;
    if (FcPatternGetInteger(match, FC_WEIGHT, 0, &weight) != FcResultMatch || (weight >= FC_WEIGHT_DEMIBOLD) != bold)
        return fault_set(fault, FAULT_LABEL_FONT, 0, "font '%s' is not installed in %s", family,
                         bold ? "bold" : "its normal weight");
    *ret_match = TAKE(match);
    return true;
}

void font_book_clear(struct font_book *book)
{
    for (size_t i = 0; i < book->count; i++)
        FcPatternDestroy(book->fonts[i].match);
    book->count = 0;
}

static bool find_font(struct font_book *book, const char *family, bool bold, FcPattern **ret_match, struct fault *fault)
{
    for (size_t i = 0; i < book->count; i++) {
        if (book->fonts[i].bold == bold && strcmp(book->fonts[i].family, family) == 0) {
            *ret_match = book->fonts[i].match;
            return true;
        }
    }
    if (book->count == FONT_BOOK_SIZE || strlen(family) >= FONT_FAMILY_SIZE)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "font '%.64s' is one too many: at most %d in a label", family,
                         FONT_BOOK_SIZE);
    if (!look_up(family, bold, ret_match, fault))
        return false;
    memcpy(book->fonts[book->count].family, family, strlen(family) + 1);
    book->fonts[book->count].bold = bold;
    book->fonts[book->count++].match = *ret_match;
    return true;
}

bool font_check(struct font_book *book, const char *family, bool bold, const char *text, size_t length, bool secret,
                struct fault *fault)
{
    FcPattern *match = NULL;
    FcCharSet *set = NULL;
    if (!find_font(book, family, bold, &match, fault))
        return false;
    if (FcPatternGetCharSet(match, FC_CHARSET, 0, &set) != FcResultMatch)
        return fault_set(fault, FAULT_LABEL_FONT, 0, "font '%s' does not say which characters it has", family);
    return check_characters(set, family, text, length, secret, fault);
}
