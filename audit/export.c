#include "audit/export.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_SIZE (AUDIT_ENTRY_MAX + 256)

struct lines {
    FILE *file;
    char *bytes;
    size_t at, end;
    uint64_t number; /* of the line, from 1 */
};

static void lines_end(struct lines *lines)
{
    free(lines->bytes);
}

/* The next line, without its end and with a terminator in its place; NULL at the end of the file. */
static bool next_line(struct lines *lines, char **ret_line, size_t *ret_size, struct fault *fault)
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
            return fault_set(fault, FAULT_FILE, 0, "the log's file cannot be read");
        line = lines->bytes;
        stop = memchr(line + from, '\n', lines->end - from);
    }
    lines->number++;
    if (!stop && lines->end > lines->at)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "line %" PRIu64 " has no end: the file is cut or is no log",
                         lines->number);
    *ret_line = stop ? line : NULL;
    if (stop) {
        *stop = '\0';
        *ret_size = (size_t)(stop - line);
        lines->at += *ret_size + 1;
    }
    return true;
}

static bool bad_line(const struct lines *lines, const char *what, struct fault *fault)
{
    return fault_set(fault, FAULT_BAD_BYTES, 0, "line %" PRIu64 ": %s", lines->number, what);
}

/* "NUMBER<tab>": moves behind it. */
static bool take_number(char **from, char end, uint64_t *ret_value)
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

/* number, hash, entry */
static bool read_leaf(struct lines *lines, char *from, const char *end, struct audit *audit, struct fault *fault)
{
    uint64_t number = 0;
    struct merkle_hash hash;
    struct fault ignored;
    if (!take_number(&from, '\t', &number) || end - from < 2 * MERKLE_SIZE + 1 || from[2 * (size_t)MERKLE_SIZE] != '\t')
        return bad_line(lines, "a leaf is a number, a hash and an entry", fault);
    from[2 * (size_t)MERKLE_SIZE] = '\0';
    if (!hex_read(from, hash.bytes, MERKLE_SIZE, &ignored))
        return bad_line(lines, "a hash is 64 hexadecimal digits", fault);
    from += 2 * MERKLE_SIZE; /* what separates hash and entry makes room for the leaf's prefix */
    return audit_leaf(audit, number, &hash, (uint8_t *)from, (size_t)(end - from) - 1, fault);
}

static void read_head(char *from, char *end, struct audit *audit)
{
    for (char *at = from; at < end; at++)
        if (*at == '\t')
            *at = '\n';
    audit_own_head(audit, from, (size_t)(end - from));
}

static bool read_end(struct lines *lines, char *from, uint64_t leaves, uint64_t *ret_waiting, struct fault *fault)
{
    uint64_t written = 0;
    char *line;
    size_t size;
    if (!take_number(&from, '\t', &written) || !take_number(&from, '\0', ret_waiting) || written != leaves)
        return bad_line(lines, "the file has not as many leaves as it says", fault);
    if (!next_line(lines, &line, &size, fault))
        return false;
    return !line || bad_line(lines, "something stands behind the end", fault);
}

bool export_read(FILE *file, struct audit *audit, uint64_t *ret_waiting, struct fault *fault)
{
    CLEANUP(lines_end) struct lines lines = {.file = file, .bytes = malloc(LINE_MAX_SIZE)};
    char *line;
    size_t size;
    uint64_t leaves = 0;
    if (!lines.bytes)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "a line of the log");
    if (!next_line(&lines, &line, &size, fault))
        return false;
    if (!line || strncmp(line, EXPORT_MARK, strlen(EXPORT_MARK)) != 0)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "this is no log of version 1");
    if (!audit_origin(audit, line + strlen(EXPORT_MARK), fault))
        return false;
    for (;;) {
        if (!next_line(&lines, &line, &size, fault))
            return false;
        if (!line)
            return bad_line(&lines, "the file is cut: it has no end line", fault);
        if (strncmp(line, "leaf\t", 5) == 0) {
            if (!read_leaf(&lines, line + 5, line + size, audit, fault))
                return false;
            leaves++;
        } else if (strncmp(line, "head\t", 5) == 0) {
            read_head(line + 5, line + size, audit);
        } else if (strncmp(line, "end\t", 4) == 0) {
            return read_end(&lines, line + 4, leaves, ret_waiting, fault);
        } else {
            return bad_line(&lines, "neither leaf nor head nor end", fault);
        }
    }
}

void export_begin(FILE *file, const char *origin)
{
    (void)fprintf(file, EXPORT_MARK "%s\n", origin);
}

void export_leaf(FILE *file, uint64_t number, const uint8_t *hash, const char *entry)
{
    char hex[2 * MERKLE_SIZE + 1];
    hex_write(hash, MERKLE_SIZE, hex);
    (void)fprintf(file, "leaf\t%" PRIu64 "\t%s\t%s\n", number, hex, entry);
}

void export_head(FILE *file, const char *note)
{
    (void)fputs("head\t", file);
    for (; *note; note++)
        (void)fputc(*note == '\n' ? '\t' : *note, file);
    (void)fputc('\n', file);
}

void export_end(FILE *file, uint64_t leaves, uint64_t waiting)
{
    (void)fprintf(file, "end\t%" PRIu64 "\t%" PRIu64 "\n", leaves, waiting);
}
