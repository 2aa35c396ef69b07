#include "jigs/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/serial.h"
#include "jigs/digest.h"
#include "jigs/entropy.h"
#include "jigs/known_defaults.h"
#include "jigs/product_texts.h"
#include "jigs/value.h"

#define TEMPLATE_MAX (1024 * 1024)
#define KIND_SIZE 12 /* with "_user" behind it, still a field name of a label: 16 characters */

static bool read_code(const struct spot *spot, const char *text, char ret_code[PRODUCT_CODE_SIZE])
{
    if (strlen(text) != PRODUCT_CODE_SIZE - 1 || strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
        return document_refuse(spot, "code", FAULT_CONFIG_VALUE, "expected two characters of 0-9 A-Z, found '%.40s'",
                               text);
    memcpy(ret_code, text, PRODUCT_CODE_SIZE);
    return true;
}

static bool read_gtin(const struct spot *spot, const char *text, char ret_gtin[15])
{
    if (!gtin14_is_valid(text))
        return document_refuse(spot, "gtin", FAULT_CONFIG_VALUE,
                               "expected 14 digits of which the last checks the others (GS1), found '%.40s'", text);
    memcpy(ret_gtin, text, 15);
    return true;
}

static bool read_macs(const struct spot *spot, const char *text, unsigned *ret_count)
{
    static const struct value_choice counts[] = {{"1", 1}, {"2", 2}, {"4", 4}, {"8", 8}, {"16", 16}, {"32", 32}};
    int count = 1;
    if (!value_read_choice(spot, "macs_per_unit", text, counts, ARRAY_SIZE(counts), &count))
        return false;
    *ret_count = (unsigned)count;
    return true;
}

static bool read_choices(const struct spot *spot, const struct product_texts *texts, struct product *product)
{
    static const struct value_choice routes[] = {{"unique", AUTH_UNIQUE}, {"force", AUTH_FORCE}, {"none", AUTH_NONE}};
    static const struct value_choice drivers[] = {{"native", DRIVER_NATIVE}, {"console", DRIVER_CONSOLE}};
    static const struct value_choice reworks[] = {{"reopen", REWORK_REOPEN}, {"scrap", REWORK_SCRAP}};
    static const struct value_choice keys[] = {{"unit", KEY_SOURCE_UNIT}, {"station", KEY_SOURCE_STATION}};
    int auth, driver, rework;
    int key = KEY_SOURCE_UNIT;
    if (!value_read_choice(spot, "auth", texts->auth, routes, ARRAY_SIZE(routes), &auth) ||
        !value_read_choice(spot, "driver", texts->driver, drivers, ARRAY_SIZE(drivers), &driver) ||
        !value_read_choice(spot, "rework", texts->rework, reworks, ARRAY_SIZE(reworks), &rework) ||
        !value_read_choice(spot, "key", texts->key, keys, ARRAY_SIZE(keys), &key))
        return false;
    product->auth = (enum auth_route)auth;
    product->driver = (enum unit_driver)driver;
    product->rework = (enum rework_rule)rework;
    product->key = (enum key_source)key;
    return true;
}

static bool read_policy(const struct spot *spot, const char *text, struct password_policy *ret_policy)
{
    char path[sizeof((struct product *)NULL)->label_template];
    if (!value_read_path_inside(spot, "policy", text, path, sizeof path))
        return false;
    return policy_read(path, ret_policy, spot->fault) || document_within(spot, "policy");
}

static bool read_credential(const struct spot *spot, const struct credential_texts *texts,
                            struct product_credential *ret_credential)
{
    struct product_credential *credential = ret_credential;
    if (!value_read_text(spot, "kind", texts->kind, VALUE_SIMPLE, credential->kind, KIND_SIZE) ||
        !value_read_bool(spot, "login", texts->login, &credential->login) ||
        !value_read_text(spot, "user", texts->user, VALUE_GRAPH, credential->user, sizeof credential->user))
        return false;
    if (credential->login && !texts->user)
        return document_refuse(spot, "user", FAULT_CONFIG_KEY, "missing key; a log-in needs its user name");
    if (!credential->login && texts->user)
        return document_refuse(spot, "user", FAULT_CONFIG_VALUE, "expected none, because login is false");
    return read_policy(spot, texts->policy, &credential->policy);
}

/* Kinds are field names of the label template, which has these of its own and KIND_user for each credential. */
static bool check_kind(const struct spot *spot, const struct product *product, size_t index)
{
    static const char *const fields[] = {"gtin", "serial", "label", "copy", "model", "name", "mac", "ssid"};
    const char *kind = product->credentials[index].kind;
    size_t length = strlen(kind);
    bool taken = length > 5 && strcmp(kind + length - 5, "_user") == 0;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        taken = taken || strcmp(kind, fields[i]) == 0;
    if (taken)
        return document_refuse(spot, "kind", FAULT_CONFIG_VALUE,
                               "expected a word that is no label field already, found '%s'", kind);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(product->credentials[i].kind, kind) == 0)
            return document_refuse(spot, "kind", FAULT_CONFIG_VALUE, "expected each kind once, found '%s' again", kind);
        if (product->credentials[index].login && product->credentials[i].login &&
            strcmp(product->credentials[i].user, product->credentials[index].user) == 0)
            return document_refuse(spot, "user", FAULT_CONFIG_VALUE, "expected each user once, found '%s' again",
                                   product->credentials[i].user);
    }
    return true;
}

