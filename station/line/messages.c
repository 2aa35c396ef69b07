#include "station/line/supervisor.h"

#include "base/channel.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEND_MS 1000

static void order_slot(struct supervisor *supervisor, size_t index, struct slot_order *order)
{
    int channel = supervisor->crew[index].channel;
    struct fault fault;
    order->version = MESSAGE_VERSION;
    if (channel < 0 || channel_send(channel, order, sizeof *order, -1, deadline_in_ms(SEND_MS), &fault))
        return;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "slot.deaf");
    log_number(&line, "slot", supervisor->jig->slots[index].number);
    log_fault(&line, &fault);
    log_end(&line);
}

/* The worker of a slot on hold ends by itself and is started afresh; one that was stuck has no worker any more. */
static void resume(struct supervisor *supervisor, size_t index)
{
    if (supervisor->stuck[index] && supervisor->crew[index].pid == 0) {
        supervisor->stuck[index] = false;
        crew_start_later(&supervisor->crew[index], true);
    }
}

void supervisor_order_all(struct supervisor *supervisor, enum slot_order_kind kind)
{
    for (size_t i = 0; i < supervisor->jig->slot_count; i++) {
        struct slot_order order = {.kind = (uint32_t)kind};
        memcpy(order.badge, supervisor->badge, sizeof order.badge);
        if (kind == SLOT_ORDER_RESUME)
            resume(supervisor, i);
        order_slot(supervisor, i, &order);
    }
}

void supervisor_greet_slot(struct supervisor *supervisor, size_t slot_index)
{
    struct slot_order pause = {.kind = SLOT_ORDER_PAUSE};
    if (supervisor->paused)
        order_slot(supervisor, slot_index, &pause);
}

/* ---- from slots ---- */

/* A slot's own cable stops that slot only; everything else stops the station until a person has mended it. */
static void hold_station(struct supervisor *supervisor, const struct slot_message *slot)
{
    enum fault_code code = (enum fault_code)slot->fault;
    if (code == FAULT_PORT_NOT_FOUND || code == FAULT_PORT_BUSY || code == FAULT_PORT_FAILED || !supervisor->opened)
        return;
    if (supervisor->paused)
        return;
    supervisor->paused = true;
    report_held(&supervisor->report, code, slot->text);
    supervisor_order_all(supervisor, SLOT_ORDER_PAUSE);
}

void supervisor_show_token(struct supervisor *supervisor)
{
    const struct slot_message *worst = &supervisor->slots[0];
    for (size_t i = 1; i < supervisor->jig->slot_count; i++)
        if (supervisor->slots[i].token > worst->token)
            worst = &supervisor->slots[i];
    enum slot_token token = (enum slot_token)worst->token;
    if (token == SLOT_TOKEN_UNKNOWN ||
        (token == supervisor->token && strcmp(worst->token_label, supervisor->token_label) == 0))
        return;
    supervisor->token = token;
    memcpy(supervisor->token_label, worst->token_label, sizeof supervisor->token_label);
    report_token(&supervisor->report, token, worst->token_label);
    struct log_line line;
    log_begin(&line, token == SLOT_TOKEN_UP ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "station.token");
    log_text(&line, "state", slot_token_name(token));
    log_text(&line, "token", worst->token_label);
    log_end(&line);
}

static void take_state(struct supervisor *supervisor, size_t index, const struct slot_message *message)
{
    supervisor->heard[index] = true;
    supervisor->watch[index] = watch_state(message, supervisor->stopping);
    supervisor->slots[index] = *message;
    struct route_slot *slot = &supervisor->routing.slots[index];
    slot->view = (enum slot_view)message->view;
    memcpy(slot->serial, message->serial, sizeof slot->serial);
    if (supervisor->ready) {
        supervisor_show_token(supervisor);
        report_slot(&supervisor->report, message);
    }
    if (message->view == SLOT_HOLD)
        hold_station(supervisor, message);
}

