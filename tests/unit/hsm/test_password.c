/* hsm/password: drawn without bias, fingerprinted in the token. */
#include "hsm/make.h"
#include "hsm/password.h"
#include "tests/support/softhsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static struct softhsm softhsm;
static struct token *token;
static struct fault fault;

static const struct make_order fingerprint_key = {.label = KEY_FINGERPRINT, .use = MAKE_MAC};

static int begin(bool remote)
{
    struct made_key made;
    if (softhsm_start(&softhsm, &fault) && softhsm_make("production", &fault) && softhsm_make("empty", &fault) &&
        softhsm_make("doubled", &fault) && softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault) &&
        softhsm_open(&softhsm, remote, "production", &token, &fault) &&
        make_key(token, &fingerprint_key, &made, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static bool remoted;

static int begin_direct(void **state)
{
    (void)state;
    remoted = false;
    return begin(false);
}

static int begin_remote(void **state)
{
    (void)state;
    remoted = true;
    return begin(true);
}

static int end(void **state)
{
    (void)state;
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static void draws_the_length_and_the_alphabet_asked_for(void **state)
{
    (void)state;
    static const char alphabet[] = "ab!~2";
    for (size_t length = 1; length <= 128; length += 127) {
        CLEANUP(secret_freep) struct secret *password = NULL;
        assert_true(password_draw(token, alphabet, length, &password, &fault));
        assert_int_equal(secret_size(password), length);
        for (size_t i = 0; i < length; i++)
            assert_non_null(memchr(alphabet, secret_read(password)[i], sizeof alphabet - 1));
    }
}

/* Pearson's chi-square over many letters. The bounds are about ten standard deviations from what is expected, so a
 * good generator does not fail here in the life of this project; plain `byte % 94` gives some hundreds. More
 * letters would raise the chance of the health tests' own false alarm, which is rare but not nothing. */
static void every_character_is_equally_likely(void **state)
{
    (void)state;
    static const char *const alphabets[] = {
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
        "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        "0123456789",
    };
    static const double bounds[] = {230, 165, 54};
    enum { PASSWORDS = 200, LENGTH = 128 };
    for (size_t a = 0; a < ARRAY_SIZE(alphabets); a++) {
        const size_t letters = strlen(alphabets[a]);
        unsigned seen[128] = {0};
        for (size_t i = 0; i < PASSWORDS; i++) {
            CLEANUP(secret_freep) struct secret *password = NULL;
            assert_true(password_draw(token, alphabets[a], LENGTH, &password, &fault));
            for (size_t at = 0; at < LENGTH; at++)
                seen[secret_read(password)[at] & 127]++;
        }
        const double expected = (double)PASSWORDS * LENGTH / (double)letters;
        double chi = 0;
        for (size_t i = 0; i < letters; i++) {
            double off = seen[(unsigned char)alphabets[a][i]] - expected;
            chi += off * off / expected;
        }
        print_message("  %zu letters: chi-square %.1f, bound %.0f\n", letters, chi, bounds[a]);
        assert_true(chi < bounds[a]);
        assert_true(chi > 0); /* exactly even would be a counter, not a generator */
    }
}

static void refuses_an_alphabet_or_a_length_that_makes_no_sense(void **state)
{
    (void)state;
    char too_many[97];
    memset(too_many, 'x', 96);
    too_many[96] = '\0';
    const struct {
        const char *alphabet;
        size_t length;
    } cases[] = {{"", 8},       {"a", 8},          {too_many, 8}, {"abca", 8}, {"ab c", 8},
                 {"ab\x7f", 8}, {"ab\xc3\xa9", 8}, {"ab", 0},     {"ab", 129}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(secret_freep) struct secret *password = NULL;
        fault = (struct fault){0};
        assert_false(password_draw(token, cases[i].alphabet, cases[i].length, &password, &fault));
        assert_null(password);
        assert_int_equal(fault.code, FAULT_USAGE);
    }
}

static void a_fingerprint_belongs_to_one_password_and_one_key(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret("correct horse");
    CLEANUP(secret_freep) struct secret *other = softhsm_secret("correct horsf");
    uint8_t a[FINGERPRINT_SIZE], b[FINGERPRINT_SIZE], c[FINGERPRINT_SIZE];
    assert_true(password_fingerprint(token, password, a, &fault));
    assert_true(password_fingerprint(token, password, b, &fault));
    assert_true(password_fingerprint(token, other, c, &fault));
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);

    /* The same token by the other way has the same key. */
    token_free(TAKE(token));
    assert_true(softhsm_open(&softhsm, !remoted, "production", &token, &fault));
    assert_true(password_fingerprint(token, password, b, &fault));
    assert_memory_equal(a, b, sizeof a);
    token_free(TAKE(token));
    assert_true(softhsm_open(&softhsm, remoted, "production", &token, &fault));
}

static void a_missing_key_and_two_keys_are_faults(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret("correct horse");
    CLEANUP(token_freep) struct token *empty = NULL;
    CLEANUP(token_freep) struct token *doubled = NULL;
    struct made_key made;
    uint8_t fingerprint[FINGERPRINT_SIZE] = {0x5a};
    assert_true(softhsm_open(&softhsm, remoted, "empty", &empty, &fault));
    assert_false(password_fingerprint(empty, password, fingerprint, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_NOT_FOUND);

    assert_true(softhsm_open(&softhsm, remoted, "doubled", &doubled, &fault));
    assert_true(make_key(doubled, &fingerprint_key, &made, &fault));
    assert_true(password_fingerprint(doubled, password, fingerprint, &fault));
    fingerprint[0] = 0x5a;
    assert_true(make_key(doubled, &fingerprint_key, &made, &fault));
    assert_false(password_fingerprint(doubled, password, fingerprint, &fault));
    assert_int_equal(fault.code, FAULT_HSM_AMBIGUOUS);
    assert_int_equal(fingerprint[0], 0x5a); /* an output is untouched by a failure */
}

static void a_dead_server_is_a_fault(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *password = NULL;
    CLEANUP(secret_freep) struct secret *given = softhsm_secret("correct horse");
    uint8_t fingerprint[FINGERPRINT_SIZE];
    softhsm_kill_server(&softhsm);
    assert_false(password_draw(token, "0123456789", 8, &password, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CALL);
    assert_null(password);
    assert_false(password_fingerprint(token, given, fingerprint, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CALL);
}

#define BOTH_WAYS                                                                                                      \
    cmocka_unit_test(draws_the_length_and_the_alphabet_asked_for),                                                     \
        cmocka_unit_test(every_character_is_equally_likely),                                                           \
        cmocka_unit_test(refuses_an_alphabet_or_a_length_that_makes_no_sense),                                         \
        cmocka_unit_test(a_fingerprint_belongs_to_one_password_and_one_key),                                           \
        cmocka_unit_test(a_missing_key_and_two_keys_are_faults)

int main(void)
{
    const struct CMUnitTest direct[] = {BOTH_WAYS};
    const struct CMUnitTest remote[] = {BOTH_WAYS, cmocka_unit_test(a_dead_server_is_a_fault)};
    int failed = cmocka_run_group_tests(direct, begin_direct, end);
    return failed + cmocka_run_group_tests(remote, begin_remote, end);
}
