#include "station/line/stand_in/bench.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_SIZE 512
#define ANSWER_MS 20000

bool bench_open(const char *path, struct bench *ret_bench, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return fault_set(fault, FAULT_FILE, ENAMETOOLONG, "bench's socket '%s': path too long", path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || connect(connection, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        if (connection >= 0)
            (void)close(connection);
        return fault_set(fault, FAULT_FILE, (unsigned long)error, "bench's socket '%s': %s", path, strerror(error));
    }
    ret_bench->socket = connection;
    return true;
}

void bench_close(struct bench *bench)
{
    if (bench->socket >= 0)
        (void)close(bench->socket);
    bench->socket = -1;
}

static bool send_all(struct bench *bench, const char *text, size_t size, struct fault *fault)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = send(bench->socket, text + at, size - at, MSG_NOSIGNAL);
        if (count < 0)
            return fault_set(fault, FAULT_CHANNEL, (unsigned long)errno, "bench: %s", strerror(errno));
        at += (size_t)count;
    }
    return true;
}

static bool read_line(struct bench *bench, char ret_line[LINE_SIZE], struct deadline deadline, struct fault *fault)
{
    size_t size = 0;
    while (size + 1 < LINE_SIZE) {
        struct pollfd ready = {.fd = bench->socket, .events = POLLIN};
        if (poll(&ready, 1, deadline_left_ms(deadline)) <= 0)
            return fault_set(fault, FAULT_TIMED_OUT, 0, "bench does not answer");
        if (recv(bench->socket, ret_line + size, 1, 0) <= 0)
            return fault_set(fault, FAULT_CHANNEL, 0, "bench is gone");
        if (ret_line[size] == '\n') {
            ret_line[size] = '\0';
            return true;
        }
        size++;
    }
    return fault_set(fault, FAULT_BAD_BYTES, 0, "bench's line is too long");
}

bool bench_do(struct bench *bench, struct fault *fault, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof line - 1)
        return fault_set(fault, FAULT_USAGE, 0, "line for the bench is too long");
    line[size] = '\n';
    if (!send_all(bench, line, (size_t)size + 1, fault))
        return false;

    struct deadline deadline = deadline_in_ms(ANSWER_MS);
    for (;;) {
        if (!read_line(bench, line, deadline, fault))
            return false;
        if (strncmp(line, "ok", 2) == 0)
            return true;
        if (strncmp(line, "error", 5) == 0)
            return fault_set(fault, FAULT_USAGE, 0, "bench: %s", line);
        (void)fprintf(stderr, "operator: bench says: %s\n", line);
    }
}
