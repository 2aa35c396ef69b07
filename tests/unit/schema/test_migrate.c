/* The migration runner over lists of its own, then over ours; and the administrator's grants. */
#include "schema/migration.h"
#include "tests/support/postgres.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct migration good[] = {
    {1, "0001_one.sql", "aa", "CREATE TABLE public.one (a integer); INSERT INTO public.one VALUES (1);"},
    {2, "0002_two.sql", "bb", "DO $$ BEGIN INSERT INTO public.one VALUES (2); END $$;"},
    {3, "0003_three.sql", "cc", "CREATE TABLE public.three (a integer)"},
};

static char admin[POSTGRES_CONNINFO_SIZE];
static struct fault fault;
static struct migration_status status;

static int make(void **state)
{
    (void)state;
    postgres_database(admin);
    return 0;
}

static void assert_value(const char *query, const char *expected)
{
    char *value = postgres_value(admin, query);
    assert_non_null(value);
    assert_string_equal(value, expected);
    free(value);
}

static void assert_fault(enum fault_code code)
{
    if (fault.code != code)
        fail_msg("fault %d, not %d: %s", (int)fault.code, (int)code, fault.text);
}

static void a_fresh_database_is_brought_up_and_then_left_alone(void **state)
{
    (void)state;
    assert_true(migration_status(admin, good, 3, &status, &fault));
    assert_int_equal(status.applied, 0);
    assert_int_equal(status.known, 3);
    assert_true(migration_run(admin, good, 2, &status, &fault));
    assert_int_equal(status.applied, 2);
    assert_true(migration_run(admin, good, 3, &status, &fault));
    assert_int_equal(status.applied, 3);
    assert_true(migration_run(admin, good, 3, &status, &fault));
    assert_value("SELECT count(*) FROM public.one", "2");
    assert_value("SELECT string_agg(file || sha256, ',' ORDER BY number) FROM public.schema_version",
                 "0001_one.sqlaa,0002_two.sqlbb,0003_three.sqlcc");
}

static void a_changed_file_stops_everything(void **state)
{
    (void)state;
    assert_true(migration_run(admin, good, 2, &status, &fault));
    struct migration changed[3];
    memcpy(changed, good, sizeof changed);
    changed[0].sha256 = "ab";
    assert_false(migration_run(admin, changed, 3, &status, &fault));
    assert_fault(FAULT_RECORD_DRIFT);
    assert_non_null(strstr(fault.text, "0001_one.sql"));
    assert_false(migration_status(admin, changed, 3, &status, &fault));
    assert_fault(FAULT_RECORD_DRIFT);
    assert_value("SELECT count(*) FROM public.schema_version", "2");
}

static void a_gap_is_refused(void **state)
{
    (void)state;
    char sqlstate[POSTGRES_STATE_SIZE];
    assert_true(migration_run(admin, good, 3, &status, &fault));
    assert_true(postgres_run(admin, "DELETE FROM public.schema_version WHERE number = 2", sqlstate));
    assert_false(migration_run(admin, good, 3, &status, &fault));
    assert_fault(FAULT_RECORD_DRIFT);
}

static void a_newer_database_is_refused(void **state)
{
    (void)state;
    assert_true(migration_run(admin, good, 3, &status, &fault));
    assert_false(migration_run(admin, good, 2, &status, &fault));
    assert_fault(FAULT_RECORD_VERSION);
}

static void a_failing_file_leaves_nothing_behind(void **state)
{
    (void)state;
    struct migration bad[3];
    memcpy(bad, good, sizeof bad);
    bad[1].sql = "INSERT INTO public.one VALUES (7); SELECT 1 / 0; INSERT INTO public.one VALUES (8);";
    assert_false(migration_run(admin, bad, 3, &status, &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_non_null(strstr(fault.text, "0002_two.sql"));
    assert_value("SELECT count(*) FROM public.one", "1");
    assert_true(migration_run(admin, good, 3, &status, &fault));
}

static struct migration slow[3];

static void *run_slow(void *arg)
{
    struct fault *ret_fault = arg;
    struct migration_status unused;
    return migration_run(admin, slow, 3, &unused, ret_fault) ? arg : NULL;
}

/* The second file stands still at a lock of ours, so that the run can be met in its middle. */
static void hold_still(void)
{
    memcpy(slow, good, sizeof slow);
    slow[1].sql = "INSERT INTO public.one VALUES (2); SELECT pg_sleep(60);";
}

static void a_run_killed_in_its_middle_is_taken_up_again(void **state)
{
    (void)state;
    pthread_t thread;
    void *done = NULL;
    struct fault thread_fault = {0};
    hold_still();
    assert_int_equal(pthread_create(&thread, NULL, run_slow, &thread_fault), 0);
    assert_true(postgres_wait(admin,
                              "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                              " AND datname = current_database()",
                              "1", 20000));
    assert_value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                 " AND datname = current_database()",
                 "t");
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_null(done);
    assert_int_equal(thread_fault.code, FAULT_RECORD_UNKNOWN);
    assert_value("SELECT count(*) FROM public.schema_version", "1");
    assert_true(migration_run(admin, good, 3, &status, &fault));
    assert_value("SELECT count(*) FROM public.one", "2");
}

static void two_runs_at_once_apply_each_file_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct fault faults[4] = {0};
    memcpy(slow, good, sizeof slow);
    slow[1].sql = "INSERT INTO public.one VALUES (2); SELECT pg_sleep(0.2);";
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_slow, &faults[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        if (!done)
            fail_msg("%s", faults[i].text);
    }
    assert_value("SELECT count(*) FROM public.one", "2");
}

