#include "station/flow/evidence.h"

#include <stdio.h>
#include <string.h>

static const char *const names[EVIDENCE_COUNT] = {
    [EVIDENCE_CREDENTIAL_GENERATED] = "credential_generated",
    [EVIDENCE_POLICY_APPLIED] = "policy_applied",
    [EVIDENCE_CREDENTIAL_INJECTED] = "credential_injected",
    [EVIDENCE_CERTIFICATE_USED] = "certificate_used",
    [EVIDENCE_LINK_SECURE] = "link_secure",
    [EVIDENCE_RESTART_KEPT] = "restart_kept",
    [EVIDENCE_IDENTITY_READBACK] = "identity_readback",
    [EVIDENCE_FIRMWARE_STATE] = "firmware_state",
    [EVIDENCE_PASSWORD_ACCEPTED] = "password_accepted",
    [EVIDENCE_WRONG_PASSWORD_REFUSED] = "wrong_password_refused",
    [EVIDENCE_KNOWN_DEFAULTS_REFUSED] = "known_defaults_refused",
    [EVIDENCE_RETRY_LIMIT] = "retry_limit",
    [EVIDENCE_FORCED_CHANGE] = "forced_change",
    [EVIDENCE_NO_PASSWORD_LOGIN] = "no_password_login",
    [EVIDENCE_INTERFACES] = "interfaces",
    [EVIDENCE_LOCK] = "lock",
};

const char *evidence_name(enum evidence_kind kind)
{
    return names[kind];
}

static bool has_login(const struct product *product)
{
    for (size_t i = 0; i < product->credential_count; i++)
        if (product->credentials[i].login)
            return true;
    return false;
}

static bool needs_retry_limit(const struct product *product)
{
    if (product->retry_limit > 0)
        return true;
    for (size_t i = 0; i < product->credential_count; i++)
        if (product->credentials[i].login && product->credentials[i].policy.needs_retry_limit)
            return true;
    return false;
}

bool evidence_required(const struct product *product, enum evidence_kind kind)
{
    bool has_credential = product->credential_count > 0;
    switch (kind) {
    case EVIDENCE_CREDENTIAL_GENERATED:
    case EVIDENCE_POLICY_APPLIED:
    case EVIDENCE_CREDENTIAL_INJECTED:
    case EVIDENCE_PASSWORD_ACCEPTED:
        return has_credential;
    case EVIDENCE_WRONG_PASSWORD_REFUSED:
        return has_login(product) && product->wrong_tries > 0;
    case EVIDENCE_KNOWN_DEFAULTS_REFUSED:
        return has_login(product) && product->known_default_count > 0;
    case EVIDENCE_RETRY_LIMIT:
        return has_login(product) && needs_retry_limit(product);
    case EVIDENCE_FORCED_CHANGE:
        return product->auth == AUTH_FORCE;
    case EVIDENCE_NO_PASSWORD_LOGIN:
        return product->auth == AUTH_NONE;
    case EVIDENCE_LINK_SECURE:
        return product->driver != DRIVER_CONSOLE; /* its cable is as plain as a keyboard's */
    case EVIDENCE_CERTIFICATE_USED:
    case EVIDENCE_RESTART_KEPT:
    case EVIDENCE_IDENTITY_READBACK:
    case EVIDENCE_FIRMWARE_STATE:
    case EVIDENCE_INTERFACES:
    case EVIDENCE_LOCK:
        return true;
    case EVIDENCE_COUNT:
        break;
    }
    return false;
}

static void append(char *list, size_t size, const char *word)
{
    size_t at = strlen(list);
    (void)snprintf(list + at, size - at, "%s%s", at > 0 ? "," : "", word);
}

void evidence_list(const struct product *product, char ret_list[EVIDENCE_LIST_SIZE])
{
    ret_list[0] = '\0';
    for (enum evidence_kind kind = 0; kind < EVIDENCE_COUNT; kind++)
        if (evidence_required(product, kind))
            append(ret_list, EVIDENCE_LIST_SIZE, names[kind]);
}

void credential_list(const struct product *product, char ret_list[CREDENTIAL_LIST_SIZE])
{
    ret_list[0] = '\0';
    for (size_t i = 0; i < product->credential_count; i++)
        append(ret_list, CREDENTIAL_LIST_SIZE, product->credentials[i].kind);
}

const char *route_name(enum auth_route route)
{
    static const char *const routes[] = {[AUTH_UNIQUE] = "unique", [AUTH_FORCE] = "force", [AUTH_NONE] = "none"};
    return routes[route];
}

struct json evidence_begin(struct evidence *evidence, enum evidence_kind kind)
{
    struct json facts = json_over(evidence->facts[kind], EVIDENCE_FACTS_SIZE);
    json_open(&facts, NULL, '{');
    return facts;
}

static struct store_evidence *row_of(struct evidence *evidence, enum evidence_kind kind)
{
    for (size_t i = 0; i < evidence->count; i++)
        if (evidence->rows[i].name == names[kind])
            return &evidence->rows[i];
    return &evidence->rows[evidence->count++];
}

void evidence_keep(struct evidence *evidence, struct json *facts, enum evidence_kind kind, enum store_verdict verdict)
{
    json_close(facts, '}');
    if (facts->failed)
        (void)snprintf(facts->text, facts->size, "{\"cut\":true}");
    *row_of(evidence, kind) = (struct store_evidence){.name = names[kind], .verdict = verdict, .facts = facts->text};
}
