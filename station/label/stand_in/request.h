/* request.h -- an IPP request over HTTP as the stand-in hears it, and its replies.
 *
 * Shares nothing with the way a station asks (station/label/http.h, ipp_message.h) but libcups' encoding.
 *
 * Owner    request_clear()
 * Threads  one
 * Secrets  the document behind a request shows passwords; it stays where it came in
 * Layer    station/label/stand_in/
 */
#pragma once

#include "station/label/wiped.h"

#include <cups/ipp.h>

#define REQUEST_SIZE_MAX ((size_t)16 * 1024 * 1024)

struct request {
    ipp_t *message;          /* NULL until it is all there */
    size_t head_size;        /* HTTP's */
    size_t body_size;        /* as the head says; 0 until the head is there */
    const uint8_t *document; /* inside the input */
    size_t document_size;    /* as much of it as is there */
    bool whole;
};

void request_clear(struct request *request);

/* Looks at what came in so far, and takes nothing away. Faults: BAD_BYTES, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool request_read(const struct wiped *input, struct request *ret_request,
                                             struct fault *fault);

/* Appends the answer as an HTTP reply in chunks. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool request_answer(ipp_t *answer, struct wiped *output, struct fault *fault);
