#include "station/label/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void http_reply_clear(struct http_reply *reply)
{
    wiped_clear(&reply->body);
    *reply = (struct http_reply){0};
}

bool http_append_post(const char *host, const char *path, size_t body_size, struct wiped *buffer, struct fault *fault)
{
    char size[32];
    (void)snprintf(size, sizeof size, "%zu", body_size);
    const char *const texts[] = {"POST ",
                                 path,
                                 " HTTP/1.1\r\nHost: ",
                                 host,
                                 "\r\nConnection: close\r\nContent-Type: application/ipp\r\nContent-Length: ",
                                 size,
                                 "\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!wiped_append_text(buffer, texts[i], fault))
            return false;
    return true;
}

static bool refuse(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_BAD_BYTES, 0, "the printer's HTTP: %s", what);
}

/* A size in digits of the base, and nothing but spaces or a chunk's extension behind it. */
static bool read_size(const char *text, unsigned base, size_t *ret_size, struct fault *fault)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    size_t size = 0;
    const char *at = text;
    for (; *at; at++) {
        const char *digit = strchr(digits, *at);
        unsigned value = digit ? (unsigned)(digit - digits) % 16 : base;
        if (value >= base)
            break;
        size = size * base + value;
        if (size > HTTP_BODY_MAX)
            return refuse(fault, "a body without measure");
    }
    if (at == text || (*at && *at != ' ' && *at != '\t' && *at != ';'))
        return refuse(fault, "a size that is none");
    *ret_size = size;
    return true;
}

static bool take_status_line(struct http_reply *reply, struct fault *fault)
{
    const char *line = reply->line;
    bool good = reply->length >= 12 && strncmp(line, "HTTP/1.", 7) == 0 && strchr("01", line[7]) && line[8] == ' ' &&
                (line[12] == ' ' || line[12] == '\0');
    unsigned status = 0;
    for (size_t i = 9; good && i < 12; i++) {
        good = line[i] >= '0' && line[i] <= '9';
        status = status * 10 + (unsigned)(line[i] - '0');
    }
    if (!good || status < 100)
        return refuse(fault, "no status line");
    reply->status = status;
    reply->stage = HTTP_FIELDS;
    return true;
}

static bool take_field(struct http_reply *reply, struct fault *fault)
{
    static const char length[] = "Content-Length:", coding[] = "Transfer-Encoding:";
    if (strncasecmp(reply->line, length, sizeof length - 1) == 0) {
        const char *value = reply->line + sizeof length - 1;
        size_t size = 0;
        if (!read_size(value + strspn(value, " \t"), 10, &size, fault))
            return false;
        if (reply->sized && size != reply->left)
            return refuse(fault, "two lengths");
        reply->left = size;
        reply->sized = true;
    } else if (strncasecmp(reply->line, coding, sizeof coding - 1) == 0) {
        const char *value = reply->line + sizeof coding - 1;
        value += strspn(value, " \t");
        if (strncasecmp(value, "chunked", 7) != 0 || value[7 + strspn(value + 7, " \t")] != '\0')
            return refuse(fault, "a coding that is not asked for");
        reply->chunked = true;
    }
    return true;
}

static bool end_fields(struct http_reply *reply, struct fault *fault)
{
    if (reply->status < 200) {
        reply->stage = HTTP_STATUS_LINE;
        reply->sized = reply->chunked = false;
        return true;
    }
    if (reply->sized == reply->chunked)
        return refuse(fault, reply->sized ? "a length and chunks" : "a body without a length");
    if (reply->chunked)
        reply->stage = HTTP_CHUNK;
    else
        reply->stage = reply->left > 0 ? HTTP_BODY : HTTP_COMPLETE;
    return true;
}

static bool take_chunk_size(struct http_reply *reply, struct fault *fault)
{
    size_t size = 0;
    if (!read_size(reply->line, 16, &size, fault))
        return false;
    if (reply->body.size + size > HTTP_BODY_MAX)
        return refuse(fault, "a body without measure");
    reply->left = size;
    reply->stage = size > 0 ? HTTP_BODY : HTTP_TRAILER;
    return true;
}

static bool take_line(struct http_reply *reply, struct fault *fault)
{
    switch (reply->stage) {
    case HTTP_STATUS_LINE:
        return take_status_line(reply, fault);
    case HTTP_FIELDS:
        return reply->length > 0 ? take_field(reply, fault) : end_fields(reply, fault);
    case HTTP_CHUNK:
        return take_chunk_size(reply, fault);
    case HTTP_CHUNK_END:
        if (reply->length > 0)
            return refuse(fault, "a chunk that is longer than it said");
        reply->stage = HTTP_CHUNK;
        return true;
    case HTTP_TRAILER:
        if (reply->length == 0)
            reply->stage = HTTP_COMPLETE;
        return true;
    case HTTP_BODY:
    case HTTP_COMPLETE:
        break;
    }
    return refuse(fault, "a line where there is none");
}

static bool take_letter(struct http_reply *reply, char letter, struct fault *fault)
{
    if (++reply->head > HTTP_HEAD_MAX || reply->length + 1 >= sizeof reply->line)
        return refuse(fault, "a head without measure");
    if (letter == '\0')
        return refuse(fault, "a zero byte in its head");
    if (letter != '\n') {
        reply->line[reply->length++] = letter;
        return true;
    }
    if (reply->length > 0 && reply->line[reply->length - 1] == '\r')
        reply->length--;
    reply->line[reply->length] = '\0';
    bool taken = take_line(reply, fault);
    reply->length = 0;
    return taken;
}

static bool take_body(struct http_reply *reply, const uint8_t *bytes, size_t size, struct fault *fault)
{
    if (!wiped_append(&reply->body, bytes, size, fault))
        return false;
    reply->left -= size;
    if (reply->left == 0)
        reply->stage = reply->chunked ? HTTP_CHUNK_END : HTTP_COMPLETE;
    return true;
}

bool http_reply_feed(struct http_reply *reply, const uint8_t *bytes, size_t size, struct fault *fault)
{
    size_t at = 0;
    while (at < size && reply->stage != HTTP_COMPLETE) {
        if (reply->stage == HTTP_BODY) {
            size_t count = size - at < reply->left ? size - at : reply->left;
            if (!take_body(reply, bytes + at, count, fault))
                return false;
            at += count;
        } else if (!take_letter(reply, (char)bytes[at++], fault)) {
            return false;
        }
    }
    return true;
}
