#include "station/cli/cli.h"

#include "base/bytes.h"
#include "schema/migrate.h"

#include <stdio.h>
#include <string.h>

#define SLOTS_DEFAULT 16

static int print_status(const struct cli *cli, const struct migration_status *status)
{
    if (cli->json)
        (void)printf("{\"applied\":%u,\"known\":%u}\n", status->applied, status->known);
    else
        (void)printf("database  %u\nprogram   %u\n", status->applied, status->known);
    return status->applied == status->known ? FAULT_EXIT_OK : FAULT_EXIT_CHECK_FAILED;
}

int command_schema_migrate(struct cli *cli)
{
    struct fault fault;
    struct migration_status status;
    if (!schema_migrate(cli_record(cli), &status, &fault))
        return cli_fail(cli, &fault, "the last good version is in place", "schema migrate");
    return print_status(cli, &status);
}

int command_schema_status(struct cli *cli)
{
    struct fault fault;
    struct migration_status status;
    if (!schema_status(cli_record(cli), &status, &fault))
        return cli_fail(cli, &fault, "nothing was written", "schema status");
    return print_status(cli, &status);
}

static bool grant_station(const struct cli *cli, struct fault *fault)
{
    uint64_t slots = SLOTS_DEFAULT;
    if (cli->values[OPTION_SLOTS] && !cli_number(cli, OPTION_SLOTS, &slots, fault))
        return false;
    if (slots == 0 || slots > SLOTS_DEFAULT)
        return fault_set(fault, FAULT_USAGE, 0, "--slots is from 1 to %d", SLOTS_DEFAULT);
    const char *name = cli->arguments[1];
    struct station_grant grant = {
        .station = name,
        .login = cli->values[OPTION_LOGIN] ? cli->values[OPTION_LOGIN] : name,
        .slots = (unsigned)slots,
    };
    return schema_grant_station(cli_record(cli), &grant, fault);
}

int command_schema_grant(struct cli *cli)
{
    struct fault fault;
    bool station = strcmp(cli->arguments[0], "station") == 0;
    if (!station && strcmp(cli->arguments[0], "auditor") != 0 && strcmp(cli->arguments[0], "planner") != 0 &&
        strcmp(cli->arguments[0], "sealer") != 0)
        return cli_misused(cli, "grants are for a station, an auditor, a planner or a sealer, not for '%s'",
                           cli->arguments[0]);
    if (!station && (cli->values[OPTION_SLOTS] || cli->values[OPTION_LOGIN]))
        return cli_misused(cli, "--slots and --login are for stations");
    bool granted = station ? grant_station(cli, &fault)
                           : schema_grant_person(cli_record(cli), cli->arguments[0], cli->arguments[1], &fault);
    if (!granted)
        return cli_fail(cli, &fault, "no right was granted", "schema grant");
    cli_say(cli, "%s %s may work\n", cli->arguments[0], cli->arguments[1]);
    return FAULT_EXIT_OK;
}

/* "02:4b:00:00:00:00" */
static bool read_mac(const char *text, uint64_t *ret_mac, struct fault *fault)
{
    uint64_t mac = 0;
    for (int i = 0; i < 6; i++) {
        char pair[3] = {text[3 * i], text[3 * i + 1], '\0'};
        uint8_t byte;
        if (!hex_read(pair, &byte, 1, fault))
            return false;
        if (i < 5 && text[3 * i + 2] != ':')
            return fault_set(fault, FAULT_BAD_BYTES, 0, "expected ':'");
        mac = mac << 8 | byte;
    }
    *ret_mac = mac;
    return true;
}

static bool read_first(const struct cli *cli, uint64_t *ret_first, struct fault *fault)
{
    const char *text = cli->values[OPTION_FIRST];
    if (!text || !strchr(text, ':'))
        return cli_number(cli, OPTION_FIRST, ret_first, fault);
    struct fault why;
    if (strlen(text) != 17 || !read_mac(text, ret_first, &why))
        return fault_set(fault, FAULT_USAGE, 0, "--first: '%s' is no MAC address", text);
    return true;
}

int command_schema_numbers(struct cli *cli)
{
    struct fault fault;
    uint64_t first, count;
    const char *kind = cli->arguments[0];
    if (strcmp(kind, "serial") != 0 && strcmp(kind, "mac") != 0)
        return cli_misused(cli, "numbers are serial or mac, not '%s'", kind);
    if (!read_first(cli, &first, &fault) || !cli_number(cli, OPTION_COUNT, &count, &fault))
        return cli_misused(cli, "%s", fault.text);
    if (count == 0)
        return cli_misused(cli, "--count is at least 1");
    if (!schema_add_numbers(cli_record(cli), kind, first, count, &fault))
        return cli_fail(cli, &fault, "no numbers were added", "schema numbers");
    cli_say(cli, "%llu %s numbers were added\n", (unsigned long long)count, kind);
    return FAULT_EXIT_OK;
}
