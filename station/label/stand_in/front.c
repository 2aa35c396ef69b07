#include "station/label/stand_in/front.h"

#include "station/label/stand_in/raster.h"
#include "station/label/stand_in/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 64
#define USER_SIZE 72
#define UP_BEFORE_S 1000 /* a printer is up for a while before a station starts */
#define SECOND_NS INT64_C(1000000000)

struct entry {
    unsigned number;    /* 0: free */
    ipp_jstate_t state; /* PROCESSING: as long as it is in the engine */
    char name[JOB_NAME_SIZE];
    char user[USER_SIZE];
};

struct front {
    struct engine *engine;
    enum misbehaviour misbehaviour;
    bool stump_left;
    unsigned count;
    unsigned dpi;
    int64_t up_since;
    unsigned last_number;
    struct entry entries[ENTRIES_MAX];
};

bool front_new(struct engine *engine, enum misbehaviour misbehaviour, unsigned count, unsigned dpi,
               struct front **ret_front, struct fault *fault)
{
    struct front *front = calloc(1, sizeof *front);
    if (!front)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a printer");
    *front = (struct front){.engine = engine, .misbehaviour = misbehaviour, .count = count, .dpi = dpi};
    front->up_since = clock_monotonic_ns() - UP_BEFORE_S * SECOND_NS;
    *ret_front = front;
    return true;
}

void front_free(struct front *front)
{
    free(front);
}

void front_mend(struct front *front)
{
    front->misbehaviour = BEHAVES;
}

/* ---- jobs ---- */

static struct entry *find_entry(struct front *front, unsigned number)
{
    struct entry *entry = &front->entries[number % ENTRIES_MAX];
    return number != 0 && entry->number == number ? entry : NULL;
}

static struct entry *add_entry(struct front *front, ipp_t *request)
{
    const unsigned number = ++front->last_number;
    struct entry *entry = &front->entries[number % ENTRIES_MAX];
    *entry = (struct entry){.number = number, .state = IPP_JSTATE_PROCESSING};
    const char *name = ippGetString(ippFindAttribute(request, "job-name", IPP_TAG_NAME), 0, NULL);
    const char *user = ippGetString(ippFindAttribute(request, "requesting-user-name", IPP_TAG_NAME), 0, NULL);
    (void)snprintf(entry->name, sizeof entry->name, "%s", name ? name : "");
    (void)snprintf(entry->user, sizeof entry->user, "%s", user ? user : "");
    return entry;
}

/* What the engine has printed since. */
static ipp_jstate_t state_of(const struct front *front, struct entry *entry)
{
    bool first = false;
    if (entry->state != IPP_JSTATE_PROCESSING)
        return entry->state;
    if (engine_holds(front->engine, entry->number, &first))
        return first ? IPP_JSTATE_PROCESSING : IPP_JSTATE_PENDING;
    entry->state = IPP_JSTATE_COMPLETED;
    return entry->state;
}

static unsigned count_held(const struct front *front)
{
    unsigned count = 0;
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        count += front->entries[i].number != 0 && front->entries[i].state == IPP_JSTATE_HELD;
    return count;
}

/* Over a job: what it was is printed, and nobody remembers. */
static void restart(struct front *front)
{
    memset(front->entries, 0, sizeof front->entries);
    front->last_number = 0;
    front->up_since = clock_monotonic_ns();
}

/* ---- answers ---- */

static const char *trouble_word(const struct front *front)
{
    switch (engine_trouble(front->engine)) {
    case PAPER_OUT:
        return "media-empty-warning"; /* although nothing comes out: some say so */
    case HEAD_OPEN:
        return "cover-open-error";
    case RIBBON_OUT:
        return "marker-supply-empty-error";
    case CUTTER_STUCK:
        return "trimmer-jam-report";
    case TOO_HOT:
        return "marker-over-temp";
    case PAUSED:
        return "paused";
    case JAMMED:
        return "media-jam-error";
    default:
        return "none";
    }
}

static void add_keyword(ipp_t *answer, ipp_tag_t group, const char *name, const char *word)
{
    (void)ippAddString(answer, group, IPP_TAG_KEYWORD, name, NULL, word);
}

