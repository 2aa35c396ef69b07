/* paper.h -- where the stand-in's labels come out: a directory of pictures, an index, and the counter.
 *
 *   label-000001.png   one label; 0600
 *   index              "000001 <job name>", one line for each label
 *   odometer           labels ever printed, which outlives the program as a real printer's counter does
 *
 * Owner    the caller closes the paper
 * Threads  one
 * Secrets  the pictures show passwords, as paper does
 * Layer    station/label/stand_in/
 */
#pragma once

#include "station/label/stand_in/job.h"

struct paper;

/* The directory must exist. Faults: FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool paper_open(const char *directory, unsigned dpi, struct paper **ret_paper,
                                           struct fault *fault);
void paper_close(struct paper *paper);
DEFINE_CLEANUP(struct paper *, paper_close)

NODISCARD NONNULL(1) uint64_t paper_counter(const struct paper *paper);

/* One label comes out. Faults: FILE, NO_MEMORY, INTERNAL. */
NODISCARD NONNULL(1, 2, 3) bool paper_print(struct paper *paper, const struct job *job, struct fault *fault);
