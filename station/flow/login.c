/* Log-ins are tried as a user would. The unit delays after wrong ones, as it should: the delay it states is waited out
 * to its deadline, and a right log-in in between keeps its count of failures low. */
#include "station/flow/journey.h"

#include "station/flow/wait.h"

#include <stdio.h>
#include <string.h>

/* A stated delay beyond this cannot be waited out on a line. */
#define WAIT_MAX_MS 60000
/* How often one try may be answered with a delay before the unit counts as refusing to be tested. */
#define DELAYS_MAX 3
/* Wrong tries in a row that no unit of ours punishes with a delay. */
#define QUIET_TRIES 2
/* Where a policy needs a retry limit and the product names no number. */
#define RETRY_LIMIT_DEFAULT 10
#define VOLLEYS_MAX 3
/* A refusal that is held back so long slows a guesser down, as a delay before the next try does. */
#define HELD_LEAST_MS 1000
#define RETRY_LIMIT_MAX 100

static const char *const outcome_names[] = {
    [UNIT_LOGIN_ACCEPTED] = "accepted", [UNIT_LOGIN_REFUSED] = "refused", [UNIT_LOGIN_DELAYED] = "delayed",
    [UNIT_LOGIN_LOCKED] = "locked out", [UNIT_LOGIN_NONE] = "no log-in",
};

static const char *outcome_name(enum unit_login outcome)
{
    return (size_t)outcome < ARRAY_SIZE(outcome_names) ? outcome_names[outcome] : "unknown";
}

static bool wait_out(unsigned wait_ms, struct fault *fault)
{
    if (wait_ms > WAIT_MAX_MS)
        return fault_set(fault, FAULT_EVIDENCE_FAILED, 0, "unit asks for a wait of %u ms, at most %d can be tested",
                         wait_ms, WAIT_MAX_MS);
    wait_until(deadline_in_ms(wait_ms));
    return true;
}

/* One password of the journey, and what it takes to try wrong ones beside it. */
struct attempt {
    struct journey *journey;
    const struct journey_credential *credential;
};

static bool try_once(const struct attempt *attempt, const char *user, const struct secret *password,
                     struct unit_login_result *ret_result, struct fault *fault)
{
    return unit_try_login(attempt->journey->unit, user, password, ret_result, fault);
}

/* Ends with ACCEPTED or a fault. */
static bool log_in_rightly(struct attempt *attempt, struct unit_login_result *ret_result, struct fault *fault)
{
    struct unit_login_result result;
    for (int i = 0; i <= DELAYS_MAX; i++) {
        if (!try_once(attempt, attempt->credential->is->user, attempt->credential->password, &result, fault))
            return false;
        if (result.outcome == UNIT_LOGIN_ACCEPTED) {
            attempt->journey->refused_in_a_row = 0;
            *ret_result = result;
            return true;
        }
        if (result.outcome != UNIT_LOGIN_DELAYED)
            break;
        if (!wait_out(result.wait_ms, fault))
            return false;
    }
    return fault_set(fault, FAULT_PASSWORD_NOT_ACCEPTED, 0, "%s log-in: %s", attempt->credential->is->kind,
                     outcome_name(result.outcome));
}

/* The unit judges one wrong log-in and refuses it; a delay is not a judgement and is waited out. */
static bool must_refuse(struct attempt *attempt, const char *user, const struct secret *password, const char *what,
                        struct fault *fault)
{
    struct unit_login_result result;
    for (int i = 0; i <= DELAYS_MAX; i++) {
        struct unit_login_result right;
        if (attempt->journey->refused_in_a_row >= QUIET_TRIES && !log_in_rightly(attempt, &right, fault))
            return false;
        if (!try_once(attempt, user, password, &result, fault))
            return false;
        if (result.outcome == UNIT_LOGIN_REFUSED) {
            attempt->journey->refused_in_a_row++;
            return true;
        }
        if (result.outcome == UNIT_LOGIN_ACCEPTED)
            return fault_set(fault, FAULT_WRONG_PASSWORD_ACCEPTED, 0, "%s was accepted", what);
        if (result.outcome != UNIT_LOGIN_DELAYED)
            break;
        if (!wait_out(result.wait_ms, fault) || !log_in_rightly(attempt, &right, fault))
            return false;
    }
    return fault_set(fault, FAULT_EVIDENCE_FAILED, 0, "%s: the unit answers '%s'", what, outcome_name(result.outcome));
}

