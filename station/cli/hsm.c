#include "station/cli/cli.h"

#include "base/secret.h"
#include "hsm/ceremony.h"
#include "jigs/read.h"

static bool open_token(const struct ceremony_token *plan, const char *role, struct token **ret_token,
                       struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = NULL;
    if (!secret_from_file(plan->pin_file, &pin, fault) || !token_open(plan->module, plan->uri, pin, ret_token, fault))
        return fault_within(fault, "%s token", role);
    return true;
}

static bool perform(const struct ceremony *plan, struct fault *fault)
{
    CLEANUP(token_freep) struct token *root = NULL;
    CLEANUP(token_freep) struct token *production = NULL;
    CLEANUP(token_freep) struct token *recovery = NULL;
    CLEANUP(token_freep) struct token *spare = NULL;
    bool has_spare = plan->spare.module[0] != '\0';
    if (!open_token(&plan->root, "root", &root, fault) ||
        !open_token(&plan->production, "production", &production, fault) ||
        !open_token(&plan->recovery, "recovery", &recovery, fault) ||
        (has_spare && !open_token(&plan->spare, "spare", &spare, fault)))
        return false;
    struct ceremony_tokens tokens = {.root = root, .production = production, .recovery = recovery, .spare = spare};
    struct ceremony_names names = {
        .organization = plan->organization,
        .country = plan->country,
        .root_years = plan->root_years,
        .issuing_years = plan->issuing_years,
        .station_years = plan->station_years,
        .output = plan->output,
    };
    return ceremony_perform(&tokens, &names, fault);
}

int command_hsm_ceremony(struct cli *cli)
{
    struct fault fault;
    CLEANUP(ceremony_freep) struct ceremony *plan = NULL;
    if (!ceremony_read(cli->arguments[0], &plan, &fault))
        return cli_fail(cli, &fault, "no key was made", "hsm ceremony");
    if (!perform(plan, &fault))
        return cli_fail(cli, &fault, "keys that were there before", "hsm ceremony");
    cli_say(cli, "keys are made; certificates and the record of it are in %s\n", plan->output);
    return FAULT_EXIT_OK;
}
