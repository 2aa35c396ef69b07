/* What an IPP printer answers, whatever it is: an HTTP reply or none, and an answer in it or none. */
#include "station/label/http.h"
#include "station/label/ipp_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_answer(const uint8_t *bytes, size_t size)
{
    struct ipp_printer_says printer;
    struct ipp_job_says job, jobs[IPP_JOBS_MAX];
    struct fault fault;
    size_t count = 0;
    if (ipp_read_printer(bytes, size, 203, &printer, &fault) &&
        (strnlen(printer.words, sizeof printer.words) == sizeof printer.words ||
         strnlen(printer.uuid, sizeof printer.uuid) == sizeof printer.uuid))
        abort();
    if (ipp_read_job(bytes, size, &job, &fault) && job.id == 0)
        abort();
    if (ipp_read_jobs(bytes, size, jobs, &count, &fault) && count > IPP_JOBS_MAX)
        abort();
    if (ipp_read_done(bytes, size, &fault) && size < 9)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct http_reply reply = {0};
    struct fault fault;
    read_answer(bytes, size);
    if (http_reply_feed(&reply, bytes, size, &fault) && reply.stage == HTTP_COMPLETE) {
        if (reply.body.size > HTTP_BODY_MAX)
            abort();
        read_answer(reply.body.bytes ? reply.body.bytes : (const uint8_t *)"", reply.body.size);
    }
    http_reply_clear(&reply);
    return 0;
}
