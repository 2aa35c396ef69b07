/* Journeys during which a production token dies or hangs: with real p11-kit servers, killed and stopped. */
#include "tests/unit/station/visit.h"

#include "base/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the record says of the latest attempt of a board. */
static void expect_issued_by(const char *board, const char *token)
{
    char query[512];
    (void)snprintf(query, sizeof query,
                   "SELECT attempt.number || ' ' || attempt.state || ' ' || issuer.token_label || ' ' || "
                   "(SELECT facts ->> 'issuing_token' FROM prov.evidence WHERE evidence.attempt = attempt.attempt AND "
                   "name = 'certificate_used') FROM prov.attempt JOIN prov.certificate USING (attempt) "
                   "JOIN prov.issuer ON issuer.sha256 = issuer_sha256 WHERE hardware_id = '\\x%s'",
                   board);
    char expected[96];
    (void)snprintf(expected, sizeof expected, "1 closed %s %s", token, token);
    char *said = plant_text(&plant, query);
    assert_string_equal(said, expected);
    free(said);
}

static void begin_anew(void)
{
    softhsm_kill_server(&plant.softhsm);
    plant_serve(&plant);
    plant_reopen(&plant);
    assert_int_equal(keyring_state(plant.rooms->keyring), KEYRING_UP);
}

/* Whenever the first token dies, the unit in work is finished on the spare, in its first attempt; the record names the
 * CA that really signed. */
static void test_spare_takes_over_at_any_step(void **state)
{
    (void)state;
    static const struct {
        enum flow_step step;
        const char *board, *issued_by;
    } deaths[] = {
        {FLOW_IDENTIFY, "f0000001", "production-2"}, {FLOW_RESERVE, "f0000002", "production-2"},
        {FLOW_ISSUE, "f0000003", "production-2"},    {FLOW_INJECT, "f0000004", "production"},
        {FLOW_RESTART, "f0000005", "production"},    {FLOW_PROVE, "f0000006", "production"},
        {FLOW_SCAN, "f0000007", "production"},
    };
    plant_open(&plant, "router.yaml", 20);
    for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
        struct world world = {.token_dies = deaths[i].step};
        struct flow_result result = visit(&world, deaths[i].board, NULL);
        expect_closed(&result);
        assert_int_equal(keyring_state(plant.rooms->keyring), KEYRING_DEGRADED);
        assert_int_equal(keyring_trouble(plant.rooms->keyring)->code, FAULT_HSM_MODULE);
        expect_issued_by(deaths[i].board, deaths[i].issued_by);
        begin_anew();
    }
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.issuer"), 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.attempt"), ARRAY_SIZE(deaths));
}

/* A unit that was made on one token is read again on the other: its CA's certificate is one of those the link knows. */
static void test_unit_of_one_token_is_scanned_on_another(void **state)
{
    (void)state;
    struct world world = {.taken_out = true};
    struct flow_result result = visit(&world, "f0000010", NULL);
    expect_fault(&result, FLOW_LEFT, FAULT_UNIT_UNPLUGGED);
    softhsm_kill_server(&plant.softhsm);
    plant_reopen(&plant);
    assert_int_equal(keyring_state(plant.rooms->keyring), KEYRING_DEGRADED);
    world.taken_out = false;
    result = visit(&world, "f0000010", NULL);
    expect_closed(&result);
    expect_issued_by("f0000010", "production");
    begin_anew();
}

/* A server that hangs is left like one that died. */
static void test_spare_takes_over_from_a_token_that_hangs(void **state)
{
    (void)state;
    struct world world = {.token_hangs = FLOW_ISSUE};
    struct flow_result result = visit(&world, "f0000020", NULL);
    assert_int_equal(kill(-plant.softhsm.server, SIGCONT), 0);
    expect_closed(&result);
    expect_issued_by("f0000020", "production-2");
    begin_anew();
}

static void expect_held(const char *board, enum flow_step step, const char *state)
{
    struct world world = {.tokens_die = step};
    struct flow_result result = visit(&world, board, NULL);
    expect_fault(&result, FLOW_HELD, FAULT_HSM_DOWN);
    assert_int_equal(result.progress.step, step);
    assert_int_equal(keyring_state(plant.rooms->keyring), KEYRING_DOWN);
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM prov.attempt WHERE hardware_id = '\\x%s' AND state = '%s'", board,
                   state ? state : "failed");
    assert_int_equal(plant_count(&plant, query), state ? 1 : 0);
    begin_anew();
}

/* No token is left: before the link to the unit is made, or when the password is about to be drawn, nothing is injected
 * and the station holds; a unit that waits for its scan keeps its label. With the tokens back, each is finished. */
static void test_no_token_left_holds_the_station(void **state)
{
    (void)state;
    long credentials = plant_count(&plant, "SELECT count(*) FROM prov.credential");
    expect_held("f0000030", FLOW_IDENTIFY, NULL);
    expect_held("f0000031", FLOW_ISSUE, "failed");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.credential"), credentials);
    expect_held("f0000032", FLOW_SCAN, "labelled");
    struct world waits = {0};
    struct flow_result result = visit(&waits, "f0000032", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 1);
    assert_int_equal(waits.printed, 0);
    struct world world = {0};
    result = visit(&world, "f0000030", NULL);
    expect_closed(&result);
    result = visit(&world, "f0000031", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
    plant_close(&plant);
}

int main(void)
{
    struct fault fault;
    if (!process_harden(&fault) || !secret_arena_open(1 << 16, &fault))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spare_takes_over_at_any_step),
        cmocka_unit_test(test_unit_of_one_token_is_scanned_on_another),
        cmocka_unit_test(test_spare_takes_over_from_a_token_that_hangs),
        cmocka_unit_test(test_no_token_left_holds_the_station),
    };
    return cmocka_run_group_tests_name("station/flow: tokens", tests, NULL, postgres_stop);
}
