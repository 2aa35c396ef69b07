#include "tests/unit/station/visit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct plant plant;
static const char *const render_argv[] = {"kokuin", "station", "render", NULL};

void lose_steps(unsigned steps)
{
    char sql[640];
    char got[POSTGRES_STATE_SIZE];
    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "CREATE TEMP TABLE kept AS SELECT max(chain_seq) - %u AS seq FROM prov.step;"
                   "DELETE FROM prov.step USING kept WHERE chain_seq > kept.seq;"
                   "UPDATE audit.head SET (seq, hash) = (SELECT chain_seq, chain_hash FROM prov.step, kept"
                   " WHERE chain_seq = kept.seq)",
                   steps);
    if (!postgres_run(plant.admin, sql, got))
        fail_msg("the steps stay: %s", got);
}

static void show(void *context, const struct flow_progress *progress)
{
    struct world *world = context;
    assert_true(progress->step >= world->last || (world->spoilt > 0 && progress->step == FLOW_PRINT));
    world->last = progress->step;
    if (world->token_dies == progress->step || world->tokens_die == progress->step)
        softhsm_kill_server(&plant.softhsm);
    if (world->tokens_die == progress->step)
        softhsm_kill_server(&plant.spare);
    if (world->token_hangs == progress->step)
        assert_int_equal(kill(-plant.softhsm.server, SIGSTOP), 0);
    if (world->record_lost == progress->step)
        lose_steps(1);
    memcpy(world->serial, progress->serial, sizeof world->serial);
    memcpy(world->label, progress->label, sizeof world->label);
}

static bool print(void *context, const char *label, const struct label_bitmap *bitmap,
                  enum store_print_level *ret_level, struct fault *fault)
{
    struct world *world = context;
    assert_true(label_id_is_valid(label));
    assert_true(bitmap->width > 100);
    if (world->printer != FAULT_NONE) {
        enum fault_code code = world->printer;
        world->printer = world->printer_once ? FAULT_NONE : code;
        return fault_set(fault, code, 0, "told to fail");
    }
    if (world->printed++ == 0)
        (void)snprintf(world->first_label, sizeof world->first_label, "%s", label);
    *ret_level = STORE_PRINT_CLAIMED;
    return true;
}

static bool await_scan(void *context, struct flow_scan *ret_scan, struct fault *fault)
{
    struct world *world = context;
    if (world->taken_out || (world->other && world->scans > 0))
        return fault_set(fault, FAULT_UNIT_UNPLUGGED, 0, "taken out");
    if (world->swapped) {
        plant_remove(&plant);
        plant_insert(&plant, "00ff00ff", "KR-1000", NULL);
    }
    assert_true(world->scans < ARRAY_SIZE(world->answers));
    struct flow_scan scan = {.wish = world->scans < world->spoilt          ? FLOW_SPOILT
                                     : world->missing && world->scans == 0 ? FLOW_MISSING
                                                                           : FLOW_APPLIED};
    (void)snprintf(scan.serial, sizeof scan.serial, "%s", world->serial);
    (void)snprintf(scan.label, sizeof scan.label, "%s", world->label);
    if (world->other) {
        memcpy(scan.serial, world->other->serial, sizeof scan.serial);
        memcpy(scan.label, world->other->label, sizeof scan.label);
    } else if (world->stray && world->scans < 3)
        (void)snprintf(scan.label, sizeof scan.label, "%s", world->stray);
    else if (world->scans == 0 && world->wrong_scans > 0)
        (void)snprintf(scan.serial, sizeof scan.serial, "KR00000ZZZZZ");
    else if (world->scans == 1 && world->wrong_scans > 1)
        (void)snprintf(scan.label, sizeof scan.label, "ZZZZZZZZZZZZZ");
    else if (world->scans == 2 && world->wrong_scans > 2)
        (void)snprintf(scan.gtin, sizeof scan.gtin, "04912345000026");
    *ret_scan = scan;
    return true;
}

static void answer_scan(void *context, const struct fault *why)
{
    struct world *world = context;
    world->answers[world->scans++] = why ? why->code : FAULT_NONE;
}

struct flow_result run(struct world *world)
{
    const struct rooms *rooms = plant.rooms;
    struct flow_issuers issuers = {0};
    struct flow_station station = {
        .keyring = rooms->keyring,
        .issuers = &issuers,
        .sealer = rooms->sealer,
        .store = rooms->store,
        .record_head = rooms->record_head,
        .unit = {.port = rooms_port(&rooms->jig->slots[0]), .station = rooms_unit_station(rooms), .answer_ms = 3000},
        .product = rooms->product,
        .render = {.path = KOKUIN, .argv = render_argv},
        .order = "A-1",
        .printer = rooms->jig->printers[0].name,
        .dpi = rooms->jig->printers[0].dpi,
        .slot = world->slot == 0 ? 1 : world->slot,
        .operator_badge = "4711",
    };
    struct flow_world callbacks = {
        .context = world, .show = show, .print = print, .await_scan = await_scan, .answer_scan = answer_scan};
    world->last = 0;
    world->scans = 0;
    struct flow_result result;
    flow_run(&station, &callbacks, &result);
    return result;
}

struct flow_result visit(struct world *world, const char *board, const char *misbehave)
{
    plant_insert(&plant, board, plant.rooms->product->model, misbehave);
    struct flow_result result = run(world);
    plant_remove(&plant);
    return result;
}

void expect_closed(const struct flow_result *result)
{
    if (result->end != FLOW_CLOSED)
        fail_msg("ended as %d: %s (%s; %s)", (int)result->end, result->fault.text, fault_name(result->fault.code),
                 result->record.text);
}

void expect_fault(const struct flow_result *result, enum flow_end end, enum fault_code code)
{
    if (result->end != end || result->fault.code != code)
        fail_msg("ended as %d with %s: %s", (int)result->end, fault_name(result->fault.code), result->fault.text);
    assert_int_equal(result->record.code, FAULT_NONE);
}
