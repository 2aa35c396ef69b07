/* hsm/call: a token that fails at each single call of a unit's work, what may mend it, and the figures. */
#include "hsm/call.h"
#include "hsm/figures.h"
#include "hsm/wrapped_key_trial.h"
#include "tests/unit/hsm/plant_of_two.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define CALLS_MAX 1000

static struct plant plant;
static struct keyring_place direct_places[2];
static struct fault fault;

/* What the token does wrong. */
static struct bad_token {
    unsigned seen;
    unsigned fails_at; /* from 1; 0: never */
    unsigned times;    /* how many calls from there on */
    CK_RV answer;
    unsigned log_ins;
    enum call_function failed;
} bad;

static CK_RV misbehave(enum call_function function, void *context)
{
    struct bad_token *token = context;
    token->seen++;
    if (function == CALL_C_Login)
        token->log_ins++;
    if (token->fails_at == 0 || token->seen < token->fails_at || token->seen - token->fails_at >= token->times)
        return CKR_OK;
    if (token->seen == token->fails_at)
        token->failed = function;
    return token->answer;
}

static void fail_from(unsigned call, unsigned times, CK_RV answer)
{
    bad = (struct bad_token){.fails_at = call, .times = times, .answer = answer};
    call_observe(misbehave, &bad);
}

static void behave(void)
{
    call_observe(NULL, NULL);
}

static struct keyring *open_ring(const struct keyring_place *places, size_t count)
{
    struct keyring *keyring = NULL;
    return plant_open(&plant, places, count, &keyring, &fault) ? keyring : NULL;
}

static int begin(void **state)
{
    (void)state;
    if (!plant_start(&plant, &fault)) {
        print_error("%s\n", fault.text);
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(direct_places); i++) {
        direct_places[i] = plant.places[i];
        direct_places[i].module = SOFTHSM_MODULE;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    plant_end(&plant);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    behave();
    return 0;
}

/* How many calls it takes while all goes well. */
static unsigned count_calls(const struct keyring_place *places)
{
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(places, 1);
    assert_non_null(keyring);
    assert_true(plant_work(&plant, keyring, &fault)); /* the start-up of the health tests is behind it then */
    fail_from(0, 0, CKR_OK);
    assert_true(plant_work(&plant, keyring, &fault));
    assert_in_range(bad.seen, 10, CALLS_MAX);
    behave();
    return bad.seen;
}

static void each_single_failure_is_mended(const struct keyring_place *places)
{
    unsigned calls = count_calls(places);
    print_message("  %u calls for one unit\n", calls);
    for (unsigned call = 1; call <= calls; call++) {
        CLEANUP(keyring_freep) struct keyring *keyring = open_ring(places, 1);
        assert_non_null(keyring);
        fail_from(call, 1, CKR_DEVICE_ERROR);
        bool worked = plant_work(&plant, keyring, &fault);
        behave();
        if (!worked)
            fail_msg("call %u: %s: %s", call, fault_name(fault.code), fault.text);
        assert_int_equal(keyring_state(keyring), KEYRING_UP);
        assert_int_equal(bad.log_ins, 1);
        assert_true(plant_work(&plant, keyring, &fault));
    }
}

static void each_single_failure_is_mended_in_this_process(void **state)
{
    (void)state;
    each_single_failure_is_mended(direct_places);
}

static void each_single_failure_is_mended_behind_a_server(void **state)
{
    (void)state;
    each_single_failure_is_mended(plant.places);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    (void)closedir(directory);
    return count;
}

static void opening_afresh_many_times_leaves_nothing_behind(void **state)
{
    (void)state;
    bool changed;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(plant.places, 1);
    assert_non_null(keyring);
    assert_true(plant_work(&plant, keyring, &fault));
    unsigned before = count_descriptors();
    for (unsigned i = 0; i < 40; i++) {
        fail_from(1, 1, CKR_DEVICE_ERROR);
        if (!keyring_prove(keyring, &changed, &fault))
            fail_msg("%s: %s", fault_name(fault.code), fault.text);
        assert_true(changed);
    }
    behave();
    assert_int_equal(count_descriptors(), before);
}

/* A key made in the token for a unit that cannot make one, and its certificate. */
static bool make_a_key(struct keyring *keyring)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *unit = EVP_EC_gen("P-256");
    struct wrapped_key key;
    struct certificate certificate;
    const struct certificate *issuing = NULL;
    uint8_t point[POINT_SIZE];
    bool whole = false;
    struct fault trial;
    assert_true(unit && crypto_point(unit, point, &trial));
    if (!keyring_make_key(keyring, point, &key, &fault))
        return false;
    assert_true(wrapped_key_try(unit, &key, &whole, &trial));
    assert_true(whole);
    return keyring_issue_key(keyring, key.point, plant.subject, &certificate, &issuing, &fault);
}

