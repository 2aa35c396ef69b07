/* entropy.h -- how much a policy's rules leave of its passwords' entropy.
 *
 * A draw that breaks a rule is thrown away and drawn again, so what is left is spread evenly over the passwords that
 * keep all rules. With a share `lost` of them gone the entropy is length * log2(alphabet) + log2(1 - lost). The share
 * lost to missing digits, letters, upper and lower case is counted exactly; that of each other rule is bounded from
 * above by the expected number of times it is broken, with the longest serial, addresses, model and SSID there can be.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private
 * Spec     NIST SP 800-63B-4 (rules weaken randomly chosen secrets; the loss must be accounted for)
 */
#pragma once

#include "jigs/policy.h"

/* The share of all passwords that the policy's own rules throw away at most, 0 to 1. */
NODISCARD NONNULL(1) double entropy_lost_to_rules(const struct password_policy *policy);

/* The share that contains a word of `length` characters at most, whatever the case. */
NODISCARD NONNULL(1) double entropy_lost_to_word(const struct password_policy *policy, size_t length);

/* Bits left when the share `lost` is gone; 0 when nothing is left. */
NODISCARD NONNULL(1) double entropy_left(const struct password_policy *policy, double lost);
