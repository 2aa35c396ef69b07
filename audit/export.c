#include "audit/export.h"

#include "audit/lines.h"
#include "base/bytes.h"

#include <inttypes.h>
#include <string.h>

/* number, hash, entry */
static bool read_leaf(struct lines *lines, char *from, const char *end, struct audit *audit, struct fault *fault)
{
    uint64_t number = 0;
    struct merkle_hash hash;
    struct fault ignored;
    if (!lines_number(&from, '\t', &number) || end - from < 2 * MERKLE_SIZE + 1 ||
        from[2 * (size_t)MERKLE_SIZE] != '\t')
        return lines_bad(lines, "a leaf is a number, a hash and an entry", fault);
    from[2 * (size_t)MERKLE_SIZE] = '\0';
    if (!hex_read(from, hash.bytes, MERKLE_SIZE, &ignored))
        return lines_bad(lines, "a hash is 64 hexadecimal digits", fault);
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
    if (!lines_number(&from, '\t', &written) || !lines_number(&from, '\0', ret_waiting) || written != leaves)
        return lines_bad(lines, "the file has not as many leaves as it says", fault);
    if (!lines_next(lines, &line, &size, fault))
        return false;
    return !line || lines_bad(lines, "something stands behind the end", fault);
}

bool export_read(FILE *file, struct audit *audit, uint64_t *ret_waiting, struct fault *fault)
{
    CLEANUP(lines_end) struct lines lines = {0};
    char *line;
    size_t size;
    uint64_t leaves = 0;
    if (!lines_begin(&lines, file, fault) || !lines_next(&lines, &line, &size, fault))
        return false;
    if (!line || strncmp(line, EXPORT_MARK, strlen(EXPORT_MARK)) != 0)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "this is no log of version 1");
    if (!audit_origin(audit, line + strlen(EXPORT_MARK), fault))
        return false;
    for (;;) {
        if (!lines_next(&lines, &line, &size, fault))
            return false;
        if (!line)
            return lines_bad(&lines, "the file is cut: it has no end line", fault);
        if (strncmp(line, "leaf\t", 5) == 0) {
            if (!read_leaf(&lines, line + 5, line + size, audit, fault))
                return false;
            leaves++;
        } else if (strncmp(line, "head\t", 5) == 0) {
            read_head(line + 5, line + size, audit);
        } else if (strncmp(line, "end\t", 4) == 0) {
            return read_end(&lines, line + 4, leaves, ret_waiting, fault);
        } else {
            return lines_bad(&lines, "neither leaf nor head nor end", fault);
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
