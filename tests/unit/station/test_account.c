/* kokuin label show and reconcile against a real record: what they print, and with which exit code. */
#include "tests/support/command.h"
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plant plant;

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 3);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static void tells_what_adds_up_and_what_does_not(void **state)
{
    (void)state;
    char output[4096];
    struct unit closed = {.seed = 1, .slot = 1}, lost = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &closed, "closed");
    const char *const as_text[] = {KOKUIN, "label", "reconcile", "--record", plant.auditor, NULL};
    const char *const as_json[] = {KOKUIN,    "label",     "reconcile", "--record", plant.auditor,
                                   "--order", PLANT_ORDER, "--json",    "--quiet",  NULL};
    assert_int_equal(command_read(as_text, output, sizeof output), FAULT_EXIT_OK);
    assert_string_equal(output, "printed 1 = 1 live + 0 voided + 0 dead\n"
                                "made    1 = 1 printed + 0 in work + 0 not sent + 0 unconfirmed\n");

    struct fault why = {0}, fault;
    unit_bring(plant.store, &lost, "labelling");
    (void)fault_set(&why, FAULT_PRINTER_UNKNOWN, 0, "print: sent, but not counted in time");
    assert_true(store_fail(plant.store, &lost.reservation.attempt, &why, NULL, 0, &fault));
    assert_int_equal(command_read(as_text, output, sizeof output), FAULT_EXIT_CHECK_FAILED);
    assert_non_null(strstr(output, lost.label));
    assert_non_null(strstr(output, lost.reservation.serial));
    assert_non_null(strstr(output, "unconfirmed"));
    assert_int_equal(command_read(as_json, output, sizeof output), FAULT_EXIT_CHECK_FAILED);
    assert_non_null(strstr(output, "{\"adds_up\":false,\"made\":2,\"printed\":1,\"live\":1,\"voided\":0,\"dead\":0,"
                                   "\"in_work\":0,\"not_sent\":0,\"unconfirmed\":1,\"findings\":1}\n"));
    assert_non_null(strstr(output, "{\"finding\":\"unconfirmed\",\"serial\":\""));

    const char *const elsewhere[] = {KOKUIN, "label", "reconcile", "--record", plant.auditor, "--order", "WO-9", NULL};
    assert_int_equal(command_read(elsewhere, output, sizeof output), FAULT_EXIT_NOT_FOUND);
    assert_string_equal(output, "");
}

static void shows_one_label(void **state)
{
    (void)state;
    char output[4096];
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "labelled");
    const char *const known[] = {KOKUIN, "label", "show", unit.label, "--record", plant.auditor, NULL};
    assert_int_equal(command_read(known, output, sizeof output), FAULT_EXIT_OK);
    assert_non_null(strstr(output, unit.reservation.serial));
    assert_non_null(strstr(output, "\"fate\": \"live\""));
    const char *const unknown[] = {KOKUIN, "label", "show", "0000000000000", "--record", plant.auditor, NULL};
    assert_int_equal(command_read(unknown, output, sizeof output), FAULT_EXIT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_what_adds_up_and_what_does_not, make, leave),
        cmocka_unit_test_setup_teardown(shows_one_label, make, leave),
    };
    return cmocka_run_group_tests_name("station/account", tests, NULL, postgres_stop);
}
