#include "station/label/ipp_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cups/ipp.h>

#define REQUEST_ID 1

static void delete_message(ipp_t **message)
{
    ippDelete(*message);
}

/* ---- asking ---- */

struct writing {
    struct wiped *buffer;
    struct fault *fault;
};

static ssize_t write_bytes(void *context, ipp_uchar_t *bytes, size_t size)
{
    struct writing *writing = context;
    return wiped_append(writing->buffer, bytes, size, writing->fault) ? (ssize_t)size : -1;
}

/* ippNewRequest() would look for the locale; every message here is in English and UTF-8. */
static ipp_t *new_request(const struct ipp_parties *parties, ipp_op_t operation)
{
    ipp_t *request = ippNew();
    if (!request)
        return NULL;
    (void)ippSetVersion(request, 2, 0);
    (void)ippSetOperation(request, operation);
    (void)ippSetRequestId(request, REQUEST_ID);
    (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_CHARSET, "attributes-charset", NULL, "utf-8");
    (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_LANGUAGE, "attributes-natural-language", NULL, "en");
    (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, parties->uri);
    return request;
}

/* An attribute that could not be added for want of memory is found by the printer, which refuses the request. */
static void add_user(ipp_t *request, const struct ipp_parties *parties)
{
    (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, parties->user);
}

static void add_wishes(ipp_t *request, const char *const *names, int count)
{
    (void)ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", count, NULL, names);
}

static bool append_request(ipp_t *request, struct wiped *buffer, struct fault *fault)
{
    struct writing writing = {.buffer = buffer, .fault = fault};
    if (!request)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a question to the printer");
    if (ippWriteIO(&writing, write_bytes, 1, NULL, request) != IPP_STATE_DATA)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a question to the printer");
    return true;
}

bool ipp_append_ask_printer(const struct ipp_parties *parties, struct wiped *buffer, struct fault *fault)
{
    static const char *const wishes[] = {"printer-state",
                                         "printer-state-reasons",
                                         "printer-is-accepting-jobs",
                                         "queued-job-count",
                                         "printer-uuid",
                                         "printer-up-time",
                                         "document-format-supported",
                                         "pwg-raster-document-resolution-supported",
                                         "pwg-raster-document-type-supported"};
    CLEANUP(delete_message) ipp_t *request = new_request(parties, IPP_OP_GET_PRINTER_ATTRIBUTES);
    if (request) {
        add_user(request, parties);
        add_wishes(request, wishes, ARRAY_SIZE(wishes));
    }
    return append_request(request, buffer, fault);
}

bool ipp_append_print(const struct ipp_parties *parties, const char *name, struct wiped *buffer, struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *request = new_request(parties, IPP_OP_PRINT_JOB);
    if (request) {
        add_user(request, parties);
        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, name);
        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, "image/pwg-raster");
        (void)ippAddInteger(request, IPP_TAG_JOB, IPP_TAG_INTEGER, "copies", 1);
        (void)ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "print-scaling", NULL, "none");
    }
    return append_request(request, buffer, fault);
}

static ipp_t *new_job_request(const struct ipp_parties *parties, ipp_op_t operation, uint32_t id)
{
    ipp_t *request = new_request(parties, operation);
    if (!request)
        return NULL;
    (void)ippAddInteger(request, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", (int)id);
    add_user(request, parties);
    return request;
}

static const char *const job_wishes[] = {"job-id", "job-name", "job-state", "job-state-reasons",
                                         "job-impressions-completed"};

bool ipp_append_ask_job(const struct ipp_parties *parties, uint32_t id, struct wiped *buffer, struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *request = new_job_request(parties, IPP_OP_GET_JOB_ATTRIBUTES, id);
    if (request)
        add_wishes(request, job_wishes, ARRAY_SIZE(job_wishes));
    return append_request(request, buffer, fault);
}

bool ipp_append_ask_jobs(const struct ipp_parties *parties, struct wiped *buffer, struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *request = new_request(parties, IPP_OP_GET_JOBS);
    if (request) {
        add_user(request, parties);
        (void)ippAddInteger(request, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "limit", IPP_JOBS_MAX);
        add_wishes(request, job_wishes, ARRAY_SIZE(job_wishes));
        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "not-completed");
        (void)ippAddBoolean(request, IPP_TAG_OPERATION, "my-jobs", 1);
    }
    return append_request(request, buffer, fault);
}

bool ipp_append_cancel(const struct ipp_parties *parties, uint32_t id, struct wiped *buffer, struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *request = new_job_request(parties, IPP_OP_CANCEL_JOB, id);
    return append_request(request, buffer, fault);
}

/* ---- understanding ---- */

struct reading {
    const uint8_t *bytes;
    size_t size, at;
};

static ssize_t read_bytes(void *context, ipp_uchar_t *ret_bytes, size_t size)
{
    struct reading *reading = context;
    size_t left = reading->size - reading->at;
    size_t count = size < left ? size : left;
    memcpy(ret_bytes, reading->bytes + reading->at, count);
    reading->at += count;
    return (ssize_t)count;
}