/* The right password with another last character: finds a unit that compares a part only. */
static bool near_miss(const struct journey_credential *credential, struct secret **ret_wrong, struct fault *fault)
{
    size_t size = secret_size(credential->password);
    CLEANUP(secret_freep) struct secret *wrong = secret_new(size);
    if (!wrong)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "make a wrong password");
    memcpy(secret_write(wrong), secret_read(credential->password), size);
    const char *alphabet = credential->is->policy.alphabet;
    uint8_t *last = secret_write(wrong) + size - 1;
    *last = (uint8_t)(*last == (uint8_t)alphabet[0] ? alphabet[1] : alphabet[0]);
    *ret_wrong = TAKE(wrong);
    return true;
}

/* The first wrong one is a near miss, the others are drawn like a right one. */
static bool make_wrong(struct journey *journey, const struct journey_credential *credential, unsigned index,
                       struct secret **ret_wrong, struct fault *fault)
{
    const struct password_policy *policy = &credential->is->policy;
    CLEANUP(secret_freep) struct secret *drawn = NULL;
    if (index > 0 && !keyring_draw_password(journey->station->keyring, policy->alphabet, policy->length, &drawn, fault))
        return fault_within(fault, "draw a wrong password");
    if (!drawn || secret_equal(drawn, credential->password))
        return near_miss(credential, ret_wrong, fault);
    *ret_wrong = TAKE(drawn);
    return true;
}

static bool see_right_password(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    const struct product_credential *is = attempt->credential->is;
    struct unit_login_result result;
    bool accepted = log_in_rightly(attempt, &result, fault);
    json_text(facts, "user", is->user);
    json_bool(facts, "accepted", accepted);
    if (accepted)
        json_bool(facts, "must_change", result.must_change);
    return accepted;
}

/* A key without a log-in is compared inside the unit, which must also tell it from a wrong one. */
static bool see_right_key(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    const struct product_credential *is = attempt->credential->is;
    CLEANUP(secret_freep) struct secret *wrong = NULL;
    bool equal = false;
    bool wrong_equal = false;
    if (!near_miss(attempt->credential, &wrong, fault) ||
        !unit_compare_key(attempt->journey->unit, is->kind, attempt->credential->password, &equal, fault) ||
        !unit_compare_key(attempt->journey->unit, is->kind, wrong, &wrong_equal, fault))
        return fault_within(fault, "compare %s key", is->kind);
    json_bool(facts, "key_equal", equal);
    json_bool(facts, "wrong_key_equal", wrong_equal);
    if (!equal)
        return fault_set(fault, FAULT_PASSWORD_NOT_ACCEPTED, 0, "%s key differs in the unit", is->kind);
    return !wrong_equal ||
           fault_set(fault, FAULT_WRONG_PASSWORD_ACCEPTED, 0, "%s: a wrong key compares equal", is->kind);
}

static bool see_right(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    return attempt->credential->is->login ? see_right_password(attempt, facts, fault)
                                          : see_right_key(attempt, facts, fault);
}

static bool see_wrong(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    if (!attempt->credential->is->login)
        return true;
    bool refused = true;
    unsigned tries = 0;
    for (; refused && tries < attempt->journey->product->wrong_tries; tries++) {
        CLEANUP(secret_freep) struct secret *wrong = NULL;
        refused = make_wrong(attempt->journey, attempt->credential, tries, &wrong, fault) &&
                  must_refuse(attempt, attempt->credential->is->user, wrong, "a wrong password", fault);
    }
    json_number(facts, "tries", tries);
    json_bool(facts, "all_refused", refused);
    return refused;
}

static bool see_known_defaults(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    const struct product *product = attempt->journey->product;
    if (!attempt->credential->is->login)
        return true;
    bool refused = true;
    size_t tries = 0;
    for (; refused && tries < product->known_default_count; tries++) {
        const struct known_default *known = &product->known_defaults[tries];
        size_t size = strlen(known->password);
        CLEANUP(secret_freep) struct secret *password = secret_new(size);
        if (!password)
            return fault_set(fault, FAULT_NO_MEMORY, 0, "try a known default");
        memcpy(secret_write(password), known->password, size);
        char what[96];
        (void)snprintf(what, sizeof what, "known default %zu of user '%s'", tries + 1, known->user);
        refused = must_refuse(attempt, known->user, password, what, fault);
    }
    json_number(facts, "tries", (int64_t)tries);
    json_bool(facts, "all_refused", refused);
    return refused;
}

