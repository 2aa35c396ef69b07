#include "station/line/line.h"

#include "base/channel.h"
#include "base/log.h"
#include "base/process.h"
#include "station/flow/flow.h"
#include "station/line/conduit.h"
#include "station/line/rooms.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAY_MS 5000
#define PRINT_MS 120000
#define NOBODY "-"    /* stands in the record where no badge was scanned */
#define IDLE_MS 60000 /* how long one wait for a unit may take before the slot is looked at again */

struct slot_worker {
    struct rooms *rooms;
    const struct jig_slot *slot;
    const char *order;
    struct port_options port;
    struct slot_message said; /* the last state */
    char badge[33];
    bool paused;
    bool stopping;
    bool resumed; /* a slot on hold was told to go on */
};

/* ---- what is said to the supervisor ---- */

/* A supervisor that is gone ends the worker after the unit in work. */
static void say(struct slot_worker *worker, const struct slot_message *message, int descriptor)
{
    struct fault fault;
    if (!channel_send(WORKER_CHANNEL, message, sizeof *message, descriptor, deadline_in_ms(SAY_MS), &fault))
        worker->stopping = true;
}

static void say_state(struct slot_worker *worker)
{
    worker->said.kind = SLOT_SAYS_STATE;
    say(worker, &worker->said, -1);
}

static void say_empty(struct slot_worker *worker)
{
    worker->said = (struct slot_message){.version = MESSAGE_VERSION, .slot = worker->slot->number, .view = SLOT_EMPTY};
    say_state(worker);
}

static void say_fault(struct slot_worker *worker, enum slot_view view, const struct fault *fault)
{
    worker->said.view = (uint32_t)view;
    worker->said.fault = (uint32_t)fault->code;
    memcpy(worker->said.text, fault->text, sizeof worker->said.text);
    say_state(worker);
}

/* ---- what is heard from it ---- */

static bool take_order(struct slot_worker *worker, struct deadline deadline, struct slot_order *ret_order)
{
    struct fault fault;
    if (!channel_receive(WORKER_CHANNEL, ret_order, sizeof *ret_order, NULL, deadline, &fault)) {
        worker->stopping = worker->stopping || fault.code != FAULT_TIMED_OUT;
        return false;
    }
    switch ((enum slot_order_kind)ret_order->kind) {
    case SLOT_ORDER_SCAN:
        break;
    case SLOT_ORDER_PAUSE:
        worker->paused = true;
        break;
    case SLOT_ORDER_RESUME:
        worker->paused = false;
        worker->resumed = true;
        break;
    case SLOT_ORDER_STOP:
        worker->stopping = true;
        break;
    case SLOT_ORDER_OPERATOR:
        memcpy(worker->badge, ret_order->badge, sizeof worker->badge - 1);
        break;
    }
    return true;
}

/* Scans that come while nobody waits for one are answered, never kept for later. */
static void take_orders(struct slot_worker *worker)
{
    struct slot_order order;
    while (take_order(worker, deadline_in_ms(0), &order)) {
        if (order.kind != SLOT_ORDER_SCAN)
            continue;
        struct slot_message answer = worker->said;
        answer.kind = SLOT_SAYS_SCAN;
        answer.fault = FAULT_SCAN_NOT_EXPECTED;
        say(worker, &answer, -1);
    }
}

static void wait_for_order(void)
{
    struct pollfd channel = {.fd = WORKER_CHANNEL, .events = POLLIN};
    (void)poll(&channel, 1, IDLE_MS);
}

/* ---- what the flow asks for ---- */

static void show(void *context, const struct flow_progress *progress)
{
    struct slot_worker *worker = context;
    struct slot_message *said = &worker->said;
    *said = (struct slot_message){.version = MESSAGE_VERSION, .slot = worker->slot->number};
    said->view = progress->step == FLOW_SCAN ? SLOT_LABEL : SLOT_WORKING;
    said->step = progress->step;
    said->steps = FLOW_STEPS;
    (void)snprintf(said->step_name, sizeof said->step_name, "%s", flow_step_name(progress->step));
    memcpy(said->serial, progress->serial, sizeof said->serial);
    memcpy(said->model, progress->model, sizeof said->model);
    memcpy(said->label, progress->label, sizeof said->label);
    say_state(worker);
}

