/* hsm/health: the two tests of SP 800-90B 4.4 on streams of every kind, and a token whose generator broke. */
#include "hsm/certificate.h"
#include "hsm/health.h"
#include "hsm/password.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"
#include "tests/unit/hsm/unit_request.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define SERIAL "KR000000001X"

static struct softhsm softhsm;
static bool remote;
static struct fault fault;

/* SplitMix64: even, and the same at each run. */
static uint8_t next_byte(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (uint8_t)((z ^ (z >> 31)) >> 24);
}

/* What the specification's formulas give for H = 8 and alpha = 2^-30. */
static void the_cutoffs_are_those_of_the_specification(void **state)
{
    (void)state;
    const long double alpha = ldexpl(1, -30), p = ldexpl(1, -8);
    assert_int_equal(HEALTH_REPETITION_CUTOFF, 1 + (int)ceill(30.0L / 8));

    /* critbinom: the smallest k that at most k successes are at least 1 - alpha likely; the tail is added up. */
    long double tail = 0;
    int k = HEALTH_WINDOW;
    for (; k > 0; k--) {
        long double ways = lgammal(HEALTH_WINDOW + 1) - lgammal(k + 1) - lgammal(HEALTH_WINDOW - k + 1);
        long double more = expl(ways + k * logl(p) + (HEALTH_WINDOW - k) * log1pl(-p));
        if (tail + more > alpha)
            break;
        tail += more;
    }
    assert_int_equal(HEALTH_PROPORTION_CUTOFF, 1 + k);
}

static void a_good_stream_passes(void **state)
{
    (void)state;
    struct health health = {0};
    uint64_t seed = 1;
    for (size_t i = 0; i < 1 << 20; i++) {
        uint8_t byte = next_byte(&seed);
        assert_int_equal(health_feed(&health, &byte, 1), HEALTH_GOOD);
    }
}

static void four_equal_bytes_pass_and_five_fail(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value += 51) {
        struct health health = {0};
        uint8_t bytes[5], other = (uint8_t)(value + 1);
        memset(bytes, (int)value, sizeof bytes);
        assert_int_equal(health_feed(&health, bytes, 4), HEALTH_GOOD);
        assert_int_equal(health_feed(&health, &other, 1), HEALTH_GOOD);
        assert_int_equal(health_feed(&health, bytes, 5), HEALTH_REPEATS);
    }
}

static void a_run_is_seen_across_draws(void **state)
{
    (void)state;
    struct health health = {0};
    assert_int_equal(health_feed(&health, (const uint8_t[]){1, 2, 7, 7}, 4), HEALTH_GOOD);
    assert_int_equal(health_feed(&health, (const uint8_t[]){7}, 0), HEALTH_GOOD);
    assert_int_equal(health_feed(&health, (const uint8_t[]){7, 7}, 2), HEALTH_GOOD);
    assert_int_equal(health_feed(&health, (const uint8_t[]){7}, 1), HEALTH_REPEATS);
}

/* `times` bytes that equal the window's first, the first itself among them, never two in a row. */
static enum health_verdict feed_window(struct health *health, unsigned times)
{
    enum health_verdict verdict = HEALTH_GOOD;
    for (unsigned i = 0; i < HEALTH_WINDOW; i++) {
        uint8_t byte = i % 4 == 0 && i / 4 < times ? 0xa5 : (uint8_t)(i % 97);
        verdict = health_feed(health, &byte, 1);
    }
    return verdict;
}

static void fifteen_in_a_window_pass_and_sixteen_fail(void **state)
{
    (void)state;
    struct health health = {0};
    assert_int_equal(feed_window(&health, 15), HEALTH_GOOD);
    assert_int_equal(feed_window(&health, 15), HEALTH_GOOD); /* each window counts afresh */
    assert_int_equal(feed_window(&health, 16), HEALTH_UNEVEN);
}

/* One byte comes `share` times in 256 more often than it should; nothing repeats in a row more than by chance. */
static bool notices_bias(unsigned share)
{
    struct health health = {0};
    uint64_t seed = 2;
    for (size_t i = 0; i < 1 << 20; i++) {
        uint8_t byte = next_byte(&seed);
        if (next_byte(&seed) < share)
            byte = 0x42;
        if (health_feed(&health, &byte, 1) != HEALTH_GOOD)
            return true;
    }
    return false;
}

static void a_biased_stream_fails(void **state)
{
    (void)state;
    assert_false(notices_bias(0));
    assert_true(notices_bias(16));
    assert_true(notices_bias(64));
    assert_true(notices_bias(128));
}

static void what_failed_stays_failed(void **state)
{
    (void)state;
    struct health health = {0};
    uint64_t seed = 3;
    assert_int_equal(health_feed(&health, (const uint8_t[]){9, 9, 9, 9, 9}, 5), HEALTH_REPEATS);
    for (unsigned i = 0; i < 4096; i++) {
        uint8_t byte = next_byte(&seed);
        assert_int_equal(health_feed(&health, &byte, 1), HEALTH_REPEATS);
    }
}

