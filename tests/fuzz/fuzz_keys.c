/* Whatever a keyboard sends: a scan of ours or refused, and nothing of it is kept. The first byte says where a pause
 * falls, the rest are events. */
#include "station/label/code.h"
#include "station/line/key_scan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const struct key_collector *collector, const struct scan_message *scan)
{
    struct key_collector forgotten = {.held = collector->held};
    if (memcmp(collector, &forgotten, sizeof forgotten) != 0)
        abort();
    bool refused = scan->kind == SCAN_REFUSED;
    if (scan->kind < SCAN_LABEL || scan->kind > SCAN_REFUSED || refused != (scan->fault != FAULT_NONE))
        abort();
    struct fault fault;
    char text[LABEL_CODE_SIZE];
    if (scan->kind == SCAN_LABEL && !label_code_compose(scan->gtin, scan->serial, scan->label, text, &fault))
        abort();
    if (refused && (scan->serial[0] || scan->label[0] || scan->gtin[0] || scan->badge[0]))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct key_collector collector = {0};
    for (size_t at = 1; at + KEY_EVENT_BYTES <= size; at += KEY_EVENT_BYTES) {
        struct key_event event = key_event_read(bytes + at);
        struct scan_message scan = {0};
        if (key_collect(&collector, &event, &scan))
            check(&collector, &scan);
        if (at / KEY_EVENT_BYTES == bytes[0] && key_collect_end(&collector, &scan))
            check(&collector, &scan);
        if (collector.line.size > SCAN_LINE_MAX)
            abort();
    }
    return 0;
}
