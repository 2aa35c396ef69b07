/* postgres.h -- a private PostgreSQL for one test program, and a database for one test.
 *
 * One server for each test program: the first postgres_database() starts it in a directory of its own under /tmp, and
 * postgres_stop() as the group's teardown stops it and removes the directory.
 *
 * Owner    the server belongs to the program; texts returned are freed by the caller unless said otherwise
 * Threads  postgres_database() and postgres_stop() in the main thread; the others in any
 * Secrets  none
 * Layer    tests/
 */
#pragma once

#include "base/compiler.h"

#define POSTGRES_CONNINFO_SIZE 256

/* Makes an empty database of a new name and writes the superuser's connection string to it. Ends the program with a
 * message when there is no PostgreSQL to start. */
void postgres_database(char ret_conninfo[POSTGRES_CONNINFO_SIZE]);

/* The same database as somebody else. */
void postgres_as(const char *conninfo, const char *user, char ret_conninfo[POSTGRES_CONNINFO_SIZE]);

/* cmocka group teardown; also fit to be called by hand. */
int postgres_stop(void **state);

/* Stops the server, keeps its data; starts it again. */
void postgres_halt(void);
void postgres_resume(void);

#define POSTGRES_STATE_SIZE 6

/* Runs statements as `conninfo` says. True when they succeed; otherwise `ret_state` has the SQLSTATE of the first
 * error, "08006" when there was no connection. */
bool postgres_run(const char *conninfo, const char *statements, char ret_state[POSTGRES_STATE_SIZE]);

/* The first column of the first row as text, or NULL on an error or without a row. */
char *postgres_value(const char *conninfo, const char *query);

/* Asks the query again until its value is `expected`. False after `milliseconds`. */
bool postgres_wait(const char *conninfo, const char *query, const char *expected, unsigned milliseconds);
