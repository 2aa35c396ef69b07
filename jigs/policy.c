#include "jigs/read.h"

#include <math.h>
#include <string.h>

#include "jigs/digest.h"
#include "jigs/entropy.h"
#include "jigs/value.h"

#define LENGTH_LEAST 8           /* BSI TR-03148 and WPA both start here */
#define ENTROPY_LEAST 40         /* below it, ten million units could not all have passwords of their own */
#define ENTROPY_WITHOUT_LIMIT 64 /* NIST SP 800-63B-4: weaker secrets need a limit of wrong tries */

struct policy_texts {
    char *id, *version, *alphabet, *length, *entropy, *group, *needs_retry_limit;
    char *digits, *letters, *upper, *lower;
    char *valid_from, *valid_until, *review_by, *approver;
    char **forbid;
    unsigned forbid_count;
};

static const struct cyaml_schema_field policy_fields[] = {
    DOCUMENT_TEXT("id", struct policy_texts, id),
    DOCUMENT_TEXT("version", struct policy_texts, version),
    DOCUMENT_TEXT("alphabet", struct policy_texts, alphabet),
    DOCUMENT_TEXT("length", struct policy_texts, length),
    DOCUMENT_TEXT("minimum_entropy_bits", struct policy_texts, entropy),
    DOCUMENT_TEXT_OPTIONAL("minimum_digits", struct policy_texts, digits),
    DOCUMENT_TEXT_OPTIONAL("minimum_letters", struct policy_texts, letters),
    DOCUMENT_TEXT_OPTIONAL("minimum_upper", struct policy_texts, upper),
    DOCUMENT_TEXT_OPTIONAL("minimum_lower", struct policy_texts, lower),
    CYAML_FIELD_SEQUENCE("forbid", CYAML_FLAG_POINTER, struct policy_texts, forbid, &document_text_entry, 0, 9),
    DOCUMENT_TEXT_OPTIONAL("group", struct policy_texts, group),
    DOCUMENT_TEXT("needs_retry_limit", struct policy_texts, needs_retry_limit),
    DOCUMENT_TEXT("valid_from", struct policy_texts, valid_from),
    DOCUMENT_TEXT("valid_until", struct policy_texts, valid_until),
    DOCUMENT_TEXT("review_by", struct policy_texts, review_by),
    DOCUMENT_TEXT("approver", struct policy_texts, approver),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value policy_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy_texts, policy_fields)};

static const struct value_choice forbid_words[] = {
    {"serial4", POLICY_FORBID_SERIAL4},
    {"mac4", POLICY_FORBID_MAC4},
    {"model4", POLICY_FORBID_MODEL4},
    {"ssid4", POLICY_FORBID_SSID4},
    {"date4", POLICY_FORBID_DATE4},
    {"run3", POLICY_FORBID_RUN3},
    {"sequence4", POLICY_FORBID_SEQUENCE4},
    {"blocklist", POLICY_FORBID_BLOCKLIST},
    {"known_defaults", POLICY_FORBID_KNOWN_DEFAULTS},
};

/* Characters that people take for one another on a label. */
static const char *const lookalikes[] = {"0Oo", "1Il|"};

static bool check_alphabet(const struct spot *spot, const char *alphabet)
{
    if (strlen(alphabet) < 2)
        return document_refuse(spot, "alphabet", FAULT_CONFIG_VALUE, "expected at least 2 characters");
    for (const char *at = alphabet; *at; at++)
        if (strchr(at + 1, *at))
            return document_refuse(spot, "alphabet", FAULT_POLICY_WEAK,
                                   "expected each character once, found '%c' twice", *at);
    for (size_t i = 0; i < ARRAY_SIZE(lookalikes); i++) {
        char first = '\0';
        for (const char *at = lookalikes[i]; *at; at++) {
            if (!strchr(alphabet, *at))
                continue;
            if (first)
                return document_refuse(spot, "alphabet", FAULT_CONFIG_VALUE,
                                       "expected only one of '%c' and '%c', which look alike on a label", first, *at);
            first = *at;
        }
    }
    return true;
}

static bool read_forbid(const struct spot *spot, const struct policy_texts *texts, unsigned *ret_forbid)
{
    unsigned forbid = 0;
    for (unsigned i = 0; i < texts->forbid_count; i++) {
        char key[] = "forbid[00]";
        document_entry_key(key, sizeof key, "forbid", i);
        int rule = 0;
        if (!value_read_choice(spot, key, texts->forbid[i], forbid_words, ARRAY_SIZE(forbid_words), &rule))
            return false;
        if (forbid & (unsigned)rule)
            return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected each rule once, found '%s' again",
                                   texts->forbid[i]);
        forbid |= (unsigned)rule;
    }
    *ret_forbid = forbid;
    return true;
}

/* A class that is required must be in the alphabet, and all that is required must fit into the length. */
static bool check_classes(const struct spot *spot, const struct password_policy *policy)
{
    static const char digits[] = "0123456789", upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                      lower[] = "abcdefghijklmnopqrstuvwxyz";
    bool has_digit = strpbrk(policy->alphabet, digits), has_upper = strpbrk(policy->alphabet, upper),
         has_lower = strpbrk(policy->alphabet, lower);
    const struct {
        const char *key;
        bool wanted, there;
    } classes[] = {
        {"minimum_digits", policy->minimum_digits > 0, has_digit},
        {"minimum_letters", policy->minimum_letters > 0, has_upper || has_lower},
        {"minimum_upper", policy->minimum_upper > 0, has_upper},
        {"minimum_lower", policy->minimum_lower > 0, has_lower},
    };
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (classes[i].wanted && !classes[i].there)
            return document_refuse(spot, classes[i].key, FAULT_CONFIG_VALUE,
                                   "expected 0, because the alphabet has none of them");
    unsigned cased = policy->minimum_upper + policy->minimum_lower;
    unsigned letters = cased > policy->minimum_letters ? cased : policy->minimum_letters;
    if (policy->minimum_digits + letters > policy->length)
        return document_refuse(spot, "length", FAULT_CONFIG_VALUE, "expected at least the %u characters required",
                               policy->minimum_digits + letters);
    return true;
}

