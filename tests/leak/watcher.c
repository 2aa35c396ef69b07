#include "tests/leak/watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 65536
#define KNOWN_MAX 65536
#define BETWEEN_LOOKS_MS 1

static uint64_t known[KNOWN_MAX];
static size_t known_count;

/* FNV-1a: only to tell what was seen from what was not. */
static bool is_new(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    for (size_t i = 0; i < known_count; i++)
        if (known[i] == hash)
            return false;
    if (known_count == KNOWN_MAX)
        _exit(1);
    known[known_count++] = hash;
    return true;
}

static void keep(const char *path, int out)
{
    static char text[TEXT_MAX];
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    const ssize_t size = read(file, text, sizeof text);
    (void)close(file);
    if (size > 0 && is_new(text, (size_t)size) && (write(out, text, (size_t)size) != size || write(out, "\n", 1) != 1))
        _exit(1);
}

static void look(pid_t parent, int out)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (size < 0)
        _exit(1);
    (void)close(file);
    text[size] = '\0';
    char *rest = text;
    for (const char *word; (word = strtok_r(rest, " ", &rest));) {
        (void)snprintf(path, sizeof path, "/proc/%.10s/cmdline", word);
        keep(path, out);
        (void)snprintf(path, sizeof path, "/proc/%.10s/environ", word);
        keep(path, out);
    }
}

pid_t watcher_start(const char *path)
{
    const pid_t parent = getpid();
    const int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    const pid_t watcher = out < 0 ? -1 : fork();
    if (watcher < 0)
        abort();
    if (watcher > 0) {
        (void)close(out);
        return watcher;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    for (;;) {
        look(parent, out);
        (void)poll(NULL, 0, BETWEEN_LOOKS_MS);
    }
}

void watcher_stop(pid_t watcher)
{
    int status;
    /* One that has ended by itself could not see any more. */
    if (kill(watcher, SIGKILL) != 0 || waitpid(watcher, &status, 0) != watcher || !WIFSIGNALED(status))
        abort();
}
