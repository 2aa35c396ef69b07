#include "tests/support/postgres.h"

#include "base/clock.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/kokuin-pg-XXXXXX";
static bool made, running;
static unsigned databases;

static void give_up(const char *why)
{
    (void)fprintf(stderr, "private PostgreSQL in %s: %s\n", directory, why);
    exit(1);
}

static void control(const char *verb)
{
    char command[512];
    (void)snprintf(command, sizeof command, "'%s' %s '%s/pg' >/dev/null", PRIVATE_POSTGRES, verb, directory);
    if (system(command) != 0)
        give_up(verb);
    running = strcmp(verb, "start") == 0;
}

static PGconn *connect_or_null(const char *conninfo)
{
    PGconn *connection = PQconnectdb(conninfo);
    if (PQstatus(connection) == CONNECTION_OK)
        return connection;
    PQfinish(connection);
    return NULL;
}

void postgres_database(char ret_conninfo[POSTGRES_CONNINFO_SIZE])
{
    if (!made && !mkdtemp(directory))
        give_up("mkdtemp");
    made = true;
    if (!running)
        control("start");
    char state[POSTGRES_STATE_SIZE];
    char statement[64];
    (void)snprintf(statement, sizeof statement, "CREATE DATABASE test%u", ++databases);
    (void)snprintf(ret_conninfo, POSTGRES_CONNINFO_SIZE,
                   "host=%s/pg/socket port=5432 user=postgres connect_timeout=10 dbname=postgres", directory);
    if (!postgres_run(ret_conninfo, statement, state))
        give_up(state);
    (void)snprintf(ret_conninfo, POSTGRES_CONNINFO_SIZE,
                   "host=%s/pg/socket port=5432 user=postgres connect_timeout=10 dbname=test%u", directory, databases);
}

void postgres_as(const char *conninfo, const char *user, char ret_conninfo[POSTGRES_CONNINFO_SIZE])
{
    const char *database = strstr(conninfo, "dbname=");
    (void)snprintf(ret_conninfo, POSTGRES_CONNINFO_SIZE, "host=%s/pg/socket port=5432 user=%s %s", directory, user,
                   database ? database : "");
}

int postgres_stop(void **state)
{
    (void)state;
    if (running)
        control("stop");
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

void postgres_halt(void)
{
    control("stop");
}

void postgres_resume(void)
{
    control("start");
}

bool postgres_run(const char *conninfo, const char *statements, char ret_state[POSTGRES_STATE_SIZE])
{
    (void)snprintf(ret_state, POSTGRES_STATE_SIZE, "08006");
    PGconn *connection = connect_or_null(conninfo);
    if (!connection)
        return false;
    PGresult *result = PQexec(connection, statements);
    ExecStatusType status = PQresultStatus(result);
    bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    const char *error = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (done || error)
        (void)snprintf(ret_state, POSTGRES_STATE_SIZE, "%s", done ? "" : error);
    PQclear(result);
    PQfinish(connection);
    return done;
}

char *postgres_value(const char *conninfo, const char *query)
{
    PGconn *connection = connect_or_null(conninfo);
    if (!connection)
        return NULL;
    PGresult *result = PQexec(connection, query);
    char *value = NULL;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 && PQnfields(result) > 0)
        value = strdup(PQgetvalue(result, 0, 0));
    else
        (void)fprintf(stderr, "%s%s\n", PQerrorMessage(connection), query);
    PQclear(result);
    PQfinish(connection);
    return value;
}

bool postgres_wait(const char *conninfo, const char *query, const char *expected, unsigned milliseconds)
{
    struct deadline deadline = deadline_in_ms(milliseconds);
    for (;;) {
        char *value = postgres_value(conninfo, query);
        bool reached = value && strcmp(value, expected) == 0;
        free(value);
        if (reached || deadline_passed(deadline))
            return reached;
        (void)poll(NULL, 0, 20);
    }
}
