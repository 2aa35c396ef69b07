#include "station/cli/cli.h"

#include "base/process.h"
#include "base/secret.h"
#include "station/line/line.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct fault fault;
    if (!process_harden(&fault) || !secret_arena_open(SECRET_ARENA_BYTES, &fault))
        return cli_fail(NULL, &fault, "nothing was done", "start");
    int code = cli_main(argc, argv);
    if (fflush(stdout) != 0 && code == FAULT_EXIT_OK)
        code = FAULT_EXIT_TRY_AGAIN;
    secret_arena_close();
    return code;
}