static bool recover_log_in(struct attempt *attempt, const struct unit_login_result *slowed, struct fault *fault)
{
    struct journey *journey = attempt->journey;
    struct unit_login_result right;
    if (slowed->outcome == UNIT_LOGIN_LOCKED &&
        !unit_restart(journey->unit, journey->certificate.sha256, &journey->now, fault))
        return fault_within(fault, "restart after the lock-out");
    if (slowed->outcome == UNIT_LOGIN_DELAYED && !wait_out(slowed->wait_ms, fault))
        return false;
    return log_in_rightly(attempt, &right, fault);
}

/* One more wrong log-in than the limit, all made beforehand: a draw in between would hide a short delay. */
struct volley {
    size_t count;
    struct secret *passwords[RETRY_LIMIT_MAX + 1];
};

static void volley_freep(struct volley *volley)
{
    for (size_t i = 0; i < volley->count; i++)
        secret_free(volley->passwords[i]);
}

static bool make_volley(struct attempt *attempt, unsigned limit, struct volley *volley, struct fault *fault)
{
    if (limit > RETRY_LIMIT_MAX)
        return fault_set(fault, FAULT_PRODUCT_CANNOT, 0, "a retry limit of %u cannot be tested, at most %d", limit,
                         RETRY_LIMIT_MAX);
    for (; volley->count <= limit; volley->count++)
        if (!make_wrong(attempt->journey, attempt->credential, (unsigned)volley->count,
                        &volley->passwords[volley->count], fault))
            return false;
    return true;
}

static bool is_slowed(const struct unit_login_result *result)
{
    bool held = result->outcome == UNIT_LOGIN_REFUSED && result->held_ms >= HELD_LEAST_MS;
    return held || result->outcome == UNIT_LOGIN_DELAYED || result->outcome == UNIT_LOGIN_LOCKED;
}

static bool fire(struct attempt *attempt, const struct volley *volley, unsigned *ret_tries,
                 struct unit_login_result *ret_result, struct fault *fault)
{
    unsigned tries = 0;
    struct unit_login_result result = {.outcome = UNIT_LOGIN_REFUSED};
    for (; tries < volley->count && result.outcome == UNIT_LOGIN_REFUSED && !is_slowed(&result); tries++)
        if (!try_once(attempt, attempt->credential->is->user, volley->passwords[tries], &result, fault))
            return false;
    *ret_tries = tries;
    *ret_result = result;
    return true;
}

/* Wrong tries in a row, without a right one between, until the unit delays or locks out: within the product's limit.
 *
 * On a bad cable one try can take longer than the unit's delay, which is then over before anybody sees it. So a few
 * volleys are fired: a unit that never slows within the limit shows nothing in any of them. */
static bool see_retry_limit(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    if (!attempt->credential->is->login)
        return true;
    unsigned limit = attempt->journey->product->retry_limit;
    limit = limit > 0 ? limit : RETRY_LIMIT_DEFAULT;
    struct unit_login_result result = {.outcome = UNIT_LOGIN_REFUSED};
    unsigned tries = 0, volleys = 0;
    CLEANUP(volley_freep) struct volley volley = {0};
    if (!make_volley(attempt, limit, &volley, fault))
        return false;
    for (; volleys < VOLLEYS_MAX && result.outcome == UNIT_LOGIN_REFUSED && !is_slowed(&result); volleys++)
        if (!log_in_rightly(attempt, &result, fault) || !fire(attempt, &volley, &tries, &result, fault))
            return false;
    json_number(facts, "limit", limit);
    json_number(facts, "wrong_tries", tries);
    json_number(facts, "volleys", volleys);
    json_text(facts, "then", outcome_name(result.outcome));
    json_number(facts, "wait_ms", result.wait_ms);
    json_number(facts, "held_ms", result.held_ms);
    if (result.outcome == UNIT_LOGIN_ACCEPTED)
        return fault_set(fault, FAULT_WRONG_PASSWORD_ACCEPTED, 0, "wrong try %u was accepted", tries);
    if (!is_slowed(&result))
        return fault_set(fault, FAULT_EVIDENCE_FAILED, 0, "not slowed after %u wrong tries, limit is %u", tries, limit);
    return recover_log_in(attempt, &result, fault);
}

/* "Must change" is only believed of a log-in with the right password that is not let any further. */
static bool see_forced_change(struct attempt *attempt, struct json *facts, struct fault *fault)
{
    if (!attempt->credential->is->login)
        return true;
    struct unit_login_result result;
    if (!log_in_rightly(attempt, &result, fault))
        return false;
    json_bool(facts, "must_change", result.must_change);
    return result.must_change || fault_set(fault, FAULT_EVIDENCE_FAILED, 0, "%s log-in works without a change",
                                           attempt->credential->is->kind);
}

