/* When the database does not answer as usual: away, killed in mid-commit, not durable, of another shape; and many at
 * once. */
#include "schema/connection.h"
#include "tests/unit/schema/plant.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct plant plant;
static struct fault fault;

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 40);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static void run(const char *statements)
{
    char got[POSTGRES_STATE_SIZE];
    if (!postgres_run(plant.admin, statements, got))
        fail_msg("%s: %s", statements, got);
}

/* With a standby named that never comes, each commit waits after it was written: a doubt that can be held still. */
static void hold_commits(bool hold)
{
    run(hold ? "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
             : "ALTER SYSTEM RESET synchronous_standby_names");
    run("SELECT pg_reload_conf()");
    assert_true(
        postgres_wait(plant.admin, "SELECT current_setting('synchronous_standby_names')", hold ? "nobody" : "", 20000));
}

#define HELD "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

struct injecting {
    const struct unit *unit;
    bool done;
    struct fault fault;
};

static void *inject(void *arg)
{
    struct injecting *job = arg;
    job->done = unit_injected(plant.store, job->unit, &job->fault);
    return NULL;
}

/* Begins `injected`, meets it between its commit and the answer, and does `statement` to its backend. */
static struct injecting disturb_commit(const struct unit *unit, const char *statement)
{
    struct injecting job = {.unit = unit};
    pthread_t thread;
    hold_commits(true);
    assert_int_equal(pthread_create(&thread, NULL, inject, &job), 0);
    assert_true(postgres_wait(plant.admin, HELD, "1", 20000));
    char *value = postgres_value(plant.admin, statement);
    assert_non_null(value);
    free(value);
    assert_int_equal(pthread_join(thread, NULL), 0);
    hold_commits(false);
    return job;
}

static void settle(const struct unit *unit)
{
    assert_true(store_reconnect(plant.store, &fault));
    if (!unit_injected(plant.store, unit, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.step WHERE to_state = 'injected'"), 1);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.resolve WHERE request = 'injected'"), 1);
}

