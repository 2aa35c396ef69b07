#include "station/label/stand_in/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHUNK 100

struct source {
    const uint8_t *bytes;
    size_t size, at;
};

void request_clear(struct request *request)
{
    ippDelete(request->message);
    *request = (struct request){0};
}

static ssize_t read_source(void *context, ipp_uchar_t *ret_bytes, size_t size)
{
    struct source *source = context;
    size_t left = source->size - source->at;
    size_t count = size < left ? size : left;
    memcpy(ret_bytes, source->bytes + source->at, count);
    source->at += count;
    return (ssize_t)count;
}

/* The head's one field that matters, in a copy with an end. */
static bool read_body_size(const uint8_t *head, size_t size, size_t *ret_size, struct fault *fault)
{
    char text[2048];
    if (size >= sizeof text || size < 16 || memcmp(head, "POST /ipp/print ", 16) != 0)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "not a request to /ipp/print");
    memcpy(text, head, size);
    text[size] = '\0';
    const char *field = strcasestr(text, "\r\nContent-Length:");
    size_t body = field ? strtoul(field + strlen("\r\nContent-Length:"), NULL, 10) : 0;
    if (body < 9 || body > REQUEST_SIZE_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "a request without its length");
    *ret_size = body;
    return true;
}

bool request_read(const struct wiped *input, struct request *ret_request, struct fault *fault)
{
    CLEANUP(request_clear) struct request request = {0};
    const uint8_t *end = input->size > 0 ? memmem(input->bytes, input->size, "\r\n\r\n", 4) : NULL;
    if (!end && input->size >= 2048)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "a head without end");
    if (end) {
        request.head_size = (size_t)(end - input->bytes) + 4;
        if (!read_body_size(input->bytes, request.head_size, &request.body_size, fault))
            return false;
        size_t here = input->size - request.head_size;
        request.whole = here >= request.body_size;
        struct source source = {.bytes = input->bytes + request.head_size,
                                .size = request.whole ? request.body_size : here};
        request.message = ippNew();
        if (!request.message)
            return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a request");
        if (ippReadIO(&source, read_source, 1, NULL, request.message) == IPP_STATE_DATA) {
            request.document = source.bytes + source.at;
            request.document_size = source.size - source.at;
        } else if (request.whole) {
            return fault_set(fault, FAULT_BAD_BYTES, 0, "a request that is not IPP");
        } else {
            ippDelete(request.message);
            request.message = NULL;
        }
    }
    *ret_request = request;
    request = (struct request){0};
    return true;
}

struct sink {
    struct wiped *bytes;
    struct fault *fault;
};

static ssize_t write_sink(void *context, ipp_uchar_t *bytes, size_t size)
{
    struct sink *sink = context;
    return wiped_append(sink->bytes, bytes, size, sink->fault) ? (ssize_t)size : -1;
}

bool request_answer(ipp_t *answer, struct wiped *output, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped bytes = {0};
    struct sink sink = {.bytes = &bytes, .fault = fault};
    if (ippWriteIO(&sink, write_sink, 1, NULL, answer) != IPP_STATE_DATA)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for an answer");
    if (!wiped_append_text(
            output, "HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nTransfer-Encoding: chunked\r\n\r\n", fault))
        return false;
    for (size_t at = 0; at < bytes.size; at += CHUNK) {
        char size[16];
        size_t count = bytes.size - at < CHUNK ? bytes.size - at : CHUNK;
        (void)snprintf(size, sizeof size, "%zX\r\n", count);
        if (!wiped_append_text(output, size, fault) || !wiped_append(output, bytes.bytes + at, count, fault) ||
            !wiped_append_text(output, "\r\n", fault))
            return false;
    }
    return wiped_append_text(output, "0\r\n\r\n", fault);
}
