#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_int sink = STDERR_FILENO;

/* Kept free for the end of a line that was cut. */
static const char cut_value[] = "...\"";
static const char cut_line[] = " cut=1\n";
#define TAIL_SIZE (sizeof cut_value - 1 + sizeof cut_line - 1)

static size_t room(const struct log_line *line)
{
    return sizeof line->text - TAIL_SIZE - line->at;
}

static void put(struct log_line *line, const char *text, size_t size)
{
    memcpy(line->text + line->at, text, size);
    line->at += size;
}

/* One character of a value as it goes into the line, at most 16 bytes; returns how many bytes of `value` it was. */
static size_t escape_character(const char *value, char ret_escaped[17])
{
    size_t size = utf8_size(value);
    if (size > 0 && !utf8_is_control(value)) {
        bool marked = *value == '"' || *value == '\\';
        (void)snprintf(ret_escaped, 17, "%s%.*s", marked ? "\\" : "", (int)size, value);
        return size;
    }
    if (size == 0)
        size = 1; /* not UTF-8: byte by byte */
    ret_escaped[0] = '\0';
    for (size_t i = 0; i < size; i++)
        (void)snprintf(ret_escaped + 4 * i, 17 - 4 * i, "\\x%02x", (unsigned char)value[i]);
    return size;
}

static bool needs_quotes(const char *value)
{
    if (*value == '\0')
        return true;
    for (; *value != '\0'; value++)
        if (*value <= ' ' || *value > '~' || strchr("\"=\\", *value))
            return true;
    return false;
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
    char priority[] = "<6>t=";
    priority[1] = (char)('0' + (int)level);
    char now[CLOCK_TEXT_SIZE];
    clock_wall_text(now);
    line->at = 0;
    line->cut = false;
    put(line, priority, sizeof priority - 1);
    put(line, now, strlen(now));
    log_text(line, "event", event);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    size_t key_size = strlen(key);
    if (line->cut || room(line) < key_size + sizeof " =\"\"") {
        line->cut = true;
        return;
    }
    put(line, " ", 1);
    put(line, key, key_size);
    put(line, "=", 1);
    bool quoted = needs_quotes(value);
    if (quoted)
        put(line, "\"", 1);
    while (*value != '\0') {
        char escaped[17];
        size_t taken = escape_character(value, escaped);
        size_t size = strlen(escaped);
        if (room(line) < size + 1) {
            line->cut = true;
            put(line, cut_value, sizeof cut_value - 2);
            break;
        }
        put(line, escaped, size);
        value += taken;
    }
    if (quoted)
        put(line, "\"", 1);
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
    char text[sizeof "-9223372036854775808"];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    log_text(line, key, text);
}

void log_fault(struct log_line *line, const struct fault *fault)
{
    char native[2 + 2 * sizeof fault->native + 1];
    (void)snprintf(native, sizeof native, "0x%lx", fault->native);
    char at[96];
    (void)snprintf(at, sizeof at, "%s:%d", fault->file ? fault->file : "-", fault->line);

    log_text(line, "fault", fault_name(fault->code));
    log_number(line, "number", (int64_t)fault->code);
    log_text(line, "native", native);
    log_text(line, "at", at);
    log_text(line, "detail", fault->text);
}

void log_end(struct log_line *line)
{
    if (line->cut)
        put(line, cut_line, sizeof cut_line - 1);
    else
        put(line, "\n", 1);

    /* Nobody can be told that the log is gone; the record store keeps what must not be lost. */
    const int fd = atomic_load(&sink);
    size_t done = 0;
    while (done < line->at) {
        ssize_t count = write(fd, line->text + done, line->at - done);
        if (count < 0 && errno != EINTR)
            return;
        if (count > 0)
            done += (size_t)count;
    }
}

void log_to(int fd)
{
    atomic_store(&sink, fd);
}