static bool print(void *context, const char *label, const struct label_bitmap *bitmap,
                  enum store_print_level *ret_level, struct fault *fault)
{
    struct slot_worker *worker = context;
    int ends[2];
    if (!channel_pair(ends, fault))
        return false;
    struct slot_message message = worker->said;
    message.kind = SLOT_SAYS_PRINT;
    message.printer = worker->slot->printer;
    (void)snprintf(message.label, sizeof message.label, "%s", label);
    bool sent = channel_send(WORKER_CHANNEL, &message, sizeof message, ends[1], deadline_in_ms(SAY_MS), fault);
    (void)close(ends[1]);
    bool printed = sent && conduit_print(ends[0], label, bitmap, deadline_in_ms(PRINT_MS), ret_level, fault);
    (void)close(ends[0]);
    return printed;
}

static bool is_gone(const struct slot_worker *worker, struct deadline deadline, struct fault *fault)
{
    return port_wait(&worker->port, false, WORKER_CHANNEL, deadline, fault);
}

static bool await_scan(void *context, struct flow_scan *ret_scan, struct fault *fault)
{
    struct slot_worker *worker = context;
    while (!worker->stopping) {
        struct fault why;
        if (is_gone(worker, deadline_in_ms(IDLE_MS), &why))
            return fault_set(fault, FAULT_UNIT_UNPLUGGED, 0, "unit was taken out before its label was scanned");
        if (why.code != FAULT_TIMED_OUT) {
            *fault = why;
            return false;
        }
        struct slot_order order;
        if (!take_order(worker, deadline_in_ms(0), &order) || order.kind != SLOT_ORDER_SCAN)
            continue;
        memcpy(ret_scan->gtin, order.gtin, sizeof ret_scan->gtin);
        memcpy(ret_scan->serial, order.serial, sizeof ret_scan->serial);
        memcpy(ret_scan->label, order.label, sizeof ret_scan->label);
        return true;
    }
    return fault_set(fault, FAULT_INTERRUPTED, 0, "the station stops; the unit's label was not scanned");
}

static void answer_scan(void *context, const struct fault *why)
{
    struct slot_worker *worker = context;
    struct slot_message answer = worker->said;
    answer.kind = SLOT_SAYS_SCAN;
    answer.fault = why ? (uint32_t)why->code : 0;
    if (why)
        memcpy(answer.text, why->text, sizeof answer.text);
    say(worker, &answer, -1);
}

/* ---- the loop ---- */

static const struct flow_world world_of_a_slot = {
    .show = show, .print = print, .await_scan = await_scan, .answer_scan = answer_scan};

static struct flow_station station_of(struct slot_worker *worker)
{
    const struct rooms *rooms = worker->rooms;
    const struct jig_printer *printer = &rooms->jig->printers[worker->slot->printer];
    return (struct flow_station){
        .token = rooms->token,
        .issuer = rooms->issuer,
        .sealer = rooms->sealer,
        .store = rooms->store,
        .unit = {.port = worker->port,
                 .station = {.station_certificate = rooms->jig->station_certificate,
                             .root_certificate = rooms->jig->root_certificate,
                             .issuing_certificate = rooms->jig->issuing_certificate,
                             .key = station_key_handle(rooms->station_key)}},
        .product = rooms->product,
        .render = line_label_child,
        .order = worker->order,
        .printer = printer->name,
        .dpi = printer->dpi,
        .slot = worker->slot->number,
        .operator_badge = worker->badge[0] ? worker->badge : NOBODY,
    };
}

static void log_end_of_unit(const struct slot_worker *worker, const struct flow_result *result)
{
    static const char *const events[] = {[FLOW_CLOSED] = "unit.closed",
                                         [FLOW_FAILED] = "unit.failed",
                                         [FLOW_LEFT] = "unit.left",
                                         [FLOW_HELD] = "unit.held"};
    struct log_line line;
    log_begin(&line, result->end == FLOW_CLOSED ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, events[result->end]);
    log_number(&line, "slot", worker->slot->number);
    log_text(&line, "serial", result->progress.serial);
    log_number(&line, "attempt", result->attempt);
    log_text(&line, "step", flow_step_name(result->progress.step));
    if (result->interrupted)
        log_text(&line, "earlier", "interrupted");
    if (result->end != FLOW_CLOSED)
        log_fault(&line, &result->fault);
    log_end(&line);
    if (result->record.code == FAULT_NONE)
        return;
    log_begin(&line, LOG_LEVEL_ERROR, "record.failed");
    log_number(&line, "slot", worker->slot->number);
    log_fault(&line, &result->record);
    log_end(&line);
}

