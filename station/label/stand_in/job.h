/* job.h -- what a label printer does with one command: a job becomes a bitmap.
 *
 * Written from ZPL's own description, and not from station/label/zpl.c: it is the other side.
 *
 * Owner    the caller frees the bitmap
 * Threads  one
 * Secrets  labels show passwords: buffers are wiped
 * Layer    station/label/stand_in/
 */
#pragma once

#include "station/label/bitmap.h"

#define JOB_SIZE_MAX (4 * 1024 * 1024)
#define JOB_NAME_SIZE 33
#define JOB_COPIES_MAX 10

struct job {
    struct label_bitmap *bitmap;
    char name[JOB_NAME_SIZE]; /* from ^FX; empty without one */
    unsigned copies;          /* from ^PQ */
    char mode;                /* from ^MM: T, P or C; T without one */
    unsigned number;          /* with IPP: its id */
    bool may_reprint;         /* no ^JZN: after an error such a printer prints the last label again */
};

void job_clear(struct job *job);

/* A whole job from ^XA to ^XZ with one ^GFA in Z64. Faults: BAD_BYTES, NO_MEMORY, SECRET_MEMORY, LABEL_VALUE. */
NODISCARD NONNULL(1, 3, 4) bool job_read(const uint8_t *bytes, size_t size, struct job *ret_job, struct fault *fault);
