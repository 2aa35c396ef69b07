#include "station/label/zpl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STX '\x02'
#define ETX '\x03'
#define ANSWER_MAX 1024 /* longer than any of the three */

/* Four bits at a time: one at a time took as long as reading a code back. */
uint16_t zpl_crc(const uint8_t *bytes, size_t size)
{
    static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                       0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc = (uint16_t)(crc << 4 ^ table[crc >> 12 ^ bytes[i] >> 4]);
        crc = (uint16_t)(crc << 4 ^ table[crc >> 12 ^ (bytes[i] & 15)]);
    }
    return crc;
}

static bool append_base64(struct wiped *buffer, const uint8_t *bytes, size_t size, struct fault *fault)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t group =
            (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) | (left > 2 ? bytes[at + 2] : 0);
        char letters[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                           left > 1 ? alphabet[group >> 6 & 63] : '=', left > 2 ? alphabet[group & 63] : '='};
        if (!wiped_append(buffer, letters, sizeof letters, fault))
            return false;
    }
    return true;
}

bool zpl_append_job(const struct label_bitmap *bitmap, const char *name, enum printer_mode mode, struct wiped *buffer,
                    struct fault *fault)
{
    static const char modes[] = {[PRINTER_TEARS] = 'T', [PRINTER_PEELS] = 'P', [PRINTER_CUTS] = 'C'};
    CLEANUP(wiped_clear) struct wiped packed = {0};
    const size_t size = label_bitmap_size(bitmap);
    char head[256], tail[64];
    (void)snprintf(head, sizeof head, "^XA^FX%s^FS^JZN^MM%c,N^PW%u^LL%u^LH0,0^FO0,0^GFA,%zu,%zu,%u,:Z64:", name,
                   modes[mode], bitmap->width, bitmap->height, size, size, bitmap->stride);
    if (!wiped_deflate(&packed, bitmap->rows, size, fault) || !wiped_append_text(buffer, head, fault))
        return false;
    const size_t begin = buffer->size;
    if (!append_base64(buffer, packed.bytes, packed.size, fault))
        return false;
    (void)snprintf(tail, sizeof tail, ":%04X^FS^PQ1,0,1,N^XZ\r\n",
                   zpl_crc(buffer->bytes + begin, buffer->size - begin));
    return wiped_append_text(buffer, tail, fault);
}

/* Copies the next block between STX and ETX as a text, and moves behind it and its line end. */
static bool next_block(const uint8_t *bytes, size_t size, size_t *at, char *ret_text, size_t text_size, bool *ret_whole)
{
    *ret_whole = false;
    while (*at < size && (bytes[*at] == '\r' || bytes[*at] == '\n'))
        (*at)++;
    if (*at == size)
        return true;
    if (bytes[*at] != STX)
        return false;
    const uint8_t *end = memchr(bytes + *at, ETX, size - *at);
    if (!end)
        return size - *at < ANSWER_MAX;
    size_t length = (size_t)(end - (bytes + *at)) - 1;
    if (length >= text_size || memchr(bytes + *at + 1, '\0', length))
        return false;
    memcpy(ret_text, bytes + *at + 1, length);
    ret_text[length] = '\0';
    *at += length + 2;
    *ret_whole = true;
    return true;
}

/* Splits "030,0,0,0320,..." into at most `most` numbers; 0 when a part is none. */
static size_t read_numbers(const char *text, unsigned long *ret_numbers, size_t most)
{
    for (size_t count = 0; count < most; count++) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 9)
            return 0;
        ret_numbers[count] = strtoul(text, NULL, 10);
        text += digits;
        if (*text == '\0')
            return count + 1;
        if (*text++ != ',')
            return 0;
    }
    return 0;
}

bool zpl_read_errors(const uint8_t *bytes, size_t size, unsigned *ret_errors, size_t *ret_taken)
{
    char text[ANSWER_MAX];
    size_t at = 0;
    bool whole = false;
    *ret_taken = 0;
    if (!next_block(bytes, size, &at, text, sizeof text, &whole))
        return false;
    if (!whole)
        return true;
    const char *errors = strstr(text, "ERRORS:");
    unsigned present = 0, group2 = 0, group1 = 0;
    /* Widths keep sscanf() from reading a number that does not fit. */
    if (!strstr(text, "PRINTER STATUS") || !errors ||
        sscanf(errors, "ERRORS: %1u %8x %8x", &present, &group2, &group1) != 3)
        return false;
    *ret_errors = present ? group1 | (group2 != 0 || group1 == 0 ? 1u << 31 : 0) : 0;
    *ret_taken = at;
    return true;
}

