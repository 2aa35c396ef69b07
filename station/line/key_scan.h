/* key_scan.h -- a scanner that types: key events in, scans out.
 *
 * Scanners are set to the US layout, and the meaning of a key is fixed here: neither the PC's layout nor its Caps Lock
 * changes a scan. Enter ends one. GS, which no keyboard has, comes as Ctrl+] or as F8. Any other key that is no
 * character makes the scan nothing of ours.
 *
 * A person can type, too. A scanner types faster than KEY_SCAN_MEAN_US a key, on average over the whole scan, so that
 * one pause of a radio link does no harm; what was slower was typed by hand and is refused as that. A scan whose Enter
 * does not come within SCAN_PAUSE_MS (scan.h) after its last key, or of which the kernel lost events, is truncated.
 *
 * The identifier of the symbology (AIM, "]d2") must be there: it is what tells the square code of a label from a text
 * that looks like one.
 *
 * Owner    values
 * Threads  any
 * Secrets  none; but a foreign code may be somebody's Wi-Fi key, so a scan is wiped when it ends, whatever it was
 * Layer    station/line/
 * Spec     linux/input-event-codes.h; HID Usage Tables, keyboard page, US layout; ISO/IEC 15424
 */
#pragma once

#include "station/line/scan.h"

#define KEY_SCAN_MEAN_US 40000

/* The part of the kernel's `struct input_event` that counts. */
struct key_event {
    uint64_t time_us; /* of a clock that is never set */
    uint16_t type;
    uint16_t code;
    int32_t value;
};

struct key_collector {
    struct scan_collector line;
    uint64_t first_us, last_us; /* of the scan's keys */
    size_t keys;                /* pressed in this scan; modifiers do not count */
    unsigned held;              /* modifiers; outlives the scan */
    bool foreign;               /* a key that is no character was among them */
    bool lost;                  /* the kernel dropped events */
};

/* Events as a port of maker keyboard reads them, `size` a multiple of KEY_EVENT_BYTES. */
#define KEY_EVENT_BYTES 24
NODISCARD NONNULL(1) struct key_event key_event_read(const uint8_t bytes[KEY_EVENT_BYTES]);

/* Takes one event: true when it ended a scan, and then `ret_scan` says what that was. Enter alone is nothing. */
NODISCARD NONNULL(1, 2, 3) bool key_collect(struct key_collector *collector, const struct key_event *event,
                                            struct scan_message *ret_scan);

/* No key came for SCAN_PAUSE_MS: true when a scan had begun, which is then over. */
NODISCARD NONNULL(1, 2) bool key_collect_end(struct key_collector *collector, struct scan_message *ret_scan);
