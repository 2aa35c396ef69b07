#include "station/cli/cli.h"

#include "base/serial.h"
#include "schema/store.h"
#include "station/flow/json.h"

#include <stdio.h>
#include <stdlib.h>

static bool open_record(const struct cli *cli, struct store **ret_store, struct fault *fault)
{
    struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin unit"};
    return store_open(&options, ret_store, fault);
}

int command_unit_show(struct cli *cli)
{
    if (!serial_is_valid(cli->arguments[0]))
        return cli_misused(cli, "'%s' is no serial number: 12 characters, the last one a check character",
                           cli->arguments[0]);
    struct fault fault;
    CLEANUP(store_closep) struct store *store = NULL;
    char *json = NULL;
    if (!open_record(cli, &store, &fault) || (!store_unit_show(store, cli->arguments[0], &json, &fault) &&
                                              !fault_within(&fault, "unit '%s'", cli->arguments[0])))
        return cli_fail(cli, &fault, "nothing was written", "unit show");
    (void)puts(json);
    free(json);
    return FAULT_EXIT_OK;
}

static void print_json(const struct store_unit *unit)
{
    char mac[MAC_TEXT_SIZE];
    char text[1024];
    mac_text(unit->mac, mac);
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_text(&json, "serial", unit->serial);
    json_text(&json, "model", unit->model);
    json_text(&json, "order", unit->order);
    json_text(&json, "state", unit->state);
    json_text(&json, "station", unit->station);
    json_number(&json, "slot", unit->slot);
    json_text(&json, "mac", mac);
    json_number(&json, "mac_count", unit->mac_count);
    json_number(&json, "attempts", unit->attempts);
    json_text(&json, "created", unit->created);
    json_text(&json, "changed", unit->changed);
    json_number(&json, "fault", unit->fault);
    json_text(&json, "fault_name", unit->fault ? fault_name((enum fault_code)unit->fault) : "");
    json_close(&json, '}');
    (void)puts(text);
}

static void print_row(const struct store_unit *unit)
{
    (void)printf("%-12s  %-10s  %-16s  %-12s  %-10s  %4u  %8u  %.19s", unit->serial, unit->state, unit->model,
                 unit->order, unit->station, unit->slot, unit->attempts, unit->changed);
    if (unit->fault)
        (void)printf("  %u %s", unit->fault, fault_name((enum fault_code)unit->fault));
    (void)putchar('\n');
}

static void print_units(const struct cli *cli, const struct store_units *units)
{
    if (!cli->json && !cli->quiet)
        (void)printf("%-12s  %-10s  %-16s  %-12s  %-10s  %4s  %8s  %-19s  %s\n", "SERIAL", "STATE", "MODEL", "ORDER",
                     "STATION", "SLOT", "ATTEMPTS", "CHANGED (UTC)", "LAST FAULT");
    for (size_t i = 0; i < units->count; i++) {
        if (cli->json)
            print_json(&units->units[i]);
        else
            print_row(&units->units[i]);
    }
}

int command_unit_list(struct cli *cli)
{
    struct fault fault;
    uint64_t limit = 0;
    if (cli->values[OPTION_LIMIT] && !cli_number(cli, OPTION_LIMIT, &limit, &fault))
        return cli_fail(cli, &fault, "nothing was done", "unit list");
    struct store_unit_filter filter = {
        .order = cli->values[OPTION_ORDER],
        .state = cli->values[OPTION_STATE],
        .station = cli->values[OPTION_STATION],
        .limit = limit > 1000000 ? 1000000 : (unsigned)limit,
    };
    CLEANUP(store_closep) struct store *store = NULL;
    struct store_units units = {0};
    if (!open_record(cli, &store, &fault) || !store_unit_list(store, &filter, &units, &fault))
        return cli_fail(cli, &fault, "nothing was written", "unit list");
    print_units(cli, &units);
    store_units_free(&units);
    return FAULT_EXIT_OK;
}

int command_unit_scrap(struct cli *cli)
{
    if (!serial_is_valid(cli->arguments[0]))
        return cli_misused(cli, "'%s' is no serial number: 12 characters, the last one a check character",
                           cli->arguments[0]);
    if (!cli->values[OPTION_REASON])
        return cli_misused(cli, "--reason is missing");
    struct fault fault;
    CLEANUP(store_closep) struct store *store = NULL;
    if (!open_record(cli, &store, &fault) ||
        (!store_unit_scrap(store, cli->arguments[0], cli->values[OPTION_REASON], &fault) &&
         !fault_within(&fault, "unit '%s'", cli->arguments[0])))
        return cli_fail(cli, &fault, "the unit stays as it was", "unit scrap");
    cli_say(cli, "unit %s is scrapped: destroy it, and shred its labels\n", cli->arguments[0]);
    return FAULT_EXIT_OK;
}