static bool check_strength(const struct spot *spot, struct password_policy *policy)
{
    double raw = entropy_left(policy, 0);
    policy->entropy_bits = entropy_left(policy, entropy_lost_to_rules(policy));
    if (policy->entropy_bits < policy->minimum_entropy_bits)
        return document_refuse(spot, "minimum_entropy_bits", FAULT_POLICY_WEAK,
                               "expected at most %.2f, which the rules leave of %.2f bits; found %g",
                               floor(policy->entropy_bits * 100) / 100, raw, policy->minimum_entropy_bits);
    if (policy->minimum_entropy_bits < ENTROPY_WITHOUT_LIMIT && !policy->needs_retry_limit)
        return document_refuse(spot, "needs_retry_limit", FAULT_POLICY_WEAK,
                               "expected true, because %g bits are fewer than %d", policy->minimum_entropy_bits,
                               ENTROPY_WITHOUT_LIMIT);
    return true;
}

static bool read_dates(const struct spot *spot, const struct policy_texts *texts, struct password_policy *policy)
{
    if (!value_read_date(spot, "valid_from", texts->valid_from, policy->valid_from) ||
        !value_read_date(spot, "valid_until", texts->valid_until, policy->valid_until) ||
        !value_read_date(spot, "review_by", texts->review_by, policy->review_by))
        return false;
    if (strcmp(policy->valid_from, policy->valid_until) >= 0)
        return document_refuse(spot, "valid_until", FAULT_CONFIG_VALUE, "expected a day after %s, found '%s'",
                               policy->valid_from, policy->valid_until);
    if (strcmp(policy->review_by, policy->valid_from) < 0 || strcmp(policy->review_by, policy->valid_until) > 0)
        return document_refuse(spot, "review_by", FAULT_CONFIG_VALUE, "expected a day from %s to %s, found '%s'",
                               policy->valid_from, policy->valid_until, policy->review_by);
    return true;
}

static bool read_numbers(const struct spot *spot, const struct policy_texts *texts, struct password_policy *policy)
{
    const unsigned most = POLICY_LENGTH_MAX;
    return value_read_number(spot, "version", texts->version, 1, 1000000, &policy->version) &&
           value_read_number(spot, "length", texts->length, LENGTH_LEAST, most, &policy->length) &&
           value_read_decimal(spot, "minimum_entropy_bits", texts->entropy, ENTROPY_LEAST, 500,
                              &policy->minimum_entropy_bits) &&
           value_read_number(spot, "minimum_digits", texts->digits, 0, most, &policy->minimum_digits) &&
           value_read_number(spot, "minimum_letters", texts->letters, 0, most, &policy->minimum_letters) &&
           value_read_number(spot, "minimum_upper", texts->upper, 0, most, &policy->minimum_upper) &&
           value_read_number(spot, "minimum_lower", texts->lower, 0, most, &policy->minimum_lower) &&
           value_read_number(spot, "group", texts->group, 0, policy->length, &policy->group);
}

bool policy_parse(const uint8_t *bytes, size_t size, const char *path, struct password_policy *ret_policy,
                  struct fault *fault)
{
    CLEANUP(document_close) struct document document = {0};
    if (!document_open(bytes, size, path, &policy_schema, &document, fault))
        return false;
    const struct policy_texts *texts = document.root;
    const struct spot top = {.document = &document, .under = "", .fault = fault};

    struct password_policy policy = {0};
    if (!value_read_text(&top, "id", texts->id, VALUE_NAME, policy.id, sizeof policy.id) ||
        !value_read_text(&top, "alphabet", texts->alphabet, VALUE_GRAPH, policy.alphabet, sizeof policy.alphabet) ||
        !check_alphabet(&top, policy.alphabet) || !read_numbers(&top, texts, &policy) ||
        !read_forbid(&top, texts, &policy.forbid) ||
        !value_read_bool(&top, "needs_retry_limit", texts->needs_retry_limit, &policy.needs_retry_limit) ||
        !read_dates(&top, texts, &policy) ||
        !value_read_text(&top, "approver", texts->approver, VALUE_WORDS, policy.approver, sizeof policy.approver) ||
        !check_classes(&top, &policy) || !check_strength(&top, &policy) ||
        !digest_sha256(bytes, size, policy.sha256, fault))
        return false;
    *ret_policy = policy;
    return true;
}

bool policy_read(const char *path, struct password_policy *ret_policy, struct fault *fault)
{
    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    return document_read(path, &bytes, &size, fault) && policy_parse(bytes, size, path, ret_policy, fault);
}

bool policy_check_date(const struct password_policy *policy, const char *today, bool *ret_overdue, struct fault *fault)
{
    if (!value_is_date(today))
        return fault_set(fault, FAULT_USAGE, 0, "expected today as 2026-11-23, found '%.20s'", today);
    if (strcmp(today, policy->valid_from) < 0 || strcmp(today, policy->valid_until) > 0)
        return fault_set(fault, FAULT_POLICY_EXPIRED, 0, "policy %s version %u is valid from %s to %s, not on %s",
                         policy->id, policy->version, policy->valid_from, policy->valid_until, today);
    *ret_overdue = strcmp(today, policy->review_by) > 0;
    return true;
}
