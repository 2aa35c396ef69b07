#include "station/cli/cli.h"

#include "base/secret.h"
#include "hsm/ceremony.h"
#include "jigs/read.h"

#include <stdio.h>
#include <string.h>

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

struct opened {
    struct secret *root_pin;
    struct token *root, *recovery, *spare;
    struct token *production[CEREMONY_PRODUCTION_MAX];
};

static void opened_close(struct opened *opened)
{
    for (size_t i = 0; i < ARRAY_SIZE(opened->production); i++)
        token_free(opened->production[i]);
    token_free(opened->spare);
    token_free(opened->recovery);
    token_free(opened->root);
    secret_free(opened->root_pin);
}

static bool open_all(const struct ceremony *plan, struct opened *opened, struct fault *fault)
{
    bool has_spare = plan->spare.module[0] != '\0';
    if (!secret_from_file(plan->root.pin_file, &opened->root_pin, fault) ||
        !open_token(&plan->root, opened->root_pin, "root", &opened->root, fault) ||
        !read_and_open(&plan->recovery, "recovery", &opened->recovery, fault) ||
        (has_spare && !read_and_open(&plan->spare, "spare", &opened->spare, fault)))
        return false;
    for (unsigned i = 0; i < plan->production_count; i++) {
        char role[32];
        (void)snprintf(role, sizeof role, "production[%u]", i + 1);
        if (!read_and_open(&plan->production[i], role, &opened->production[i], fault))
            return false;
    }
    return true;
}

static bool perform(const struct ceremony *plan, struct fault *fault)
{
    CLEANUP(opened_close) struct opened opened = {0};
    if (!open_all(plan, &opened, fault))
        return false;
    struct ceremony_tokens tokens = {.root = opened.root,
                                     .root_pin = opened.root_pin,
                                     .production_count = plan->production_count,
                                     .recovery = opened.recovery,
                                     .spare = opened.spare};
    memcpy(tokens.production, opened.production, sizeof tokens.production);
    struct ceremony_names names = {
        .organization = plan->organization,
        .country = plan->country,
        .root_years = plan->root_years,
        .issuing_years = plan->issuing_years,
        .station_years = plan->station_years,
        .output = plan->output,
        .person_count = plan->custodian_count,
    };
    for (unsigned i = 0; i < plan->custodian_count; i++)
        names.people[i] = (struct ceremony_person){plan->custodians[i].name, plan->custodians[i].role};
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
