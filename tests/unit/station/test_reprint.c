/* A label that is spoilt or missing: printed again while its password is held, and otherwise the unit gets another. */
#include "station/label/code.h"
#include "tests/unit/station/visit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static long count_of(const char *serial, const char *what)
{
    char query[384];
    (void)snprintf(
        query, sizeof query,
        "SELECT count(*) FROM prov.label_fate AS held JOIN prov.unit USING (unit_id) WHERE unit.serial = '%s' "
        "AND %s",
        serial, what);
    return plant_count(&plant, query);
}

static long passwords_of(const char *serial)
{
    char query[256];
    (void)snprintf(
        query, sizeof query,
        "SELECT count(*) FROM prov.credential JOIN prov.attempt USING (attempt) JOIN prov.unit USING (unit_id) "
        "WHERE unit.serial = '%s'",
        serial);
    return plant_count(&plant, query);
}

static void assert_all_accounted_for(void)
{
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM api.label_findings(NULL)"), 0);
}

static void test_a_spoilt_label_is_printed_again_with_the_same_password(void **state)
{
    (void)state;
    struct world world = {.spoilt = 2};
    struct flow_result result = visit(&world, "c0000001", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(world.printed, 3);
    assert_int_equal(world.answers[0], FAULT_NONE);
    assert_string_not_equal(world.label, world.first_label);
    assert_int_equal(label_id_copy(world.first_label), 1);
    assert_int_equal(label_id_copy(world.label), 3);
    assert_int_equal(count_of(world.serial, "fate = 'voided'"), 2);
    assert_int_equal(count_of(world.serial, "fate = 'live' AND copy = 3"), 1);
    assert_int_equal(passwords_of(world.serial), (long)plant.rooms->product->credential_count);
    assert_all_accounted_for();
}

/* The old label, scanned later on the same unit, or as a spoilt one, is dead. */
static void test_a_void_label_stays_void(void **state)
{
    (void)state;
    struct world world = {.spoilt = 1};
    struct flow_result result = visit(&world, "c0000002", NULL);
    expect_closed(&result);
    char first[sizeof world.first_label];
    memcpy(first, world.first_label, sizeof first);
    char query[160];
    (void)snprintf(query, sizeof query, "SELECT count(*) FROM prov.label WHERE label = '%s' AND NOT live", first);
    assert_int_equal(plant_count(&plant, query), 1);

    struct world left = {.taken_out = true};
    result = visit(&left, "c0000003", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    struct world other = {.other = &world, .spoilt = 1};
    memcpy(world.label, first, sizeof first);
    result = visit(&other, "c0000003", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    assert_int_equal(other.answers[0], FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(other.printed, 0);
    assert_int_equal(count_of(left.serial, "fate = 'live'"), 1);
    other = (struct world){0};
    result = visit(&other, "c0000003", NULL);
    expect_closed(&result);
}

/* The wish alone voids nothing: the label has to be the unit's own live one. */
static void test_only_the_live_label_in_hand_is_voided(void **state)
{
    (void)state;
    struct world world = {.printer = FAULT_PRINTER_UNKNOWN, .taken_out = true};
    struct flow_result result = visit(&world, "c0000004", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_PRINTER_UNKNOWN);
    char stray[sizeof world.label];
    memcpy(stray, result.progress.label, sizeof stray);
    world = (struct world){.spoilt = 3, .stray = stray};
    result = visit(&world, "c0000004", NULL);
    expect_closed(&result);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(world.answers[i], FAULT_SCAN_DEAD_LABEL);
    assert_int_equal(world.printed, 1);
    assert_int_equal(count_of(world.serial, "fate = 'voided'"), 0);
}

static void test_a_missing_label_means_another_password(void **state)
{
    (void)state;
    struct world world = {.missing = true};
    struct flow_result result = visit(&world, "c0000005", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_LABEL_GIVEN_UP);
    assert_int_equal(world.answers[0], FAULT_NONE);
    assert_int_equal(count_of(world.serial, "fate = 'dead'"), 1);
    char missing[sizeof world.label];
    memcpy(missing, world.label, sizeof missing);
    world = (struct world){.stray = missing};
    result = visit(&world, "c0000005", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
    assert_int_equal(world.answers[0], FAULT_SCAN_DEAD_LABEL);
    assert_int_equal(passwords_of(world.serial), 2 * (long)plant.rooms->product->credential_count);
    assert_all_accounted_for();
}

/* The journey that drew the password is over: nobody can print it again. */
static void test_a_password_that_is_not_held_is_replaced(void **state)
{
    (void)state;
    struct world world = {.taken_out = true};
    struct flow_result result = visit(&world, "c0000006", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    world = (struct world){.spoilt = 1};
    result = visit(&world, "c0000006", NULL);
    expect_fault(&result, FLOW_FAILED, FAULT_LABEL_GIVEN_UP);
    assert_int_equal(world.answers[0], FAULT_NONE);
    assert_int_equal(world.printed, 0);
    assert_int_equal(count_of(world.serial, "fate = 'voided'"), 1);
    world = (struct world){0};
    result = visit(&world, "c0000006", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
    assert_all_accounted_for();
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
        cmocka_unit_test(test_a_spoilt_label_is_printed_again_with_the_same_password),
        cmocka_unit_test(test_a_void_label_stays_void),
        cmocka_unit_test(test_only_the_live_label_in_hand_is_voided),
        cmocka_unit_test(test_a_missing_label_means_another_password),
        cmocka_unit_test(test_a_password_that_is_not_held_is_replaced),
    };
    return cmocka_run_group_tests_name("reprint", tests, open_plant, close_plant);
}
