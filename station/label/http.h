/* http.h -- the head of one request to a printer, and its reply out of whatever bytes come back.
 *
 * libcups speaks HTTP too, but keeps what it sends in buffers that it does not wipe, takes its waits from
 * client.conf, and sends a request again by itself when a connection broke, which for a label means two of them. So its
 * encoding of IPP is used, and this little HTTP under it.
 *
 * Owner    the caller clears the reply
 * Threads  one reply belongs to one thread
 * Secrets  none: a request's document is appended by the caller; a reply says nothing secret, and is hostile
 * Layer    station/label/
 * Spec     RFC 9112 (HTTP/1.1), as far as RFC 8010 needs it
 */
#pragma once

#include "station/label/wiped.h"

#define HTTP_LINE_SIZE 1024
#define HTTP_HEAD_MAX 16384
#define HTTP_BODY_MAX ((size_t)512 * 1024)

enum http_stage { HTTP_STATUS_LINE, HTTP_FIELDS, HTTP_BODY, HTTP_CHUNK, HTTP_CHUNK_END, HTTP_TRAILER, HTTP_COMPLETE };

/* Zeroed before the first byte. `status` and `body` count once `stage` is HTTP_COMPLETE. */
struct http_reply {
    enum http_stage stage;
    unsigned status;
    bool sized, chunked;
    size_t left; /* bytes of the body, or of the chunk in hand */
    size_t head; /* bytes of lines so far */
    size_t length;
    char line[HTTP_LINE_SIZE];
    struct wiped body;
};

void http_reply_clear(struct http_reply *reply);

/* Appends "POST path HTTP/1.1" with the body's size; the connection is for this one exchange. `host` is HOST:PORT.
 *
 * Faults: NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool http_append_post(const char *host, const char *path, size_t body_size,
                                                    struct wiped *buffer, struct fault *fault);

/* Takes the next bytes; an interim reply (100 Continue) is read over. Bytes behind the reply's end are left unread.
 *
 * Faults: BAD_BYTES for what is no such reply, or is longer than the limits above; NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4) bool http_reply_feed(struct http_reply *reply, const uint8_t *bytes, size_t size,
                                                struct fault *fault);