static void a_backend_killed_in_mid_commit_leaves_a_doubt_that_repeating_settles(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injecting");
    struct injecting job =
        disturb_commit(&unit, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    assert_false(job.done);
    assert_int_equal(job.fault.code, FAULT_RECORD_UNKNOWN);
    /* Until it is renewed the connection says so and sends nothing. */
    assert_false(unit_injected(plant.store, &unit, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_AWAY);
    settle(&unit);
}

/* PostgreSQL then answers "done", with a warning that the standby does not have it. */
static void a_cancelled_wait_for_the_standby_is_no_yes(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injecting");
    struct injecting job =
        disturb_commit(&unit, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    assert_false(job.done);
    assert_int_equal(job.fault.code, FAULT_RECORD_UNKNOWN);
    settle(&unit);
}

static void an_answer_that_does_not_come_is_a_doubt_and_a_repeat_waits_for_it(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injecting");
    store_close(plant.store);
    assert_true(
        store_open(&(struct store_options){.conninfo = plant.station, .answer_ms = 1500}, &plant.store, &fault));
    hold_commits(true);
    assert_false(unit_injected(plant.store, &unit, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_UNKNOWN);
    /* The first request still waits; a repeat must not say yes before it is safe. */
    assert_true(store_reconnect(plant.store, &fault));
    assert_false(unit_injected(plant.store, &unit, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_UNKNOWN);
    hold_commits(false);
    assert_true(postgres_wait(plant.admin,
                              "SELECT count(*) FROM pg_stat_activity WHERE usename = 'station_a' AND state = 'active'",
                              "0", 20000));
    assert_true(store_reconnect(plant.store, &fault));
    assert_true(unit_injected(plant.store, &unit, &fault));
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.step WHERE to_state = 'injected'"), 1);
}

static void a_database_away_is_found_before_anything_is_sent(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    struct store *store = NULL;
    unit_bring(plant.store, &unit, "injecting");
    postgres_halt();
    assert_false(unit_injected(plant.store, &unit, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_AWAY);
    assert_false(store_reconnect(plant.store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_AWAY);
    assert_false(store_open(&(struct store_options){.conninfo = plant.station}, &store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_AWAY);
    assert_null(store);
    postgres_resume();
    assert_true(store_reconnect(plant.store, &fault));
    assert_true(unit_injected(plant.store, &unit, &fault));
}

/* A server that takes connections and says nothing: the wait ends by our deadline, whatever it does. */
static void a_silent_server_is_away(void **state)
{
    (void)state;
    struct store *store = NULL;
    char *pid = postgres_value(plant.admin, "SELECT pg_catalog.split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
    assert_non_null(pid);
    pid_t postmaster = (pid_t)strtol(pid, NULL, 10);
    free(pid);
    assert_true(postmaster > 1);
    assert_int_equal(kill(postmaster, SIGSTOP), 0);
    bool opened = store_open(&(struct store_options){.conninfo = plant.station, .answer_ms = 300}, &store, &fault);
    assert_int_equal(kill(postmaster, SIGCONT), 0);
    assert_false(opened);
    assert_int_equal(fault.code, FAULT_RECORD_AWAY);
}

static void who_has_no_business_here_does_not_get_in(void **state)
{
    (void)state;
    struct store *store = NULL;
    char nobody[POSTGRES_CONNINFO_SIZE];
    postgres_as(plant.admin, "nobody_at_all", nobody);
    assert_false(store_open(&(struct store_options){.conninfo = nobody}, &store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_ROLE);
    assert_false(store_open(&(struct store_options){.conninfo = "host="}, &store, &fault));
    assert_false(store_open(&(struct store_options){.conninfo = "not a conninfo"}, &store, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
}

static void another_schema_version_is_refused(void **state)
{
    (void)state;
    struct store *store = NULL;
    char empty[POSTGRES_CONNINFO_SIZE];
    postgres_database(empty);
    assert_false(store_open(&(struct store_options){.conninfo = empty}, &store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_VERSION);
    run("INSERT INTO public.schema_version (number, file, sha256) VALUES (999, '0999_later.sql', 'ff')");
    assert_false(store_open(&(struct store_options){.conninfo = plant.station}, &store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_VERSION);
}

static void a_database_that_could_lose_commits_is_refused(void **state)
{
    (void)state;
    struct store *store = NULL;
    char loose[POSTGRES_CONNINFO_SIZE + 64];
    (void)snprintf(loose, sizeof loose, "%s options='-c synchronous_commit=off'", plant.station);
    assert_false(store_open(&(struct store_options){.conninfo = loose}, &store, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_UNSAFE);
}

/* pg_receivewal is a standby in all that matters here: it streams, and commits do not wait for it unless it is named.
 */
static pid_t start_receiver(const char *directory)
{
    static char connection[POSTGRES_CONNINFO_SIZE];
    static char into[128];
    const char *database = strstr(plant.admin, " dbname=");
    assert_non_null(database);
    (void)snprintf(connection, sizeof connection, "--dbname=%.*s application_name=receiver",
                   (int)(database - plant.admin), plant.admin);
    (void)snprintf(into, sizeof into, "--directory=%s", directory);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("pg_receivewal", "pg_receivewal", connection, into, "--synchronous", "--no-loop", (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void asynchronous_replication_is_refused_and_synchronous_is_not(void **state)
{
    (void)state;
    struct store *store = NULL;
    char directory[] = "/tmp/kokuin-wal-XXXXXX";
    assert_non_null(mkdtemp(directory));
    pid_t receiver = start_receiver(directory);
    assert_true(receiver > 0);
    bool streams =
        postgres_wait(plant.admin, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1", 20000);
    bool opened = store_open(&(struct store_options){.conninfo = plant.station}, &store, &fault);
    enum fault_code refused = fault.code;
    run("ALTER SYSTEM SET synchronous_standby_names = 'receiver'");
    run("SELECT pg_reload_conf()");
    bool synchronous =
        postgres_wait(plant.admin, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1", 20000);
    bool opened_then = store_open(&(struct store_options){.conninfo = plant.station}, &store, &fault);
    hold_commits(false);
    (void)kill(receiver, SIGTERM);
    (void)waitpid(receiver, NULL, 0);
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    assert_int_equal(system(command), 0);

    assert_true(streams);
    assert_false(opened);
    assert_int_equal(refused, FAULT_RECORD_UNSAFE);
    assert_true(synchronous);
    if (!opened_then)
        fail_msg("%s", fault.text);
    store_close(store);
}

static void an_answer_of_another_shape_is_refused(void **state)
{
    (void)state;
    static const struct column one[] = {{"a", COLUMN_INTEGER}};
    static const struct {
        const char *sql;
        bool any_rows;
        bool fits;
    } cases[] = {
        {"SELECT 1 AS a", false, true},
        {"SELECT 1 AS b", false, false},
        {"SELECT 1::bigint AS a", false, false},
        {"SELECT 1 AS a, 2 AS b", false, false},
        {"SELECT NULL::integer AS a", false, false},
        {"SELECT 1 AS a WHERE false", false, false},
        {"SELECT generate_series(1, 2) AS a", false, false},
        {"SELECT generate_series(1, 2) AS a", true, true},
        {"SELECT 1 AS a WHERE false", true, true},
        {"SET work_mem = '1MB'", false, false},
    };
    CLEANUP(connection_closep) struct connection *connection = NULL;
    assert_true(connection_open(plant.admin, "test", 0, &connection, &fault));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct request request = {
            .sql = cases[i].sql, .any_rows = cases[i].any_rows, .columns = one, .column_count = ARRAY_SIZE(one)};
        CLEANUP(answer_clearp) PGresult *answer = NULL;
        fault = (struct fault){0};
        if (connection_ask(connection, &request, NULL, &answer, &fault) != cases[i].fits ||
            (!cases[i].fits && fault.code != FAULT_RECORD_SHAPE))
            fail_msg("%s: %d %s", cases[i].sql, (int)fault.code, fault.text);
    }
}

/* An error at the commit comes after the answer's rows. */
static void a_commit_that_fails_is_no_yes(void **state)
{
    (void)state;
    static const struct column one[] = {{"a", COLUMN_INTEGER}};
    struct request request = {.sql = "INSERT INTO public.later VALUES (1) RETURNING 1 AS a",
                              .writes = true,
                              .columns = one,
                              .column_count = ARRAY_SIZE(one)};
    CLEANUP(connection_closep) struct connection *connection = NULL;
    run("CREATE TABLE public.first (a integer PRIMARY KEY);"
        "CREATE TABLE public.later (a integer REFERENCES public.first DEFERRABLE INITIALLY DEFERRED)");
    assert_true(connection_open(plant.admin, "test", 0, &connection, &fault));
    assert_false(connection_ask(connection, &request, NULL, NULL, &fault));
    assert_int_equal(fault.code, FAULT_RECORD_REFUSED);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM public.later"), 0);
}

#define CLIENTS 8
#define UNITS_EACH 7

struct client {
    struct store *store;
    unsigned first_seed;
    unsigned made, used_up;
    struct fault fault;
};

static void *reserve_many(void *arg)
{
    struct client *client = arg;
    struct fault refused;
    for (unsigned i = 0; i < UNITS_EACH; i++) {
        struct unit unit = {.seed = client->first_seed + i, .slot = 1 + client->first_seed / 100 % 4};
        if (!unit_reserve(client->store, &unit, &refused)) {
            client->fault = refused;
            client->used_up += refused.code == FAULT_ORDER_USED_UP;
        } else if (!unit_failed(client->store, &unit, &client->fault)) {
            break; /* leaves the slot free for the next */
        } else {
            client->made++;
        }
    }
    return NULL;
}

static void an_orders_quantity_and_the_leases_hold_under_many_at_once(void **state)
{
    (void)state;
    struct client clients[CLIENTS] = {0};
    pthread_t threads[CLIENTS];
    unsigned made = 0, used_up = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].store = plant_store(i % 2 == 0 ? plant.station : plant.other);
        clients[i].first_seed = 100 + 100 * (i / 2) + 50 * (i % 2);
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_many, &clients[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        store_close(clients[i].store);
        made += clients[i].made;
        used_up += clients[i].used_up;
        if (clients[i].made + clients[i].used_up != UNITS_EACH)
            fail_msg("client %u: %s", i, clients[i].fault.text);
    }
    assert_int_equal(made, 40);
    assert_int_equal(used_up, CLIENTS * UNITS_EACH - 40);
    assert_int_equal(plant_count(&plant, "SELECT reserved FROM prov.work_order"), 40);
    assert_int_equal(plant_count(&plant, "SELECT prov.count_duplicates() + prov.count_unaccounted()"), 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.unit"), 40);
    uint64_t broken = 1;
    assert_true(store_chain_check(plant.store, &broken, &fault));
    assert_int_equal(broken, 0);
}

struct twin {
    struct store *store;
    bool done;
    struct unit unit;
    struct fault fault;
};

static void *reserve_twin(void *arg)
{
    struct twin *twin = arg;
    twin->done = unit_reserve(twin->store, &twin->unit, &twin->fault);
    return NULL;
}

static void one_board_at_two_stations_at_once_is_one_unit(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 10; round++) {
        struct twin twins[2] = {{.store = plant.store, .unit = {.seed = round, .slot = 1}},
                                {.store = plant_store(plant.other), .unit = {.seed = round, .slot = 1}}};
        pthread_t threads[2];
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, reserve_twin, &twins[i]), 0);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(twins[0].done + twins[1].done, 1);
        struct twin *winner = twins[0].done ? &twins[0] : &twins[1];
        assert_int_equal((winner == &twins[0] ? &twins[1] : &twins[0])->fault.code, FAULT_UNIT_ELSEWHERE);
        assert_true(unit_failed(winner->store, &winner->unit, &fault));
        store_close(twins[1].store);
    }
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.unit"), 10);
}

static void leases_are_extended_and_pools_run_out(void **state)
{
    (void)state;
    char got[POSTGRES_STATE_SIZE];
    /* Take all but two blocks of the pools' 64000 MAC addresses at once, as leases of the other station. */
    assert_true(postgres_run(plant.admin,
                             "INSERT INTO prov.lease (pool_id, kind, station_id, block, numbers, next)"
                             " SELECT pool_id, kind, 2, 32, int8range(lower(numbers), upper(numbers) - 32),"
                             " lower(numbers) FROM prov.pool WHERE kind = 'mac'",
                             got));
    struct unit unit = {.slot = 1};
    for (unit.seed = 1; unit.seed <= 8; unit.seed++)
        assert_true(unit_reserve(plant.store, &unit, &fault));
    assert_false(unit_reserve(plant.store, &unit, &fault));
    assert_int_equal(fault.code, FAULT_NUMBERS_USED_UP);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.unit"), 8);
    assert_int_equal(plant_count(&plant, "SELECT prov.count_unaccounted()"), 0);
    assert_true(schema_add_numbers(plant.admin, "mac", 0x024c00000000, 32, &fault));
    assert_true(unit_reserve(plant.store, &unit, &fault));
    assert_int_equal(unit.reservation.mac, 0x024c00000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_backend_killed_in_mid_commit_leaves_a_doubt_that_repeating_settles, make,
                                        leave),
        cmocka_unit_test_setup_teardown(a_cancelled_wait_for_the_standby_is_no_yes, make, leave),
        cmocka_unit_test_setup_teardown(an_answer_that_does_not_come_is_a_doubt_and_a_repeat_waits_for_it, make, leave),
        cmocka_unit_test_setup_teardown(a_database_away_is_found_before_anything_is_sent, make, leave),
        cmocka_unit_test_setup_teardown(a_silent_server_is_away, make, leave),
        cmocka_unit_test_setup_teardown(who_has_no_business_here_does_not_get_in, make, leave),
        cmocka_unit_test_setup_teardown(another_schema_version_is_refused, make, leave),
        cmocka_unit_test_setup_teardown(a_database_that_could_lose_commits_is_refused, make, leave),
        cmocka_unit_test_setup_teardown(asynchronous_replication_is_refused_and_synchronous_is_not, make, leave),
        cmocka_unit_test_setup_teardown(an_answer_of_another_shape_is_refused, make, leave),
        cmocka_unit_test_setup_teardown(a_commit_that_fails_is_no_yes, make, leave),
        cmocka_unit_test_setup_teardown(an_orders_quantity_and_the_leases_hold_under_many_at_once, make, leave),
        cmocka_unit_test_setup_teardown(one_board_at_two_stations_at_once_is_one_unit, make, leave),
        cmocka_unit_test_setup_teardown(leases_are_extended_and_pools_run_out, make, leave),
    };
    return cmocka_run_group_tests(tests, NULL, postgres_stop);
}
