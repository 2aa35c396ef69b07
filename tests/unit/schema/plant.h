/* plant.h -- a migrated database with two stations, numbers, a policy, an issuer and an order; and the requests of a
 * unit's journey, one call each, with data made up from a seed.
 *
 * Owner    values; stores are closed by the caller
 * Threads  a store belongs to one thread; making a plant is the main thread's
 * Secrets  none
 * Layer    tests/
 */
#pragma once

#include "schema/migrate.h"
#include "schema/store.h"
#include "tests/support/postgres.h"

#define PLANT_ORDER "WO-1"
#define PLANT_MODEL "KR-100"

struct plant {
    char admin[POSTGRES_CONNINFO_SIZE];
    char station[POSTGRES_CONNINFO_SIZE]; /* station A, slots 1 to 4 */
    char other[POSTGRES_CONNINFO_SIZE];   /* station B, slots 1 to 4 */
    char auditor[POSTGRES_CONNINFO_SIZE];
    char planner[POSTGRES_CONNINFO_SIZE];
    struct store *store; /* station A's */
};

/* An order of `quantity` units, route unique, credentials admin and wifi, four MACs each. */
void plant_make(struct plant *plant, unsigned quantity);
void plant_close(struct plant *plant);
struct store *plant_store(const char *conninfo);

/* One unit on its way. */
struct unit {
    unsigned seed; /* board, fingerprints, certificate: everything that must be its own */
    unsigned slot;
    unsigned label_copy;
    struct store_reservation reservation;
    struct uuid arrived; /* the UUID that was offered with the last reserve */
    char label[17];
};

/* The journey, request by request; each may be called again and then repeats exactly. */
bool unit_reserve(struct store *store, struct unit *unit, struct fault *fault);
bool unit_reserve_again(struct store *store, struct unit *unit, struct fault *fault);
bool unit_intent(struct store *store, const struct unit *unit, struct fault *fault);
bool unit_injected(struct store *store, const struct unit *unit, struct fault *fault);
bool unit_verified(struct store *store, const struct unit *unit, struct fault *fault);
bool unit_labelling(struct store *store, struct unit *unit, struct fault *fault);
bool unit_voided(struct store *store, const struct unit *unit, const char *label, struct fault *fault);
bool unit_labelled(struct store *store, const struct unit *unit, struct fault *fault);
bool unit_scanned(struct store *store, const struct unit *unit, struct fault *fault);
bool unit_closed(struct store *store, const struct unit *unit, struct fault *fault);
bool unit_failed(struct store *store, const struct unit *unit, struct fault *fault);

/* Runs the journey from a new reservation up to `state`. Fails the test at the first refusal. */
void unit_bring(struct store *store, struct unit *unit, const char *state);

/* One number of the database, asked as the administrator. */
long plant_count(const struct plant *plant, const char *query);