static void a_database_that_is_away_is_said_so(void **state)
{
    (void)state;
    assert_false(schema_migrate("host=/tmp/no-such-directory dbname=none", &status, &fault));
    assert_fault(FAULT_RECORD_AWAY);
    assert_false(schema_migrate("host=/tmp nonsense", &status, &fault));
    assert_fault(FAULT_USAGE);
}

static void our_own_migrations_are_complete_and_computed_alike(void **state)
{
    (void)state;
    assert_true(schema_migrate(admin, &status, &fault));
    assert_int_equal(status.applied, status.known);
    assert_true(schema_status(admin, &status, &fault));
    assert_int_equal(status.applied, migration_count);

    /* The vectors of base/serial.c. */
    assert_value("SELECT prov.check_character('A12425GABC1234002')", "M");
    assert_value("SELECT prov.check_character('a') IS NULL", "t");
    assert_value("SELECT prov.gtin_is_valid('04006381333931')", "t");
    assert_value("SELECT prov.gtin_is_valid('04006381333932')", "f");
    assert_value("SELECT prov.base32(0, 9) || prov.base32(1023, 9)", "0000000000000000ZZ");
    assert_value("SELECT prov.characters_are_distinct('abcA') AND NOT prov.characters_are_distinct('aba')", "t");
}

static void grants_may_be_repeated_and_do_not_overlap(void **state)
{
    (void)state;
    struct station_grant grant = {"A", "station_g", 2};
    char station[POSTGRES_CONNINFO_SIZE];
    assert_true(schema_migrate(admin, &status, &fault));
    for (int i = 0; i < 2; i++) {
        assert_true(schema_grant_station(admin, &grant, &fault));
        assert_true(schema_grant_person(admin, "auditor", "auditor_g", &fault));
        assert_true(schema_add_numbers(admin, "mac", 64, 640, &fault));
        grant.slots = 4;
    }
    assert_value("SELECT count(*) FROM prov.slot", "4");
    assert_value("SELECT count(*) FROM prov.pool", "1");

    struct station_grant other = {"A", "station_h", 2};
    assert_false(schema_grant_station(admin, &other, &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_false(schema_grant_station(admin, &(struct station_grant){"B", "auditor_g", 2}, &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_false(schema_grant_station(admin, &(struct station_grant){"B", "postgres", 2}, &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_false(schema_grant_person(admin, "owner", "x", &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_false(schema_add_numbers(admin, "mac", 96, 64, &fault));
    assert_fault(FAULT_RECORD_DUPLICATE);
    assert_false(schema_add_numbers(admin, "mac", 1001, 64, &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_false(schema_add_numbers(admin, "serial", 1, 0, &fault));
    assert_fault(FAULT_RECORD_REFUSED);
    assert_false(schema_add_numbers(admin, "imei", 1, 10, &fault));
    assert_fault(FAULT_RECORD_REFUSED);

    /* A station grants nothing, and migrates nothing. */
    postgres_as(admin, "station_g", station);
    assert_false(schema_grant_person(station, "auditor", "friend", &fault));
    assert_fault(FAULT_RECORD_ROLE);
    assert_false(schema_migrate(station, &status, &fault));
    assert_fault(FAULT_RECORD_ROLE);
    postgres_as(admin, "nobody_at_all", station);
    assert_false(schema_migrate(station, &status, &fault));
    assert_fault(FAULT_RECORD_ROLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_fresh_database_is_brought_up_and_then_left_alone, make),
        cmocka_unit_test_setup(a_changed_file_stops_everything, make),
        cmocka_unit_test_setup(a_gap_is_refused, make),
        cmocka_unit_test_setup(a_newer_database_is_refused, make),
        cmocka_unit_test_setup(a_failing_file_leaves_nothing_behind, make),
        cmocka_unit_test_setup(a_run_killed_in_its_middle_is_taken_up_again, make),
        cmocka_unit_test_setup(two_runs_at_once_apply_each_file_once, make),
        cmocka_unit_test(a_database_that_is_away_is_said_so),
        cmocka_unit_test_setup(our_own_migrations_are_complete_and_computed_alike, make),
        cmocka_unit_test_setup(grants_may_be_repeated_and_do_not_overlap, make),
    };
    return cmocka_run_group_tests(tests, NULL, postgres_stop);
}