static bool read_credentials(const struct spot *top, const struct product_texts *texts, struct product *product)
{
    for (unsigned i = 0; i < texts->credentials_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "credentials", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        if (!read_credential(&spot, &texts->credentials[i], &product->credentials[i]) || !check_kind(&spot, product, i))
            return false;
    }
    product->credential_count = texts->credentials_count;
    return true;
}

/* A limit of wrong tries must be there wherever a policy counts on it; a key that is not typed into a log-in, such as
 * Wi-Fi's, can be guessed without the unit and has none. */
static bool check_retry_limit(const struct spot *top, const struct product *product)
{
    for (size_t i = 0; i < product->credential_count; i++) {
        const struct product_credential *credential = &product->credentials[i];
        char key[48];
        (void)snprintf(key, sizeof key, "credentials[%zu].policy", i + 1);
        if (credential->policy.needs_retry_limit && !credential->login)
            return document_refuse(top, key, FAULT_CONFIG_VALUE,
                                   "expected a policy that does not need a retry limit, because login is false; "
                                   "found %s",
                                   credential->policy.id);
        if (credential->policy.needs_retry_limit && product->retry_limit == 0)
            return document_refuse(top, "retry_limit", FAULT_CONFIG_VALUE,
                                   "expected 1 to 100, because policy %s needs it", credential->policy.id);
    }
    return true;
}

static bool check_route(const struct spot *top, const struct product *product)
{
    size_t logins = 0;
    for (size_t i = 0; i < product->credential_count; i++)
        logins += product->credentials[i].login;
    if (product->auth == AUTH_NONE && product->credential_count > 0)
        return document_refuse(top, "credentials", FAULT_CONFIG_VALUE, "expected none, because auth is none");
    if (product->auth != AUTH_NONE && logins == 0)
        return document_refuse(top, "credentials", FAULT_CONFIG_VALUE,
                               "expected at least one with login: true, because auth is not none");
    if (logins > 0 && product->wrong_tries == 0)
        return document_refuse(top, "wrong_tries", FAULT_CONFIG_VALUE, "expected 1 to 10, because there is a log-in");
    if (logins == 0 && (product->wrong_tries > 0 || product->retry_limit > 0))
        return document_refuse(top, product->wrong_tries > 0 ? "wrong_tries" : "retry_limit", FAULT_CONFIG_VALUE,
                               "expected 0, because there is no log-in");
    return check_retry_limit(top, product);
}

