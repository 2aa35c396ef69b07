#include "tests/unit/device/simulated.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void flash_path(const char *board, char ret_path[64])
{
    snprintf(ret_path, 64, "%s/%s.flash", pki.directory, board);
}

/* Starts a unit on a socket pair; `extra` are more arguments and end with NULL. */
void unit_start(struct simulated *unit, const char *board, const char *model, const char *const *extra)
{
    int pair[2];
    char flash[64], fd[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    flash_path(board, flash);
    snprintf(fd, sizeof fd, "%d", pair[1]);
    const char *argv[32] = {KOKUIN_UNIT, "--flash", flash,  "--root", pki.root_path, "--model", model,
                            "--board",   board,     "--fd", fd,       "--delay-ms",  "20"};
    size_t count = 13;
    for (size_t i = 0; extra && extra[i]; i++)
        argv[count++] = extra[i];
    unit->pid = fork();
    if (unit->pid == 0) {
        fcntl(pair[1], F_SETFD, 0);
        execv(KOKUIN_UNIT, (char *const *)argv);
        _exit(127);
    }
    assert_true(unit->pid > 0);
    close(pair[1]);
    station_start(&unit->station, &pki, pair[0]);
}

void unit_start_misbehaving(struct simulated *unit, const char *board, const char *model, const char *name)
{
    const char *const extra[] = {"--misbehave", name, NULL};
    unit_start(unit, board, model, extra);
}

/* Waits for the program's end, with the cable closed, and gives its exit code. */
int unit_stop(struct simulated *unit)
{
    int status;
    station_stop(&unit->station);
    assert_int_equal(waitpid(unit->pid, &status, 0), unit->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void connect_unit(struct simulated *unit)
{
    assert_true(station_connect(&unit->station, WAIT_MS));
}

void restart_unit(struct simulated *unit)
{
    assert_int_equal(station_simple(&unit->station, RESTART), 0);
    connect_unit(unit);
}

uint64_t outcome(struct simulated *unit, const char *user, const char *password)
{
    struct login_result result;
    assert_int_equal(station_try_login(&unit->station, user, password, &result), 0);
    return result.outcome;
}
