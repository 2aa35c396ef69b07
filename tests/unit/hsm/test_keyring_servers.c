/* hsm/keyring and servers that are killed, or stop answering, between and during operations. */
#include "hsm/call.h"
#include "tests/unit/hsm/plant_of_two.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static struct plant plant;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    if (plant_start(&plant, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    plant_end(&plant);
    return 0;
}

static int both_up(void **state)
{
    (void)state;
    if (plant_serve_both(&plant, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

/* A server that was stopped is of no more use to the next test. */
static int after_each(void **state)
{
    (void)state;
    call_observe(NULL, NULL);
    softhsm_kill_server(&plant.first);
    softhsm_kill_server(&plant.second);
    return 0;
}

static struct keyring *open_ring(size_t count)
{
    struct keyring *keyring = NULL;
    if (!plant_open(&plant, plant.places, count, &keyring, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    return keyring;
}

/* The server itself and the child that serves each connection. */
static void stop_server(const struct softhsm *server)
{
    assert_int_equal(kill(-server->server, SIGSTOP), 0);
}

/* What befalls the first server in the middle of an operation. */
static struct accident {
    enum call_function at;
    bool done;
    bool comes_back;
    void (*happens)(const struct softhsm *server);
} accident;

static void kill_server(const struct softhsm *server)
{
    assert_int_equal(kill(-server->server, SIGKILL), 0);
}

static CK_RV meet_accident(enum call_function function, void *context)
{
    struct accident *this = context;
    if (this->done || function != this->at)
        return CKR_OK;
    this->done = true;
    this->happens(&plant.first);
    if (this->comes_back) {
        softhsm_kill_server(&plant.first);
        assert_true(plant_serve(&plant.first, &fault));
    }
    return CKR_OK;
}

static const enum call_function moments[] = {CALL_C_GenerateRandom,    CALL_C_FindObjectsInit, CALL_C_FindObjects,
                                             CALL_C_FindObjectsFinal,  CALL_C_SignInit,        CALL_C_Sign,
                                             CALL_C_GetAttributeValue, CALL_C_CloseSession};

static void survive(enum call_function at, bool comes_back, void (*happens)(const struct softhsm *server))
{
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(2);
    assert_true(plant_work(&plant, keyring, &fault));
    accident = (struct accident){.at = at, .comes_back = comes_back, .happens = happens};
    call_observe(meet_accident, &accident);
    if (!plant_work(&plant, keyring, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    call_observe(NULL, NULL);
    if (at != CALL_C_CloseSession)
        assert_true(accident.done);
    if (accident.done)
        assert_int_equal(keyring_state(keyring), comes_back ? KEYRING_UP : KEYRING_DEGRADED);
    assert_true(plant_work(&plant, keyring, &fault));
}

static void a_server_killed_during_an_operation_is_left(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        survive(moments[i], false, kill_server);
        (void)after_each(state);
        assert_true(plant_serve_both(&plant, &fault));
    }
}

static void a_server_restarted_during_an_operation_is_opened_afresh(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
        survive(moments[i], true, kill_server);
}

static void a_server_that_hangs_during_an_operation_is_left(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(2);
    assert_true(plant_work(&plant, keyring, &fault));
    accident = (struct accident){.at = CALL_C_Sign, .happens = stop_server};
    call_observe(meet_accident, &accident);
    assert_true(plant_work(&plant, keyring, &fault));
    assert_true(accident.done);
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
    print_message("  %s\n", keyring_trouble(keyring)->text);
    assert_non_null(strstr(keyring_trouble(keyring)->text, "hangs"));
}

/* The child that serves this connection hangs, the server itself does not. */
static void a_connection_that_hangs_is_opened_afresh(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(1);
    assert_true(plant_work(&plant, keyring, &fault));
    stop_server(&plant.first);
    assert_int_equal(kill(plant.first.server, SIGCONT), 0);
    if (!plant_work(&plant, keyring, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_int_equal(keyring_state(keyring), KEYRING_UP);
}

static void a_call_that_got_no_answer_says_so(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *bytes = secret_new(16);
    CLEANUP(token_freep) struct token *token = NULL;
    assert_true(softhsm_open(&plant.first, true, "production", &token, &fault));
    stop_server(&plant.first);
    assert_false(token_random(token, bytes, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CALL);
    assert_int_equal(fault.native, CALL_NO_ANSWER);
    assert_non_null(strstr(fault.text, "no answer in time"));
    assert_false(token_random(token, bytes, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CALL);
}

static void a_server_that_hangs_at_the_opening_is_passed_over(void **state)
{
    (void)state;
    stop_server(&plant.first);
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(2);
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
    assert_int_equal(keyring_trouble(keyring)->code, FAULT_HSM_MODULE);
    assert_true(plant_work(&plant, keyring, &fault));
}

/* It answered when it was asked, and hangs when p11-kit itself connects. */
static void a_server_that_hangs_in_the_middle_of_the_opening_is_passed_over(void **state)
{
    static const enum call_function during[] = {CALL_C_Initialize, CALL_C_Login};
    for (size_t i = 0; i < ARRAY_SIZE(during); i++) {
        accident = (struct accident){.at = during[i], .happens = stop_server};
        call_observe(meet_accident, &accident);
        CLEANUP(keyring_freep) struct keyring *keyring = open_ring(2);
        call_observe(NULL, NULL);
        assert_true(accident.done);
        assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
        print_message("  %s\n", keyring_trouble(keyring)->text);
        assert_non_null(strstr(keyring_trouble(keyring)->text, "no answer in time"));
        assert_true(plant_work(&plant, keyring, &fault));
        keyring_free(TAKE(keyring));
        (void)after_each(state);
        assert_true(plant_serve_both(&plant, &fault));
    }
}

/* Somebody has the turn meanwhile: a server that hangs is found out without it. */
static void a_server_that_hangs_is_found_out_before_the_turn_is_taken(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *token = NULL;
    int turn = open(plant.pin_file, O_RDONLY | O_CLOEXEC);
    assert_true(turn >= 0);
    assert_int_equal(flock(turn, LOCK_EX | LOCK_NB), 0);
    stop_server(&plant.first);
    assert_false(token_open_with_file(plant.places[0].module, plant.places[0].uri, plant.pin_file, &token, &fault));
    assert_int_equal(fault.code, FAULT_HSM_MODULE);
    (void)close(turn);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, both_up, after_each)
    const struct CMUnitTest tests[] = {
        CASE(a_server_killed_during_an_operation_is_left),
        CASE(a_server_restarted_during_an_operation_is_opened_afresh),
        CASE(a_server_that_hangs_during_an_operation_is_left),
        CASE(a_connection_that_hangs_is_opened_afresh),
        CASE(a_call_that_got_no_answer_says_so),
        CASE(a_server_that_hangs_at_the_opening_is_passed_over),
        CASE(a_server_that_hangs_in_the_middle_of_the_opening_is_passed_over),
        CASE(a_server_that_hangs_is_found_out_before_the_turn_is_taken),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
