/* Every kind of rule, with a password that breaks only it, and one that comes close and does not. */
#include "station/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EVERY_RULE 0x1ff

static const char blocklist[][33] = {"kokuin", "demo"};
static const struct known_default known[] = {{"admin", "Password12345678"}, {"root", "toor"}};

static struct password_policy policy_of(unsigned length)
{
    struct password_policy policy = {.length = length, .forbid = EVERY_RULE};
    (void)snprintf(policy.alphabet, sizeof policy.alphabet, "%s",
                   "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
    return policy;
}

static const struct password_context context = {
    .serial = "KR00000012Z9",
    .mac = 0x024b4b00a0fe,
    .mac_count = 4,
    .model = "KR-1000",
    .ssid = "works-0012Z9",
    .date = "2026-11-23",
    .blocklist = blocklist,
    .blocklist_count = 2,
    .known_defaults = known,
    .known_default_count = 2,
};

static enum password_rule judge(const struct password_policy *policy, const char *text)
{
    CLEANUP(secret_freep) struct secret *password = secret_new(strlen(text));
    assert_non_null(password);
    memcpy(secret_write(password), text, strlen(text));
    enum password_rule rule = password_judge(policy, &context, password);
    assert_int_equal(password_admits(policy, &context, password), rule == PASSWORD_ADMITTED);
    return rule;
}

struct example {
    const char *text;
    enum password_rule rule;
};

static void test_content(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"q7Rm2wXt9Gc4VhPz", PASSWORD_ADMITTED},
        {"q7Rm0012XtGc4VhP", PASSWORD_SERIAL},   /* four of the serial's characters */
        {"q7Rm2zx12z9GcVhP", PASSWORD_SERIAL},   /* whatever the case */
        {"q7Rm012yXtGc4VhP", PASSWORD_ADMITTED}, /* three are no part */
        {"q7Rmb00aXtGc4VhP", PASSWORD_MAC},      /* first MAC of the block */
        {"q7Rmr-10XtGc4VhP", PASSWORD_MODEL},
        {"q7Rmorks-tGc4VhP", PASSWORD_SSID},
        {"q7Rm2026XtGc4VhP", PASSWORD_DATE}, /* the year */
        {"q7Rm1123XtGc4VhP", PASSWORD_DATE}, /* month and day */
        {"q7Rm2311XtGc4VhP", PASSWORD_DATE}, /* day and month */
        {"q7Rm6112XtGc4VhP", PASSWORD_DATE}, /* out of YYMMDD */
        {"q7RmtttwXdGc4VhP", PASSWORD_RUN},
        {"q7RmttwtXdGc4VhP", PASSWORD_ADMITTED},
        {"q7Rm4567XdGc8VhP", PASSWORD_SEQUENCE},
        {"q7RmdCbAXwGc8VhP", PASSWORD_SEQUENCE}, /* downwards, whatever the case */
        {"q7Rm456xXdGc8VhP", PASSWORD_ADMITTED},
        {"q7RdEmOwXtGc8VhP", PASSWORD_BLOCKLIST},
        {"password12345678", PASSWORD_SEQUENCE}, /* the first rule broken is the one that is told */
    };
    struct password_policy policy = policy_of(16);
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        enum password_rule rule = judge(&policy, examples[i].text);
        if (rule != examples[i].rule)
            fail_msg("'%s': rule %d, expected %d", examples[i].text, (int)rule, (int)examples[i].rule);
    }
}

/* The block runs on from a0fe over a0ff to a101: its later addresses count like the first. */
static void test_every_mac_of_the_block(void **state)
{
    (void)state;
    struct password_policy policy = policy_of(16);
    assert_int_equal(judge(&policy, "q7Rma101XtGc4VhP"), PASSWORD_MAC);
    assert_int_equal(judge(&policy, "q7Rma102XtGc4VhP"), PASSWORD_ADMITTED);
}

static void test_known_default(void **state)
{
    (void)state;
    struct password_policy policy = policy_of(4);
    policy.forbid = POLICY_FORBID_KNOWN_DEFAULTS;
    assert_int_equal(judge(&policy, "TooR"), PASSWORD_KNOWN_DEFAULT);
    assert_int_equal(judge(&policy, "too7"), PASSWORD_ADMITTED);
}

/* A rule that the policy does not name is not applied. */
static void test_rules_are_chosen_by_data(void **state)
{
    (void)state;
    static const char breaks_all[] = "0012b00ar-10orks2026ttt4567demo";
    struct password_policy policy = policy_of(sizeof breaks_all - 1);
    policy.forbid = 0;
    assert_int_equal(judge(&policy, breaks_all), PASSWORD_ADMITTED);
    static const enum password_rule rules[] = {PASSWORD_SERIAL, PASSWORD_MAC, PASSWORD_MODEL,    PASSWORD_SSID,
                                               PASSWORD_DATE,   PASSWORD_RUN, PASSWORD_SEQUENCE, PASSWORD_BLOCKLIST};
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        policy.forbid = 1u << i;
        assert_int_equal(judge(&policy, breaks_all), rules[i]);
    }
}

static void test_form(void **state)
{
    (void)state;
    struct password_policy policy = policy_of(8);
    policy.forbid = 0;
    assert_int_equal(judge(&policy, "aB3dE6g"), PASSWORD_LENGTH);
    assert_int_equal(judge(&policy, "aB3dE6gH9"), PASSWORD_LENGTH);
    assert_int_equal(judge(&policy, "aB3dE6g!"), PASSWORD_ALPHABET);
    policy.minimum_digits = 3;
    assert_int_equal(judge(&policy, "aB3dE6gH"), PASSWORD_DIGITS);
    assert_int_equal(judge(&policy, "aB3dE6g9"), PASSWORD_ADMITTED);
    policy.minimum_letters = 6;
    assert_int_equal(judge(&policy, "aB3dE6g9"), PASSWORD_LETTERS);
    policy.minimum_letters = 0;
    policy.minimum_upper = 3;
    assert_int_equal(judge(&policy, "aB3dE6g9"), PASSWORD_UPPER);
    policy.minimum_upper = 2;
    policy.minimum_lower = 4;
    assert_int_equal(judge(&policy, "aB3dE6g9"), PASSWORD_LOWER);
    policy.minimum_lower = 3;
    assert_int_equal(judge(&policy, "aB3dE6g9"), PASSWORD_ADMITTED);
}

/* A password with a NUL in it is not in any alphabet, although strchr() finds its terminator. */
static void test_nul_is_refused(void **state)
{
    (void)state;
    struct password_policy policy = policy_of(4);
    CLEANUP(secret_freep) struct secret *password = secret_new(4);
    assert_non_null(password);
    memcpy(secret_write(password), "ab\0c", 4);
    assert_int_equal(password_judge(&policy, &context, password), PASSWORD_ALPHABET);
}

int main(void)
{
    struct fault fault;
    if (!secret_arena_open(1 << 14, &fault))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),       cmocka_unit_test(test_every_mac_of_the_block),
        cmocka_unit_test(test_known_default), cmocka_unit_test(test_rules_are_chosen_by_data),
        cmocka_unit_test(test_form),          cmocka_unit_test(test_nul_is_refused),
    };
    return cmocka_run_group_tests_name("station/policy", tests, NULL, NULL);
}
