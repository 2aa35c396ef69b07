#include "station/label/ipp.h"

#include "station/label/cable.h"
#include "station/label/http.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCHEME "ipp://"
#define CONNECT_MS 3000
#define ANSWER_MS 5000
#define POLL_MS 100
#define CANCEL_MS 1000
#define SETTLE_MS 3000
/* A printer tells its up-time in whole seconds. */
#define SECOND_NS INT64_C(1000000000)

/* What was seen of the printer, and between which two moments it must have been switched on. */
struct sight {
    struct ipp_printer_says says;
    int64_t since_least, since_most; /* on CLOCK_MONOTONIC */
};

static void name_user(char ret_user[IPP_USER_SIZE])
{
    char host[40] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    (void)snprintf(ret_user, IPP_USER_SIZE, "kokuin-%s", host);
}

bool ipp_link_open(const char *uri, const char *uuid, unsigned dpi, struct ipp_link *ret_link, struct fault *fault)
{
    struct ipp_link link = {.dpi = dpi};
    size_t scheme = strlen(SCHEME);
    const char *path = strncmp(uri, SCHEME, scheme) == 0 ? strchr(uri + scheme, '/') : NULL;
    if (!path || strnlen(uri, IPP_URI_SIZE) == IPP_URI_SIZE || strlen(uuid) >= sizeof link.uuid ||
        strspn(path, "/-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != strlen(path))
        return fault_set(fault, FAULT_CONFIG_VALUE, 0, "printer: an address is ipp://HOST:PORT/PATH");
    (void)snprintf(link.address, sizeof link.address, "tcp:%.*s", (int)(path - uri - (ptrdiff_t)scheme), uri + scheme);
    (void)snprintf(link.path, sizeof link.path, "%.*s", IPP_URI_SIZE - 1, path);
    (void)snprintf(link.uuid, sizeof link.uuid, "%.*s", IPP_UUID_SIZE - 1, uuid);
    (void)snprintf(link.parties.uri, sizeof link.parties.uri, "%.*s", IPP_URI_SIZE - 1, uri);
    name_user(link.parties.user);
    if (!cable_address_check(link.address, fault))
        return false;
    *ret_link = link;
    return true;
}

/* ---- one question, one answer ---- */

static bool send_request(const struct ipp_link *link, struct cable *cable, const struct wiped *message,
                         const struct wiped *document, struct deadline deadline, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped head = {0};
    return http_append_post(link->address + strlen("tcp:"), link->path, message->size + document->size, &head, fault) &&
           wiped_append(&head, message->bytes, message->size, fault) &&
           cable_send(cable, head.bytes, head.size, deadline, fault) &&
           (document->size == 0 || cable_send(cable, document->bytes, document->size, deadline, fault));
}

static bool receive_reply(struct cable *cable, struct deadline deadline, struct http_reply *reply, struct fault *fault)
{
    while (reply->stage != HTTP_COMPLETE) {
        CLEANUP(wiped_clear) struct wiped piece = {0};
        if (!cable_receive(cable, &piece, deadline, fault) || !http_reply_feed(reply, piece.bytes, piece.size, fault))
            return false;
    }
    if (reply->status != 200 || reply->body.size == 0)
        return fault_set(fault, FAULT_PRINTER_AWAY, reply->status, "the printer answers with HTTP status %u%s",
                         reply->status, reply->status == 200 ? " and nothing" : "");
    return true;
}

static const struct wiped no_document;

static bool exchange(const struct ipp_link *link, const struct wiped *message, struct deadline deadline,
                     struct http_reply *reply, struct fault *fault)
{
    struct deadline answer_by = deadline_sooner(deadline, deadline_in_ms(ANSWER_MS));
    CLEANUP(cable_closep) struct cable *cable = NULL;
    if (cable_open(link->address, deadline_sooner(answer_by, deadline_in_ms(CONNECT_MS)), &cable, fault) &&
        send_request(link, cable, message, &no_document, answer_by, fault) &&
        receive_reply(cable, answer_by, reply, fault))
        return true;
    if (fault->code == FAULT_BAD_BYTES)
        fault->code = FAULT_PRINTER_AWAY;
    return false;
}

/* What answers, but not in IPP, is no printer that can be reached. */
static bool no_ipp(struct fault *fault)
{
    if (fault->code == FAULT_BAD_BYTES)
        fault->code = FAULT_PRINTER_AWAY;
    return false;
}

static bool look(const struct ipp_link *link, struct deadline deadline, struct sight *ret_sight, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped message = {0};
    CLEANUP(http_reply_clear) struct http_reply reply = {0};
    struct sight sight = {0};
    int64_t asked = clock_monotonic_ns();
    if (!ipp_append_ask_printer(&link->parties, &message, fault) || !exchange(link, &message, deadline, &reply, fault))
        return fault_within(fault, "ask the printer");
    if (!ipp_read_printer(reply.body.bytes, reply.body.size, link->dpi, &sight.says, fault))
        return no_ipp(fault);
    sight.since_least = asked - ((int64_t)sight.says.up_seconds + 1) * SECOND_NS;
    sight.since_most = clock_monotonic_ns() - (int64_t)sight.says.up_seconds * SECOND_NS;
    *ret_sight = sight;
    return true;
}

static bool ask_job(const struct ipp_link *link, uint32_t id, struct deadline deadline, struct ipp_job_says *ret_says,
                    struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped message = {0};
    CLEANUP(http_reply_clear) struct http_reply reply = {0};
    if (!ipp_append_ask_job(&link->parties, id, &message, fault) || !exchange(link, &message, deadline, &reply, fault))
        return fault_within(fault, "ask about the job");
    return ipp_read_job(reply.body.bytes, reply.body.size, ret_says, fault) || no_ipp(fault);
}

static bool ask_jobs(const struct ipp_link *link, struct deadline deadline, struct ipp_job_says jobs[IPP_JOBS_MAX],
                     size_t *ret_count, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped message = {0};
    CLEANUP(http_reply_clear) struct http_reply reply = {0};
    if (!ipp_append_ask_jobs(&link->parties, &message, fault) || !exchange(link, &message, deadline, &reply, fault))
        return fault_within(fault, "ask for its jobs");
    return ipp_read_jobs(reply.body.bytes, reply.body.size, jobs, ret_count, fault) || no_ipp(fault);
}

static bool cancel(const struct ipp_link *link, uint32_t id, struct deadline deadline, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped message = {0};
    CLEANUP(http_reply_clear) struct http_reply reply = {0};
    if (!ipp_append_cancel(&link->parties, id, &message, fault) || !exchange(link, &message, deadline, &reply, fault))
        return fault_within(fault, "cancel a job");
    return ipp_read_done(reply.body.bytes, reply.body.size, fault) || no_ipp(fault);
}

/* ---- before a label ---- */

static bool check_identity(const struct ipp_link *link, const struct sight *sight, struct fault *fault)
{
    if (link->uuid[0] && strcmp(link->uuid, sight->says.uuid) != 0)
        return fault_set(fault, FAULT_PRINTER_OTHER, 0, "the printer says it is %.45s, the jig names %.45s",
                         sight->says.uuid[0] ? sight->says.uuid : "nobody", link->uuid);
    return true;
}

static bool check_fit(const struct ipp_link *link, const struct ipp_printer_says *says, struct fault *fault)
{
    if (!says->takes_raster)
        return fault_set(fault, FAULT_PRINTER_UNFIT, 0, "the printer does not take image/pwg-raster");
    if (!says->takes_dpi)
        return fault_set(fault, FAULT_PRINTER_UNFIT, 0, "the printer does not take raster of %u dpi", link->dpi);
    if (!says->takes_types[PWG_BLACK_1] && !says->takes_types[PWG_SGRAY_8])
        return fault_set(fault, FAULT_PRINTER_UNFIT, 0, "the printer takes neither black_1 nor sgray_8 raster");
    return true;
}

static bool check_ready(const struct ipp_printer_says *says, struct fault *fault)
{
    if (says->trouble != FAULT_NONE)
        return fault_set(fault, says->trouble, 0, "the printer says: %s", says->words);
    if (says->stopped || !says->accepting)
        return fault_set(fault, FAULT_PRINTER_NOT_READY, 0, "the printer is stopped or takes no jobs: %s", says->words);
    if (says->waiting > 0)
        return fault_set(fault, FAULT_PRINTER_HOLDS, 0, "%u jobs wait in the printer", says->waiting);
    return true;
}

bool ipp_status(const struct ipp_link *link, struct deadline deadline, struct fault *fault)
{
    struct sight sight;
    return look(link, deadline, &sight, fault) && check_identity(link, &sight, fault) &&
           check_fit(link, &sight.says, fault) && check_ready(&sight.says, fault);
}

/* A printer may take its time to stop what it had begun. Ours are all jobs of the user that this machine calls itself.
 * A refused cancellation is no matter: the next question shows whether the job is still there. */
static bool clear_own(const struct ipp_link *link, struct deadline deadline, struct fault *fault)
{
    struct deadline settled = deadline_sooner(deadline, deadline_in_ms(SETTLE_MS));
    for (;;) {
        struct ipp_job_says jobs[IPP_JOBS_MAX];
        size_t count = 0;
        if (!ask_jobs(link, deadline, jobs, &count, fault))
            return false;
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
            struct fault passing;
            if (jobs[i].id == 0 || jobs[i].state != IPP_JOB_UNDER_WAY)
                continue;
            left++;
            if (!cancel(link, jobs[i].id, deadline, &passing) && passing.code == FAULT_PRINTER_AWAY) {
                *fault = passing;
                return false;
            }
        }
        if (left == 0)
            return true;
        if (deadline_passed(settled))
            return fault_set(fault, FAULT_PRINTER_HOLDS, 0, "%zu jobs of this station do not leave the printer", left);
        cable_pause(POLL_MS, settled);
    }
}

bool ipp_cancel_own(const struct ipp_link *link, struct deadline deadline, struct fault *fault)
{
    struct sight sight;
    return look(link, deadline, &sight, fault) && check_identity(link, &sight, fault) &&
           clear_own(link, deadline, fault);
}

/* ---- the label ---- */

/* Since the first sight? Also when another printer answers in its place. */
static bool was_restarted(const struct sight *first, const struct sight *now)
{
    return now->since_least > first->since_most + SECOND_NS || strcmp(first->says.uuid, now->says.uuid) != 0;
}

static bool unknown(struct fault *fault, const char *what, const char *words)
{
    return fault_set(fault, FAULT_PRINTER_UNKNOWN, 0, "%s: %s", what, words);
}

/* A refusal says that there is no job. With every other answer, and with none, there may be one. */
static bool is_refusal(const struct fault *why)
{
    return (why->code == FAULT_PRINTER_NOT_READY || why->code == FAULT_PRINTER_HOLDS) &&
           ((why->native >= 0x0400 && why->native < 0x0500) || why->native == IPP_SAYS_BUSY ||
            why->native == IPP_SAYS_NOT_ACCEPTING);
}

static bool hand_over(const struct ipp_link *link, const char *name, const struct wiped *document,
                      struct deadline deadline, struct ipp_job_says *ret_job, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped message = {0};
    CLEANUP(http_reply_clear) struct http_reply reply = {0};
    CLEANUP(cable_closep) struct cable *cable = NULL;
    struct fault why;
    if (!ipp_append_print(&link->parties, name, &message, fault) ||
        !cable_open(link->address, deadline_sooner(deadline, deadline_in_ms(CONNECT_MS)), &cable, fault))
        return false;
    /* A printer that refuses may hang up before it has heard all: what it said then is worth reading. */
    bool sent = send_request(link, cable, &message, document, deadline, &why);
    struct deadline answer_by = sent ? deadline : deadline_sooner(deadline, deadline_in_ms(CANCEL_MS));
    struct fault unsaid;
    if (!receive_reply(cable, answer_by, &reply, sent ? &why : &unsaid)) {
        bool cleared = clear_own(link, deadline_in_ms(CANCEL_MS), &unsaid);
        return unknown(fault, cleared ? "while the label was sent, now cancelled" : "while the label was sent",
                       why.text);
    }
    if (ipp_read_job(reply.body.bytes, reply.body.size, ret_job, &why))
        return sent || unknown(fault, "while the label was sent", "the printer made a job of a part of it");
    if (!is_refusal(&why))
        return unknown(fault, "when the label was sent", why.text);
    *fault = why;
    return false;
}

/* Whether it is settled: *ret_printed then, or the fault. */
static bool is_settled(const struct ipp_job_says *job, const char *name, bool *ret_printed, struct fault *fault)
{
    *ret_printed = false;
    if (strcmp(job->name, name) != 0) {
        (void)unknown(fault, "sent, but the printer's job of that number is another", job->name);
        return true;
    }
    if (job->state == IPP_JOB_UNDER_WAY)
        return false;
    if (job->state == IPP_JOB_GIVEN_UP)
        (void)unknown(fault, "sent, but the printer gave it up", job->words);
    else if (job->with_errors)
        (void)unknown(fault, "sent, but the printer had errors", job->words);
    else if (job->impressions > 1)
        (void)fault_set(fault, FAULT_PRINTER_TWICE, 0, "the printer counted %u labels for one", job->impressions);
    else
        *ret_printed = true;
    return true;
}

static bool wait_printed(const struct ipp_link *link, const struct ipp_job_says *sent, const char *name,
                         const struct sight *first, struct deadline deadline, struct fault *fault)
{
    char words[IPP_WORDS_SIZE] = "nothing";
    while (!deadline_passed(deadline)) {
        struct sight now;
        struct ipp_job_says job;
        struct fault passing = {0};
        bool printed = false;
        if (look(link, deadline, &now, &passing)) {
            (void)snprintf(words, sizeof words, "%s", now.says.words);
            if (was_restarted(first, &now))
                return unknown(fault, "sent, but the printer was restarted", "what became of the job is forgotten");
            if (ask_job(link, sent->id, deadline, &job, &passing)) {
                if (is_settled(&job, name, &printed, fault))
                    return printed;
            } else if (passing.native == IPP_SAYS_NOT_FOUND) {
                return unknown(fault, "sent, but the printer has no such job any more", passing.text);
            }
        }
        cable_pause(POLL_MS, deadline);
    }
    struct fault passing;
    bool cancelled = cancel(link, sent->id, deadline_in_ms(CANCEL_MS), &passing);
    return fault_set(fault, FAULT_PRINTER_UNKNOWN, 0, "sent, but not done in time%s; the printer last said: %s",
                     cancelled ? ", and cancelled" : "", words);
}

bool ipp_print(const struct ipp_link *link, const char *name, const struct label_bitmap *bitmap,
               struct deadline deadline, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped document = {0};
    struct sight first;
    struct ipp_job_says job;
    if (!ipp_cancel_own(link, deadline, fault) || !look(link, deadline, &first, fault) ||
        !check_identity(link, &first, fault) || !check_fit(link, &first.says, fault) ||
        !check_ready(&first.says, fault))
        return false;
    enum pwg_type type = first.says.takes_types[PWG_BLACK_1] ? PWG_BLACK_1 : PWG_SGRAY_8;
    return pwg_append_page(bitmap, link->dpi, type, &document, fault) &&
           hand_over(link, name, &document, deadline, &job, fault) &&
           wait_printed(link, &job, name, &first, deadline, fault);
}
