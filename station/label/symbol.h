/* symbol.h -- the modules of a code: black and white squares, not yet dots.
 *
 * Owner    values
 * Threads  any
 * Secrets  a Wi-Fi code holds its key; zint keeps copies while it works (label.h)
 * Layer    station/label/; symbol.c is the only user of zint
 * Spec     ISO/IEC 18004 (QR), ISO/IEC 16022 (DataMatrix), ISO/IEC 15417 (Code 128), GS1 General Specifications
 */
#pragma once

#include "base/fault.h"

#define SYMBOL_MODULES_MAX 192 /* in each direction */

enum symbol_kind { SYMBOL_QR, SYMBOL_DATAMATRIX, SYMBOL_GS1_DATAMATRIX, SYMBOL_CODE128 };

struct symbol_options {
    enum symbol_kind kind;
    unsigned correction; /* QR only: 1 to 4 for L, M, Q, H */
    unsigned quiet;      /* white modules around it */
};

struct symbol {
    unsigned width, height; /* modules; a height of 1 is a bar code, drawn as high as its place */
    uint8_t modules[SYMBOL_MODULES_MAX * SYMBOL_MODULES_MAX]; /* 1 is black; row by row, `width` to a row */
};

/* The least quiet zone the code's standard allows, in modules. */
NODISCARD unsigned symbol_least_quiet(enum symbol_kind kind);
/* "qr", "dm", "gs1dm", "code128"; false for another. */
NODISCARD NONNULL(1, 2) bool symbol_kind_of(const char *name, enum symbol_kind *ret_kind);

/* Of GS1 DataMatrix, the value has its application identifiers in square brackets.
 *
 * zint's warnings are failures here: it makes a code of a GTIN with a wrong check digit, and only warns.
 * Faults: LABEL_VALUE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool symbol_make(const struct symbol_options *options, const uint8_t *value, size_t size,
                                               struct symbol *ret_symbol, struct fault *fault);
