#include "schema/connection.h"

#include "schema/answer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS_DEFAULT 10000

struct connection {
    PGconn *pg;
    char *conninfo;
    char *application;
    unsigned answer_ms;
    bool lost;   /* nothing more is asked before connection_renew() */
    bool warned; /* the server warned during the request that is under way */
};

/* A commit that stopped waiting for its standby is reported as success with a warning ("already committed locally").
 * No function of ours warns, so any warning puts the answer in doubt, whatever its words. */
static void notice(void *arg, const PGresult *message)
{
    struct connection *connection = arg;
    const char *severity = PQresultErrorField(message, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!severity || strcmp(severity, "WARNING") == 0)
        connection->warned = true;
}

/* Waits until the socket is ready for `events`. */
static bool wait_for(struct connection *connection, short events, struct deadline deadline)
{
    for (;;) {
        struct pollfd waiting = {.fd = PQsocket(connection->pg), .events = events};
        int ready = poll(&waiting, 1, deadline_left_ms(deadline));
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* libpq keeps a failed log-in's SQLSTATE to itself, except at the end of its text: "FATAL:  28000". */
static bool connect_fault(struct connection *connection, struct fault *fault)
{
    const char *text = PQerrorMessage(connection->pg);
    size_t length = strcspn(text, "\n");
    char state[6] = "";
    if (length > 7 && strspn(text + length - 5, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= 5 && text[length - 6] == ' ')
        memcpy(state, text + length - 5, 5);
    connection->lost = true;
    if (strncmp(state, "28", 2) == 0 || strcmp(state, "42501") == 0)
        return fault_set(fault, FAULT_RECORD_ROLE, strtoul(state, NULL, 36), "connect: log-in refused (SQLSTATE %s)",
                         state);
    return fault_set(fault, FAULT_RECORD_AWAY, strtoul(state, NULL, 36), "connect: %.*s", (int)length, text);
}

static bool connect_by(struct connection *connection, struct deadline deadline, struct fault *fault)
{
    for (;;) {
        switch (PQconnectPoll(connection->pg)) {
        case PGRES_POLLING_OK:
            return true;
        case PGRES_POLLING_FAILED:
            return connect_fault(connection, fault);
        case PGRES_POLLING_READING:
            if (wait_for(connection, POLLIN, deadline))
                continue;
            break;
        default:
            if (wait_for(connection, POLLOUT, deadline))
                continue;
            break;
        }
        connection->lost = true;
        return fault_set(fault, FAULT_RECORD_AWAY, 0, "connect: no answer in %u ms", connection->answer_ms);
    }
}

bool connection_renew(struct connection *connection, struct fault *fault)
{
    /* Of a keyword named twice libpq takes the last: the caller's conninfo overrides what stands before it. */
    const char *keywords[] = {"target_session_attrs",
                              "keepalives_idle",
                              "keepalives_interval",
                              "dbname",
                              "application_name",
                              "client_encoding",
                              NULL};
    const char *values[] = {"read-write", "10", "5", connection->conninfo, connection->application, "UTF8", NULL};

    PQfinish(connection->pg);
    connection->lost = true;
    connection->pg = PQconnectStartParams(keywords, values, 1);
    if (!connection->pg)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "connect: libpq has no memory");
    if (PQstatus(connection->pg) == CONNECTION_BAD)
        return connect_fault(connection, fault);
    (void)PQsetErrorVerbosity(connection->pg, PQERRORS_SQLSTATE);
    (void)PQsetNoticeReceiver(connection->pg, notice, connection);

    /* PQconnectPoll() has not been called yet, and its manual says: then wait as if it had asked to write. */
    struct deadline deadline = deadline_in_ms(connection->answer_ms);
    if (!wait_for(connection, POLLOUT, deadline))
        return fault_set(fault, FAULT_RECORD_AWAY, 0, "connect: no answer in %u ms", connection->answer_ms);
    if (!connect_by(connection, deadline, fault))
        return false;
    if (PQsetnonblocking(connection->pg, 1) != 0)
        return fault_set(fault, FAULT_RECORD_AWAY, 0, "connect: the connection ended at once");
    connection->lost = false;
    return true;
}

bool connection_open(const char *conninfo, const char *application, unsigned answer_ms,
                     struct connection **ret_connection, struct fault *fault)
{
    PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
    if (!parsed)
        return fault_set(fault, FAULT_USAGE, 0, "connect: the connection string cannot be read");
    PQconninfoFree(parsed);

    CLEANUP(connection_closep) struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "connect");
    connection->answer_ms = answer_ms > 0 ? answer_ms : ANSWER_MS_DEFAULT;
    connection->conninfo = strdup(conninfo);
    connection->application = strdup(application ? application : "kokuin");
    if (!connection->conninfo || !connection->application)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "connect");
    if (!connection_renew(connection, fault))
        return false;
    *ret_connection = TAKE(connection);
    return true;
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    PQfinish(connection->pg);
    free(connection->conninfo);
    free(connection->application);
    free(connection);
}

