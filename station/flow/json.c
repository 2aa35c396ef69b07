#include "station/flow/json.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct json json_over(char *text, size_t size)
{
    if (size > 0)
        text[0] = '\0';
    return (struct json){.text = text, .size = size, .failed = size == 0};
}

static void put(struct json *json, const char *text, size_t size)
{
    if (json->failed || json->size - json->at <= size) {
        json->failed = true;
        return;
    }
    memcpy(json->text + json->at, text, size);
    json->at += size;
    json->text[json->at] = '\0';
}

static void put_text(struct json *json, const char *text)
{
    put(json, text, strlen(text));
}

static void put_key(struct json *json, const char *key)
{
    if (json->comma)
        put_text(json, ",");
    json->comma = true;
    if (key) {
        put_text(json, "\"");
        put_text(json, key);
        put_text(json, "\":");
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    put_key(json, key);
    put(json, &bracket, 1);
    json->comma = false;
}

void json_close(struct json *json, char bracket)
{
    put(json, &bracket, 1);
    json->comma = true;
}

/* Bytes of the UTF-8 character at `text`; 0 where it is none (overlong forms, surrogates and a cut end included). */
static size_t utf8_length(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80)
        return 1;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool bad_second = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
                      (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
    return bad_second ? 0 : length;
}

static void put_character(struct json *json, const char *at, size_t length)
{
    unsigned char first = (unsigned char)*at;
    if (length == 0) {
        put_text(json, "\\ufffd");
    } else if (first == '"' || first == '\\') {
        char escaped[] = {'\\', *at};
        put(json, escaped, sizeof escaped);
    } else if (first < 0x20 || first == 0x7f) {
        char escaped[8];
        (void)snprintf(escaped, sizeof escaped, "\\u%04x", first);
        put_text(json, escaped);
    } else {
        put(json, at, length);
    }
}

void json_text(struct json *json, const char *key, const char *value)
{
    put_key(json, key);
    put_text(json, "\"");
    while (*value != '\0') {
        size_t length = utf8_length(value);
        put_character(json, value, length);
        value += length ? length : 1;
    }
    put_text(json, "\"");
}

void json_number(struct json *json, const char *key, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put_key(json, key);
    put_text(json, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
    put_key(json, key);
    put_text(json, value ? "true" : "false");
}

void json_hex(struct json *json, const char *key, const void *bytes, size_t size)
{
    char text[2 * 64 + 1] = "";
    if (size > 64)
        json->failed = true;
    else
        hex_write(bytes, size, text);
    json_text(json, key, text);
}

bool json_end(const struct json *json, const char *what, struct fault *fault)
{
    return !json->failed || fault_set(fault, FAULT_INTERNAL, 0, "%s does not fit %zu bytes of JSON", what, json->size);
}
