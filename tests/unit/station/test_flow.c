/* Whole journeys with real parts: SoftHSM, PostgreSQL, the label's own child process, and kokuin-unit. Every
 * misbehaviour ends in its own fault, is recorded, and never ends in `closed`. */
#include "base/process.h"
#include "tests/unit/station/visit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const render_argv[] = {"kokuin", "station", "render", NULL};

static long closed(void)
{
    return plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE state = 'closed'");
}

/* ---- the good way ---- */

static void test_router_from_blank_to_closed(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = visit(&world, "a0000001", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(world.printed, 1);
    assert_int_equal(closed(), 1);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.evidence WHERE verdict = 'shown'"), 14);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.evidence WHERE verdict <> 'shown'"), 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.credential"), 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scan WHERE answer = 'matched'"), 1);
}

/* The record keeps what the unit answered to the injection, which is no certificate's hash. */
static void test_receipt_is_the_units_own(void **state)
{
    (void)state;
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.receipt"), 1);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.receipt AS told JOIN prov.certificate AS issued"
                                         " USING (attempt) WHERE told.sha256 = issued.sha256"),
                     0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.receipt AS told JOIN prov.evidence AS seen"
                                         " USING (attempt) WHERE seen.name = 'credential_injected'"
                                         " AND seen.facts->>'receipt' = encode(told.sha256, 'hex')"),
                     1);
}

/* The same board meets its own history, even with its memory erased by somebody. */
static void test_closed_board_is_not_made_twice(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = visit(&world, "a0000001", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_UNIT_CLOSED);
    assert_int_equal(closed(), 1);
}

static void test_boot_noise_is_no_fault(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = visit(&world, "a0000002", "noise");
    expect_closed(&result);
}

static void test_wrong_scans_are_told_and_kept(void **state)
{
    (void)state;
    struct world world = {.wrong_scans = 3};
    struct flow_result result = visit(&world, "a0000003", NULL);
    expect_closed(&result);
    assert_int_equal(world.answers[0], FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(world.answers[1], FAULT_SCAN_DEAD_LABEL);
    assert_int_equal(world.answers[2], FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(world.answers[3], FAULT_NONE);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scan WHERE answer <> 'matched'"), 3);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scan WHERE answer = 'wrong_unit'"
                                         " AND serial LIKE '(01)04912345000026(21)KR%'"),
                     1);
}