static ipp_status_t tell_printer(struct front *front, const struct request *request, ipp_t *answer)
{
    (void)request;
    const bool gray = front->misbehaviour == GRAY_ONLY;
    const int dpi = front->misbehaviour == OTHER_DPI ? 150 : (int)front->dpi;
    const ipp_tag_t group = IPP_TAG_PRINTER;
    const size_t waiting = engine_waiting(front->engine) + count_held(front);
    const char *word = trouble_word(front);
    static const char *const types[] = {"sgray_8", "black_1"};
    (void)ippAddInteger(answer, group, IPP_TAG_ENUM, "printer-state",
                        waiting > 0 ? IPP_PSTATE_PROCESSING : IPP_PSTATE_IDLE);
    add_keyword(answer, group, "printer-state-reasons", word);
    (void)ippAddBoolean(answer, group, "printer-is-accepting-jobs", 1);
    (void)ippAddInteger(answer, group, IPP_TAG_INTEGER, "queued-job-count", (int)waiting);
    (void)ippAddInteger(answer, group, IPP_TAG_INTEGER, "printer-up-time",
                        (int)((clock_monotonic_ns() - front->up_since) / SECOND_NS) + 1);
    (void)ippAddString(answer, group, IPP_TAG_URI, "printer-uuid", NULL, FRONT_UUID);
    (void)ippAddString(answer, group, IPP_TAG_MIMETYPE, "document-format-supported", NULL,
                       front->misbehaviour == NO_RASTER ? "application/pdf" : "image/pwg-raster");
    (void)ippAddResolution(answer, group, "pwg-raster-document-resolution-supported", IPP_RES_PER_INCH, dpi, dpi);
    (void)ippAddStrings(answer, group, IPP_TAG_KEYWORD, "pwg-raster-document-type-supported", gray ? 1 : 2, NULL,
                        types);
    return IPP_STATUS_OK;
}