static void each_single_failure_while_making_a_key_is_mended(void **state)
{
    (void)state;
    bool reached = false;
    for (unsigned call = 1; call <= CALLS_MAX && !reached; call++) {
        CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct_places, 1);
        assert_non_null(keyring);
        fail_from(call, 1, CKR_DEVICE_ERROR);
        bool worked = make_a_key(keyring);
        behave();
        reached = bad.seen < call;
        if (!worked)
            fail_msg("call %u: %s: %s", call, fault_name(fault.code), fault.text);
        assert_int_equal(keyring_state(keyring), KEYRING_UP);
        assert_true(make_a_key(keyring));
    }
    assert_true(reached);
}

/* Whatever the module says from some call on, for good. */
static void a_token_that_stays_broken_stops_the_keyring(void **state)
{
    (void)state;
    static const struct {
        CK_RV answer;
        enum fault_code code;
    } cases[] = {
        {CKR_DEVICE_ERROR, FAULT_HSM_DOWN},
        {CKR_DEVICE_REMOVED, FAULT_HSM_DOWN},
        {CKR_MECHANISM_INVALID, FAULT_HSM_CALL},
        {CKR_PIN_LOCKED, FAULT_HSM_PIN},
    };
    unsigned calls = count_calls(direct_places);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned call = 1; call <= calls; call += 3) {
            CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct_places, 1);
            assert_non_null(keyring);
            fail_from(call, CALLS_MAX, cases[i].answer);
            bool worked = plant_work(&plant, keyring, &fault);
            behave();
            assert_false(worked);
            if (fault.code != cases[i].code)
                fail_msg("call %u: %s: %s", call, fault_name(fault.code), fault.text);
            if (cases[i].code != FAULT_HSM_DOWN)
                continue;
            assert_int_equal(keyring_state(keyring), KEYRING_DOWN);
            fail_from(0, 0, CKR_OK);
            assert_false(plant_work(&plant, keyring, &fault)); /* and it asks no more */
            assert_int_equal(bad.seen, 0);
            behave();
        }
}

/* The first token fails twice: when it is asked, and at any one call of its being opened afresh. */
static void a_token_that_does_not_come_back_is_left_for_the_next(void **state)
{
    (void)state;
    unsigned opened = 0;
    for (unsigned call = 2; call <= CALLS_MAX; call++) {
        CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct_places, 2);
        assert_non_null(keyring);
        fail_from(1, call, CKR_DEVICE_ERROR);
        bool worked = plant_work(&plant, keyring, &fault);
        behave();
        if (worked)
            opened++;
        else if (fault.code != FAULT_HSM_DOWN)
            fail_msg("%u calls: %s: %s", call, fault_name(fault.code), fault.text);
        if (!worked)
            break;
        assert_true(plant_work(&plant, keyring, &fault));
    }
    assert_in_range(opened, 1, CALLS_MAX - 1);
}

static void each_failure_while_opening_is_told_or_mended(void **state)
{
    (void)state;
    bool reached = false;
    for (unsigned call = 1; call <= CALLS_MAX && !reached; call++) {
        fail_from(call, 1, CKR_DEVICE_ERROR);
        CLEANUP(keyring_freep) struct keyring *alone = open_ring(direct_places, 1);
        behave();
        reached = bad.seen < call;
        assert_in_range(bad.log_ins, 0, 1);
        assert_true(alone || fault.code == FAULT_HSM_DOWN);
        keyring_free(TAKE(alone));

        fail_from(call, 1, CKR_DEVICE_ERROR);
        CLEANUP(keyring_freep) struct keyring *two = open_ring(direct_places, 2);
        behave();
        if (!two)
            fail_msg("call %u: %s: %s", call, fault_name(fault.code), fault.text);
        assert_in_range(bad.log_ins, 1, 2);
        assert_true(plant_work(&plant, two, &fault));
    }
    assert_true(reached);
}

