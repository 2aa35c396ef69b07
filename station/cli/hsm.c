#include "station/cli/cli.h"

#include "base/secret.h"
#include "hsm/ceremony.h"
#include "jigs/read.h"

static bool open_token(const struct ceremony_token *plan, const struct secret *pin, const char *role,
                       struct token **ret_token, struct fault *fault)
{
    return token_open(plan->module, plan->uri, pin, ret_token, fault) || fault_within(fault, "%s token", role);
}

static bool read_and_open(const struct ceremony_token *plan, const char *role, struct token **ret_token,
                          struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = NULL;
    return secret_from_file(plan->pin_file, &pin, fault) && open_token(plan, pin, role, ret_token, fault);
}

static bool perform(const struct ceremony *plan, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *root_pin = NULL;
    CLEANUP(token_freep) struct token *root = NULL;
    CLEANUP(token_freep) struct token *production = NULL;
    CLEANUP(token_freep) struct token *recovery = NULL;
    CLEANUP(token_freep) struct token *spare = NULL;
    bool has_spare = plan->spare.module[0] != '\0';
    if (!secret_from_file(plan->root.pin_file, &root_pin, fault) ||
        !open_token(&plan->root, root_pin, "root", &root, fault) ||
        !read_and_open(&plan->production, "production", &production, fault) ||
        !read_and_open(&plan->recovery, "recovery", &recovery, fault) ||
        (has_spare && !read_and_open(&plan->spare, "spare", &spare, fault)))
        return false;
    struct ceremony_tokens tokens = {
        .root = root, .root_pin = root_pin, .production = production, .recovery = recovery, .spare = spare};
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