/* The product's own words weaken a policy further than its file could know. */
static bool weigh_words(const struct spot *top, struct product *product)
{
    for (size_t i = 0; i < product->credential_count; i++) {
        struct password_policy *policy = &product->credentials[i].policy;
        double lost = entropy_lost_to_rules(policy);
        for (size_t k = 0; policy->forbid & POLICY_FORBID_BLOCKLIST && k < product->blocklist_count; k++)
            lost += entropy_lost_to_word(policy, strlen(product->blocklist[k]));
        for (size_t k = 0; policy->forbid & POLICY_FORBID_KNOWN_DEFAULTS && k < product->known_default_count; k++)
            if (strlen(product->known_defaults[k].password) >= PRODUCT_WORD_LEAST)
                lost += entropy_lost_to_word(policy, strlen(product->known_defaults[k].password));
        policy->entropy_bits = entropy_left(policy, lost);
        char key[48];
        (void)snprintf(key, sizeof key, "credentials[%zu].policy", i + 1);
        if (policy->entropy_bits < policy->minimum_entropy_bits)
            return document_refuse(top, key, FAULT_POLICY_WEAK,
                                   "the blocklist and known defaults leave %.4f bits; policy %s promises %g",
                                   policy->entropy_bits, policy->id, policy->minimum_entropy_bits);
    }
    return true;
}

static bool read_label(const struct spot *top, const struct label_texts *texts, struct product *product)
{
    const struct spot spot = {.document = top->document, .under = "label", .fault = top->fault};
    if (!value_read_path_inside(&spot, "template", texts->template, product->label_template,
                                sizeof product->label_template) ||
        !value_read_decimal(&spot, "width_mm", texts->width_mm, 5, 300, &product->label_width_mm) ||
        !value_read_decimal(&spot, "height_mm", texts->height_mm, 5, 300, &product->label_height_mm))
        return false;

    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    char name[FILE_NAME_SIZE];
    file_short_name(product->label_template, name);
    if (!file_read(product->label_template, name, TEMPLATE_MAX, &bytes, &size, top->fault))
        return document_within(&spot, "template");
    return digest_sha256(bytes, size, product->label_sha256, top->fault);
}

static bool read_known_defaults(const struct spot *top, const char *text, struct product *product)
{
    char path[sizeof product->label_template];
    if (!value_read_path_inside(top, "known_defaults", text, path, sizeof path))
        return false;
    return known_defaults_read(path, product, top->fault) || document_within(top, "known_defaults");
}

static bool read_product(const struct spot *top, const struct product_texts *texts, struct product *product)
{
    return read_code(top, texts->code, product->code) &&
           value_read_text(top, "model", texts->model, VALUE_MODEL, product->model, sizeof product->model) &&
           value_read_text(top, "name", texts->name, VALUE_WORDS, product->name, sizeof product->name) &&
           read_gtin(top, texts->gtin, product->gtin) && read_choices(top, texts, product) &&
           read_macs(top, texts->macs_per_unit, &product->macs_per_unit) &&
           value_read_text(top, "ssid_prefix", texts->ssid_prefix, VALUE_MODEL, product->ssid_prefix,
                           sizeof product->ssid_prefix) &&
           read_credentials(top, texts, product) && product_read_certificate(top, &texts->certificate, product) &&
           product_read_lists(top, texts, product) && read_known_defaults(top, texts->known_defaults, product) &&
           value_read_number(top, "wrong_tries", texts->wrong_tries, 0, 10, &product->wrong_tries) &&
           value_read_number(top, "retry_limit", texts->retry_limit, 0, 100, &product->retry_limit) &&
           check_route(top, product) && console_read(top, texts->console, product) && weigh_words(top, product) &&
           read_label(top, &texts->label, product);
}

bool product_parse(const uint8_t *bytes, size_t size, const char *path, struct product **ret_product,
                   struct fault *fault)
{
    CLEANUP(document_close) struct document document = {0};
    if (!document_open(bytes, size, path, &product_schema, &document, fault))
        return false;
    CLEANUP(product_freep) struct product *product = calloc(1, sizeof *product);
    if (!product)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s: no memory for a product", document.name);
    const struct spot top = {.document = &document, .under = "", .fault = fault};
    if (!read_product(&top, document.root, product) || !digest_sha256(bytes, size, product->sha256, fault))
        return false;
    *ret_product = TAKE(product);
    return true;
}

bool product_read(const char *path, struct product **ret_product, struct fault *fault)
{
    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    return document_read(path, &bytes, &size, fault) && product_parse(bytes, size, path, ret_product, fault);
}

void product_free(struct product *product)
{
    free(product);
}