/* What it means that the end of a request was not seen. */
static bool lose(struct connection *connection, bool writes, const char *why, struct fault *fault)
{
    connection->lost = true;
    return writes ? fault_set(fault, FAULT_RECORD_UNKNOWN, 0, "%s; whether it was kept is not known", why)
                  : fault_set(fault, FAULT_RECORD_AWAY, 0, "%s", why);
}

/* A server that ended while nobody asked has told the socket so: then nothing was sent, and nothing is in doubt. */
static bool is_alive(struct connection *connection)
{
    if (connection->lost)
        return false;
    struct pollfd quiet = {.fd = PQsocket(connection->pg), .events = POLLIN};
    while (poll(&quiet, 1, 0) > 0) /* first its last words, then the end */
        if (PQconsumeInput(connection->pg) == 0 || PQstatus(connection->pg) != CONNECTION_OK) {
            connection->lost = true;
            return false;
        }
    return true;
}

/* Reads until the server is ready for the next request. Keeps the first result, or the first error, which may come
 * after a result when it is the commit that fails. `*ret_result` stays NULL when the connection or the time ended. */
static const char *collect(struct connection *connection, struct deadline deadline, PGresult **ret_result)
{
    CLEANUP(answer_clearp) PGresult *kept = NULL;
    for (;;) {
        int unsent = PQflush(connection->pg);
        if (unsent < 0)
            return "the connection ended while the request was sent";
        if (unsent > 0 || PQisBusy(connection->pg)) {
            if (!wait_for(connection, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline))
                return "no answer in time";
            if (!PQconsumeInput(connection->pg))
                return "the connection ended before the answer";
            continue;
        }
        PGresult *next = PQgetResult(connection->pg);
        if (!next)
            break;
        bool is_error = PQresultStatus(next) == PGRES_FATAL_ERROR || PQresultStatus(next) == PGRES_BAD_RESPONSE;
        if (!kept || (is_error && PQresultStatus(kept) != PGRES_FATAL_ERROR)) {
            PQclear(kept);
            kept = next;
        } else {
            PQclear(next);
        }
    }
    if (PQstatus(connection->pg) != CONNECTION_OK || !kept)
        return "the connection ended before the answer";
    *ret_result = TAKE(kept);
    return NULL;
}

/* Finishes what was sent. On true `*ret_result` is no error. */
static bool finish(struct connection *connection, bool sent, bool writes, PGresult **ret_result, struct fault *fault)
{
    if (!sent)
        return lose(connection, writes, "the request could not be sent", fault);
    CLEANUP(answer_clearp) PGresult *result = NULL;
    const char *why = collect(connection, deadline_in_ms(connection->answer_ms), &result);
    if (why)
        return lose(connection, writes, why, fault);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return answer_fault(result, writes, fault);
    if (writes && connection->warned)
        return lose(connection, writes, "the server stopped waiting for its standby", fault);
    *ret_result = TAKE(result);
    return true;
}

bool connection_ask(struct connection *connection, const struct request *request, const struct parameters *parameters,
                    PGresult **ret_answer, struct fault *fault)
{
    static const struct parameters none = {0};
    const struct parameters *bound = parameters ? parameters : &none;
    if (bound->failed)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "record: parameters");
    if (!is_alive(connection))
        return fault_set(fault, FAULT_RECORD_AWAY, 0, "the connection has ended; nothing was sent");

    connection->warned = false;
    int sent = PQsendQueryParams(connection->pg, request->sql, bound->count, NULL, bound->values, bound->sizes,
                                 bound->formats, 0);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!finish(connection, sent == 1, request->writes, &answer, fault) || !answer_check(answer, request, fault))
        return false;
    if (ret_answer)
        *ret_answer = TAKE(answer);
    return true;
}

bool connection_run(struct connection *connection, const char *statements, struct fault *fault)
{
    if (!is_alive(connection))
        return fault_set(fault, FAULT_RECORD_AWAY, 0, "the connection has ended; nothing was sent");
    connection->warned = false;
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    return finish(connection, PQsendQuery(connection->pg, statements) == 1, true, &answer, fault);
}
