/* A record that lost what it had confirmed: the station remembers, and makes no unit with it. */
#include "tests/unit/station/visit.h"

#include "base/kept.h"
#include "station/flow/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct fault fault;

static int make(void **state)
{
    (void)state;
    plant_open(&plant, "sensor.yaml", 20);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static const char *path(void)
{
    return plant.rooms->record_head;
}

static void read_file(char text[256])
{
    size_t length;
    if (!kept_read(path(), text, 256, &length, &fault))
        fail_msg("%s", fault.text);
}

static long steps(void)
{
    return plant_count(&plant, "SELECT count(*) FROM prov.step");
}

static void make_closed(const char *board)
{
    struct world world = {0};
    struct flow_result result = visit(&world, board, NULL);
    expect_closed(&result);
}

static void expect_behind(void)
{
    assert_false(head_follow(path(), plant.rooms->store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_BEHIND);
}

static void test_a_station_keeps_its_head(void **state)
{
    (void)state;
    char text[256];
    assert_int_equal(access(path(), F_OK), -1);
    make_closed("c0000001");
    char *head = plant_text(&plant, "SELECT 'kokuin-record-head ' || seq || ' ' || encode(hash, 'hex') || E'\\n'"
                                    " FROM audit.head");
    read_file(text);
    assert_string_equal(text, head);
    free(head);
    /* Without a step in between nothing changes, and no step goes unseen. */
    assert_true(head_follow(path(), plant.rooms->store, &fault));
    make_closed("c0000002");
    char later[256];
    read_file(later);
    assert_string_not_equal(text, later);
}

/* A copy of the record from before the last unit: the next one gets no number, and nothing is written any more. */
static void test_a_record_that_was_put_back_makes_no_unit(void **state)
{
    (void)state;
    char before[256];
    char after[256];
    make_closed("c0000001");
    make_closed("c0000002");
    read_file(before);
    lose_steps(3);
    long left = steps();
    long units = plant_count(&plant, "SELECT count(*) FROM prov.unit");

    struct world world = {0};
    struct flow_result result = visit(&world, "c0000003", NULL);
    expect_fault(&result, FLOW_HELD, FAULT_RECORD_BEHIND);
    assert_int_equal(result.progress.step, FLOW_RESERVE);
    assert_int_equal(steps(), left);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.unit"), units);
    read_file(after);
    assert_string_equal(before, after);
    expect_behind();
}

/* The same between two commits of one unit: it is held, and its failure is not written into what is left. */
static void test_a_record_that_loses_a_step_holds_the_unit(void **state)
{
    (void)state;
    struct world world = {.record_lost = FLOW_LOCK};
    struct flow_result result = visit(&world, "c0000001", NULL);
    expect_fault(&result, FLOW_HELD, FAULT_RECORD_BEHIND);
    assert_int_equal(world.printed, 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.step WHERE to_state = 'failed'"), 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.step WHERE to_state = 'verified'"), 0);
}

/* As many steps as before, but others: a standby without the last commits went on by itself. */
static void test_a_record_that_went_another_way_is_found(void **state)
{
    (void)state;
    make_closed("c0000001");
    char known[256];
    read_file(known);
    lose_steps(1);
    assert_int_equal(unlink(path()), 0);
    struct world world = {.taken_out = true};
    (void)visit(&world, "c0000002", NULL);
    assert_true(kept_write(path(), known, &fault));
    expect_behind();
}

static void test_a_file_that_is_no_head_stops_the_station(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x",
        "kokuin-record-head 1 \n",
        "kokuin-record-head 1 00ff\n",
        "kokuin-record-head 1 0000000000000000000000000000000000000000000000000000000000000000",
        "kokuin-record-head -1 0000000000000000000000000000000000000000000000000000000000000000\n",
        "kokuin-record-head 01 0000000000000000000000000000000000000000000000000000000000000000\n",
        "kokuin-record-head 1 0000000000000000000000000000000000000000000000000000000000000000\nmore",
        "kokuin-record-head 1 000000000000000000000000000000000000000000000000000000000000000G\n",
        "kokuin-record-head 1 00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char after[256];
        assert_true(kept_write(path(), texts[i], &fault));
        struct world world = {0};
        struct flow_result result = visit(&world, "c0000001", NULL);
        expect_fault(&result, FLOW_HELD, FAULT_FILE);
        read_file(after);
        assert_string_equal(after, texts[i]);
        assert_int_equal(steps(), 0);
    }
}

static void test_a_head_that_cannot_be_kept_stops_the_station(void **state)
{
    (void)state;
    char lock[512];
    (void)snprintf(lock, sizeof lock, "%s.lock", path());
    assert_int_equal(mkdir(lock, 0700), 0);
    struct world world = {0};
    struct flow_result result = visit(&world, "c0000001", NULL);
    assert_int_equal(result.end, FLOW_HELD);
    assert_int_equal(result.fault.code, FAULT_FILE);
    /* Its number is reserved and no secret was made: mended, the same attempt goes on. */
    assert_int_equal(rmdir(lock), 0);
    result = visit(&world, "c0000001", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_station_keeps_its_head, make, leave),
        cmocka_unit_test_setup_teardown(test_a_record_that_was_put_back_makes_no_unit, make, leave),
        cmocka_unit_test_setup_teardown(test_a_record_that_loses_a_step_holds_the_unit, make, leave),
        cmocka_unit_test_setup_teardown(test_a_record_that_went_another_way_is_found, make, leave),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_no_head_stops_the_station, make, leave),
        cmocka_unit_test_setup_teardown(test_a_head_that_cannot_be_kept_stops_the_station, make, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
