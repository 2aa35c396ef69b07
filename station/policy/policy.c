#include "station/policy/policy.h"

#include <stdio.h>
#include <string.h>

/* Windows of this many characters count as "a part of" a text a person could know. */
#define PART 4

struct view {
    const char *text;
    size_t size;
};

/* ASCII only: the answer must not depend on the process's locale. */
static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_letter(char letter)
{
    return lower(letter) >= 'a' && lower(letter) <= 'z';
}

static bool same(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static bool contains(struct view where, const char *what, size_t size)
{
    for (size_t i = 0; i + size <= where.size; i++)
        if (same(where.text + i, what, size))
            return true;
    return false;
}

/* Four characters in a row of `known` stand in the password. */
static bool shares_part(struct view password, const char *known)
{
    size_t size = strlen(known);
    for (size_t i = 0; i + PART <= size; i++)
        if (contains(password, known + i, PART))
            return true;
    return false;
}

static bool shares_mac(struct view password, const struct password_context *context)
{
    for (unsigned i = 0; i < context->mac_count; i++) {
        char text[13];
        (void)snprintf(text, sizeof text, "%012llx", (unsigned long long)(context->mac + i) & 0xffffffffffff);
        if (shares_part(password, text))
            return true;
    }
    return false;
}

/* "2026-11-23": YYYYMMDD (and with it YYYY and MMDD), YYMMDD and DDMM. */
static bool shares_date(struct view password, const char *date)
{
    if (strlen(date) != DATE_SIZE - 1)
        return false;
    char whole[9] = {date[0], date[1], date[2], date[3], date[5], date[6], date[8], date[9], '\0'};
    char day_first[5] = {date[8], date[9], date[5], date[6], '\0'};
    return shares_part(password, whole) || shares_part(password, whole + 2) || shares_part(password, day_first);
}

static bool has_run(struct view password)
{
    for (size_t i = 2; i < password.size; i++)
        if (password.text[i] == password.text[i - 1] && password.text[i] == password.text[i - 2])
            return true;
    return false;
}

static bool neighbours(char first, char second, int step)
{
    bool comparable = (is_digit(first) && is_digit(second)) || (is_letter(first) && is_letter(second));
    return comparable && lower(second) - lower(first) == step;
}

static bool has_sequence(struct view password)
{
    size_t up = 1;
    size_t down = 1;
    for (size_t i = 1; i < password.size; i++) {
        up = neighbours(password.text[i - 1], password.text[i], 1) ? up + 1 : 1;
        down = neighbours(password.text[i - 1], password.text[i], -1) ? down + 1 : 1;
        if (up == PART || down == PART)
            return true;
    }
    return false;
}

static bool has_blocked_word(struct view password, const struct password_context *context)
{
    for (size_t i = 0; i < context->blocklist_count; i++) {
        size_t size = strlen(context->blocklist[i]);
        if (size > 0 && contains(password, context->blocklist[i], size))
            return true;
    }
    return false;
}

static bool is_known_default(struct view password, const struct password_context *context)
{
    for (size_t i = 0; i < context->known_default_count; i++) {
        const char *known = context->known_defaults[i].password;
        if (strlen(known) == password.size && same(known, password.text, password.size))
            return true;
    }
    return false;
}

struct classes {
    unsigned digits, upper, lower;
    bool all_in_alphabet;
};

static struct classes count_classes(struct view password, const char *alphabet)
{
    struct classes classes = {.all_in_alphabet = true};
    for (size_t i = 0; i < password.size; i++) {
        char letter = password.text[i];
        if (letter == '\0' || !strchr(alphabet, letter))
            classes.all_in_alphabet = false;
        classes.digits += is_digit(letter);
        classes.upper += letter >= 'A' && letter <= 'Z';
        classes.lower += letter >= 'a' && letter <= 'z';
    }
    return classes;
}

static enum password_rule judge_form(const struct password_policy *policy, struct view password)
{
    if (password.size != policy->length)
        return PASSWORD_LENGTH;
    struct classes classes = count_classes(password, policy->alphabet);
    if (!classes.all_in_alphabet)
        return PASSWORD_ALPHABET;
    if (classes.digits < policy->minimum_digits)
        return PASSWORD_DIGITS;
    if (classes.upper + classes.lower < policy->minimum_letters)
        return PASSWORD_LETTERS;
    if (classes.upper < policy->minimum_upper)
        return PASSWORD_UPPER;
    if (classes.lower < policy->minimum_lower)
        return PASSWORD_LOWER;
    return PASSWORD_ADMITTED;
}

static enum password_rule judge_content(unsigned forbid, const struct password_context *context, struct view password)
{
    if (forbid & POLICY_FORBID_SERIAL4 && shares_part(password, context->serial))
        return PASSWORD_SERIAL;
    if (forbid & POLICY_FORBID_MAC4 && shares_mac(password, context))
        return PASSWORD_MAC;
    if (forbid & POLICY_FORBID_MODEL4 && shares_part(password, context->model))
        return PASSWORD_MODEL;
    if (forbid & POLICY_FORBID_SSID4 && shares_part(password, context->ssid))
        return PASSWORD_SSID;
    if (forbid & POLICY_FORBID_DATE4 && shares_date(password, context->date))
        return PASSWORD_DATE;
    if (forbid & POLICY_FORBID_RUN3 && has_run(password))
        return PASSWORD_RUN;
    if (forbid & POLICY_FORBID_SEQUENCE4 && has_sequence(password))
        return PASSWORD_SEQUENCE;
    if (forbid & POLICY_FORBID_BLOCKLIST && has_blocked_word(password, context))
        return PASSWORD_BLOCKLIST;
    if (forbid & POLICY_FORBID_KNOWN_DEFAULTS && is_known_default(password, context))
        return PASSWORD_KNOWN_DEFAULT;
    return PASSWORD_ADMITTED;
}

enum password_rule password_judge(const struct password_policy *policy, const struct password_context *context,
                                  const struct secret *password)
{
    struct view view = {.text = (const char *)secret_read(password), .size = secret_size(password)};
    enum password_rule rule = judge_form(policy, view);
    return rule == PASSWORD_ADMITTED ? judge_content(policy->forbid, context, view) : rule;
}

bool password_admits(const struct password_policy *policy, const struct password_context *context,
                     const struct secret *password)
{
    return password_judge(policy, context, password) == PASSWORD_ADMITTED;
}
