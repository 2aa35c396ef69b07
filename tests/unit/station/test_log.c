/* The log of a plant: sealed in the token, exported, checked by public keys; and what a superuser does to it. */
#include "base/bytes.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct plant plant;
static struct softhsm softhsm;
static struct fault fault;
static char sealer[POSTGRES_CONNINFO_SIZE];
static char output[65536];

static const char jig_text[] = "station: A\n"
                               "tokens:\n"
                               "  - module: " SOFTHSM_MODULE "\n"
                               "    uri: pkcs11:token=production\n"
                               "    pin_file: pin\n"
                               "    issuing: ca/issuing-1.pem\n"
                               "    station: ca/station-1.pem\n"
                               "certificates:\n"
                               "  root: ca/root.pem\n"
                               "  recovery: ca/recovery.pem\n"
                               "  fingerprint: ca/fingerprint.check\n"
                               "record: dbname=nowhere\n"
                               "state_directory: .\n"
                               "printers:\n"
                               "  - name: labels\n"
                               "    kind: png\n"
                               "    path: .\n"
                               "    dpi: 300\n"
                               "slots:\n"
                               "  - number: 1\n"
                               "    kind: stream\n"
                               "    path: unix:/nowhere/slot.sock\n"
                               "    printer: labels\n"
                               "scanners:\n"
                               "  - name: hand\n"
                               "    kind: stream\n"
                               "    path: unix:/nowhere/scanner.sock\n"
                               "products:\n"
                               "  - " SHIPPED "/products/router.yaml\n";

static const char *path_of(const char *name)
{
    static char paths[8][160];
    static size_t next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", softhsm.directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "we");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int make_plant(void **state)
{
    (void)state;
    if (!softhsm_start(&softhsm, &fault) || !softhsm_plant(&softhsm, &fault))
        fail_msg("%s", fault.text);
    write_file("jig.yaml", jig_text);
    write_file("pin", SOFTHSM_PIN);
    return 0;
}

static int end_plant(void **state)
{
    softhsm_end(&softhsm);
    return postgres_stop(state);
}

/* A shell's line with KOKUIN, VERIFY, the directory D, the keys K, and the record as sealer S, auditor A. */
static int shell(const char *line)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "D=%s KOKUIN=%s K=%s S='%s' A='%s'; cd \"$D\"; { %s; } 2>&1", softhsm.directory,
                   KOKUIN, softhsm_file(&softhsm, "checkpoint-1.pem"), sealer, plant.auditor, line);
    const char *const argv[] = {"sh", "-c", text, NULL};
    return command_read(argv, output, sizeof output);
}

static void expect(const char *words)
{
    if (!strstr(output, words))
        fail_msg("no '%s' in: %s", words, output);
}

static void run(int code, const char *line)
{
    int got = shell(line);
    if (got != code)
        fail_msg("%s: exit %d, not %d: %s", line, got, code, output);
}

static void superuser(const char *statements)
{
    char sqlstate[POSTGRES_STATE_SIZE];
    if (!postgres_run(plant.admin, statements, sqlstate))
        fail_msg("%s: SQLSTATE %s", statements, sqlstate);
}

static void refused(const char *conninfo, const char *statement, const char *wanted)
{
    char sqlstate[POSTGRES_STATE_SIZE] = "";
    if (postgres_run(conninfo, statement, sqlstate))
        fail_msg("%s was allowed", statement);
    if (strcmp(sqlstate, wanted) != 0)
        fail_msg("%s: wanted %s, got %s", statement, wanted, sqlstate);
}

/* Three units of two stations, their steps in turns; one fails and is reworked. */
static int make(void **state)
{
    (void)state;
    plant_make(&plant, 9);
    if (!schema_grant_person(plant.admin, "sealer", "sealer_1", &fault))
        fail_msg("%s", fault.text);
    postgres_as(plant.admin, "sealer_1", sealer);
    CLEANUP(store_closep) struct store *other = plant_store(plant.other);
    struct unit first = {.seed = 1, .slot = 1}, second = {.seed = 2, .slot = 1}, third = {.seed = 3, .slot = 2};
    unit_bring(plant.store, &first, "verified");
    unit_bring(other, &second, "closed");
    unit_bring(plant.store, &third, "injected");
    if (!unit_failed(plant.store, &third, &fault) || !unit_labelling(plant.store, &first, &fault) ||
        !unit_labelled(plant.store, &first, &fault) || !unit_scanned(plant.store, &first, &fault) ||
        !unit_closed(plant.store, &first, &fault))
        fail_msg("%s", fault.text);
    unit_bring(plant.store, &third, "closed");
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    const char *const argv[] = {"sh", "-c", "cd \"$0\" && rm -rf log-head* heads *.log", softhsm.directory, NULL};
    assert_int_equal(command_run(argv), 0);
    return 0;
}

#define SEAL "$KOKUIN log seal jig.yaml --certificate $K --record \"$S\" --json"
#define STEPS 28 /* 8 + 8 + 4 + 8 */

static void each_step_is_sealed_once(void **state)
{
    (void)state;
    run(0, SEAL);
    expect("\"size\":28,\"sealed\":28,\"heads\":1}");
    run(0, SEAL);
    expect("\"size\":28,\"sealed\":0,\"heads\":0}");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM audit.log"), STEPS);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.step"), STEPS);

    struct unit late = {.seed = 7, .slot = 3};
    unit_bring(plant.store, &late, "injecting");
    run(0, SEAL);
    expect("\"size\":30,\"sealed\":2,\"heads\":1}");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM audit.tree_head"), 2);
    /* Between the leaves of one station none is left out and none goes back. */
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM (SELECT chain_seq - lag(chain_seq, 1, 0::bigint)"
                                         " OVER (PARTITION BY station_id ORDER BY leaf) AS step"
                                         " FROM audit.log JOIN prov.step USING (attempt, seq)) AS taken"
                                         " WHERE step <> 1"),
                     0);
}

