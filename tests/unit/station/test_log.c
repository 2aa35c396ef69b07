/* The log of a plant: sealed in the token by one sealer, and its heads exported. */
#include "tests/unit/station/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    run(3, "$KOKUIN log export --directory . --record \"$A\"");
    expect("429 LOG_EMPTY");
    run(0, SEAL);
    run(0, "mkdir heads && $KOKUIN log export --directory heads --record \"$A\" --quiet >mail && "
           "cmp mail heads/log-head-000000000028.txt && cat mail");
    expect("kokuin-log/");
    expect("\n28\n");
    expect("\n\n\xe2\x80\x94 kokuin-log/");
    run(0, "zbarimg --quiet --raw --oneshot -Sbinary heads/log-head-000000000028.png >read && cmp read mail");
    run(0, "$KOKUIN log export --directory heads --record \"$A\" --json");
    expect("\"code\":\"log-head-000000000028.png\"");
    /* What was exported once is never written over with something else. */
    run(1, "echo x >>heads/log-head-000000000028.txt; $KOKUIN log export --directory heads --record \"$A\"");
    expect("426 LOG_BEHIND");
    run(0, "rm -r heads mail read");
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
    return cmocka_run_group_tests_name("station/log", tests, make_tokens, end_tokens);
}