static void what_reopening_may_mend_and_what_stops(void **state)
{
    (void)state;
    static const CK_RV reopen[] = {
        CKR_HOST_MEMORY,        CKR_GENERAL_ERROR,
        CKR_DEVICE_ERROR,       CKR_DEVICE_MEMORY,
        CKR_DEVICE_REMOVED,     CKR_OBJECT_HANDLE_INVALID,
        CKR_KEY_HANDLE_INVALID, CKR_OPERATION_ACTIVE,
        CKR_SESSION_CLOSED,     CKR_SESSION_HANDLE_INVALID,
        CKR_TOKEN_NOT_PRESENT,  CKR_TOKEN_NOT_RECOGNIZED,
        CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED,
        CKR_VENDOR_DEFINED | 1, CALL_NO_ANSWER,
    };
    static const CK_RV stop[] = {
        CKR_PIN_INCORRECT,
        CKR_PIN_LOCKED,
        CKR_PIN_EXPIRED,
        CKR_USER_PIN_NOT_INITIALIZED,
        CKR_MECHANISM_INVALID,
        CKR_MECHANISM_PARAM_INVALID,
        CKR_ARGUMENTS_BAD,
        CKR_TEMPLATE_INCONSISTENT,
        CKR_DATA_LEN_RANGE,
        CKR_KEY_FUNCTION_NOT_PERMITTED,
        CKR_FUNCTION_NOT_SUPPORTED,
    };
    for (size_t i = 0; i < ARRAY_SIZE(reopen); i++)
        assert_int_equal(call_cure(reopen[i]), CALL_REOPEN);
    for (size_t i = 0; i < ARRAY_SIZE(stop); i++)
        assert_int_equal(call_cure(stop[i]), CALL_STOP);
}

static struct figures figures_of(const char *function)
{
    struct figures figures;
    for (size_t i = 0; figures_at(i, &figures); i++)
        if (strcmp(figures.function, function) == 0)
            return figures;
    return (struct figures){0};
}

static void figures_count_each_call_that_was_made(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PLANT_PASSWORD);
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct_places, 1);
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct figures before = figures_of("C_Sign");
    assert_true(before.calls > 0);
    assert_true(keyring_fingerprint(keyring, password, fingerprint, &fault));
    struct figures after = figures_of("C_Sign");
    assert_int_equal(after.calls, before.calls + 1);
    assert_true(after.total_ns > before.total_ns);
    assert_true(after.largest_ns > 0 && after.largest_ns <= after.total_ns);

    /* A call that never reached the token is not counted. */
    before = figures_of("C_GenerateRandom");
    CLEANUP(secret_freep) struct secret *bytes = secret_new(16);
    fail_from(1, CALLS_MAX, CKR_DEVICE_ERROR);
    assert_false(keyring_random(keyring, bytes, &fault));
    assert_int_equal(figures_of("C_GenerateRandom").calls, before.calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_single_failure_is_mended_in_this_process, after_each),
        cmocka_unit_test_teardown(each_single_failure_is_mended_behind_a_server, after_each),
        cmocka_unit_test_teardown(opening_afresh_many_times_leaves_nothing_behind, after_each),
        cmocka_unit_test_teardown(each_single_failure_while_making_a_key_is_mended, after_each),
        cmocka_unit_test_teardown(a_token_that_stays_broken_stops_the_keyring, after_each),
        cmocka_unit_test_teardown(a_token_that_does_not_come_back_is_left_for_the_next, after_each),
        cmocka_unit_test_teardown(each_failure_while_opening_is_told_or_mended, after_each),
        cmocka_unit_test(what_reopening_may_mend_and_what_stops),
        cmocka_unit_test_teardown(figures_count_each_call_that_was_made, after_each),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
