#include "hsm/records.h"

#include "base/bytes.h"
#include "hsm/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 160

static bool add(const char *directory, const char *name, struct records *records, struct fault *fault)
{
    char *text;
    size_t size;
    if (!output_read(directory, name, &text, &size, fault))
        return false;
    if (!text)
        return true;
    if (records->count == RECORDS_MAX || strlen(text) != size) {
        free(text);
        return fault_set(fault, FAULT_FILE, 0, "'%s' is no text, or there are more than %d records", name, RECORDS_MAX);
    }
    records->texts[records->count++] = text;
    return true;
}

bool records_read(const char *directory, struct records *records, struct fault *fault)
{
    char name[PLACE_NAME_SIZE];
    bool read = add(directory, RECORD_FILE, records, fault);
    for (unsigned i = 1; i <= RECORDS_NUMBER_MAX && read; i++) {
        (void)snprintf(name, sizeof name, "restore-%u.json", i);
        read = add(directory, name, records, fault);
    }
    return read;
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        free(records->texts[i]);
    records->count = 0;
}

/* From its opening brace to its closing one. */
static bool entry_in(const char *text, const char *name, const char **ret_lines, size_t *ret_size)
{
    static const char closing[] = "\n    }";
    char head[LINE_SIZE];
    (void)snprintf(head, sizeof head, "    {\n      \"name\": \"%s\",\n", name);
    const char *at = strstr(text, head);
    const char *end = at ? strstr(at, closing) : NULL;
    if (!end)
        return false;
    *ret_lines = at;
    *ret_size = (size_t)(end - at) + sizeof closing - 1;
    return true;
}

static bool has_line(const char *lines, size_t size, const char *line)
{
    return memmem(lines, size, line, strlen(line)) != NULL;
}

static void serial_line(const struct token *token, char ret_line[LINE_SIZE])
{
    size_t size = TOKEN_SERIAL_SIZE;
    while (size > 0 && token->serial[size - 1] == ' ')
        size--;
    (void)snprintf(ret_line, LINE_SIZE, "\n      \"token_serial\": \"%.*s\",\n", (int)size,
                   (const char *)token->serial);
}

bool records_find(const struct records *records, const char *name, const struct token *token, const char **ret_lines,
                  size_t *ret_size)
{
    char line[LINE_SIZE];
    serial_line(token, line);
    for (size_t i = 0; i < records->count; i++)
        if (entry_in(records->texts[i], name, ret_lines, ret_size) && has_line(*ret_lines, *ret_size, line))
            return true;
    return false;
}

unsigned records_number(const struct records *records, const struct token *token)
{
    char name[PLACE_NAME_SIZE];
    const char *lines;
    size_t size;
    for (unsigned i = 1; i <= RECORDS_NUMBER_MAX; i++) {
        (void)snprintf(name, sizeof name, "issuing-%u", i);
        if (records_find(records, name, token, &lines, &size))
            return i;
    }
    return 0;
}

unsigned records_highest(const struct records *records)
{
    char name[PLACE_NAME_SIZE];
    const char *lines;
    size_t size;
    unsigned highest = 0;
    for (unsigned i = 1; i <= RECORDS_NUMBER_MAX; i++) {
        (void)snprintf(name, sizeof name, "issuing-%u", i);
        for (size_t k = 0; k < records->count; k++)
            if (entry_in(records->texts[k], name, &lines, &size))
                highest = i;
    }
    return highest;
}

bool records_hex(const char *lines, size_t size, const char *field, uint8_t *ret_bytes, size_t bytes,
                 struct fault *fault)
{
    char head[LINE_SIZE], hex[2 * 32 + 1];
    (void)snprintf(head, sizeof head, "\n      \"%s\": \"", field);
    const char *at = memmem(lines, size, head, strlen(head));
    if (!at || bytes > 32 || size - (size_t)(at - lines) < strlen(head) + 2 * bytes + 1 ||
        at[strlen(head) + 2 * bytes] != '"')
        return fault_set(fault, FAULT_BAD_BYTES, 0, "the record has no \"%s\" as this program writes it", field);
    memcpy(hex, at + strlen(head), 2 * bytes);
    hex[2 * bytes] = '\0';
    return hex_read(hex, ret_bytes, bytes, fault);
}
