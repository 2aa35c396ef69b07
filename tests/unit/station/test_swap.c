/* Labels on the wrong unit, and labels that should not be there any more: neither ever closes a unit. */
#include "tests/unit/station/visit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect_left(struct world *world, const char *board)
{
    struct flow_result result = visit(world, board, NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
}

static long closed(void)
{
    return plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE state = 'closed'");
}

static long scans(const char *answer)
{
    char query[96];
    (void)snprintf(query, sizeof query, "SELECT count(*) FROM prov.scan WHERE answer = '%s'", answer);
    return plant_count(&plant, query);
}

static long live_labels(void)
{
    return plant_count(&plant, "SELECT count(*) FROM prov.label WHERE live");
}

static void test_swapped_labels_close_neither_unit(void **state)
{
    (void)state;
    struct world one = {.taken_out = true};
    struct world two = {.slot = 2, .taken_out = true};
    expect_left(&one, "b0000001");
    expect_left(&two, "b0000002");
    assert_string_not_equal(one.serial, two.serial);

    one.taken_out = two.taken_out = false;
    one.other = &two;
    two.other = &one;
    for (int round = 1; round <= 2; round++) {
        expect_left(&one, "b0000001");
        assert_int_equal(one.answers[0], FAULT_SCAN_WRONG_UNIT);
        expect_left(&two, "b0000002");
        assert_int_equal(two.answers[0], FAULT_SCAN_WRONG_UNIT);
        assert_int_equal(closed(), 0);
        assert_int_equal(scans("wrong_unit"), 2 * round);
        assert_int_equal(scans("matched"), 0);
    }

    /* Put right: the same labels, and nothing was printed or made anew. */
    one.other = two.other = NULL;
    struct flow_result result = visit(&one, "b0000001", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    result = visit(&two, "b0000002", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(one.printed + two.printed, 2);
    assert_int_equal(closed(), 2);
    assert_int_equal(live_labels(), 2);
}

/* One label's unit is closed before its label turns up on another one. */
static void test_label_of_a_closed_unit_closes_no_other(void **state)
{
    (void)state;
    long before = closed();
    struct world one = {0};
    struct flow_result result = visit(&one, "b0000003", NULL);
    expect_closed(&result);
    struct world two = {.slot = 2, .other = &one};
    expect_left(&two, "b0000004");
    assert_int_equal(two.answers[0], FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(closed(), before + 1);
    two.other = NULL;
    result = visit(&two, "b0000004", NULL);
    expect_closed(&result);
}

/* A label that perhaps came out of a printer that said nothing: its attempt is dead, and so is the label, for good. */
static void test_stray_label_fails_every_later_scan(void **state)
{
    (void)state;
    long dead = scans("dead_label");
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .taken_out = true};
    struct flow_result result = visit(&world, "b0000005", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_PRINTER_UNKNOWN);
    world.taken_out = false;
    char stray[sizeof world.label];
    memcpy(stray, result.progress.label, sizeof stray);
    assert_int_not_equal(stray[0], '\0');

    world.printer = FAULT_NONE;
    world.stray = stray;
    result = visit(&world, "b0000005", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
    assert_string_not_equal(world.label, stray);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(world.answers[i], FAULT_SCAN_DEAD_LABEL);
    assert_int_equal(world.answers[3], FAULT_NONE);
    assert_int_equal(scans("dead_label"), dead + 3);
}

static int open_plant(void **state)
{
    (void)state;
    plant_open(&plant, "router.yaml", 10);
    return 0;
}

static int close_plant(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_swapped_labels_close_neither_unit),
        cmocka_unit_test(test_label_of_a_closed_unit_closes_no_other),
        cmocka_unit_test(test_stray_label_fails_every_later_scan),
    };
    return cmocka_run_group_tests_name("swap", tests, open_plant, close_plant);
}
