/* verify.h -- reads a code back from the finished bitmap, as a scanner would, with readers that are not its maker's.
 *
 * Owner    nothing is kept
 * Threads  the main thread
 * Secrets  a Wi-Fi code holds its key; the readers keep copies (label.h)
 * Layer    station/label/; verify.c is the only user of libdmtx and zbar
 */
#pragma once

#include "station/label/drawing.h"
#include "station/label/symbol.h"

/* Reads the code around `place` and compares it with `wanted` byte for byte. Faults: LABEL_UNREADABLE, NO_MEMORY. */
NODISCARD NONNULL(1, 4, 6) bool verify_symbol(const struct label_bitmap *bitmap, struct box place,
                                              enum symbol_kind kind, const uint8_t *wanted, size_t size,
                                              struct fault *fault);
