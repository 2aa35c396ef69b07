#include "station/cli/cli.h"

#include "schema/store.h"

#include <stdio.h>
#include <stdlib.h>

int command_record_summary(struct cli *cli)
{
    struct fault fault;
    struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin record"};
    CLEANUP(store_closep) struct store *store = NULL;
    char *json = NULL;
    if (!store_open(&options, &store, &fault) || !store_summary(store, &json, &fault))
        return cli_fail(cli, &fault, "nothing was written", "record summary");
    (void)puts(json);
    free(json);
    return FAULT_EXIT_OK;
}
