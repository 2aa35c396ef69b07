#include "station/cli/cli.h"

#include <stdio.h>

#include "hsm/archive.h"
#include "station/cli/plan.h"
#include "station/flow/json.h"

int command_hsm_ceremony(struct cli *cli)
{
    struct fault fault;
    CLEANUP(plan_close) struct plan plan = {0};
    if (!plan_open(cli->arguments[0], &plan, &fault))
        return cli_fail(cli, &fault, "no key was made", "hsm ceremony");
    if (!ceremony_perform(&plan.tokens, &plan.names, &fault))
        return cli_fail(cli, &fault, "keys that were there before", "hsm ceremony");
    cli_say(cli, "keys are made; certificates, the record and ceremony.html, the page to print and sign, are in %s\n",
            plan.names.output);
    return FAULT_EXIT_OK;
}

static void report_json(const char *name, const char *token, const struct fault *difference)
{
    char text[4096]; /* a fault's text has 256 bytes, and each becomes six at most */
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_text(&json, "name", name);
    json_text(&json, "token", token);
    json_bool(&json, "good", !difference);
    if (difference) {
        json_number(&json, "fault", difference->code);
        json_text(&json, "fault_name", fault_name(difference->code));
        json_text(&json, "text", difference->text);
    }
    json_close(&json, '}');
    (void)puts(text);
}

static void report(void *context, const char *name, const char *token, const struct fault *difference)
{
    const struct cli *cli = context;
    if (cli->json)
        report_json(name, token, difference);
    else if (difference)
        (void)printf("%-18s %-32s DIFFERS: %s (%d %s)\n", name, token, difference->text, difference->code,
                     fault_name(difference->code));
    else
        (void)printf("%-18s %-32s as recorded\n", name, token);
}

int command_hsm_check(struct cli *cli)
{
    struct fault fault;
    CLEANUP(plan_close) struct plan plan = {0};
    if (!plan_open(cli->arguments[0], &plan, &fault) || !ceremony_check(&plan.tokens, &plan.names, report, cli, &fault))
        return cli_fail(cli, &fault, "nothing was changed", "hsm check");
    cli_say(cli, "every key is as its record says\n");
    return FAULT_EXIT_OK;
}

int command_hsm_backup(struct cli *cli)
{
    struct fault fault;
    CLEANUP(plan_close) struct plan plan = {0};
    if (!plan_open(cli->arguments[0], &plan, &fault) ||
        !archive_make(&plan.tokens, &plan.names, cli->arguments[1], report, cli, &fault))
        return cli_fail(cli, &fault, "no copy was made", "hsm backup");
    cli_say(cli, "every key is as its record says; the copy is in %s\n", cli->arguments[1]);
    return FAULT_EXIT_OK;
}

int command_hsm_restore(struct cli *cli)
{
    struct fault fault;
    unsigned number;
    CLEANUP(plan_close) struct plan plan = {0};
    if (!plan_open(cli->arguments[0], &plan, &fault) ||
        !archive_restore(&plan.tokens, &plan.names, cli->arguments[1], &number, &fault))
        return cli_fail(cli, &fault, "keys that were there before", "hsm restore");
    if (cli->json)
        (void)printf("{\"number\":%u}\n", number);
    cli_say(cli,
            "production token %u is made; issuing-%u.pem, station-%u.pem, checkpoint-%u.pem and restore-%u.html, the "
            "page to print and sign, are in %s\n",
            number, number, number, number, number, plan.names.output);
    return FAULT_EXIT_OK;
}
