/* hsm/keyring: the work of a unit on the token in use, and what becomes of it when servers die. */
#include "hsm/crypto.h"
#include "hsm/keyring.h"
#include "hsm/wrapped_key_trial.h"
#include "tests/unit/hsm/plant_of_two.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Each test starts with both servers up. */
static int both_up(void **state)
{
    (void)state;
    if (plant_serve_both(&plant, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static struct keyring *open_ring(void)
{
    struct keyring *keyring = NULL;
    if (!keyring_open(&plant.options, &keyring, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    return keyring;
}

/* As libssl does it: a signature through the key's own provider. */
static bool can_sign(struct evp_pkey_st *key)
{
    uint8_t signature[DER_SIGNATURE_MAX];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_non_null(context);
    bool made = EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(context, signature, &size, (const uint8_t *)"hello", 5) == 1;
    EVP_MD_CTX_free(context);
    return made;
}

static void the_first_token_does_a_units_whole_work(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    assert_true(plant_work(&plant, keyring, &fault));
    assert_int_equal(keyring_state(keyring), KEYRING_UP);
    assert_string_equal(keyring_state_name(keyring_state(keyring)), "up");
    assert_int_equal(keyring_place(keyring), 0);
    assert_string_equal(keyring_label(keyring), "production");
    assert_string_equal(keyring_station_certificate(keyring), plant.places[0].station);
    assert_int_equal(keyring_trouble(keyring)->code, FAULT_NONE);
}

static void a_server_that_was_restarted_is_opened_afresh(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    struct evp_pkey_st *before = keyring_station_key(keyring);
    bool changed;
    assert_true(plant_work(&plant, keyring, &fault));
    softhsm_kill_server(&plant.first);
    assert_true(plant_serve(&plant.first, &fault));
    assert_true(keyring_prove(keyring, &changed, &fault));
    assert_true(changed);
    assert_true(keyring_prove(keyring, &changed, &fault));
    assert_false(changed);
    assert_true(plant_work(&plant, keyring, &fault));
    assert_int_equal(keyring_state(keyring), KEYRING_UP);
    assert_ptr_equal(keyring_station_key(keyring), before);
}

static void the_spare_takes_over_when_the_first_dies(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    softhsm_kill_server(&plant.first);
    assert_true(plant_work(&plant, keyring, &fault));
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
    assert_string_equal(keyring_state_name(keyring_state(keyring)), "degraded");
    assert_int_equal(keyring_place(keyring), 1);
    assert_int_equal(keyring_trouble(keyring)->code, FAULT_HSM_MODULE);
    print_message("  %s\n", keyring_trouble(keyring)->text);

    /* It does not go up by itself. */
    assert_true(plant_serve(&plant.first, &fault));
    assert_true(plant_work(&plant, keyring, &fault));
    assert_int_equal(keyring_place(keyring), 1);
}

/* The first token is behind a server, which passes no key wrapping; the spare is loaded directly and can wrap. */
static void a_key_for_a_unit_is_made_by_the_token_that_can(void **state)
{
    (void)state;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *unit = EVP_EC_gen("P-256");
    struct keyring_place places[2] = {plant.places[0], plant.places[1]};
    struct keyring_options options = plant.options;
    places[1].module = SOFTHSM_MODULE;
    options.places = places;
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    struct wrapped_key key;
    struct certificate certificate;
    const struct certificate *issuing = NULL;
    uint8_t point[POINT_SIZE];
    bool whole = false;
    assert_true(unit && crypto_point(unit, point, &fault));
    assert_true(keyring_open(&options, &keyring, &fault));
    assert_false(keyring_check_wrapping(keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
    assert_false(keyring_make_key(keyring, point, &key, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
    assert_int_equal(keyring_state(keyring), KEYRING_UP); /* it is no failure of the token */

    softhsm_kill_server(&plant.first);
    assert_true(keyring_make_key(keyring, point, &key, &fault));
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
    assert_true(keyring_check_wrapping(keyring, &fault));
    assert_true(wrapped_key_try(unit, &key, &whole, &fault) && whole);
    assert_true(keyring_issue_key(keyring, key.point, plant.subject, &certificate, &issuing, &fault));
    assert_non_null(issuing);

    point[POINT_SIZE - 1] ^= 1;
    assert_false(keyring_make_key(keyring, point, &key, &fault));
    assert_int_equal(fault.code, FAULT_TRANSPORT_REFUSED);
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
}

/* Its own issuing CA and station key, and the same fingerprint key (plant_work() compares). */
static void the_spare_works_under_its_own_name(void **state)
{
    (void)state;
    struct certificate certificate;
    const struct certificate *first = NULL, *second = NULL;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    struct evp_pkey_st *before = keyring_station_key(keyring);
    assert_true(
        keyring_issue(keyring, plant.request.der, plant.request.size, plant.subject, &certificate, &first, &fault));
    softhsm_kill_server(&plant.first);
    assert_true(
        keyring_issue(keyring, plant.request.der, plant.request.size, plant.subject, &certificate, &second, &fault));
    assert_string_equal(keyring_label(keyring), "production-2");
    assert_string_equal(keyring_station_certificate(keyring), plant.places[1].station);
    assert_memory_not_equal(first->sha256, second->sha256, sizeof first->sha256);

    /* What a link still holds signs no more, and harms nothing. */
    assert_ptr_not_equal(keyring_station_key(keyring), before);
    assert_false(can_sign(before));
    assert_true(can_sign(keyring_station_key(keyring)));
}

/* libssl signs between two operations, when nobody can mend; then it is the caller who asks. */
static void a_station_key_signs_again_after_it_was_proven(void **state)
{
    (void)state;
    bool changed;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    assert_true(can_sign(keyring_station_key(keyring)));
    softhsm_kill_server(&plant.first);
    assert_true(plant_serve(&plant.first, &fault));
    assert_false(can_sign(keyring_station_key(keyring)));
    assert_true(keyring_prove(keyring, &changed, &fault));
    assert_true(changed);
    assert_true(can_sign(keyring_station_key(keyring)));
}

static void a_token_that_is_away_at_the_opening_is_passed_over(void **state)
{
    (void)state;
    softhsm_kill_server(&plant.first);
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
    assert_int_equal(keyring_trouble(keyring)->code, FAULT_HSM_MODULE);
    assert_true(plant_work(&plant, keyring, &fault));
}

static void without_any_token_the_keyring_is_down_and_stays_so(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    softhsm_kill_server(&plant.first);
    softhsm_kill_server(&plant.second);
    assert_false(plant_work(&plant, keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_DOWN);
    print_message("  %s\n", fault.text);
    assert_non_null(strstr(fault.text, "token 1: "));
    assert_non_null(strstr(fault.text, "token 2: "));
    assert_int_equal(keyring_state(keyring), KEYRING_DOWN);
    assert_string_equal(keyring_state_name(keyring_state(keyring)), "down");

    assert_true(plant_serve(&plant.first, &fault));
    assert_false(plant_work(&plant, keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_DOWN);
    CLEANUP(keyring_freep) struct keyring *anew = open_ring();
    assert_true(plant_work(&plant, anew, &fault));
    assert_int_equal(keyring_place(anew), 0);
}

static void a_keyring_without_any_token_does_not_open(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    softhsm_kill_server(&plant.first);
    softhsm_kill_server(&plant.second);
    assert_false(keyring_open(&plant.options, &keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_DOWN);
    assert_null(keyring);
}

static void the_reason_of_each_of_four_tokens_is_told(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    struct keyring_options options = plant.options;
    struct keyring_place places[KEYRING_PLACES_MAX];
    static const char *const reasons[] = {"token 1: ", "token 2: ", "token 3: ", "token 4: "};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        places[i] = plant.places[i % 2];
    options.places = places;
    options.count = ARRAY_SIZE(places);
    softhsm_kill_server(&plant.first);
    softhsm_kill_server(&plant.second);
    assert_false(keyring_open(&options, &keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_DOWN);
    print_message("  %s\n", fault.text);
    const char *at = fault.text;
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        at = strstr(at, reasons[i]);
        assert_non_null(at);
        at = strstr(at, "Connection refused");
        assert_non_null(at);
    }
}

static void a_refused_request_ends_nothing(void **state)
{
    (void)state;
    struct certificate certificate;
    const struct certificate *issuing = NULL;
    CLEANUP(secret_freep) struct secret *password = NULL;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring();
    assert_false(keyring_issue(keyring, plant.request.der, plant.request.size - 1, plant.subject, &certificate,
                               &issuing, &fault));
    assert_int_equal(fault.code, FAULT_CSR_REFUSED);
    assert_null(issuing);
    assert_false(keyring_draw_password(keyring, "a", 16, &password, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    assert_int_equal(keyring_state(keyring), KEYRING_UP);
    assert_true(plant_work(&plant, keyring, &fault));
}

static void what_is_not_a_keyring_is_refused(void **state)
{
    (void)state;
    char wrong[128];
    (void)snprintf(wrong, sizeof wrong, "%s", softhsm_file(&plant.first, "wrong.check"));
    static const struct {
        const char *check;
        enum fault_code code;
    } cases[] = {
        {"0123456789abcdef\n", FAULT_HSM_KEY_WRONG},
        {"0123456789ABCDEF\n", FAULT_FILE},
        {"0123456789abcde\n", FAULT_FILE},
        {"0123456789abcdef0\n", FAULT_FILE},
        {"0123456789abcdef", FAULT_FILE},
        {"0123456789abcdeg\n", FAULT_FILE},
        {"", FAULT_FILE},
    };
    struct keyring_options options = plant.options;
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    options.fingerprint_check = wrong;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        plant_write(wrong, cases[i].check);
        assert_false(keyring_open(&options, &keyring, &fault));
        print_message("  %s: %s\n", fault_name(fault.code), fault.text);
        assert_int_equal(fault.code, cases[i].code);
    }
    options.fingerprint_check = "/nonexistent";
    assert_false(keyring_open(&options, &keyring, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    options = plant.options;
    options.count = 0;
    assert_false(keyring_open(&options, &keyring, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    options.count = KEYRING_PLACES_MAX + 1;
    assert_false(keyring_open(&options, &keyring, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    assert_null(keyring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_token_does_a_units_whole_work, both_up),
        cmocka_unit_test_setup(a_server_that_was_restarted_is_opened_afresh, both_up),
        cmocka_unit_test_setup(the_spare_takes_over_when_the_first_dies, both_up),
        cmocka_unit_test_setup(a_key_for_a_unit_is_made_by_the_token_that_can, both_up),
        cmocka_unit_test_setup(the_spare_works_under_its_own_name, both_up),
        cmocka_unit_test_setup(a_station_key_signs_again_after_it_was_proven, both_up),
        cmocka_unit_test_setup(a_token_that_is_away_at_the_opening_is_passed_over, both_up),
        cmocka_unit_test_setup(without_any_token_the_keyring_is_down_and_stays_so, both_up),
        cmocka_unit_test_setup(a_keyring_without_any_token_does_not_open, both_up),
        cmocka_unit_test_setup(the_reason_of_each_of_four_tokens_is_told, both_up),
        cmocka_unit_test_setup(a_refused_request_ends_nothing, both_up),
        cmocka_unit_test_setup(what_is_not_a_keyring_is_refused, both_up),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
