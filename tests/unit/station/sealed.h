/* sealed.h -- a plant for the log: a record with finished units, a token with the ceremony's keys, a jig that names it;
 * and a shell in its directory.
 *
 * Every function ends the test when it fails.
 *
 * Owner    static: one plant for each test program
 * Threads  one
 * Secrets  test PINs
 * Layer    tests/
 */
#pragma once

#include "tests/support/softhsm.h"
#include "tests/unit/schema/plant.h"

extern struct plant plant;
extern char sealer[POSTGRES_CONNINFO_SIZE];
extern char output[65536]; /* of the last run() */

/* cmocka group: the token. */
int make_tokens(void **state);
int end_tokens(void **state);

/* cmocka setup: a new record with three units of two stations, whose steps come in turns; one failed and was reworked.
 */
#define STEPS 28
int make(void **state);
int leave(void **state);

/* A shell's line, which must exit with `code`. It knows KOKUIN, VERIFY, the keys K, and the record as sealer S and
 * auditor A, and runs in the directory of the jig. */
void run(int code, const char *line);
#define SEAL "$KOKUIN log seal jig.yaml --certificate $K --record \"$S\" --json"

/* The last output must have these words, or not. */
void expect(const char *words);
void expect_no(const char *words);

/* Statements that must succeed, as the superuser. */
void superuser(const char *statements);

/* A statement that must be refused with this SQLSTATE. */
void refused(const char *conninfo, const char *statement, const char *wanted);