/* The conduit goes on unread. Where there is no printer worker it is closed, and the slot sees its label unprinted. */
static void pass_conduit(struct supervisor *supervisor, const struct slot_message *message, int conduit)
{
    struct printer_order order = {.version = MESSAGE_VERSION, .slot = message->slot};
    memcpy(order.label, message->label, sizeof order.label);
    struct fault fault;
    if (message->printer < supervisor->jig->printer_count && conduit >= 0) {
        const struct crew_member *printer = &supervisor->crew[supervisor->jig->slot_count + message->printer];
        if (printer->channel < 0 ||
            !channel_send(printer->channel, &order, sizeof order, conduit, deadline_in_ms(SEND_MS), &fault)) {
            struct log_line line;
            log_begin(&line, LOG_LEVEL_ERROR, "printer.deaf");
            log_number(&line, "slot", message->slot);
            log_text(&line, "printer", supervisor->jig->printers[message->printer].name);
            log_end(&line);
        }
    }
}

static void take_scan_answer(struct supervisor *supervisor, size_t index, const struct slot_message *message)
{
    enum fault_code told = route_answer(&supervisor->routing, index, (enum fault_code)message->fault);
    static const enum scan_kind kinds[] = {
        [SLOT_WISH_CLOSE] = SCAN_LABEL, [SLOT_WISH_VOID] = SCAN_REPRINT, [SLOT_WISH_REKEY] = SCAN_REKEY};
    uint32_t kind = message->wish < ARRAY_SIZE(kinds) ? kinds[message->wish] : SCAN_LABEL;
    struct scan_message scan = {.kind = kind, .slot = message->slot, .fault = (uint32_t)told};
    memcpy(scan.serial, message->serial, sizeof scan.serial);
    memcpy(scan.label, message->label, sizeof scan.label);
    if (supervisor->slots[index].view == SLOT_LABEL && !supervisor->stopping)
        supervisor->watch[index] = watch_answer(message->fault);
    report_scan(&supervisor->report, &scan, supervisor->jig->scanners[supervisor->scanner_of[index]].name);
}

static void terminate_texts(struct slot_message *message)
{
    message->step_name[sizeof message->step_name - 1] = '\0';
    message->serial[sizeof message->serial - 1] = '\0';
    message->label[sizeof message->label - 1] = '\0';
    message->model[sizeof message->model - 1] = '\0';
    message->text[sizeof message->text - 1] = '\0';
    message->token_label[sizeof message->token_label - 1] = '\0';
}

static bool hear_slot(struct supervisor *supervisor, const struct crew_member *member)
{
    struct slot_message message;
    int conduit = -1;
    struct fault fault;
    if (!channel_receive(member->channel, &message, sizeof message, &conduit, deadline_in_ms(0), &fault))
        return fault.code == FAULT_TIMED_OUT;
    terminate_texts(&message);
    message.slot = supervisor->jig->slots[member->index].number;
    if (message.kind == SLOT_SAYS_STATE && message.version == MESSAGE_VERSION)
        take_state(supervisor, member->index, &message);
    if (message.kind == SLOT_SAYS_PRINT)
        pass_conduit(supervisor, &message, conduit);
    if (message.kind == SLOT_SAYS_SCAN)
        take_scan_answer(supervisor, member->index, &message);
    if (conduit >= 0)
        (void)close(conduit);
    return true;
}

void supervisor_show_death(struct supervisor *supervisor, size_t slot_index)
{
    struct slot_message *slot = &supervisor->slots[slot_index];
    slot->version = MESSAGE_VERSION;
    slot->slot = supervisor->jig->slots[slot_index].number;
    slot->view = SLOT_NG;
    slot->fault = FAULT_WORKER_DIED;
    (void)snprintf(slot->text, sizeof slot->text, "%s", "the slot's worker ended; it is started again");
    supervisor->routing.slots[slot_index].view = SLOT_NG;
    report_slot(&supervisor->report, slot);
}

