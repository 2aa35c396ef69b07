/* eye.h -- the stand-in operator's scanner: finds a fresh label on the printer's paper and reads its square code.
 *
 * Owner    values
 * Threads  one
 * Secrets  the picture shows a password; it is wiped after the code was found
 * Layer    station/line/stand_in/
 */
#pragma once

#include "base/clock.h"
#include "station/label/code.h"

#define EYE_PATH_SIZE 512

struct eye_paper {
    char path[EYE_PATH_SIZE];
    char text[LABEL_CODE_SIZE]; /* without the AIM identifier */
    struct label_code code;
};

/* The newest paper "label-NNNNNN.png" in the directory that carries this serial and label; waits for it.
 *
 * Faults: TIMED_OUT, FILE.
 */
NODISCARD NONNULL(1, 2, 3, 5, 6) bool eye_find(const char *directory, const char *serial, const char *label,
                                               struct deadline deadline, struct eye_paper *ret_paper,
                                               struct fault *fault);

/* Puts the paper away as "<directory>/<name>.png". Faults: FILE. */
NODISCARD NONNULL(1, 2, 3, 4) bool eye_put_away(const struct eye_paper *paper, const char *directory, const char *name,
                                                struct fault *fault);
