/* kokuin shift show and close, and unit scrap, against a real record: a shift ends only when each label is accounted
 * for. */
#include "tests/support/command.h"
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plant plant;
static struct fault fault;
static char output[8192];

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 9);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static int close_shift(const char *as)
{
    const char *const argv[] = {KOKUIN, "shift", "close", "A", "--badge", "4711", "--record", as, "--quiet", NULL};
    return command_read(argv, output, sizeof output);
}

/* The shift stays open, for this label and this reason. */
static void expect_open(const struct unit *unit, const char *finding, const char *todo)
{
    const char *const show[] = {KOKUIN, "shift", "show", "A", "--record", plant.auditor, "--json", "--quiet", NULL};
    char wanted[96];
    (void)snprintf(wanted, sizeof wanted, "{\"finding\":\"%s\",\"serial\":\"%s\",\"label\":\"%s\"", finding,
                   unit->reservation.serial, unit->label);
    assert_int_equal(command_read(show, output, sizeof output), FAULT_EXIT_CHECK_FAILED);
    if (!strstr(output, wanted))
        fail_msg("'%s' is not in: %s", wanted, output);
    assert_int_equal(close_shift(plant.planner), FAULT_EXIT_CHECK_FAILED);
    assert_non_null(strstr(output, unit->label));
    assert_non_null(strstr(output, todo));
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.shift"), 0);
}

static void expect_closed(const char *sums)
{
    assert_int_equal(close_shift(plant.planner), FAULT_EXIT_OK);
    assert_string_equal(output, sums);
}

static void fail_unit(const struct unit *unit, enum fault_code code)
{
    struct fault why = {0};
    (void)fault_set(&why, code, 0, "made up");
    assert_true(store_fail(plant.store, &unit->reservation.attempt, &why, NULL, 0, &fault));
}

static void scrap(const struct unit *unit)
{
    const char *const argv[] = {KOKUIN,     "unit",        "scrap", unit->reservation.serial, "--reason", "crushed",
                                "--record", plant.planner, NULL};
    assert_int_equal(command_read(argv, output, sizeof output), FAULT_EXIT_OK);
}

static void a_label_that_waits_for_its_scan_keeps_the_shift_open(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "labelling");
    expect_open(&unit, "unfinished", "KOKUIN-REKEY");
    assert_true(unit_labelled(plant.store, &unit, &fault));
    expect_open(&unit, "unfinished", "KOKUIN-REKEY");
    assert_true(unit_scanned(plant.store, &unit, &fault));
    assert_true(unit_closed(plant.store, &unit, &fault));
    expect_closed("printed 1 = 1 live + 0 voided + 0 dead\nmade    1 = 1 printed + 0 not sent + 0 unconfirmed\n");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.shift WHERE badge = '4711' AND live = 1"), 1);

    /* Asked again, as after an answer that was lost: the same one shift, even by another. */
    const char *const again[] = {KOKUIN, "shift",    "close",       "A",      "--badge",
                                 "4712", "--record", plant.planner, "--json", NULL};
    expect_closed("printed 1 = 1 live + 0 voided + 0 dead\nmade    1 = 1 printed + 0 not sent + 0 unconfirmed\n");
    assert_int_equal(command_read(again, output, sizeof output), FAULT_EXIT_OK);
    assert_non_null(strstr(output, "\"live\":1,"));
    assert_non_null(strstr(output, "\"again\":true"));
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.shift"), 1);

    /* The next one begins where it ended. */
    struct unit next = {.seed = 2, .slot = 1};
    unit_bring(plant.store, &next, "closed");
    expect_closed("printed 1 = 1 live + 0 voided + 0 dead\nmade    1 = 1 printed + 0 not sent + 0 unconfirmed\n");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.shift WHERE badge = '4711' AND live = 1"), 2);
    assert_int_equal(
        plant_count(&plant, "SELECT count(*) FROM prov.shift AS a JOIN prov.shift AS b ON b.since = a.until"), 1);
}

/* A station's first shift needs no label to end. */
static void a_shift_without_a_label_ends_once(void **state)
{
    (void)state;
    static const char none[] =
        "printed 0 = 0 live + 0 voided + 0 dead\nmade    0 = 0 printed + 0 not sent + 0 unconfirmed\n";
    expect_closed(none);
    expect_closed(none);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.shift"), 1);
}

static void a_label_that_may_be_out_keeps_the_shift_open(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "labelling");
    fail_unit(&unit, FAULT_PRINTER_UNKNOWN);
    expect_open(&unit, "unconfirmed", "kokuin unit scrap");
    scrap(&unit);
    expect_closed("printed 0 = 0 live + 0 voided + 0 dead\nmade    1 = 0 printed + 0 not sent + 1 unconfirmed\n");
}

