#include "station/line/line.h"

#include "base/channel.h"
#include "base/log.h"
#include "base/process.h"
#include "hsm/refusals.h"
#include "station/flow/flow.h"
#include "station/flow/head.h"
#include "station/line/conduit.h"
#include "station/line/rooms.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAY_MS 5000
/* A printer has the labels of other slots before this one, and each may hang in it for a minute. */
#define PRINT_MS 300000
#define NOBODY "-"    /* stands in the record where no badge was scanned */
#define IDLE_MS 60000 /* how long one wait for a unit may take before the slot is looked at again */

struct slot_worker {
    struct rooms *rooms;
    const struct jig_slot *slot;
    const char *order;
    struct port_options port;
    struct slot_message said; /* the last state */
    enum slot_token token;    /* as last said */
    char token_label[33];
    struct flow_issuers issuers;
    uint32_t wish;             /* of the scan that is being answered */
    struct label_draft *draft; /* of the label of the unit in work */
    char badge[33];
    bool paused;
    bool stopping;
    bool resumed; /* a slot on hold was told to go on */
    bool renews;  /* told to go on while on a spare token: it ends once the slot is empty, to begin with the first */
};

/* ---- what is said to the supervisor ---- */

/* A supervisor that is gone ends the worker after the unit in work. */
static void say(struct slot_worker *worker, const struct slot_message *message, int descriptor)
{
    struct fault fault;
    if (!channel_send(WORKER_CHANNEL, message, sizeof *message, descriptor, deadline_in_ms(SAY_MS), &fault))
        worker->stopping = true;
}

static enum slot_token token_of(const struct slot_worker *worker)
{
    static const enum slot_token tokens[] = {
        [KEYRING_UP] = SLOT_TOKEN_UP, [KEYRING_DEGRADED] = SLOT_TOKEN_DEGRADED, [KEYRING_DOWN] = SLOT_TOKEN_DOWN};
    return tokens[keyring_state(worker->rooms->keyring)];
}

/* Once for each change, with why the tokens before were left. */
static void log_token(const struct slot_worker *worker)
{
    const struct fault *trouble = keyring_trouble(worker->rooms->keyring);
    struct log_line line;
    log_begin(&line, worker->token == SLOT_TOKEN_UP ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "token.in_use");
    log_number(&line, "slot", worker->slot->number);
    log_text(&line, "state", keyring_state_name(keyring_state(worker->rooms->keyring)));
    log_text(&line, "token", worker->token_label);
    if (trouble->code != FAULT_NONE)
        log_fault(&line, trouble);
    log_end(&line);
}

static void look_at_token(struct slot_worker *worker)
{
    if (!worker->rooms)
        return;
    enum slot_token token = token_of(worker);
    const char *label = keyring_label(worker->rooms->keyring);
    if (token == worker->token && strcmp(label, worker->token_label) == 0)
        return;
    worker->token = token;
    (void)snprintf(worker->token_label, sizeof worker->token_label, "%s", label);
    log_token(worker);
}

static void say_state(struct slot_worker *worker)
{
    look_at_token(worker);
    worker->said.kind = SLOT_SAYS_STATE;
    worker->said.token = worker->token;
    memcpy(worker->said.token_label, worker->token_label, sizeof worker->said.token_label);
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
        worker->renews = worker->renews || (worker->rooms && token_of(worker) != SLOT_TOKEN_UP);
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
        answer.wish = order.wish;
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
    said->fault = (uint32_t)progress->doubt;
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

static enum flow_wish wish_of(const struct slot_order *order)
{
    switch ((enum slot_wish)order->wish) {
    case SLOT_WISH_VOID:
        return FLOW_SPOILT;
    case SLOT_WISH_REKEY:
        return FLOW_MISSING;
    case SLOT_WISH_CLOSE:
        break;
    }
    return FLOW_APPLIED;
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
        worker->wish = order.wish;
        ret_scan->wish = wish_of(&order);
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
    answer.wish = worker->wish;
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
        .keyring = rooms->keyring,
        .issuers = &worker->issuers,
        .sealer = rooms->sealer,
        .store = rooms->store,
        .record_head = rooms->record_head,
        .unit = {.port = worker->port, .station = rooms_unit_station(rooms)},
        .product = rooms->product,
        .render = {.path = line_label_child.path, .argv = line_label_child.argv, .draft = &worker->draft},
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
 * Faults: PORT_FAILED and its like; INTERRUPTED on a stop, and when the slot is empty and renews.
 */
static bool wait_for(struct slot_worker *worker, bool present, struct fault *fault)
{
    bool reached = false;
    take_orders(worker); /* what a station that is paused said at once */
    while (!reached && !worker->stopping && !(worker->renews && present)) {
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
    return (!worker->stopping && !(worker->renews && present)) ||
           fault_set(fault, FAULT_INTERRUPTED, 0, "told to stop or to begin anew");
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

/* The label's child loads its fonts while the unit gets its identity. Where it cannot be started, one is started when
 * the label is drawn, and what is wrong with that one is told. */
static void start_draft(struct slot_worker *worker)
{
    const struct product *product = worker->rooms->product;
    const struct label_request request = {
        .template_path = product->label_template,
        .template_sha256 = product->label_sha256,
        .width_mm = product->label_width_mm,
        .height_mm = product->label_height_mm,
        .dpi = worker->rooms->jig->printers[worker->slot->printer].dpi,
    };
    struct fault fault;
    if (!label_draft_start(&line_label_child, &request, &worker->draft, &fault))
        worker->draft = NULL;
}

static void end_draft(struct slot_worker *worker)
{
    label_draft_free(worker->draft);
    worker->draft = NULL;
}

/* One unit, from its arrival to its leaving the slot. False: the slot is on hold. */
static bool serve_unit(struct slot_worker *worker, struct fault *fault)
{
    struct flow_station station = station_of(worker);
    struct flow_world world = world_of_a_slot;
    world.context = worker;
    struct flow_result result;
    start_draft(worker);
    flow_run(&station, &world, &result);
    end_draft(worker);
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
    if (worker->stopping || (worker->renews && worker->said.view == SLOT_EMPTY))
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
    if (!rooms_open(options->jig, options->order, application, &rooms, fault) ||
        !head_follow(rooms->record_head, rooms->store, fault) || !rooms_check_label(rooms, fault))
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
    refusals_use(WORKER_REFUSALS);
    struct slot_worker worker = {.order = options->order,
                                 .said = {.version = MESSAGE_VERSION, .slot = options->index + 1}};
    (void)snprintf(worker.badge, sizeof worker.badge, "%s", options->badge);

    struct fault fault;
    CLEANUP(rooms_freep) struct rooms *rooms = NULL;
    if (open_rooms(options, &rooms, &fault)) {
        worker.rooms = rooms;
        worker.slot = &rooms->jig->slots[options->index];
        worker.port = rooms_port(worker.slot);
        serve(&worker);
    } else {
        worker.token = fault.code == FAULT_HSM_DOWN ? SLOT_TOKEN_DOWN : SLOT_TOKEN_UNKNOWN;
        say_fault(&worker, SLOT_HOLD, &fault);
        hold(&worker);
    }
    return worker.stopping ? FAULT_EXIT_TRY_AGAIN : FAULT_EXIT_OK;
}
