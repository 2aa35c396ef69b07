/* zpl.h -- one label as a ZPL II job, and what a printer says about itself.
 *
 * The label goes as one compressed picture (:Z64: with its CRC), never as ZPL texts and bar codes: a value cannot
 * smuggle in a command, and every printer draws the same.
 *
 * Owner    the caller owns the buffer
 * Threads  any
 * Secrets  the job shows the label's passwords
 * Layer    station/label/
 * Spec     Zebra ZPL II Programming Guide: ^GF, ^JZ, ^MM, ^PQ, ~HS, ~HQES, ~JA; CRC-16/XMODEM over the base64 text
 */
#pragma once

#include "jigs/jig.h"
#include "station/label/bitmap.h"
#include "station/label/wiped.h"

/* Appends the job. `name`, the label's id, goes along as a comment. ^JZN: a label is not printed again by the printer
 * itself after the paper ran out in it.
 *
 * Faults: NO_MEMORY, INTERNAL.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool zpl_append_job(const struct label_bitmap *bitmap, const char *name,
                                                  enum printer_mode mode, struct wiped *buffer, struct fault *fault);

/* CRC-16 with polynomial 0x1021, from 0. */
NODISCARD uint16_t zpl_crc(const uint8_t *bytes, size_t size);

/* ~HQES: the first group of error bits, and ~HS: what it adds. */
#define ZPL_ASK_ERRORS "~HQES\r\n"
#define ZPL_ASK_STATUS "~HS\r\n"
/* Everything that is in it and not yet being printed is forgotten. There is no answer. */
#define ZPL_CANCEL_ALL "~JA\r\n"
#define ZPL_ASK_COUNTER "! U1 getvar \"odometer.total_label_count\"\r\n"

enum zpl_error {
    ZPL_MEDIA_OUT = 1 << 0,
    ZPL_RIBBON_OUT = 1 << 1,
    ZPL_HEAD_OPEN = 1 << 2,
    ZPL_CUTTER = 1 << 3,
    ZPL_HEAD_HOT = 1 << 4,
    ZPL_MOTOR_HOT = 1 << 5,
};

struct zpl_status {
    bool paper_out, paused, buffer_full;
    bool partial; /* a job whose end has not come */
    bool head_open, ribbon_out;
    bool untaken;       /* a finished label hangs at the peel-off bar */
    unsigned waiting;   /* formats in its buffer */
    unsigned remaining; /* labels of the batch in hand */
};

/* Each looks for one whole answer at the start of what came in, and tells how many bytes it takes; 0 when more must
 * come first. False when there is something else.
 *
 * ~HS is three lines between STX and ETX, ~HQES one such block, the counter a number in quotation marks.
 */
NODISCARD NONNULL(1, 3, 4) bool zpl_read_errors(const uint8_t *bytes, size_t size, unsigned *ret_errors,
                                                size_t *ret_taken);
NODISCARD NONNULL(1, 3, 4) bool zpl_read_status(const uint8_t *bytes, size_t size, struct zpl_status *ret_status,
                                                size_t *ret_taken);
NODISCARD NONNULL(1, 3, 4) bool zpl_read_counter(const uint8_t *bytes, size_t size, uint64_t *ret_counter,
                                                 size_t *ret_taken);

#define ZPL_WORDS_SIZE 160
/* "media out, head open"; "ready" for nothing. */
NONNULL(1, 3) void zpl_words(const struct zpl_status *status, unsigned errors, char ret_words[ZPL_WORDS_SIZE]);
/* What to tell the operator: the first of them that a person can mend, in the order in which they are mended;
 * FAULT_NONE for nothing. */
NODISCARD NONNULL(1) enum fault_code zpl_fault(const struct zpl_status *status, unsigned errors);
/* Whether it would print a job now. */
NODISCARD NONNULL(1) bool zpl_is_ready(const struct zpl_status *status, unsigned errors);