/* A label that waits for its scan is good: the unit may leave the slot and come back to it. */
static void test_labelled_unit_is_resumed(void **state)
{
    (void)state;
    struct world world = {.taken_out = true};
    struct flow_result result = visit(&world, "a0000004", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    world.taken_out = false;
    char label[17];
    memcpy(label, world.label, sizeof label);
    result = visit(&world, "a0000004", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(world.printed, 1);
    assert_string_equal(world.label, label);
}

/* A station that died between the scan and the end: the unit has its label, its scan is recorded, and it is not closed.
 */
static void leave_scanned(const char *board)
{
    struct world world = {.taken_out = true};
    struct flow_result result = visit(&world, board, NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    char *text = postgres_value(plant.admin, "SELECT attempt FROM prov.attempt WHERE state = 'labelled'");
    struct uuid attempt;
    struct fault fault;
    assert_non_null(text);
    if (!uuid_parse(text, &attempt, &fault) ||
        !store_scanned(plant.rooms->store, &attempt, world.serial, world.label, &fault))
        fail_msg("%s", fault.text);
    free(text);
}

static void test_scanned_unit_is_closed_when_it_is_still_so(void **state)
{
    (void)state;
    leave_scanned("a0000010");
    struct world world = {0};
    struct flow_result result = visit(&world, "a0000010", NULL);
    expect_closed(&result);
    assert_int_equal(world.printed, 0);

    leave_scanned("a0000011");
    char flash[160];
    (void)snprintf(flash, sizeof flash, "%s/a0000011.flash", plant.softhsm.directory);
    assert_int_equal(unlink(flash), 0);
    long before = closed();
    result = visit(&world, "a0000011", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_IDENTITY_MISMATCH);
    assert_int_equal(closed(), before);
    result = visit(&world, "a0000011", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
}

/* A swapped board is seen at the scan, over the cable; the right one goes on where it was. */
static void test_swapped_board_at_the_scan(void **state)
{
    (void)state;
    struct world world = {.swapped = true};
    struct flow_result result = visit(&world, "a0000005", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_SWAPPED);
    assert_int_equal(world.answers[0], FAULT_UNIT_SWAPPED);
    world.swapped = false;
    result = visit(&world, "a0000005", NULL);
    expect_closed(&result);
}

/* ---- the label ---- */

static struct label_bitmap *draw_copy(unsigned copy)
{
    char serial[SERIAL_SIZE] = "KR000000000";
    serial[SERIAL_LENGTH - 1] = serial_check_character(serial, SERIAL_LENGTH - 1);
    struct flow_label label = {.product = plant.rooms->product,
                               .serial = serial,
                               .label = "0123456789ABC",
                               .copy = copy,
                               .mac = 0x024b00000000,
                               .ssid = "KR-0000JW",
                               .dpi = 300};
    struct secret *passwords[PRODUCT_CREDENTIALS_MAX] = {NULL};
    for (size_t i = 0; i < label.product->credential_count; i++)
        label.passwords[i] = passwords[i] = softhsm_secret("Kuma7731Yama");
    struct label_child child = {.path = KOKUIN, .argv = render_argv};
    struct label_bitmap *bitmap = NULL;
    struct fault fault;
    bool drawn = flow_draw_label(&child, &label, &bitmap, &fault);
    for (size_t i = 0; i < label.product->credential_count; i++)
        secret_free(passwords[i]);
    if (!drawn)
        fail_msg("%s", fault.text);
    return bitmap;
}

/* Only the mark "R2" tells a second copy from the first: both have the same values here. */
static void test_copies_can_be_told_apart(void **state)
{
    (void)state;
    struct label_bitmap *first = draw_copy(1);
    struct label_bitmap *again = draw_copy(1);
    struct label_bitmap *second = draw_copy(2);
    size_t size = label_bitmap_size(first);
    assert_int_equal(label_bitmap_size(second), size);
    assert_memory_equal(first->rows, again->rows, size);
    assert_memory_not_equal(first->rows, second->rows, size);
    label_bitmap_free(first);
    label_bitmap_free(again);
    label_bitmap_free(second);
}

/* ---- rework ---- */

static void test_unplugged_during_injection_is_reworked(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = visit(&world, "a0000006", "unplug-during-injection");
    expect_fault(&result, FLOW_FAILED, FAULT_UNIT_UNPLUGGED);
    char serial[SERIAL_SIZE];
    memcpy(serial, result.progress.serial, sizeof serial);
    result = visit(&world, "a0000006", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
    assert_string_equal(result.progress.serial, serial);
    /* two attempts, two of each credential, never one twice: the record's UNIQUE stands behind it */
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT count(DISTINCT fingerprint) FROM prov.credential JOIN prov.attempt USING (attempt) "
                   "JOIN prov.unit USING (unit_id) WHERE serial = '%s'",
                   serial);
    assert_int_equal(plant_count(&plant, query), 4);
}

static void test_unknown_print_is_reworked(void **state)
{
    (void)state;
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .taken_out = true};
    struct flow_result result = visit(&world, "a0000007", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_PRINTER_UNKNOWN);
    world.printer = FAULT_NONE;
    world.taken_out = false;
    result = visit(&world, "a0000007", NULL); /* it comes locked, and the product lets it be reopened */
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label_event WHERE kind = 'dead'"), 1);
}

static void test_printer_that_is_away_holds_the_station(void **state)
{
    (void)state;
    struct world world = {.printer = FAULT_PRINTER_AWAY};
    struct flow_result result = visit(&world, "a0000008", NULL);
    expect_fault(&result, FLOW_HELD, FAULT_PRINTER_AWAY);
    world.printer = FAULT_NONE;
    result = visit(&world, "a0000008", NULL);
    expect_closed(&result);
}

/* ---- what must never be closed ---- */

struct bad {
    const char *board, *misbehave;
    enum fault_code code;
    const char *evidence; /* the row that says so, or NULL */
};

static const struct bad bad_units[] = {
    {"b0000001", "silent", FAULT_UNIT_SILENT, NULL},
    {"b0000002", "garbage", FAULT_UNIT_GARBAGE, NULL},
    {"b0000003", "wrong-model", FAULT_UNIT_MODEL, NULL},
    {"b0000004", "swapped-board", FAULT_UNIT_SWAPPED, NULL},
    {"b0000005", "old-certificate", FAULT_UNIT_CERTIFICATE, "certificate_used"},
    {"b0000006", "default-still-live", FAULT_WRONG_PASSWORD_ACCEPTED, "known_defaults_refused"},
    {"b0000007", "wrong-password-accepted", FAULT_WRONG_PASSWORD_ACCEPTED, "wrong_password_refused"},
    {"b0000008", "lock-does-not-lock", FAULT_LOCK_FAILED, "lock"},
    {"b0000009", "receipt-without-writing", FAULT_UNIT_CERTIFICATE, "certificate_used"},
    {"b000000a", "foreign-csr", FAULT_CSR_REFUSED, NULL},
    {"b000000b", "bad-csr-signature", FAULT_CSR_REFUSED, NULL},
    {"b000000c", "interface-open", FAULT_INTERFACE_OPEN, "interfaces"},
    {"b000000d", "no-retry-limit", FAULT_EVIDENCE_FAILED, "retry_limit"},
    {"b000000e", "lost-on-restart", FAULT_PASSWORD_NOT_ACCEPTED, "password_accepted"},
};

static void expect_bad(const struct bad *bad)
{
    long before = closed();
    struct world world = {0};
    struct flow_result result = visit(&world, bad->board, bad->misbehave);
    if (result.end != FLOW_FAILED || result.fault.code != bad->code)
        fail_msg("%s: ended as %d with %s: %s", bad->misbehave, (int)result.end, fault_name(result.fault.code),
                 result.fault.text);
    assert_int_equal(result.record.code, FAULT_NONE);
    assert_int_equal(world.printed, 0);
    assert_int_equal(closed(), before);
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM prov.attempt JOIN prov.failure USING (attempt) "
                   "WHERE hardware_id = '\\x%s' AND failure.number = %d AND state = 'failed'",
                   bad->board, (int)bad->code);
    if (plant_count(&plant, query) != (result.attempt > 0 ? 1 : 0))
        fail_msg("%s: its failure is not in the record", bad->misbehave);
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM prov.attempt JOIN prov.evidence USING (attempt) "
                   "WHERE hardware_id = '\\x%s' AND name = '%s' AND verdict = 'failed'",
                   bad->board, bad->evidence ? bad->evidence : "lock");
    if (plant_count(&plant, query) != (bad->evidence ? 1 : 0))
        fail_msg("%s: its evidence is not in the record", bad->misbehave);
}

static void test_bad_units_are_never_closed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_units); i++)
        expect_bad(&bad_units[i]);
}