static void tell_job(struct front *front, struct entry *entry, ipp_t *answer)
{
    const ipp_jstate_t state = state_of(front, entry);
    const bool done = state == IPP_JSTATE_COMPLETED;
    (void)ippAddInteger(answer, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-id", (int)entry->number);
    (void)ippAddString(answer, IPP_TAG_JOB, IPP_TAG_NAME, "job-name", NULL, entry->name);
    (void)ippAddInteger(answer, IPP_TAG_JOB, IPP_TAG_ENUM, "job-state", (int)state);
    add_keyword(answer, IPP_TAG_JOB, "job-state-reasons",
                done                          ? "job-completed-successfully"
                : state == IPP_JSTATE_ABORTED ? "aborted-by-system"
                : state == IPP_JSTATE_HELD    ? "job-data-insufficient"
                                              : "none");
    (void)ippAddInteger(answer, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-impressions-completed",
                        done ? (front->misbehaviour == PRINT_TWICE ? 2 : 1) : 0);
}

static struct entry *asked_entry(struct front *front, const struct request *request)
{
    int number = ippGetInteger(ippFindAttribute(request->message, "job-id", IPP_TAG_INTEGER), 0);
    return number > 0 ? find_entry(front, (unsigned)number) : NULL;
}

static ipp_status_t tell_one_job(struct front *front, const struct request *request, ipp_t *answer)
{
    struct entry *entry = asked_entry(front, request);
    if (!entry)
        return IPP_STATUS_ERROR_NOT_FOUND;
    tell_job(front, entry, answer);
    return IPP_STATUS_OK;
}

static ipp_status_t tell_own_jobs(struct front *front, const struct request *request, ipp_t *answer)
{
    const char *user = ippGetString(ippFindAttribute(request->message, "requesting-user-name", IPP_TAG_NAME), 0, NULL);
    bool next = false;
    for (size_t i = 0; user && i < ENTRIES_MAX; i++) {
        struct entry *entry = &front->entries[i];
        if (entry->number == 0 || strcmp(entry->user, user) != 0 || state_of(front, entry) >= IPP_JSTATE_CANCELED)
            continue;
        if (next)
            (void)ippAddSeparator(answer);
        next = true;
        tell_job(front, entry, answer);
    }
    return IPP_STATUS_OK;
}

static ipp_status_t cancel_job(struct front *front, const struct request *request, ipp_t *answer)
{
    (void)answer;
    struct entry *entry = asked_entry(front, request);
    if (!entry)
        return IPP_STATUS_ERROR_NOT_FOUND;
    if (state_of(front, entry) >= IPP_JSTATE_CANCELED)
        return IPP_STATUS_ERROR_NOT_POSSIBLE;
    engine_cancel(front->engine, entry->number);
    entry->state = IPP_JSTATE_CANCELED;
    return IPP_STATUS_OK;
}

static ipp_status_t take_document(struct front *front, const struct request *request, struct entry *entry)
{
    struct fault fault;
    CLEANUP(job_clear) struct job job = {.copies = 1, .mode = 'T', .number = entry->number};
    (void)snprintf(job.name, sizeof job.name, "%s", entry->name);
    if (front->misbehaviour == ABORTS) {
        entry->state = IPP_JSTATE_ABORTED;
        return IPP_STATUS_OK;
    }
    if (raster_read(request->document, request->document_size, front->dpi, &job.bitmap, &fault) &&
        engine_take(front->engine, &job, &fault))
        return IPP_STATUS_OK;
    (void)fprintf(stderr, "refused: %s\n", fault.text);
    *entry = (struct entry){0};
    return IPP_STATUS_ERROR_DOCUMENT_FORMAT_ERROR;
}

static ipp_status_t print_job(struct front *front, const struct request *request, ipp_t *answer)
{
    const char *format = ippGetString(ippFindAttribute(request->message, "document-format", IPP_TAG_MIMETYPE), 0, NULL);
    if (count_held(front) > 0)
        return IPP_STATUS_ERROR_BUSY;
    if (!format || strcmp(format, "image/pwg-raster") != 0 || front->misbehaviour == NO_RASTER)
        return IPP_STATUS_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED;
    struct entry *entry = add_entry(front, request->message);
    ipp_status_t status = take_document(front, request, entry);
    if (status == IPP_STATUS_OK)
        tell_job(front, entry, answer);
    if (front->misbehaviour == RESTARTS)
        restart(front);
    return status;
}

static const struct operation {
    ipp_op_t code;
    ipp_status_t (*obey)(struct front *front, const struct request *request, ipp_t *answer);
} operations[] = {
    {IPP_OP_GET_PRINTER_ATTRIBUTES, tell_printer},
    {IPP_OP_GET_JOB_ATTRIBUTES, tell_one_job},
    {IPP_OP_GET_JOBS, tell_own_jobs},
    {IPP_OP_CANCEL_JOB, cancel_job},
    {IPP_OP_PRINT_JOB, print_job},
};

static bool answer_request(struct front *front, const struct request *request, struct wiped *output,
                           struct fault *fault)
{
    ipp_t *answer = ippNew();
    if (!answer)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for an answer");
    ipp_status_t status = IPP_STATUS_ERROR_OPERATION_NOT_SUPPORTED;
    (void)ippSetVersion(answer, 2, 0);
    (void)ippSetRequestId(answer, ippGetRequestId(request->message));
    (void)ippAddString(answer, IPP_TAG_OPERATION, IPP_TAG_CHARSET, "attributes-charset", NULL, "utf-8");
    (void)ippAddString(answer, IPP_TAG_OPERATION, IPP_TAG_LANGUAGE, "attributes-natural-language", NULL, "en");
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
        if (operations[i].code == ippGetOperation(request->message))
            status = operations[i].obey(front, request, answer);
    (void)ippSetStatusCode(answer, status);
    bool answered = request_answer(answer, output, fault);
    ippDelete(answer);
    return answered;
}

/* ---- hearing ---- */

static bool is_job(const struct request *request)
{
    return request->message && ippGetOperation(request->message) == IPP_OP_PRINT_JOB;
}

/* Once: the next job finds what is left of this one. */
static bool leaves_stump(struct front *front, const struct request *request, struct fault *fault)
{
    if (front->misbehaviour != KEEPS_STUMPS || front->stump_left || request->document_size < front->count)
        return false;
    add_entry(front, request->message)->state = IPP_JSTATE_HELD;
    front->stump_left = true;
    return !fault_set(fault, FAULT_BAD_BYTES, 0, "hung up over %zu bytes of a job", request->document_size);
}

bool front_obey(struct front *front, struct wiped *input, struct wiped *output, struct fault *fault)
{
    CLEANUP(request_clear) struct request request = {0};
    CLEANUP(wiped_clear) struct wiped unsaid = {0};
    if (front->misbehaviour == SILENT) {
        wiped_drop(input, input->size);
        return false;
    }
    if (!request_read(input, &request, fault))
        return false;
    if (is_job(&request) &&
        (leaves_stump(front, &request, fault) || !engine_strike(front->engine, request.document_size, fault)))
        return false;
    if (!request.whole)
        return false;
    bool answered = answer_request(front, &request, engine_is_mute(front->engine) ? &unsaid : output, fault);
    wiped_drop(input, request.head_size + request.body_size);
    return answered;
}

void front_cut(struct front *front, const struct wiped *input)
{
    CLEANUP(request_clear) struct request request = {0};
    struct fault unheard;
    if (front->misbehaviour == KEEPS_STUMPS && input->size > 0 && request_read(input, &request, &unheard) &&
        is_job(&request))
        add_entry(front, request.message)->state = IPP_JSTATE_HELD;
}
