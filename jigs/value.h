/* value.h -- single values of a document: read whole, in range, or refused.
 *
 * Each function takes the spot, the key below it and the text that was loaded; a NULL text is an optional key that is
 * not in the file and leaves the output as it was, so that the caller sets the default first.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private
 */
#pragma once

#include "jigs/document.h"
#include "jigs/policy.h"

/* What a text may be made of. */
enum value_letters {
    VALUE_WORDS,  /* any UTF-8, no space at either end: a name for people */
    VALUE_MODEL,  /* printable ASCII, no space at either end */
    VALUE_GRAPH,  /* printable ASCII without spaces */
    VALUE_NAME,   /* A-Z a-z 0-9 . _ - */
    VALUE_SIMPLE, /* a-z 0-9 _, a letter first */
};

struct value_choice {
    const char *word;
    int value;
};

/* Faults of all: CONFIG_VALUE. */

/* 1 to `size` - 1 bytes of the given letters. */
NODISCARD bool value_read_text(const struct spot *spot, const char *key, const char *text, enum value_letters letters,
                               char *ret_text, size_t size);
/* Decimal digits only, without leading zeros. */
NODISCARD bool value_read_number(const struct spot *spot, const char *key, const char *text, unsigned least,
                                 unsigned most, unsigned *ret_number);
/* "0x" and four hex digits, not 0x0000. */
NODISCARD bool value_read_hex16(const struct spot *spot, const char *key, const char *text, uint16_t *ret_number);
/* Digits with at most three decimals behind a point. */
NODISCARD bool value_read_decimal(const struct spot *spot, const char *key, const char *text, double least, double most,
                                  double *ret_number);
/* true or false; not yes, on or 1. */
NODISCARD bool value_read_bool(const struct spot *spot, const char *key, const char *text, bool *ret_bool);
/* One of `count` words. */
NODISCARD bool value_read_choice(const struct spot *spot, const char *key, const char *text,
                                 const struct value_choice *choices, size_t count, int *ret_value);
/* A day of the calendar, "2026-11-23". */
NODISCARD bool value_read_date(const struct spot *spot, const char *key, const char *text, char ret_date[DATE_SIZE]);
/* A path, taken from the document's directory when it is relative. */
NODISCARD bool value_read_path(const struct spot *spot, const char *key, const char *text, char *ret_path, size_t size);
/* The same, and refused when absolute: what belongs to a product moves with it. */
NODISCARD bool value_read_path_inside(const struct spot *spot, const char *key, const char *text, char *ret_path,
                                      size_t size);
/* "tcp:HOST:PORT" or "unix:/PATH". */
NODISCARD bool value_read_stream(const struct spot *spot, const char *key, const char *text, char *ret_path,
                                 size_t size);

/* "ipp://HOST:PORT/PATH". */
NODISCARD bool value_read_ipp(const struct spot *spot, const char *key, const char *text, char *ret_uri, size_t size);

/* Whether the text is a day of the calendar. */
NODISCARD bool value_is_date(const char *text);
