#include "jigs/read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "jigs/entropy.h"
#include "tests/unit/jigs/scratch.h"

static void reads_the_shipped_policies(void **state)
{
    (void)state;
    /* `left` was computed apart from this program, in exact fractions: the classes by walking the password character by
     * character, the other rules by the bounds that jigs/entropy.h names. */
    static const struct {
        const char *path, *id;
        unsigned length, digits, letters, upper, lower, group;
        bool needs_retry_limit;
        double floor, left;
    } policies[] = {
        {SHIPPED "/policies/u32x16.yaml", "u32x16", 16, 1, 1, 0, 0, 4, false, 79.5, 79.962085},
        {SHIPPED "/policies/u32x12.yaml", "u32x12", 12, 1, 1, 0, 0, 4, true, 59.5, 59.936598},
        {SHIPPED "/policies/psk-u32x20.yaml", "psk-u32x20", 20, 1, 1, 0, 0, 5, false, 99.5, 99.965420},
        {SHIPPED "/policies/m56x14.yaml", "m56x14", 14, 1, 0, 1, 1, 0, false, 80.5, 81.111567},
        {SHIPPED "/policies/d20.yaml", "d20", 20, 0, 0, 0, 0, 5, false, 65.5, 65.670240},
    };
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        struct password_policy policy;
        struct fault fault = {0};
        if (!policy_read(policies[i].path, &policy, &fault))
            fail_msg("%s", fault.text);
        assert_string_equal(policy.id, policies[i].id);
        assert_int_equal(policy.version, 1);
        assert_int_equal(policy.length, policies[i].length);
        assert_int_equal(policy.minimum_digits, policies[i].digits);
        assert_int_equal(policy.minimum_letters, policies[i].letters);
        assert_int_equal(policy.minimum_upper, policies[i].upper);
        assert_int_equal(policy.minimum_lower, policies[i].lower);
        assert_int_equal(policy.group, policies[i].group);
        assert_int_equal(policy.needs_retry_limit, policies[i].needs_retry_limit);
        assert_int_equal(policy.forbid, 0x1ff);
        assert_true(policy.minimum_entropy_bits == policies[i].floor);
        assert_true(fabs(policy.entropy_bits - policies[i].left) < 1e-6);
        assert_string_equal(policy.valid_from, "2025-01-01");
        assert_string_equal(policy.valid_until, "2031-12-31");
        assert_string_equal(policy.review_by, "2028-12-31");
        assert_string_equal(policy.approver, "Kokuin demo, product security");
    }
}

/* Every password of a small alphabet, judged one by one. */
struct census {
    double all, kept_by_classes, kept_by_runs;
};

static bool keeps_classes(const struct password_policy *policy, const char *text)
{
    unsigned digits = 0, upper = 0, lower = 0;
    for (const char *at = text; *at; at++) {
        digits += *at >= '0' && *at <= '9';
        upper += *at >= 'A' && *at <= 'Z';
        lower += *at >= 'a' && *at <= 'z';
    }
    return digits >= policy->minimum_digits && upper >= policy->minimum_upper && lower >= policy->minimum_lower &&
           upper + lower >= policy->minimum_letters;
}

static bool has_run(const char *text)
{
    for (; text[2]; text++)
        if (text[0] == text[1] && text[1] == text[2])
            return true;
    return false;
}

static struct census take_census(const struct password_policy *policy)
{
    size_t size = strlen(policy->alphabet);
    struct census census = {0};
    unsigned at[POLICY_LENGTH_MAX] = {0};
    for (bool more = true; more;) {
        char text[POLICY_LENGTH_MAX + 1] = "";
        for (unsigned i = 0; i < policy->length; i++)
            text[i] = policy->alphabet[at[i]];
        census.all++;
        census.kept_by_classes += keeps_classes(policy, text);
        census.kept_by_runs += !has_run(text);
        unsigned i = 0;
        while (i < policy->length && ++at[i] == size)
            at[i++] = 0;
        more = i < policy->length;
    }
    return census;
}

