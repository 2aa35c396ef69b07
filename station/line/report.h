/* report.h -- what `kokuin station run` says on standard output: one JSON object a line, or one line for people.
 *
 * {"event":"ready","station":"demo-1","order":"A-1","slots":[1,2]}
 * {"event":"slot","slot":1,"view":"working","step":6,"steps":9,"step_name":"prove","attempt":1,"serial":"...",
 *  "model":"...","label":"","fault":0,"fault_name":"","text":""}
 * {"event":"scan","scanner":"hand","kind":"label","slot":1,"serial":"...","label":"...","fault":0,"fault_name":""}
 * {"event":"operator","badge":"..."}   {"event":"paused"}   {"event":"resumed"}
 * {"event":"held","fault":604,"fault_name":"PRINTER_AWAY","text":"..."}   {"event":"stopped"}
 *
 * view: empty, working, label, ok, ng, hold. kind: label, slot-tag, badge, pause, resume, refused.
 *
 * Owner    everything is borrowed
 * Threads  one
 * Secrets  none
 * Layer    station/line/
 */
#pragma once

#include "jigs/jig.h"
#include "station/line/messages.h"

struct report {
    int out; /* descriptor */
    bool json;
    enum fault_language language;
};

NODISCARD const char *slot_view_name(uint32_t view);
NODISCARD const char *scan_kind_name(uint32_t kind);

NONNULL(1, 2, 3) void report_ready(const struct report *report, const struct jig *jig, const char *order);
NONNULL(1, 2) void report_slot(const struct report *report, const struct slot_message *slot);
/* `scan->fault` is the answer; `slot` is 0 where none was concerned. */
NONNULL(1, 2, 3) void report_scan(const struct report *report, const struct scan_message *scan, const char *scanner);
NONNULL(1, 2) void report_operator(const struct report *report, const char *badge);
/* "paused", "resumed", "stopped". */
NONNULL(1, 2) void report_event(const struct report *report, const char *event);
NONNULL(1) void report_held(const struct report *report, enum fault_code code, const char *text);