bool zpl_read_status(const uint8_t *bytes, size_t size, struct zpl_status *ret_status, size_t *ret_taken)
{
    static const size_t wanted[3] = {12, 11, 2};
    unsigned long numbers[3][12] = {0};
    size_t at = 0;
    *ret_taken = 0;
    for (size_t line = 0; line < 3; line++) {
        char text[ANSWER_MAX];
        bool whole = false;
        if (!next_block(bytes, size, &at, text, sizeof text, &whole))
            return false;
        if (!whole)
            return true;
        if (read_numbers(text, numbers[line], 12) != wanted[line])
            return false;
    }
    *ret_status = (struct zpl_status){
        .paper_out = numbers[0][1] != 0,
        .paused = numbers[0][2] != 0,
        .waiting = (unsigned)numbers[0][4],
        .buffer_full = numbers[0][5] != 0,
        .partial = numbers[0][7] != 0,
        .head_open = numbers[1][2] != 0,
        .ribbon_out = numbers[1][3] != 0,
        .untaken = numbers[1][7] != 0,
        .remaining = (unsigned)numbers[1][8],
    };
    *ret_taken = at;
    return true;
}

bool zpl_read_counter(const uint8_t *bytes, size_t size, uint64_t *ret_counter, size_t *ret_taken)
{
    *ret_taken = 0;
    size_t at = 0;
    while (at < size && (bytes[at] == '\r' || bytes[at] == '\n'))
        at++;
    if (at == size)
        return true;
    if (bytes[at] != '"')
        return false;
    uint64_t counter = 0;
    size_t digits = 0;
    for (at++; at < size && bytes[at] >= '0' && bytes[at] <= '9'; at++, digits++)
        counter = counter * 10 + (uint64_t)(bytes[at] - '0');
    if (digits > 18)
        return false;
    if (at == size)
        return true;
    if (bytes[at] != '"' || digits == 0)
        return false;
    *ret_counter = counter;
    *ret_taken = at + 1;
    return true;
}

#define ERRORS_NAMED (ZPL_MEDIA_OUT | ZPL_RIBBON_OUT | ZPL_HEAD_OPEN | ZPL_CUTTER | ZPL_HEAD_HOT | ZPL_MOTOR_HOT)
#define TROUBLES 11

struct trouble {
    bool applies;
    const char *words;
    enum fault_code code;
};

static void list_troubles(const struct zpl_status *status, unsigned errors, struct trouble ret_troubles[TROUBLES])
{
    const struct trouble troubles[TROUBLES] = {
        {status->paper_out || errors & ZPL_MEDIA_OUT, "media out", FAULT_PRINTER_PAPER},
        {status->ribbon_out || errors & ZPL_RIBBON_OUT, "ribbon out", FAULT_PRINTER_RIBBON},
        {status->head_open || errors & ZPL_HEAD_OPEN, "head open", FAULT_PRINTER_HEAD},
        {errors & ZPL_CUTTER, "cutter fault", FAULT_PRINTER_CUTTER},
        {errors & (ZPL_HEAD_HOT | ZPL_MOTOR_HOT), "too hot", FAULT_PRINTER_HOT},
        {errors & ~(unsigned)ERRORS_NAMED, "error", FAULT_PRINTER_NOT_READY},
        {status->paused, "paused", FAULT_PRINTER_PAUSED},
        {status->buffer_full, "buffer full", FAULT_PRINTER_HOLDS},
        {status->waiting > 0 || status->remaining > 0, "another label waits in it", FAULT_PRINTER_HOLDS},
        {status->partial, "a part of a label is in it", FAULT_PRINTER_HOLDS},
        {status->untaken, "a label waits to be taken", FAULT_PRINTER_UNTAKEN},
    };
    memcpy(ret_troubles, troubles, sizeof troubles);
}

void zpl_words(const struct zpl_status *status, unsigned errors, char ret_words[ZPL_WORDS_SIZE])
{
    struct trouble troubles[TROUBLES];
    list_troubles(status, errors, troubles);
    size_t at = 0;
    (void)snprintf(ret_words, ZPL_WORDS_SIZE, "ready");
    for (size_t i = 0; i < TROUBLES; i++) {
        if (!troubles[i].applies || at >= ZPL_WORDS_SIZE)
            continue;
        int written = snprintf(ret_words + at, ZPL_WORDS_SIZE - at, "%s%s", at ? ", " : "", troubles[i].words);
        at += written > 0 ? (size_t)written : 0;
    }
}

enum fault_code zpl_fault(const struct zpl_status *status, unsigned errors)
{
    struct trouble troubles[TROUBLES];
    list_troubles(status, errors, troubles);
    for (size_t i = 0; i < TROUBLES; i++)
        if (troubles[i].applies)
            return troubles[i].code;
    return FAULT_NONE;
}

bool zpl_is_ready(const struct zpl_status *status, unsigned errors)
{
    return zpl_fault(status, errors) == FAULT_NONE;
}