static void a_head_leaves_the_database(void **state)
{
    (void)state;
    run(6, "$KOKUIN log export --directory . --record dbname=nowhere");
    run(1, "$KOKUIN log export --directory . --record \"$A\"");
    expect("nothing was sealed yet");
    run(0, SEAL);
    run(0, "mkdir heads && $KOKUIN log export --directory heads --record \"$A\" --quiet >mail && "
           "cmp mail heads/log-head-000000000028.txt && cat mail");
    expect("kokuin-log/");
    expect("\n28\n");
    expect("\n\n\xe2\x80\x94 kokuin-log/");
    run(0, "$KOKUIN log export --directory heads --record \"$A\"");
    /* What was exported once is never written over with something else. */
    run(1, "echo x >>heads/log-head-000000000028.txt; $KOKUIN log export --directory heads --record \"$A\"");
    expect("426 LOG_BEHIND");
    run(0, "rm -r heads mail");
}

/* The lock is the session's: while it is held, another sealer is refused, and works when it has ended. */
static void there_is_one_sealer(void **state)
{
    (void)state;
    run(0, "$KOKUIN log seal jig.yaml --certificate $K --record \"$S\" --every 3600 >first.log 2>&1 & first=$!;"
           "while ! grep -q leaves first.log; do kill -0 $first || exit 9; done;"
           "$KOKUIN log seal jig.yaml --certificate $K --record \"$S\"; test $? = 75 || exit 8;"
           "kill $first && wait $first");
    expect("425 LOG_BUSY");
    run(0, SEAL);
}

static void a_sealer_needs_its_key_and_its_role(void **state)
{
    (void)state;
    run(2, "$KOKUIN log seal jig.yaml --record \"$S\"");
    run(1, "$KOKUIN log seal jig.yaml --certificate ca/checkpoint-2.pem --record \"$S\"");
    expect("206 HSM_KEY_WRONG");
    run(4, "$KOKUIN log seal jig.yaml --certificate $K --record \"$A\"");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM audit.log"), 0);
}

static void the_record_refuses_other_leaves(void **state)
{
    (void)state;
    run(0, SEAL);
    static const char append[] =
        "SELECT api.log_append(28, ARRAY[attempt], ARRAY[seq], ARRAY[sha256('x')], sha256('r'), sha256('e'),"
        " (SELECT origin FROM audit.log_origin) || E'\\n29\\n' || encode(sha256('r'), 'base64') || E'\\n' || 'padding')"
        " FROM prov.step LIMIT 1";
    refused(plant.admin, append, "KK402"); /* not the hash of its step */
    refused(plant.admin,
            "SELECT api.log_append(27, ARRAY[attempt], ARRAY[seq], ARRAY[sha256('x')], '', '', '')"
            " FROM prov.step LIMIT 1",
            "KK402");
    refused(plant.admin, "INSERT INTO audit.log SELECT 29, attempt, seq, hash FROM audit.log LIMIT 1", "23514");
    refused(plant.admin, "INSERT INTO audit.log SELECT 28, attempt, seq, hash FROM audit.log LIMIT 1", "23514");
    refused(plant.admin, "UPDATE audit.log SET hash = sha256('x')", "23001");
    refused(plant.admin, "DELETE FROM audit.log", "23001");
    refused(plant.admin, "TRUNCATE audit.log", "23001");
    refused(plant.admin, "UPDATE audit.tree_head SET note = note", "23001");
    refused(plant.admin, "DELETE FROM audit.tree_head", "23001");
    refused(plant.admin, "UPDATE audit.log_reach SET seq = 1", "23001");
    refused(plant.admin, "UPDATE audit.log_origin SET origin = origin", "23001");
    refused(plant.station, "SELECT FROM api.log_begin()", "42501");
    refused(plant.auditor, "SELECT FROM api.log_begin()", "42501");
    refused(plant.planner, "SELECT FROM api.log_page(0, 1)", "42501");
    refused(sealer, "SELECT FROM audit.log", "42501");
    refused(sealer, "SELECT FROM prov.step", "42501");
    refused(sealer, "SELECT vault.sealed_sha256(NULL, NULL)", "42501");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM audit.log"), STEPS);
}

/* The sealer's own memory: the log went back behind a head that it signed. */
static void a_sealer_does_not_go_on_behind_its_own_head(void **state)
{
    (void)state;
    run(0, SEAL);
    struct unit late = {.seed = 7, .slot = 3};
    unit_bring(plant.store, &late, "injecting");
    run(0, SEAL);
    superuser("SET session_replication_role = replica; DELETE FROM audit.log WHERE leaf >= 28;"
              "DELETE FROM audit.tree_head WHERE size > 28; UPDATE audit.log_reach SET seq = seq - 2 WHERE station_id ="
              " (SELECT station_id FROM prov.station WHERE name = 'A')");
    run(1, SEAL);
    expect("426 LOG_BEHIND");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM audit.log"), 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_step_is_sealed_once, make, leave),
        cmocka_unit_test_setup_teardown(a_head_leaves_the_database, make, leave),
        cmocka_unit_test_setup_teardown(there_is_one_sealer, make, leave),
        cmocka_unit_test_setup_teardown(a_sealer_needs_its_key_and_its_role, make, leave),
        cmocka_unit_test_setup_teardown(the_record_refuses_other_leaves, make, leave),
        cmocka_unit_test_setup_teardown(a_sealer_does_not_go_on_behind_its_own_head, make, leave),
    };
    return cmocka_run_group_tests_name("station/log", tests, make_plant, end_plant);
}
