/* Labels of which the printer said nothing; and what a resumed unit is held against. */
#include "base/process.h"
#include "base/secret.h"
#include "station/label/code.h"
#include "tests/unit/station/visit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A number of the record about one label: `query` ends before its id. */
static long of_label(const char *query, const char *label)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s '%s'", query, label);
    return plant_count(&plant, whole);
}

static long of_board(const char *query, const char *board)
{
    char whole[384];
    (void)snprintf(whole, sizeof whole, "%s AND hardware_id = '\\x%s'", query, board);
    return plant_count(&plant, whole);
}

static void expect_events(const char *label, long printed, long voided, long dead)
{
    assert_int_equal(of_label("SELECT count(*) FROM prov.label_event WHERE kind = 'printed' AND label =", label),
                     printed);
    assert_int_equal(of_label("SELECT count(*) FROM prov.label_event WHERE kind = 'voided' AND label =", label),
                     voided);
    assert_int_equal(of_label("SELECT count(*) FROM prov.label_event WHERE kind = 'dead' AND label =", label), dead);
    assert_int_equal(of_label("SELECT count(*) FROM prov.label WHERE live AND label =", label), voided + dead == 0);
}

/* The printer said nothing, and there the label is: its scan is the proof that it was printed. */
static void test_label_of_a_silent_printer_counts_when_it_is_scanned(void **state)
{
    (void)state;
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .printer_once = true};
    struct flow_result result = visit(&world, "a0000006", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(of_label("SELECT count(*) FROM prov.label_event WHERE level = 'scanned' AND label =", world.label),
                     1);
}

static void test_spoilt_label_of_a_silent_printer_is_printed_again(void **state)
{
    (void)state;
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .printer_once = true, .spoilt = 1};
    struct flow_result result = visit(&world, "a0000007", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(label_id_copy(world.label), 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label_fate WHERE fate = 'voided'"), 1);
}

/* In doubt, a label of another unit proves nothing. */
static void test_another_units_label_settles_no_doubt(void **state)
{
    (void)state;
    struct world other = {.slot = 2, .taken_out = true};
    struct flow_result result = visit(&other, "a0000008", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .printer_once = true, .other = &other};
    result = visit(&world, "a0000009", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_PRINTER_UNKNOWN);
    assert_int_equal(world.answers[0], FAULT_SCAN_WRONG_UNIT);
    expect_events(world.label, 0, 0, 1);
    other.taken_out = false;
    result = visit(&other, "a0000008", NULL);
    expect_closed(&result);
}

/* A board whose memory was put back to what it was in an earlier attempt: serial, MAC and lock are right, the
 * certificate is one that was revoked. */
static void test_resumed_unit_must_have_its_own_certificate(void **state)
{
    (void)state;
    char flash[160], kept[192];
    (void)snprintf(flash, sizeof flash, "%s/a000000b.flash", plant.softhsm.directory);
    (void)snprintf(kept, sizeof kept, "%s.kept", flash);
    struct world world = {.missing = true};
    struct flow_result result = visit(&world, "a000000b", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_LABEL_GIVEN_UP);
    assert_int_equal(rename(flash, kept), 0);

    world = (struct world){.taken_out = true};
    result = visit(&world, "a000000b", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    assert_int_equal(rename(kept, flash), 0);
    world.taken_out = false;
    result = visit(&world, "a000000b", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_UNIT_CERTIFICATE);
    assert_int_equal(world.answers[0], FAULT_UNIT_CERTIFICATE);
    assert_int_equal(of_board("SELECT count(*) FROM prov.attempt WHERE state = 'closed'", "a000000b"), 0);
    result = visit(&world, "a000000b", NULL);
    expect_closed(&result);
}

/* Nobody has it, and the printer said nothing: it is not known to have been printed, and may be anywhere. */
static void test_missing_label_of_a_silent_printer_is_given_up(void **state)
{
    (void)state;
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .printer_once = true, .missing = true};
    struct flow_result result = visit(&world, "a000000c", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_LABEL_GIVEN_UP);
    expect_events(world.label, 0, 0, 1);
    assert_int_equal(
        of_label("SELECT count(*) FROM prov.label_fate WHERE fate = 'unconfirmed' AND label =", world.label), 1);
    world = (struct world){0};
    result = visit(&world, "a000000c", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
}

static int open_plant(void **state)
{
    (void)state;
    plant_open(&plant, "router.yaml", 20);
    return 0;
}

static int close_plant(void **state)
{
    plant_close(&plant);
    return postgres_stop(state);
}

int main(void)
{
    struct fault fault;
    if (!process_harden(&fault) || !secret_arena_open(1 << 16, &fault))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_of_a_silent_printer_counts_when_it_is_scanned),
        cmocka_unit_test(test_spoilt_label_of_a_silent_printer_is_printed_again),
        cmocka_unit_test(test_another_units_label_settles_no_doubt),
        cmocka_unit_test(test_resumed_unit_must_have_its_own_certificate),
        cmocka_unit_test(test_missing_label_of_a_silent_printer_is_given_up),
    };
    return cmocka_run_group_tests_name("station/doubt", tests, open_plant, close_plant);
}