/* The answer's attributes, unless the printer refuses. */
static bool open_answer(const uint8_t *bytes, size_t size, ipp_t **ret_answer, struct fault *fault)
{
    struct reading reading = {.bytes = bytes, .size = size};
    CLEANUP(delete_message) ipp_t *answer = ippNew();
    if (!answer)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a printer's answer");
    if (ippReadIO(&reading, read_bytes, 1, NULL, answer) != IPP_STATE_DATA)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "the printer's answer is not IPP");
    if (ippGetRequestId(answer) != REQUEST_ID)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "the printer's answer is to another question");
    ipp_status_t status = ippGetStatusCode(answer);
    if (status < 0 || status >= 0x0100) {
        enum fault_code code = (int)status == IPP_SAYS_BUSY ? FAULT_PRINTER_HOLDS : FAULT_PRINTER_NOT_READY;
        return fault_set(fault, code, (unsigned long)status, "the printer refuses: %s", ippErrorString(status));
    }
    *ret_answer = TAKE(answer);
    return true;
}

static ipp_attribute_t *find(ipp_t *answer, const char *name)
{
    return ippFindAttribute(answer, name, IPP_TAG_ZERO);
}

static bool is_integer(ipp_attribute_t *attribute)
{
    return attribute && (ippGetValueTag(attribute) == IPP_TAG_INTEGER || ippGetValueTag(attribute) == IPP_TAG_ENUM) &&
           ippGetCount(attribute) == 1;
}

/* Not negative; what is not there, or is none, is `otherwise`. */
static uint32_t number_of(ipp_attribute_t *attribute, uint32_t otherwise)
{
    if (!is_integer(attribute) || ippGetInteger(attribute, 0) < 0)
        return otherwise;
    return (uint32_t)ippGetInteger(attribute, 0);
}

static bool is_text(ipp_attribute_t *attribute)
{
    if (!attribute)
        return false;
    switch (ippGetValueTag(attribute)) {
    case IPP_TAG_NAME:
    case IPP_TAG_NAMELANG:
    case IPP_TAG_KEYWORD:
    case IPP_TAG_URI:
    case IPP_TAG_MIMETYPE:
        return true;
    default:
        return false;
    }
}

static bool holds_text(ipp_attribute_t *attribute, const char *text)
{
    for (int i = 0; is_text(attribute) && i < ippGetCount(attribute); i++) {
        const char *value = ippGetString(attribute, i, NULL);
        if (value && strcmp(value, text) == 0)
            return true;
    }
    return false;
}

static bool holds_dpi(ipp_attribute_t *attribute, unsigned dpi)
{
    int count = attribute && ippGetValueTag(attribute) == IPP_TAG_RESOLUTION ? ippGetCount(attribute) : 0;
    for (int i = 0; i < count; i++) {
        int down = 0;
        ipp_res_t unit = IPP_RES_PER_INCH;
        int across = ippGetResolution(attribute, i, &down, &unit);
        if (unit == IPP_RES_PER_INCH && across == (int)dpi && down == (int)dpi)
            return true;
    }
    return false;
}

/* The keyword without its severity. */
static size_t stem_length(const char *reason)
{
    static const char *const severities[] = {"-report", "-warning", "-error"};
    size_t length = strlen(reason);
    for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
        size_t tail = strlen(severities[i]);
        if (length > tail && strcmp(reason + length - tail, severities[i]) == 0)
            return length - tail;
    }
    return length;
}

/* In the order in which they are mended. */
static const struct {
    const char *stem;
    enum fault_code code;
} troubles[] = {
    {"media-empty", FAULT_PRINTER_PAPER},
    {"media-needed", FAULT_PRINTER_PAPER},
    {"input-tray-missing", FAULT_PRINTER_PAPER},
    {"marker-supply-empty", FAULT_PRINTER_RIBBON},
    {"toner-empty", FAULT_PRINTER_RIBBON},
    {"cover-open", FAULT_PRINTER_HEAD},
    {"door-open", FAULT_PRINTER_HEAD},
    {"interlock-open", FAULT_PRINTER_HEAD},
    {"trimmer-jam", FAULT_PRINTER_CUTTER},
    {"fuser-over-temp", FAULT_PRINTER_HOT},
    {"marker-over-temp", FAULT_PRINTER_HOT},
    {"media-jam", FAULT_PRINTER_NOT_READY},
    {"paused", FAULT_PRINTER_PAUSED},
    {"moving-to-paused", FAULT_PRINTER_PAUSED},
};

static enum fault_code find_trouble(ipp_attribute_t *reasons)
{
    size_t first = ARRAY_SIZE(troubles);
    for (int i = 0; is_text(reasons) && i < ippGetCount(reasons); i++) {
        const char *reason = ippGetString(reasons, i, NULL);
        size_t length = reason ? stem_length(reason) : 0;
        for (size_t k = 0; k < first; k++)
            if (strlen(troubles[k].stem) == length && memcmp(troubles[k].stem, reason, length) == 0)
                first = k;
    }
    return first < ARRAY_SIZE(troubles) ? troubles[first].code : FAULT_NONE;
}