static void say_end(struct slot_worker *worker, const struct flow_result *result)
{
    worker->said.attempt = result->attempt;
    if (result->end == FLOW_CLOSED) {
        worker->said.view = SLOT_OK;
        say_state(worker);
        return;
    }
    bool record_is_why = result->end == FLOW_HELD && result->record.code != FAULT_NONE;
    say_fault(worker, result->end == FLOW_HELD ? SLOT_HOLD : SLOT_NG, record_is_why ? &result->record : &result->fault);
}

/* Waits until the slot is occupied or empty, doing as it is told meanwhile; a paused slot sees no unit arrive.
 *
 * Faults: PORT_FAILED and its like; INTERRUPTED on a stop.
 */
static bool wait_for(struct slot_worker *worker, bool present, struct fault *fault)
{
    bool reached = false;
    take_orders(worker); /* what a station that is paused said at once */
    while (!reached && !worker->stopping) {
        bool paused = worker->paused && present;
        struct fault why = {.code = FAULT_TIMED_OUT};
        if (paused)
            wait_for_order();
        else
            reached = port_wait(&worker->port, present, WORKER_CHANNEL, deadline_in_ms(IDLE_MS), &why);
        if (!reached && why.code != FAULT_TIMED_OUT) {
            *fault = why;
            return false;
        }
        take_orders(worker);
        reached = reached && !(worker->paused && present);
    }
    return !worker->stopping || fault_set(fault, FAULT_INTERRUPTED, 0, "told to stop");
}

/* Until a person says that it is mended: then this process ends, and a fresh one opens everything anew. */
static void hold(struct slot_worker *worker)
{
    worker->resumed = false;
    while (!worker->stopping && !worker->resumed) {
        wait_for_order();
        take_orders(worker);
    }
}

/* One unit, from its arrival to its leaving the slot. False: the slot is on hold. */
static bool serve_unit(struct slot_worker *worker, struct fault *fault)
{
    struct flow_station station = station_of(worker);
    struct flow_world world = world_of_a_slot;
    world.context = worker;
    struct flow_result result;
    flow_run(&station, &world, &result);
    log_end_of_unit(worker, &result);
    say_end(worker, &result);
    if (result.end == FLOW_HELD) {
        *fault = result.fault;
        return false;
    }
    return wait_for(worker, false, fault);
}

static void serve(struct slot_worker *worker)
{
    struct fault fault;
    bool present;
    bool good = port_present(&worker->port, &present, &fault);
    while (good && !worker->stopping) {
        say_empty(worker);
        good = wait_for(worker, true, &fault) && serve_unit(worker, &fault);
    }
    if (worker->stopping)
        return;
    if (worker->said.view != SLOT_HOLD)
        say_fault(worker, SLOT_HOLD, &fault);
    hold(worker);
}

static bool open_rooms(const struct worker_options *options, struct rooms **ret_rooms, struct fault *fault)
{
    char application[32];
    (void)snprintf(application, sizeof application, "kokuin slot %u", options->index);
    CLEANUP(rooms_freep) struct rooms *rooms = NULL;
    if (!rooms_open(options->jig, options->order, application, &rooms, fault))
        return false;
    if (options->index >= rooms->jig->slot_count)
        return fault_set(fault, FAULT_USAGE, 0, "the jig has no slot at index %u", options->index);
    *ret_rooms = TAKE(rooms);
    return true;
}

int slot_worker_run(const struct worker_options *options)
{
    /* Control-C reaches every process of the terminal; only the supervisor's word ends a slot. */
    (void)signal(SIGINT, SIG_IGN);
    struct slot_worker worker = {.order = options->order,
                                 .said = {.version = MESSAGE_VERSION, .slot = options->index + 1}};
    (void)snprintf(worker.badge, sizeof worker.badge, "%s", options->badge);

    struct fault fault;
    CLEANUP(rooms_freep) struct rooms *rooms = NULL;
    if (!open_rooms(options, &rooms, &fault)) {
        say_fault(&worker, SLOT_HOLD, &fault);
        hold(&worker);
        return fault_exit(fault.code);
    }
    worker.rooms = rooms;
    worker.slot = &rooms->jig->slots[options->index];
    worker.port = rooms_port(worker.slot);
    serve(&worker);
    return FAULT_EXIT_OK;
}