/* Two boards with one key: the record refuses the second, which is rejected; with a key of its own it is made. */
static void test_reused_key_is_rejected(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = visit(&world, "c0000001", "reused-key");
    expect_closed(&result);
    result = visit(&world, "c0000002", "reused-key");
    expect_fault(&result, FLOW_FAILED, FAULT_UNIT_KEY_REUSED);
    assert_int_equal(result.progress.step, FLOW_ISSUE);
    result = visit(&world, "c0000002", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
}

static void test_record_away_starts_nothing(void **state)
{
    (void)state;
    struct world world = {0};
    plant_insert(&plant, "d0000001", "KR-1000", NULL);
    postgres_halt();
    struct flow_result result = run(&world);
    postgres_resume();
    assert_int_equal(result.end, FLOW_HELD);
    assert_int_equal(result.fault.code, FAULT_RECORD_AWAY);
    assert_int_equal(result.progress.step, FLOW_RESERVE);
    result = run(&world); /* the same process goes on once the record is back */
    plant_remove(&plant);
    expect_closed(&result);
}

static void test_order_used_up(void **state)
{
    (void)state;
    struct world world = {0};
    char query[96];
    (void)snprintf(query, sizeof query, "SELECT 40 - count(*) FROM prov.unit");
    for (long left = plant_count(&plant, query), i = 0; i < left; i++) {
        char board[24];
        (void)snprintf(board, sizeof board, "e%07lx", i);
        struct flow_result result = visit(&world, board, "bad-csr-signature");
        expect_fault(&result, FLOW_FAILED, FAULT_CSR_REFUSED);
    }
    struct flow_result result = visit(&world, "ee000000", NULL);
    expect_fault(&result, FLOW_HELD, FAULT_ORDER_USED_UP);
}

static int open_routers(void **state)
{
    (void)state;
    plant_open(&plant, "router.yaml", 40);
    return 0;
}

static int close_plant(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static void test_sensor_without_passwords(void **state)
{
    (void)state;
    plant_open(&plant, "sensor.yaml", 2);
    struct world world = {0};
    struct flow_result result = visit(&world, "a0000001", NULL);
    expect_closed(&result);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.credential"), 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.evidence WHERE name = 'no_password_login' AND "
                                         "verdict = 'shown'"),
                     1);
    plant_close(&plant);
}

int main(void)
{
    struct fault fault;
    if (!process_harden(&fault) || !secret_arena_open(1 << 16, &fault))
        return 1;
    const struct CMUnitTest routers[] = {
        cmocka_unit_test(test_router_from_blank_to_closed),
        cmocka_unit_test(test_receipt_is_the_units_own),
        cmocka_unit_test(test_copies_can_be_told_apart),
        cmocka_unit_test(test_closed_board_is_not_made_twice),
        cmocka_unit_test(test_boot_noise_is_no_fault),
        cmocka_unit_test(test_wrong_scans_are_told_and_kept),
        cmocka_unit_test(test_labelled_unit_is_resumed),
        cmocka_unit_test(test_swapped_board_at_the_scan),
        cmocka_unit_test(test_unplugged_during_injection_is_reworked),
        cmocka_unit_test(test_unknown_print_is_reworked),
        cmocka_unit_test(test_printer_that_is_away_holds_the_station),
        cmocka_unit_test(test_bad_units_are_never_closed),
        cmocka_unit_test(test_reused_key_is_rejected),
        cmocka_unit_test(test_record_away_starts_nothing),
        cmocka_unit_test(test_scanned_unit_is_closed_when_it_is_still_so),
        cmocka_unit_test(test_order_used_up),
    };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_sensor_without_passwords),
    };
    int failed = cmocka_run_group_tests_name("station/flow: routers", routers, open_routers, close_plant);
    failed += cmocka_run_group_tests_name("station/flow: others", others, NULL, postgres_stop);
    return failed;
}