void supervisor_show_stuck(struct supervisor *supervisor, size_t slot_index)
{
    struct slot_message message = supervisor->slots[slot_index];
    message.version = MESSAGE_VERSION;
    message.slot = supervisor->jig->slots[slot_index].number;
    message.view = SLOT_HOLD;
    message.fault = FAULT_WORKER_STUCK;
    (void)snprintf(message.text, sizeof message.text, "the slot's worker hung in step '%s' and was ended",
                   message.step_name[0] != '\0' ? message.step_name : "open");
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "worker.stuck");
    log_number(&line, "slot", message.slot);
    log_text(&line, "step", message.step_name);
    log_end(&line);
    take_state(supervisor, slot_index, &message);
}

/* ---- from scanners ---- */

static const char *scanner_name(const struct supervisor *supervisor, size_t scanner)
{
    return supervisor->jig->scanners[scanner].name;
}

static void change_operator(struct supervisor *supervisor, const struct scan_message *scan)
{
    memcpy(supervisor->badge, scan->badge, sizeof supervisor->badge);
    supervisor->badge[sizeof supervisor->badge - 1] = '\0';
    supervisor_order_all(supervisor, SLOT_ORDER_OPERATOR);
    report_operator(&supervisor->report, supervisor->badge);
}

static void hand_to_slot(struct supervisor *supervisor, const struct route *route, size_t scanner)
{
    struct slot_order order = {.kind = SLOT_ORDER_SCAN, .wish = route->wish};
    memcpy(order.gtin, route->label.gtin, sizeof order.gtin);
    memcpy(order.serial, route->label.serial, sizeof order.serial);
    memcpy(order.label, route->label.label, sizeof order.label);
    supervisor->scanner_of[route->slot_index] = scanner;
    supervisor->watch[route->slot_index] = watch_scan();
    order_slot(supervisor, route->slot_index, &order);
}

static void follow(struct supervisor *supervisor, const struct route *route, struct scan_message *scan)
{
    switch (route->kind) {
    case ROUTE_TO_SLOT:
        hand_to_slot(supervisor, route, scan->scanner);
        return; /* the slot answers */
    case ROUTE_OPERATOR:
        change_operator(supervisor, scan);
        return;
    case ROUTE_PAUSE:
        supervisor->paused = true;
        supervisor_order_all(supervisor, SLOT_ORDER_PAUSE);
        report_event(&supervisor->report, "paused");
        return;
    case ROUTE_RESUME:
        supervisor->paused = false;
        supervisor_order_all(supervisor, SLOT_ORDER_RESUME);
        report_event(&supervisor->report, "resumed");
        return;
    case ROUTE_WAIT:
    case ROUTE_ANSWER:
        scan->fault = (uint32_t)route->fault;
        report_scan(&supervisor->report, scan, scanner_name(supervisor, scan->scanner));
        return;
    }
}

static bool hear_scanner(struct supervisor *supervisor, const struct crew_member *member)
{
    struct scan_message scan;
    struct fault fault;
    if (!channel_receive(member->channel, &scan, sizeof scan, NULL, deadline_in_ms(0), &fault))
        return fault.code == FAULT_TIMED_OUT;
    scan.scanner = member->index;
    scan.gtin[sizeof scan.gtin - 1] = '\0';
    scan.serial[sizeof scan.serial - 1] = '\0';
    scan.label[sizeof scan.label - 1] = '\0';
    scan.badge[sizeof scan.badge - 1] = '\0';
    struct route route = route_scan(&supervisor->routing, &scan);
    follow(supervisor, &route, &scan);
    return true;
}

void supervisor_forget_labels(struct supervisor *supervisor)
{
    size_t scanner;
    while (route_expire(&supervisor->routing, &scanner)) {
        struct scan_message scan = {.kind = SCAN_LABEL, .fault = FAULT_SCAN_TRUNCATED};
        report_scan(&supervisor->report, &scan, scanner_name(supervisor, scanner));
    }
}

bool supervisor_hear(struct supervisor *supervisor, struct crew_member *member)
{
    if (member->kind == CREW_SLOT)
        return hear_slot(supervisor, member);
    if (member->kind == CREW_SCANNER)
        return hear_scanner(supervisor, member);
    return false; /* a printer worker never speaks here: its channel has ended */
}