static void join_words(ipp_attribute_t *attribute, char ret_words[IPP_WORDS_SIZE])
{
    size_t used = 0;
    ret_words[0] = '\0';
    for (int i = 0; is_text(attribute) && i < ippGetCount(attribute) && used < IPP_WORDS_SIZE; i++) {
        const char *word = ippGetString(attribute, i, NULL);
        int more = snprintf(ret_words + used, IPP_WORDS_SIZE - used, "%s%s", i > 0 ? ", " : "", word ? word : "");
        used += more > 0 ? (size_t)more : 0;
    }
}

static void copy_text(ipp_attribute_t *attribute, char *ret_text, size_t size)
{
    const char *text = is_text(attribute) ? ippGetString(attribute, 0, NULL) : NULL;
    (void)snprintf(ret_text, size, "%.*s", (int)size - 1, text ? text : "");
}

bool ipp_read_printer(const uint8_t *bytes, size_t size, unsigned dpi, struct ipp_printer_says *ret_says,
                      struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *answer = NULL;
    struct ipp_printer_says says = {0};
    if (!open_answer(bytes, size, &answer, fault))
        return false;
    ipp_attribute_t *accepting = find(answer, "printer-is-accepting-jobs"), *state = find(answer, "printer-state"),
                    *reasons = find(answer, "printer-state-reasons"), *up_time = find(answer, "printer-up-time"),
                    *waiting = find(answer, "queued-job-count"),
                    *types = find(answer, "pwg-raster-document-type-supported");
    if (!accepting || ippGetValueTag(accepting) != IPP_TAG_BOOLEAN || !is_integer(state) || !is_text(reasons) ||
        !is_integer(up_time) || !is_integer(waiting))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "the printer leaves out its state, reasons, up-time or jobs");
    says.accepting = ippGetBoolean(accepting, 0);
    says.stopped = ippGetInteger(state, 0) == IPP_PSTATE_STOPPED;
    says.waiting = number_of(waiting, 0);
    says.up_seconds = number_of(up_time, 0);
    says.trouble = find_trouble(reasons);
    join_words(reasons, says.words);
    copy_text(find(answer, "printer-uuid"), says.uuid, sizeof says.uuid);
    says.takes_raster = holds_text(find(answer, "document-format-supported"), "image/pwg-raster");
    says.takes_dpi = holds_dpi(find(answer, "pwg-raster-document-resolution-supported"), dpi);
    says.takes_types[PWG_BLACK_1] = holds_text(types, "black_1");
    says.takes_types[PWG_SGRAY_8] = holds_text(types, "sgray_8");
    *ret_says = says;
    return true;
}

/* One attribute of a job into what is known of it. */
static void learn(ipp_attribute_t *attribute, struct ipp_job_says *job)
{
    const char *name = ippGetName(attribute);
    if (strcmp(name, "job-id") == 0) {
        job->id = number_of(attribute, 0);
    } else if (strcmp(name, "job-name") == 0) {
        copy_text(attribute, job->name, sizeof job->name);
    } else if (strcmp(name, "job-impressions-completed") == 0) {
        job->impressions = number_of(attribute, 0);
    } else if (strcmp(name, "job-state-reasons") == 0) {
        join_words(attribute, job->words);
        job->with_errors = holds_text(attribute, "job-completed-with-errors");
    } else if (strcmp(name, "job-state") == 0) {
        uint32_t state = number_of(attribute, 0);
        job->state = state == IPP_JSTATE_COMPLETED                                 ? IPP_JOB_DONE
                     : state == IPP_JSTATE_CANCELED || state == IPP_JSTATE_ABORTED ? IPP_JOB_GIVEN_UP
                                                                                   : IPP_JOB_UNDER_WAY;
    }
}

bool ipp_read_jobs(const uint8_t *bytes, size_t size, struct ipp_job_says ret_jobs[IPP_JOBS_MAX], size_t *ret_count,
                   struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *answer = NULL;
    if (!open_answer(bytes, size, &answer, fault))
        return false;
    size_t count = 0;
    bool inside = false;
    for (ipp_attribute_t *at = ippFirstAttribute(answer); at; at = ippNextAttribute(answer)) {
        bool belongs = ippGetGroupTag(at) == IPP_TAG_JOB && ippGetName(at);
        if (belongs && !inside) {
            if (count == IPP_JOBS_MAX)
                break;
            ret_jobs[count++] = (struct ipp_job_says){0};
        }
        inside = belongs;
        if (belongs)
            learn(at, &ret_jobs[count - 1]);
    }
    *ret_count = count;
    return true;
}

bool ipp_read_job(const uint8_t *bytes, size_t size, struct ipp_job_says *ret_says, struct fault *fault)
{
    struct ipp_job_says jobs[IPP_JOBS_MAX];
    size_t count = 0;
    if (!ipp_read_jobs(bytes, size, jobs, &count, fault))
        return false;
    if (count != 1 || jobs[0].id == 0)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "the printer's answer names no job, or several");
    *ret_says = jobs[0];
    return true;
}

bool ipp_read_done(const uint8_t *bytes, size_t size, struct fault *fault)
{
    CLEANUP(delete_message) ipp_t *answer = NULL;
    return open_answer(bytes, size, &answer, fault);
}
