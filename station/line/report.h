/* report.h -- what `kokuin station run` says on standard output: one JSON object a line, or one line for people.
 *
 * {"event":"ready","station":"demo-1","order":"A-1","slots":[1,2]}
 * {"event":"slot","slot":1,"view":"working","step":6,"steps":9,"step_name":"prove","attempt":1,"serial":"...",
 *  "model":"...","label":"","fault":0,"fault_name":"","text":"","token":"up","token_label":"..."}
 * {"event":"token","state":"degraded","label":"..."}
 * {"event":"scan","scanner":"hand","kind":"label","slot":1,"serial":"...","label":"...","fault":0,"fault_name":""}
 * {"event":"operator","badge":"..."}   {"event":"paused"}   {"event":"resumed"}
 * {"event":"held","fault":604,"fault_name":"PRINTER_AWAY","text":"..."}   {"event":"stopped"}
 *
 * view: empty, working, label, ok, ng, hold. kind: label, slot-tag, badge, pause, resume, refused. token and state: up,
 * degraded (a spare is in use; the label is the spare's), down, and in a slot's line unknown, before it has opened one.
 * The token event comes after ready, and then whenever the worst of all slots has changed.
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
NODISCARD const char *slot_token_name(uint32_t token);

NONNULL(1, 2, 3) void report_ready(const struct report *report, const struct jig *jig, const char *order);
NONNULL(1, 2) void report_slot(const struct report *report, const struct slot_message *slot);
NONNULL(1, 3) void report_token(const struct report *report, enum slot_token token, const char *label);
/* `scan->fault` is the answer; `slot` is 0 where none was concerned. */
NONNULL(1, 2, 3) void report_scan(const struct report *report, const struct scan_message *scan, const char *scanner);
NONNULL(1, 2) void report_operator(const struct report *report, const char *badge);
/* "paused", "resumed", "stopped". */
NONNULL(1, 2) void report_event(const struct report *report, const char *event);
NONNULL(1) void report_held(const struct report *report, enum fault_code code, const char *text);
