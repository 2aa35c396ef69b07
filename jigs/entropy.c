#include "jigs/entropy.h"

#include <math.h>
#include <string.h>

/* Stretches of four characters that a unit's public facts can forbid at most. */
#define WINDOWS_SERIAL 9 /* of 12 characters */
#define WINDOWS_MAC                                                                                                    \
    49 /* of 32 neighbouring addresses of 12 hex digits: 7 in front, twice for a carry; 3 and 32 behind */
#define WINDOWS_MODEL 29 /* of 32 characters */
#define WINDOWS_SSID 19  /* of 22 characters */
#define WINDOWS_DATE 11  /* YYYYMMDD 5, YYMMDD 3, DDMM, MMDD, YYYY */

enum class { DIGIT, UPPER, LOWER, OTHER, CLASSES };

static void count_classes(const struct password_policy *policy, unsigned ret_counts[CLASSES])
{
    memset(ret_counts, 0, CLASSES * sizeof *ret_counts);
    for (const char *at = policy->alphabet; *at; at++) {
        if (*at >= '0' && *at <= '9')
            ret_counts[DIGIT]++;
        else if (*at >= 'A' && *at <= 'Z')
            ret_counts[UPPER]++;
        else if (*at >= 'a' && *at <= 'z')
            ret_counts[LOWER]++;
        else
            ret_counts[OTHER]++;
    }
}

/* The share of passwords with exactly these numbers of each class: length! / (d! u! l! o!) times each class's share to
 * its power. A class that the alphabet lacks and the numbers need gives exp(-infinity), which is zero. */
static double share_of(const unsigned numbers[CLASSES], const double log_shares[CLASSES], unsigned length)
{
    int sign; /* lgamma() would write it to a variable that all threads share */
    double log_share = lgamma_r(length + 1.0, &sign);
    for (size_t i = 0; i < CLASSES; i++)
        if (numbers[i] > 0)
            log_share += numbers[i] * log_shares[i] - lgamma_r(numbers[i] + 1.0, &sign);
    return exp(log_share);
}

static double lost_to_classes(const struct password_policy *policy)
{
    if (policy->minimum_digits + policy->minimum_letters + policy->minimum_upper + policy->minimum_lower == 0)
        return 0;
    unsigned counts[CLASSES];
    count_classes(policy, counts);
    double log_shares[CLASSES];
    for (size_t i = 0; i < CLASSES; i++)
        log_shares[i] = log((double)counts[i] / (double)strlen(policy->alphabet));

    unsigned length = policy->length;
    double kept = 0;
    for (unsigned digits = policy->minimum_digits; digits <= length; digits++)
        for (unsigned upper = policy->minimum_upper; digits + upper <= length; upper++)
            for (unsigned lower = policy->minimum_lower; digits + upper + lower <= length; lower++) {
                unsigned numbers[CLASSES] = {digits, upper, lower, length - digits - upper - lower};
                if (upper + lower >= policy->minimum_letters)
                    kept += share_of(numbers, log_shares, length);
            }
    return kept < 1 ? 1 - kept : 0;
}

/* Spellings of one character that count as the same: rules that look at words disregard case. */
static double spellings(const struct password_policy *policy)
{
    unsigned counts[CLASSES];
    count_classes(policy, counts);
    return counts[UPPER] > 0 && counts[LOWER] > 0 ? 2 : 1;
}

double entropy_lost_to_word(const struct password_policy *policy, size_t length)
{
    if (length > policy->length)
        return 0;
    double places = (double)(policy->length - length + 1);
    return places * pow(spellings(policy) / (double)strlen(policy->alphabet), (double)length);
}

double entropy_lost_to_rules(const struct password_policy *policy)
{
    static const struct {
        enum policy_forbid rule;
        unsigned windows;
    } fours[] = {
        {POLICY_FORBID_SERIAL4, WINDOWS_SERIAL}, {POLICY_FORBID_MAC4, WINDOWS_MAC},
        {POLICY_FORBID_MODEL4, WINDOWS_MODEL},   {POLICY_FORBID_SSID4, WINDOWS_SSID},
        {POLICY_FORBID_DATE4, WINDOWS_DATE},
    };
    double size = (double)strlen(policy->alphabet);
    double lost = lost_to_classes(policy);
    for (size_t i = 0; i < ARRAY_SIZE(fours); i++)
        if (policy->forbid & (unsigned)fours[i].rule)
            lost += fours[i].windows * entropy_lost_to_word(policy, 4);
    if (policy->forbid & POLICY_FORBID_SEQUENCE4) /* one begins at each character and goes up or down */
        lost += 2 * size * entropy_lost_to_word(policy, 4);
    if (policy->forbid & POLICY_FORBID_RUN3)
        lost += (policy->length - 2.0) / (size * size);
    return lost < 1 ? lost : 1;
}

double entropy_left(const struct password_policy *policy, double lost)
{
    if (lost >= 1)
        return 0;
    double bits = policy->length * log2((double)strlen(policy->alphabet)) + log2(1 - lost);
    return bits > 0 ? bits : 0;
}