static void counts_what_classes_cost_exactly(void **state)
{
    (void)state;
    static const struct password_policy policies[] = {
        {.alphabet = "23Aa", .length = 8, .minimum_digits = 1},
        {.alphabet = "23Aa", .length = 8, .minimum_letters = 3},
        {.alphabet = "2ABa-", .length = 7, .minimum_digits = 1, .minimum_upper = 2, .minimum_lower = 1},
        {.alphabet = "2ABa-", .length = 7, .minimum_digits = 1, .minimum_letters = 4, .minimum_lower = 1},
        {.alphabet = "23", .length = 8, .minimum_digits = 8},
    };
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        struct census census = take_census(&policies[i]);
        double lost = entropy_lost_to_rules(&policies[i]);
        assert_true(fabs(1 - lost - census.kept_by_classes / census.all) < 1e-12);
        assert_true(fabs(entropy_left(&policies[i], lost) - log2(census.kept_by_classes)) < 1e-9);
    }
}

static void never_counts_runs_too_low(void **state)
{
    (void)state;
    static const struct password_policy policies[] = {
        {.alphabet = "0123456789", .length = 5, .forbid = POLICY_FORBID_RUN3},
        {.alphabet = "abcde", .length = 8, .forbid = POLICY_FORBID_RUN3},
        {.alphabet = "ab", .length = 12, .forbid = POLICY_FORBID_RUN3},
    };
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        struct census census = take_census(&policies[i]);
        assert_true(entropy_lost_to_rules(&policies[i]) >= 1 - census.kept_by_runs / census.all);
    }
}

static void counts_both_spellings_of_a_word(void **state)
{
    (void)state;
    const struct password_policy digits = {.alphabet = "0123456789", .length = 8};
    const struct password_policy mixed = {.alphabet = "aAbBcCdDeE", .length = 8};
    assert_true(fabs(entropy_lost_to_word(&digits, 4) - 5e-4) < 1e-15);
    assert_true(fabs(entropy_lost_to_word(&mixed, 4) - 16 * 5e-4) < 1e-15);
    assert_true(entropy_lost_to_word(&digits, 9) == 0);
    assert_true(entropy_left(&digits, 1) == 0);
}

static void knows_the_days_of_a_policy(void **state)
{
    (void)state;
    static const struct {
        const char *today;
        enum fault_code code;
        bool overdue;
    } days[] = {
        {"2025-12-31", FAULT_POLICY_EXPIRED, false},
        {"2026-01-01", FAULT_NONE, false},
        {"2027-06-30", FAULT_NONE, false},
        {"2027-07-01", FAULT_NONE, true},
        {"2028-12-31", FAULT_NONE, true},
        {"2029-01-01", FAULT_POLICY_EXPIRED, false},
        {"2028-02-29", FAULT_NONE, true},
        {"2027-02-29", FAULT_USAGE, false},
        {"2027-6-30", FAULT_USAGE, false},
        {"", FAULT_USAGE, false},
        {"2027-06-30T", FAULT_USAGE, false},
    };
    const struct password_policy policy = {.id = "u32x16",
                                           .version = 2,
                                           .valid_from = "2026-01-01",
                                           .valid_until = "2028-12-31",
                                           .review_by = "2027-06-30"};
    for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
        struct fault fault = {0};
        bool overdue = false;
        bool good = policy_check_date(&policy, days[i].today, &overdue, &fault);
        assert_int_equal(good, days[i].code == FAULT_NONE);
        assert_int_equal(fault.code, days[i].code);
        assert_int_equal(overdue, days[i].overdue);
        if (fault.code == FAULT_POLICY_EXPIRED)
            assert_non_null(strstr(fault.text, "policy u32x16 version 2 is valid from 2026-01-01 to 2028-12-31"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_shipped_policies), cmocka_unit_test(counts_what_classes_cost_exactly),
        cmocka_unit_test(never_counts_runs_too_low),  cmocka_unit_test(counts_both_spellings_of_a_word),
        cmocka_unit_test(knows_the_days_of_a_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
