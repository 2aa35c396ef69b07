#include "station/flow/journey.h"

#include "station/flow/head.h"
#include "station/flow/wait.h"

#include <stdlib.h>
#include <string.h>

/* How often an unknown commit is asked after again before the station holds, and how long between two tries. */
#define RECORD_TRIES 6
#define RECORD_PAUSE_MS 1000

static const char *const step_names[] = {
    [FLOW_IDENTIFY] = "identify", [FLOW_RESERVE] = "reserve", [FLOW_ISSUE] = "issue",
    [FLOW_INJECT] = "inject",     [FLOW_RESTART] = "restart", [FLOW_PROVE] = "prove",
    [FLOW_LOCK] = "lock",         [FLOW_PRINT] = "print",     [FLOW_SCAN] = "scan",
};

const char *flow_step_name(enum flow_step step)
{
    return (size_t)step < ARRAY_SIZE(step_names) && step_names[step] ? step_names[step] : "";
}

void journey_forget(struct journey *journey)
{
    for (size_t i = 0; i < ARRAY_SIZE(journey->credentials); i++) {
        secret_free(journey->credentials[i].password);
        journey->credentials[i].password = NULL;
    }
    explicit_bzero(&journey->wrapped, sizeof journey->wrapped);
}

void journey_free(struct journey *journey)
{
    if (!journey)
        return;
    journey_forget(journey);
    unit_close(journey->unit);
    free(journey);
}

void journey_show(struct journey *journey, enum flow_step step)
{
    journey->progress.step = step;
    journey->world->show(journey->world->context, &journey->progress);
}

static bool is_unsettled(const struct fault *fault)
{
    return fault->code == FAULT_RECORD_UNKNOWN || fault->code == FAULT_RECORD_AWAY;
}

/* The record must have all that it ever confirmed: before it is asked, since after a reconnect it may be another
 * server, and afterwards, so that what it confirms now is remembered. */
static bool ask(struct journey *journey, bool (*request)(struct journey *, struct fault *), struct fault *fault)
{
    const struct flow_station *station = journey->station;
    return head_follow(station->record_head, station->store, fault) && request(journey, fault) &&
           head_follow(station->record_head, station->store, fault);
}

bool journey_record(struct journey *journey, bool (*request)(struct journey *, struct fault *), struct fault *fault)
{
    struct fault last;
    if (ask(journey, request, &last))
        return true;
    for (int i = 1; i < RECORD_TRIES && is_unsettled(&last); i++) {
        struct deadline next = deadline_in_ms(RECORD_PAUSE_MS);
        struct fault away;
        if (store_reconnect(journey->station->store, &away)) {
            if (ask(journey, request, &last))
                return true;
        } else {
            wait_until(next);
        }
    }
    *fault = last;
    return false;
}

static bool request_verified(struct journey *journey, struct fault *fault)
{
    return store_verified(journey->station->store, &journey->reservation.attempt, journey->evidence.rows,
                          journey->evidence.count, fault);
}

/* From a reserved number to a unit whose proof is recorded. */
static bool make_unit(struct journey *journey, struct fault *fault)
{
    if (!journey_reopen(journey, fault) || !journey_issue(journey, fault) || !journey_inject(journey, fault))
        return false;
    journey_show(journey, FLOW_RESTART);
    if (!journey_restart(journey, fault))
        return false;
    journey_show(journey, FLOW_PROVE);
    if (!journey_prove_logins(journey, fault) || !journey_prove_surroundings(journey, fault))
        return false;
    journey_show(journey, FLOW_LOCK);
    if (!journey_lock(journey, fault))
        return false;
    if (!journey_record(journey, request_verified, fault))
        return fault_within(fault, "record the proof");
    return true;
}

static bool travel(struct journey *journey, struct fault *fault)
{
    journey_show(journey, FLOW_IDENTIFY);
    if (!journey_identify(journey, fault))
        return fault_within(fault, "identify");
    journey_show(journey, FLOW_RESERVE);
    if (!journey_reserve(journey, fault))
        return fault_within(fault, "reserve");

    bool resumed = journey->reservation.arrival == STORE_RESUME;
    if (resumed && strcmp(journey->reservation.state, "scanned") == 0)
        return journey_confirm(journey, fault) && journey_close(journey, fault);
    if (!resumed || strcmp(journey->reservation.state, "labelled") != 0)
        if (!make_unit(journey, fault) || !journey_print(journey, fault))
            return false;
    return journey_await_scan(journey, fault) && journey_close(journey, fault);
}

/* What the line does about a failure. An unknown commit that no repetition settled leaves the record in doubt. */
static enum flow_end end_of(const struct fault *fault)
{
    enum fault_action action = fault_action(fault->code);
    bool stops = action == FAULT_ACTION_STOP_STATION || action == FAULT_ACTION_CALL_SUPPORT;
    return stops || fault->code == FAULT_RECORD_UNKNOWN ? FLOW_HELD : FLOW_FAILED;
}

/* A labelled unit is good and proven: only what says otherwise of the unit itself may fail its attempt. */
static bool survives(const struct journey *journey, const struct fault *fault)
{
    if (!journey->labelled)
        return false;
    switch (fault->code) {
    case FAULT_IDENTITY_MISMATCH:
    case FAULT_UNIT_CERTIFICATE:
    case FAULT_LOCK_FAILED:
    case FAULT_RECORD_REFUSED:
        return false;
    default:
        return true;
    }
}

static bool request_fail(struct journey *journey, struct fault *fault)
{
    return store_fail(journey->station->store, &journey->reservation.attempt, &journey->why, journey->evidence.rows,
                      journey->evidence.count, fault);
}

/* Nothing more is written into a record that lost something. Where it is away, the attempt stays open; the board's next
 * arrival finds it and fails it. */
static void fail(struct journey *journey, struct flow_result *result)
{
    if (survives(journey, &journey->why)) {
        if (result->end == FLOW_FAILED)
            result->end = FLOW_LEFT;
        return;
    }
    if (!journey->reserved || is_unsettled(&journey->why) || journey->why.code == FAULT_RECORD_BEHIND)
        return;
    if (!journey_record(journey, request_fail, &result->record))
        result->end = FLOW_HELD;
}

void flow_run(const struct flow_station *station, const struct flow_world *world, struct flow_result *ret_result)
{
    *ret_result = (struct flow_result){.end = FLOW_HELD};
    CLEANUP(journey_freep) struct journey *journey = calloc(1, sizeof *journey);
    if (!journey) {
        (void)fault_set(&ret_result->fault, FAULT_NO_MEMORY, 0, "begin a journey");
        return;
    }
    journey->station = station;
    journey->world = world;
    journey->product = station->product;

    if (travel(journey, &journey->why)) {
        ret_result->end = FLOW_CLOSED;
    } else {
        journey_forget(journey);
        ret_result->end = end_of(&journey->why);
        ret_result->fault = journey->why;
        fail(journey, ret_result);
    }
    ret_result->progress = journey->progress;
    ret_result->attempt = journey->reservation.attempt_number;
    ret_result->interrupted = journey->reservation.interrupted;
}