/* Dead is not enough: what it says still opens the unit. Scanned once more, it is in somebody's hands to be shredded.
 */
static void a_dead_label_that_nobody_saw_keeps_the_shift_open(void **state)
{
    (void)state;
    struct unit reworked = {.seed = 1, .slot = 1}, scanned = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &reworked, "labelled");
    fail_unit(&reworked, FAULT_LABEL_GIVEN_UP);
    expect_open(&reworked, "dead", "kokuin unit scrap");
    struct unit again = {.seed = 1, .slot = 1};
    assert_true(unit_reserve(plant.store, &again, &fault));
    expect_open(&reworked, "dead", "put the unit in again");
    fail_unit(&again, FAULT_UNIT_UNPLUGGED);
    scrap(&reworked);

    unit_bring(plant.store, &scanned, "scanned");
    fail_unit(&scanned, FAULT_LOCK_FAILED);
    expect_open(&scanned, "dead", "shred it");
    assert_false(unit_scanned(plant.store, &scanned, &fault));
    assert_int_equal(fault.code, FAULT_SCAN_DEAD_LABEL);
    expect_closed("printed 2 = 0 live + 0 voided + 2 dead\nmade    2 = 2 printed + 0 not sent + 0 unconfirmed\n");
}

static void what_never_came_out_or_was_voided_is_accounted_for(void **state)
{
    (void)state;
    struct unit unsent = {.seed = 1, .slot = 1}, spoilt = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &unsent, "labelling");
    fail_unit(&unsent, FAULT_PRINTER_PAPER);
    unit_bring(plant.store, &spoilt, "labelled");
    assert_true(unit_voided(plant.store, &spoilt, spoilt.label, &fault));
    spoilt.label_copy = 2;
    assert_true(unit_labelling(plant.store, &spoilt, &fault));
    assert_true(unit_labelled(plant.store, &spoilt, &fault));
    assert_true(unit_scanned(plant.store, &spoilt, &fault));
    assert_true(unit_closed(plant.store, &spoilt, &fault));
    expect_closed("printed 2 = 1 live + 1 voided + 0 dead\nmade    3 = 2 printed + 1 not sent + 0 unconfirmed\n");
}

static void who_may_not_and_what_is_not_there(void **state)
{
    (void)state;
    const char *const nowhere[] = {KOKUIN, "shift", "close", "Z", "--badge", "1", "--record", plant.planner, NULL};
    const char *const nobody[] = {KOKUIN, "shift", "close", "A", "--record", plant.planner, NULL};
    const char *const unnamed[] = {KOKUIN, "shift", "show", "Z", "--record", plant.planner, NULL};
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "reserved");
    const char *const no_reason[] = {KOKUIN, "unit", "scrap", unit.reservation.serial, "--record", plant.planner, NULL};
    const char *const no_serial[] = {KOKUIN, "unit",     "scrap",       "KR000000001", "--reason",
                                     "x",    "--record", plant.planner, NULL};
    const char *const in_work[] = {KOKUIN,     "unit",        "scrap", unit.reservation.serial, "--reason", "x",
                                   "--record", plant.planner, NULL};
    assert_int_equal(command_read(nowhere, output, sizeof output), FAULT_EXIT_NOT_FOUND);
    assert_int_equal(command_read(unnamed, output, sizeof output), FAULT_EXIT_NOT_FOUND);
    assert_int_equal(command_read(nobody, output, sizeof output), FAULT_EXIT_USAGE);
    assert_int_equal(command_read(no_reason, output, sizeof output), FAULT_EXIT_USAGE);
    assert_int_equal(command_read(no_serial, output, sizeof output), FAULT_EXIT_USAGE);
    assert_int_equal(command_read(in_work, output, sizeof output), fault_exit(FAULT_RECORD_REFUSED));
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scrap"), 0);
    assert_int_equal(close_shift(plant.auditor), FAULT_EXIT_NOT_PERMITTED);
    assert_int_equal(close_shift(plant.station), FAULT_EXIT_NOT_PERMITTED);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.shift"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_label_that_waits_for_its_scan_keeps_the_shift_open, make, leave),
        cmocka_unit_test_setup_teardown(a_shift_without_a_label_ends_once, make, leave),
        cmocka_unit_test_setup_teardown(a_label_that_may_be_out_keeps_the_shift_open, make, leave),
        cmocka_unit_test_setup_teardown(a_dead_label_that_nobody_saw_keeps_the_shift_open, make, leave),
        cmocka_unit_test_setup_teardown(what_never_came_out_or_was_voided_is_accounted_for, make, leave),
        cmocka_unit_test_setup_teardown(who_may_not_and_what_is_not_there, make, leave),
    };
    return cmocka_run_group_tests_name("station/shift", tests, NULL, postgres_stop);
}