static int begin(const char *way)
{
    if (setenv("KOKUIN_BROKEN", way, 1) == 0 && softhsm_start(&softhsm, &fault) && softhsm_plant(&softhsm, &fault) &&
        (!remote || softhsm_serve(&softhsm, BROKEN_GENERATOR, &fault)))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

static void open_broken(struct token **ret_token)
{
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    assert_true(
        token_open(remote ? softhsm.remote : BROKEN_GENERATOR, "pkcs11:token=production", pin, ret_token, &fault));
}

static void is_a_stop(const char *words)
{
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, FAULT_HSM_RANDOM);
    assert_int_equal(fault_action(fault.code), FAULT_ACTION_STOP_STATION);
    assert_non_null(strstr(fault.text, words));
}

static void refuses_everything_drawn(struct token *token, const char *words)
{
    CLEANUP(secret_freep) struct secret *bytes = secret_new(64);
    CLEANUP(secret_freep) struct secret *password = NULL;
    memset(secret_write(bytes), 0x55, 64);
    assert_false(token_random(token, bytes, &fault));
    is_a_stop(words);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(secret_read(bytes)[i], 0);
    assert_false(password_draw(token, "abcdefgh", 8, &password, &fault));
    is_a_stop(words);
    assert_null(password);
}

static void a_token_that_is_stuck_gives_nothing(void **state)
{
    (void)state;
    if (begin("stuck") != 0)
        fail();
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    open_broken(&token);
    refuses_everything_drawn(token, "5 times in a row");
    assert_false(certificate_issuer_open(token, softhsm_file(&softhsm, "issuing-1.pem"),
                                         softhsm_file(&softhsm, "root.pem"), &issuer, &fault));
    is_a_stop("5 times in a row");
}

static void a_token_that_is_uneven_gives_nothing(void **state)
{
    (void)state;
    if (begin("uneven") != 0)
        fail();
    CLEANUP(token_freep) struct token *token = NULL;
    open_broken(&token);
    refuses_everything_drawn(token, "16 times among 512");
}

/* It passes the start-up test, works for a while, breaks, and is then refused for good: passwords and serial numbers
 * of certificates alike. */
static void a_generator_that_breaks_later_is_noticed(void **state)
{
    (void)state;
    if (begin("later") != 0)
        fail();
    static const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                       .organization = "Test Plant",
                                                       .model = "KR-1",
                                                       .serial = SERIAL,
                                                       .hardware_type = "1.3.6.1.4.1.32473.1.7"};
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    open_broken(&token);
    assert_true(certificate_issuer_open(token, softhsm_file(&softhsm, "issuing-1.pem"),
                                        softhsm_file(&softhsm, "root.pem"), &issuer, &fault));
    const struct unit_request request = unit_request_good(SERIAL);
    struct certificate certificate;
    assert_true(certificate_issue(issuer, request.der, request.size, &subject, &certificate, &fault));

    unsigned drawn = 0;
    for (;; drawn++) {
        CLEANUP(secret_freep) struct secret *password = NULL;
        if (!password_draw(token, "abcdefgh", 8, &password, &fault))
            break;
        assert_in_range(drawn, 0, 100);
    }
    is_a_stop("5 times in a row");
    assert_in_range(drawn, 40, 60); /* 4096 bytes, less the start-up's, 64 for each */
    refuses_everything_drawn(token, "5 times in a row");
    assert_false(certificate_issue(issuer, request.der, request.size, &subject, &certificate, &fault));
    is_a_stop("5 times in a row");
}

#define BROKEN                                                                                                         \
    cmocka_unit_test_teardown(a_token_that_is_stuck_gives_nothing, end),                                               \
        cmocka_unit_test_teardown(a_token_that_is_uneven_gives_nothing, end),                                          \
        cmocka_unit_test_teardown(a_generator_that_breaks_later_is_noticed, end)

static int go_remote(void **state)
{
    (void)state;
    remote = true;
    return 0;
}

int main(void)
{
    const struct CMUnitTest streams[] = {
        cmocka_unit_test(the_cutoffs_are_those_of_the_specification),
        cmocka_unit_test(a_good_stream_passes),
        cmocka_unit_test(four_equal_bytes_pass_and_five_fail),
        cmocka_unit_test(a_run_is_seen_across_draws),
        cmocka_unit_test(fifteen_in_a_window_pass_and_sixteen_fail),
        cmocka_unit_test(a_biased_stream_fails),
        cmocka_unit_test(what_failed_stays_failed),
    };
    const struct CMUnitTest direct[] = {BROKEN};
    const struct CMUnitTest remoted[] = {BROKEN};
    int failed = cmocka_run_group_tests(streams, NULL, NULL);
    failed += cmocka_run_group_tests(direct, NULL, NULL);
    return failed + cmocka_run_group_tests(remoted, go_remote, NULL);
}
