/* scan.h -- what one scanned line is: a label of ours, a slot's tag, a badge, a card, or nothing of ours.
 *
 * Owner    values
 * Threads  any
 * Secrets  none; but a foreign code may be somebody's Wi-Fi key, so a refused scan leaves nothing of itself behind
 * Layer    station/line/
 */
#pragma once

#include "station/line/messages.h"

#define SCAN_LINE_MAX 128  /* longer lines are nothing of ours */
#define SCAN_PAUSE_MS 1000 /* a line whose end does not come in this time after its last byte has lost it */

/* Fills the message of one line without its line end. The AIM identifier in front is checked where a scanner sends it:
 * a label is a GS1 DataMatrix (]d2); tags and cards may also be DataMatrix (]d1), QR (]Q0 ]Q1 ]Q3), Code 128 (]C0) or
 * GS1-128 (]C1). `scanner` is left to the caller. */
NONNULL(1, 3) void scan_read(const char *line, size_t size, struct scan_message *ret_scan);

/* Collects a scanner's bytes into lines; CR, LF and both end one. */
struct scan_collector {
    char line[SCAN_LINE_MAX + 1];
    size_t size;
    bool overrun;
};

/* Takes one byte: true when it ended a line, and then `ret_scan` says what it was. Empty lines are nothing. */
NODISCARD NONNULL(1, 3) bool scan_collect(struct scan_collector *collector, uint8_t byte,
                                          struct scan_message *ret_scan);

/* Nothing came for SCAN_PAUSE_MS: true when a line had begun, which is then over, and truncated. */
NODISCARD NONNULL(1, 2) bool scan_collect_end(struct scan_collector *collector, struct scan_message *ret_scan);
