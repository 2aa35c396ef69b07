/* text_code.h -- a text without secrets as a QR code on paper: heads of the log, to be printed and kept.
 *
 * Owner    values
 * Threads  any
 * Secrets  none: the file may be read by everybody who may enter its directory
 * Layer    station/label/
 * Spec     ISO/IEC 18004, error correction M, byte mode
 */
#pragma once

#include "base/fault.h"

/* Writes directory/name, a PNG at 300 dpi with modules of half a millimetre, as picture_keep() does: a file of that
 * name must not exist. The text has at most 1500 bytes.
 *
 * Faults: LABEL_VALUE for a text that no code holds, FILE, NO_MEMORY, SECRET_MEMORY. On failure there is no such file.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool text_code_write(const char *text, const char *directory, const char *name,
                                                   struct fault *fault);
