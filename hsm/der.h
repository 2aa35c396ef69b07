/* der.h -- reading and writing DER, one element at a time.
 *
 * The reader takes hostile bytes: a length that is not in its shortest form, or longer than what is left, fails it for
 * good (base/bytes.h). The writer keeps a byte for each length and makes room when an element turns out longer.
 *
 * Owner    values over the caller's bytes
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 * Spec     X.690, sections 8 and 10
 */
#pragma once

#include "base/bytes.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT_0 = 0x80,
    DER_CONTEXT_0_WHOLE = 0xa0, /* constructed */
    DER_CONTEXT_3_WHOLE = 0xa3,
};

/* ---- reading ---- */

/* The next element's content, if it has this tag; else both readers have failed. */
NODISCARD struct reader der_enter(struct reader *from, enum der_tag tag);
/* Whatever the next element is. */
NODISCARD struct reader der_enter_any(struct reader *from, uint8_t *ret_tag);
/* The tag of the next element, without taking it; 0 at the end. */
NODISCARD uint8_t der_next(const struct reader *from);
/* Nothing failed and nothing is left. */
NODISCARD bool der_is_done(const struct reader *reader);
/* The rest of the reader is exactly these bytes. */
NODISCARD bool der_is_rest(struct reader *reader, const void *bytes, size_t size);
/* The next element has this tag and exactly this content. */
NODISCARD bool der_is_element(struct reader *from, enum der_tag tag, const void *bytes, size_t size);
/* The next element is exactly these bytes, tag and length included. */
NODISCARD bool der_is_whole(struct reader *from, const void *bytes, size_t size);

/* ---- writing; ask the writer at the end ---- */

/* Begins an element; the result goes to der_close(). */
NODISCARD size_t der_open(struct writer *writer, enum der_tag tag);
void der_close(struct writer *writer, size_t opened);
void der_element(struct writer *writer, enum der_tag tag, const void *bytes, size_t size);
/* A number from its big-endian magnitude. */
void der_unsigned(struct writer *writer, const uint8_t *bytes, size_t size);
/* A UTCTime up to 2049, a GeneralizedTime later (RFC 5280 4.1.2.5). `text` is YYYYMMDDHHMMSSZ. */
void der_time(struct writer *writer, const char *text);
/* An OID from its dots: false when it is none, or its encoding is longer than `size`. */
NODISCARD bool der_oid(const char *dots, uint8_t *ret_bytes, size_t size, size_t *ret_size);
