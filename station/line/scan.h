/* scan.h -- what one scanned line is: a label of ours, a slot's tag, a badge, a card, or nothing of ours.
 *
 * Owner    values
 * Threads  any
 * Secrets  none; but a foreign code may be somebody's Wi-Fi key, so a refused scan leaves nothing of itself behind
 * Layer    station/line/
 */
#pragma once

#include "station/line/messages.h"

#define SCAN_LINE_MAX 128 /* longer lines are nothing of ours */

/* Fills the message of one line without its line end. The AIM identifier in front is checked where a scanner sends it.
 * `scanner` is left to the caller. */
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
