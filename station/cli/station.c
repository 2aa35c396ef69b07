#include "station/cli/cli.h"

#include "station/line/line.h"

#include <string.h>

static bool is_badge(const char *text)
{
    size_t size = strlen(text);
    return size <= 32 && strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == size;
}

int command_station_run(struct cli *cli)
{
    if (!cli->values[OPTION_ORDER])
        return cli_misused(cli, "--order is missing");
    const char *badge = cli->values[OPTION_BADGE] ? cli->values[OPTION_BADGE] : "";
    if (!is_badge(badge))
        return cli_misused(cli, "--badge is at most 32 letters, digits and hyphens");
    struct line_options options = {
        .jig = cli->arguments[0],
        .order = cli->values[OPTION_ORDER],
        .badge = badge,
        .json = cli->json,
        .language = cli->language,
    };
    struct fault fault;
    if (!line_run(&options, &fault))
        return cli_fail(cli, &fault, "each unit stands as its record says", "station run");
    return FAULT_EXIT_OK;
}

static int run_worker(struct cli *cli, int (*run)(const struct worker_options *options))
{
    uint64_t index;
    struct fault fault;
    if (!cli_number(cli, OPTION_INDEX, &index, &fault))
        return cli_fail(cli, &fault, "nothing was done", "start worker");
    struct worker_options options = {
        .jig = cli->arguments[0],
        .index = (unsigned)index,
        .order = cli->values[OPTION_ORDER] ? cli->values[OPTION_ORDER] : "",
        .badge = cli->values[OPTION_BADGE] ? cli->values[OPTION_BADGE] : "",
    };
    return run(&options);
}

int command_slot_worker(struct cli *cli)
{
    return run_worker(cli, slot_worker_run);
}

int command_printer_worker(struct cli *cli)
{
    return run_worker(cli, printer_worker_run);
}

int command_scanner_reader(struct cli *cli)
{
    return run_worker(cli, scanner_reader_run);
}

int command_render(struct cli *cli)
{
    (void)cli;
    return label_child_run();
}
