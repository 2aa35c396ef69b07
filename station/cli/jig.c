#include "station/cli/cli.h"

#include "base/clock.h"
#include "jigs/read.h"

#include <stdio.h>

/* A policy past its review date warns; outside its validity it fails. */
static bool check_policies(const struct cli *cli, const struct product *product, struct fault *fault)
{
    char today[CLOCK_TEXT_SIZE];
    clock_wall_text(today);
    today[DATE_SIZE - 1] = '\0';
    for (size_t i = 0; i < product->credential_count; i++) {
        const struct password_policy *policy = &product->credentials[i].policy;
        bool overdue = false;
        if (!policy_check_date(policy, today, &overdue, fault))
            return false;
        if (overdue)
            cli_say(cli, "warning: policy %s version %u: its review was due on %s\n", policy->id, policy->version,
                    policy->review_by);
    }
    return true;
}

int command_jig_check(struct cli *cli)
{
    struct fault fault;
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(cli->arguments[0], &jig, &fault))
        return cli_fail(cli, &fault, "a station that runs keeps what it has read", "jig check");
    for (size_t i = 0; i < jig->product_count; i++) {
        CLEANUP(product_freep) struct product *product = NULL;
        if (!product_read(jig->products[i], &product, &fault) || !check_policies(cli, product, &fault))
            return cli_fail(cli, &fault, "a station that runs keeps what it has read", "jig check");
        cli_say(cli, "%s: %s %s\n", jig->products[i], product->code, product->model);
    }
    cli_say(cli, "%s: station %s, %zu slots, %zu printers, %zu scanners\n", cli->arguments[0], jig->station,
            jig->slot_count, jig->printer_count, jig->scanner_count);
    if (cli->json)
        (void)puts("{\"good\":true}");
    return FAULT_EXIT_OK;
}
