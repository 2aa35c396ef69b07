#include "audit/entry.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS 11
#define FIELD_SIZE 80

/* Fields between tabs, each copied with a terminator. */
static bool split(const char *text, size_t size, char ret_fields[FIELDS][FIELD_SIZE])
{
    const char *end = text + size;
    for (size_t i = 0; i < FIELDS; i++) {
        const char *stop = memchr(text, '\t', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        if (length >= FIELD_SIZE || memchr(text, '\0', length) || (!stop && i + 1 < FIELDS))
            return false;
        memcpy(ret_fields[i], text, length);
        ret_fields[i][length] = '\0';
        text = stop ? stop + 1 : end;
    }
    return true;
}

static bool read_number(const char *text, uint64_t most, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (!*text || strlen(text) > 19)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = 10 * value + (uint64_t)(*text - '0');
    }
    *ret_value = value;
    return value <= most;
}

static bool read_hash(const char *text, uint8_t ret_hash[MERKLE_SIZE])
{
    struct fault ignored;
    return strlen(text) == 2 * MERKLE_SIZE && hex_read(text, ret_hash, MERKLE_SIZE, &ignored);
}

static bool read_uuid(const char *text, uint8_t ret_bytes[16])
{
    char hex[33];
    size_t at = 0;
    struct fault ignored;
    for (; *text && at < 32; text++)
        if (*text != '-')
            hex[at++] = *text;
    hex[at] = '\0';
    return at == 32 && !*text && hex_read(hex, ret_bytes, 16, &ignored);
}

bool entry_read(const char *text, size_t size, struct entry *ret_entry)
{
    char fields[FIELDS][FIELD_SIZE];
    struct entry entry = {0};
    uint64_t station, seq, at;
    if (!split(text, size, fields) || strcmp(fields[0], "1") != 0 || !read_number(fields[1], INT32_MAX, &station) ||
        !read_number(fields[2], INT64_MAX, &entry.chain_seq) || !read_hash(fields[4], entry.chain_hash.bytes) ||
        !read_uuid(fields[5], entry.attempt) || !read_number(fields[6], INT32_MAX, &seq) ||
        strlen(fields[7]) >= sizeof entry.state || !read_number(fields[8], INT64_MAX, &at) ||
        !read_hash(fields[9], entry.request) || strlen(fields[10]) >= sizeof entry.serial)
        return false;
    entry.is_first = fields[3][0] == '\0';
    if (!entry.is_first && !read_hash(fields[3], entry.chain_prev.bytes))
        return false;
    entry.station = (uint32_t)station;
    entry.seq = (uint32_t)seq;
    entry.at = (int64_t)at;
    memcpy(entry.state, fields[7], strlen(fields[7]) + 1);
    memcpy(entry.serial, fields[10], strlen(fields[10]) + 1);
    *ret_entry = entry;
    return true;
}

struct merkle_hash entry_chain_hash(const struct entry *entry)
{
    uint8_t bytes[256];
    struct writer writer = writer_over(bytes, sizeof bytes);
    writer_u32(&writer, entry->station);
    writer_u64(&writer, entry->chain_seq);
    writer_u32(&writer, entry->is_first ? 0 : MERKLE_SIZE);
    if (!entry->is_first)
        writer_bytes(&writer, entry->chain_prev.bytes, MERKLE_SIZE);
    writer_bytes(&writer, entry->attempt, sizeof entry->attempt);
    writer_u32(&writer, entry->seq);
    writer_bytes(&writer, entry->state, strlen(entry->state));
    writer_u64(&writer, (uint64_t)entry->at);
    writer_bytes(&writer, entry->request, sizeof entry->request);
    return merkle_sha256(bytes, writer.at);
}
