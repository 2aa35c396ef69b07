/* token_check.h -- the production tokens of a jig looked at one by one, in words for people: `kokuin hsm status` and
 * `kokuin doctor`.
 *
 * Owner    values
 * Threads  one
 * Secrets  none: PINs pass through hsm/ only
 * Layer    station/cli/
 */
#pragma once

#include "hsm/inspect.h"
#include "jigs/jig.h"

struct token_checks {
    struct keyring_place places[JIG_TOKENS_MAX];
    struct inspection each[JIG_TOKENS_MAX];
    size_t count;
    enum keyring_state state; /* that a station would start in now */
    size_t in_use;            /* index of the token it would use; without a meaning when down */
    bool all_good;
};

/* Each PIN is tried once. The jig must outlive the checks. */
NONNULL(1, 2) void token_check_all(const struct jig *jig, struct token_checks *ret_checks);

/* "log-in": one step, in a few words. */
NODISCARD const char *token_check_name(enum inspect_step step);

/* What to do about a step that failed, one sentence. */
NODISCARD NONNULL(1, 2) const char *token_check_advice(const struct jig_token *token, const struct fault *fault,
                                                       enum inspect_step step, enum fault_language language);
