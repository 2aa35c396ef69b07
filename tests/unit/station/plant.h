/* plant.h -- a whole small plant for a journey: two production tokens of a real SoftHSM, each behind a p11-kit server
 * of its own, a real PostgreSQL, the demo's products, and kokuin-unit in a slot behind a unix socket.
 *
 * Every function ends the test when it fails.
 *
 * Owner    plant_close() ends what plant_open() started
 * Threads  one
 * Secrets  test PINs; the passwords of simulated units
 * Layer    tests/
 */
#pragma once

#include "schema/store.h"
#include "station/line/rooms.h"
#include "tests/support/postgres.h"
#include "tests/support/softhsm.h"

struct plant {
    struct softhsm softhsm; /* its server is the first production token's */
    struct softhsm spare;   /* the second's: the same SoftHSM */
    char admin[POSTGRES_CONNINFO_SIZE];
    char jig[128]; /* the jig file */
    char socket[96];
    struct rooms *rooms;
    pid_t unit;
};

/* `product` is a file of jigs/demo/products; the order is "A-1". */
void plant_open(struct plant *plant, const char *product, unsigned quantity);
/* The same with the tokens loaded directly, so that they can wrap keys; the jig lists contact.yaml, too. */
void plant_open_direct(struct plant *plant, const char *product, unsigned quantity);
void plant_close(struct plant *plant);

/* Writes the jig file anew: with the tokens loaded directly or behind their servers, with contact.yaml or without. */
void plant_write_jig(struct plant *plant, bool direct, bool contacts);

/* Starts the servers that do not run. */
void plant_serve(struct plant *plant);

/* Opens the rooms anew, as a slot that starts again does. */
void plant_reopen(struct plant *plant);

/* Puts a board into the slot: kokuin-unit with this hardware id, whose flash stays from one time to the next. */
void plant_insert(struct plant *plant, const char *board, const char *model, const char *misbehave);
void plant_remove(struct plant *plant);

/* Writes a file whole. */
void plant_write(const char *path, const char *text);

/* A copy of the jig file with one place changed, which must be there. */
void plant_change_jig(const struct plant *plant, const char *from, const char *to, char ret_path[160]);

/* One text of the record; the caller frees it. */
char *plant_text(const struct plant *plant, const char *query);

/* One number of the record, asked as the administrator. */
long plant_count(const struct plant *plant, const char *query);