/* Whether the unit was seen to fail; a cable that was pulled in the middle shows nothing about it. */
static bool is_observed(const struct fault *fault)
{
    return fault->code == FAULT_EVIDENCE_FAILED || fault->code == FAULT_PASSWORD_NOT_ACCEPTED ||
           fault->code == FAULT_WRONG_PASSWORD_ACCEPTED;
}

/* Keeps the row of what was shown or seen to fail. */
static bool keep(struct journey *journey, struct json *facts, enum evidence_kind kind, bool shown, struct fault *fault)
{
    if (shown || is_observed(fault))
        evidence_keep(&journey->evidence, facts, kind, shown ? STORE_SHOWN : STORE_FAILED);
    return shown || fault_within(fault, "%s", evidence_name(kind));
}

/* One evidence row: the observation made for each credential in turn, the first that fails ends it. */
static bool prove(struct journey *journey, enum evidence_kind kind,
                  bool (*see)(struct attempt *, struct json *, struct fault *), struct fault *fault)
{
    if (!evidence_required(journey->product, kind))
        return true;
    bool shown = true;
    struct json facts = evidence_begin(&journey->evidence, kind);
    json_open(&facts, "credentials", '[');
    for (size_t i = 0; shown && i < journey->credential_count; i++) {
        struct attempt attempt = {.journey = journey, .credential = &journey->credentials[i]};
        json_open(&facts, NULL, '{');
        json_text(&facts, "kind", attempt.credential->is->kind);
        shown = see(&attempt, &facts, fault);
        json_close(&facts, '}');
    }
    json_close(&facts, ']');
    return keep(journey, &facts, kind, shown, fault);
}

static bool no_log_in(struct journey *journey, const char *user, const struct secret *password,
                      enum unit_login *ret_outcome, struct fault *fault)
{
    struct unit_login_result result;
    if (!unit_try_login(journey->unit, user, password, &result, fault))
        return false;
    *ret_outcome = result.outcome;
    return result.outcome == UNIT_LOGIN_NONE ||
           fault_set(fault,
                     result.outcome == UNIT_LOGIN_ACCEPTED ? FAULT_WRONG_PASSWORD_ACCEPTED : FAULT_EVIDENCE_FAILED, 0,
                     "user '%s': a password log-in is live, it answers '%s'", user, outcome_name(result.outcome));
}

/* Route "none": no user known to the world, with any password, meets a log-in at all. */
static bool prove_no_log_in(struct journey *journey, struct fault *fault)
{
    if (!evidence_required(journey->product, EVIDENCE_NO_PASSWORD_LOGIN))
        return true;
    static const char *const users[] = {"admin", "root", "user", ""};
    CLEANUP(secret_freep) struct secret *password = NULL;
    if (!keyring_draw_password(journey->station->keyring, "abcdefghjkmnpqrstuvwxyz23456789", 12, &password, fault))
        return false;
    enum unit_login outcome = UNIT_LOGIN_NONE;
    bool shown = true;
    size_t tries = 0;
    for (size_t i = 0; shown && i < ARRAY_SIZE(users); i++, tries++)
        shown = no_log_in(journey, users[i], password, &outcome, fault);
    for (size_t i = 0; shown && i < journey->product->known_default_count; i++, tries++) {
        const struct known_default *known = &journey->product->known_defaults[i];
        CLEANUP(secret_freep) struct secret *wrong = secret_new(strlen(known->password));
        if (!wrong)
            return fault_set(fault, FAULT_NO_MEMORY, 0, "try a known default");
        memcpy(secret_write(wrong), known->password, strlen(known->password));
        shown = no_log_in(journey, known->user, wrong, &outcome, fault);
    }
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_NO_PASSWORD_LOGIN);
    json_number(&facts, "tries", (int64_t)tries);
    json_text(&facts, "last_answer", outcome_name(outcome));
    return keep(journey, &facts, EVIDENCE_NO_PASSWORD_LOGIN, shown, fault);
}

bool journey_prove_logins(struct journey *journey, struct fault *fault)
{
    return prove(journey, EVIDENCE_PASSWORD_ACCEPTED, see_right, fault) &&
           prove(journey, EVIDENCE_WRONG_PASSWORD_REFUSED, see_wrong, fault) &&
           prove(journey, EVIDENCE_KNOWN_DEFAULTS_REFUSED, see_known_defaults, fault) &&
           prove(journey, EVIDENCE_RETRY_LIMIT, see_retry_limit, fault) &&
           prove(journey, EVIDENCE_FORCED_CHANGE, see_forced_change, fault) && prove_no_log_in(journey, fault);
}
