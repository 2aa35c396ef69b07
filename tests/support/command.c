#include "tests/support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int start(const char *const *argv, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    int result = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (result == 0)
        result = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return result;
}

int command_run(const char *const *argv)
{
    pid_t pid;
    return start(argv, STDERR_FILENO, &pid) == 0 ? wait_for(pid) : -1;
}

int command_read(const char *const *argv, char *ret_output, size_t size)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    int started = start(argv, ends[1], &pid);
    (void)close(ends[1]);
    size_t at = 0;
    char rest[4096];
    for (;;) {
        bool full = at + 1 >= size;
        ssize_t count = read(ends[0], full ? rest : ret_output + at, full ? sizeof rest : size - 1 - at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        if (!full)
            at += (size_t)count;
    }
    ret_output[at] = '\0';
    (void)close(ends[0]);
    return started == 0 ? wait_for(pid) : -1;
}
