/* code.h -- what the square code on a label says: GTIN, serial and label id, as a scanner sends it.
 *
 *   ]d2 01 <14 digits> 21 <serial> GS 91 <label id>
 *
 * The AIM identifier "]d2" (GS1 DataMatrix) is optional on reading; any other identifier is refused. GS is 0x1D. The
 * form is fixed to the last character, so a scan that lost its end is told apart from a code that is not ours.
 *
 * Owner    values
 * Threads  any
 * Secrets  none; but a foreign code may be somebody's Wi-Fi key, so no fault repeats what was read
 * Layer    station/label/ may include base/ only here, and no outside library
 * Spec     GS1 General Specifications 7.8 (element strings), AI 01, 21 and 91; ISO/IEC 15424 (]d2)
 */
#pragma once

#include "base/fault.h"
#include "base/serial.h"

#define GTIN_SIZE 15
#define LABEL_ID_LENGTH 13
#define LABEL_COPIES_MAX 31
#define LABEL_ID_SIZE (LABEL_ID_LENGTH + 1)
#define LABEL_CODE_LENGTH (2 + 14 + 2 + SERIAL_LENGTH + 1 + 2 + LABEL_ID_LENGTH)
#define LABEL_CODE_SIZE (LABEL_CODE_LENGTH + 1)

struct label_code {
    char gtin[GTIN_SIZE];
    char serial[SERIAL_SIZE];
    char label[LABEL_ID_SIZE];
};

/* A label id is twelve letters of chance and one that says which copy it is: '1' is the first, 'Z' the 31st. So a label
 * tells by itself, and by its square code, which of the labels of its unit it is. `copy` is 1 to LABEL_COPIES_MAX. */
void label_id_write(uint64_t chance, unsigned copy, char ret_text[LABEL_ID_SIZE]);

/* 1 to LABEL_COPIES_MAX; 0 for what is no label id, or has no copy number. */
NODISCARD NONNULL(1) unsigned label_id_copy(const char *text);

/* True for 13 letters of base/bytes.h's base-32 alphabet. */
NODISCARD NONNULL(1) bool label_id_is_valid(const char *text);

/* The text without the AIM identifier.
 *
 * Faults: LABEL_VALUE for a GTIN, serial or label id that is not one.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool label_code_compose(const char *gtin, const char *serial, const char *label,
                                                         char ret_text[LABEL_CODE_SIZE], struct fault *fault);

/* One whole scan, without the scanner's line end. The check digit of the GTIN and the check character of the serial
 * are verified.
 *
 * Faults: SCAN_TRUNCATED for the beginning of such a code, SCAN_UNKNOWN for everything else.
 */
NODISCARD NONNULL(1, 3, 4) bool label_code_parse(const char *scan, size_t size, struct label_code *ret_code,
                                                 struct fault *fault);
