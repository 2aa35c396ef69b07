#include "audit/lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool lines_begin(struct lines *lines, FILE *file, struct fault *fault)
{
    *lines = (struct lines){.file = file, .bytes = malloc(LINE_MAX_SIZE)};
    return lines->bytes || fault_set(fault, FAULT_NO_MEMORY, 0, "a line of %u bytes", LINE_MAX_SIZE);
}

void lines_end(struct lines *lines)
{
    free(lines->bytes);
}

bool lines_next(struct lines *lines, char **ret_line, size_t *ret_size, struct fault *fault)
{
    char *line = lines->bytes + lines->at;
    char *stop = memchr(line, '\n', lines->end - lines->at);
    if (!stop) {
        lines->end -= lines->at;
        memmove(lines->bytes, line, lines->end);
        lines->at = 0;
        size_t from = lines->end;
        lines->end += fread(lines->bytes + from, 1, LINE_MAX_SIZE - from, lines->file);
        if (ferror(lines->file))
            return fault_set(fault, FAULT_FILE, 0, "the file cannot be read");
        line = lines->bytes;
        stop = memchr(line + from, '\n', lines->end - from);
    }
    lines->number++;
    if (!stop && lines->end > lines->at)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "line %" PRIu64 " has no end: the file is cut, or no such file",
                         lines->number);
    *ret_line = stop ? line : NULL;
    if (stop) {
        *stop = '\0';
        *ret_size = (size_t)(stop - line);
        lines->at += *ret_size + 1;
    }
    return true;
}

bool lines_bad(const struct lines *lines, const char *what, struct fault *fault)
{
    return fault_set(fault, FAULT_BAD_BYTES, 0, "line %" PRIu64 ": %s", lines->number, what);
}

bool lines_number(char **from, char end, uint64_t *ret_value)
{
    char *at = *from;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9' && at - *from < 19; at++)
        value = 10 * value + (uint64_t)(*at - '0');
    if (at == *from || *at != end)
        return false;
    *from = at + (end != '\0');
    *ret_value = value;
    return true;
}
