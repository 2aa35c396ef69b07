#include "station/cli/plan.h"

#include <stdio.h>

#include "jigs/read.h"

static bool open_token(const struct ceremony_token *token, const char *role, struct token **ret_token,
                       struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = NULL;
    return (secret_from_file(token->pin_file, &pin, fault) &&
            token_open(token->module, token->uri, pin, ret_token, fault)) ||
           fault_within(fault, "%s token", role);
}

static bool open_tokens(struct plan *plan, struct fault *fault)
{
    const struct ceremony *ceremony = plan->ceremony;
    struct ceremony_tokens *tokens = &plan->tokens;
    bool has_spare = ceremony->spare.module[0] != '\0';
    if (!secret_from_file(ceremony->root.pin_file, &plan->root_pin, fault))
        return fault_within(fault, "root token");
    tokens->root_pin = plan->root_pin;
    if (!open_token(&ceremony->root, "root", &tokens->root, fault) ||
        !open_token(&ceremony->recovery, "recovery", &tokens->recovery, fault) ||
        (has_spare && !open_token(&ceremony->spare, "spare", &tokens->spare, fault)))
        return false;
    for (unsigned i = 0; i < ceremony->production_count; i++) {
        char role[32];
        (void)snprintf(role, sizeof role, "production[%u]", i + 1);
        if (!open_token(&ceremony->production[i], role, &tokens->production[i], fault))
            return false;
        tokens->production_count++;
    }
    return true;
}

static void take_names(struct plan *plan)
{
    const struct ceremony *ceremony = plan->ceremony;
    plan->names = (struct ceremony_names){
        .organization = ceremony->organization,
        .country = ceremony->country,
        .root_years = ceremony->root_years,
        .issuing_years = ceremony->issuing_years,
        .station_years = ceremony->station_years,
        .output = ceremony->output,
        .person_count = ceremony->custodian_count,
    };
    for (unsigned i = 0; i < ceremony->custodian_count; i++)
        plan->names.people[i] = (struct ceremony_person){ceremony->custodians[i].name, ceremony->custodians[i].role};
}

bool plan_open(const char *path, struct plan *plan, struct fault *fault)
{
    if (!ceremony_read(path, &plan->ceremony, fault))
        return false;
    take_names(plan);
    return open_tokens(plan, fault);
}

void plan_close(struct plan *plan)
{
    for (size_t i = 0; i < plan->tokens.production_count; i++)
        token_free(plan->tokens.production[i]);
    token_free(plan->tokens.spare);
    token_free(plan->tokens.recovery);
    token_free(plan->tokens.root);
    secret_free(plan->root_pin);
    ceremony_free(plan->ceremony);
}
