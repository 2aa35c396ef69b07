/* picture.h -- a picture of a label as a file that is whole or not there.
 *
 * Owner    the caller owns the bytes
 * Threads  any
 * Secrets  the file shows what the picture shows; only its owner can read it
 * Layer    station/label/, and its stand-in printer
 */
#pragma once

#include "station/label/wiped.h"

/* Writes the bytes as directory/name: under another name first, forced to the disk, and then renamed, so that nobody
 * ever sees half of it. A file of that name must not exist.
 *
 * Faults: FILE. On failure there is no such file.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool picture_keep(const struct wiped *picture, const char *directory, const char *name,
                                                struct fault *fault);
