/* journey.h -- what the phases of flow_run() hand to one another. Private to station/flow/.
 *
 * Owner    flow_run() owns the journey; journey_forget() ends the passwords, journey_free() everything
 * Threads  one
 * Secrets  credentials[].password
 * Layer    station/flow/
 */
#pragma once

#include "hsm/password.h"
#include "station/flow/console_dialogue.h"
#include "station/flow/evidence.h"
#include "station/flow/flow.h"

#define SSID_SIZE 33

struct journey_credential {
    const struct product_credential *is;
    struct secret *password;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct sealed sealed;
    unsigned redraws;
    char token[33]; /* the label of the one that drew it */
};

struct journey {
    const struct flow_station *station;
    const struct flow_world *world;
    const struct product *product;
    struct flow_progress progress;

    struct console_dialogue dialogue; /* of a product with that driver */
    struct unit *unit;
    struct unit_identity arrived; /* as it came */
    struct unit_identity now;     /* as last read */

    bool reserved; /* the record has an open attempt of ours */
    bool labelled; /* it waits for its scan, and survives the unit being taken out */
    struct fault doubt; /* why nobody knows whether the label came out; NONE where it is known */
    struct store_reservation reservation;
    char ssid[SSID_SIZE];

    struct journey_credential credentials[PRODUCT_CREDENTIALS_MAX];
    size_t credential_count;
    struct wrapped_key wrapped; /* made in a token for a unit that cannot; size 0: the unit made its own */
    char key_token[33];         /* the label of the token it was made in; "" for the unit's own */
    struct certificate certificate; /* of a resumed unit, only its SHA-256 is known, from the record */
    const struct certificate *issuing; /* of the CA that signed it; NULL until then */
    char issuing_token[33];            /* the label of the one that has that CA's key */
    uint8_t receipt[32];
    unsigned refused_in_a_row; /* wrong log-ins that the unit has counted since the last right one */

    char label[17];
    unsigned label_copy; /* 0: this journey has printed none; a resumed unit's passwords are gone */
    enum store_print_level print_level;
    struct flow_scan scan;

    struct evidence evidence;
    struct fault why; /* the journey's end, where it is not the good one */
};

/* The passwords are wiped now, and a wrapped key with them. */
void journey_forget(struct journey *journey);
void journey_free(struct journey *journey);
DEFINE_CLEANUP(struct journey *, journey_free)

NONNULL(1) void journey_show(struct journey *journey, enum flow_step step);

/* Makes a request of the record and, where its outcome is unknown or the connection was lost, connects anew and makes
 * the same request again, a few times. `request` must carry the attempt's UUID and be repeatable.
 *
 * The record must go on from the head that the station remembers (station/flow/head.h).
 *
 * Faults: the request's; RECORD_BEHIND; FILE; RECORD_UNKNOWN or RECORD_AWAY only after all tries.
 */
NODISCARD NONNULL(1, 2, 3) bool journey_record(struct journey *journey,
                                               bool (*request)(struct journey *, struct fault *), struct fault *fault);

/* identify.c: who is in the slot, what the record says about it, and the unit made ready. */
NODISCARD NONNULL(1, 2) bool journey_identify(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_reserve(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_reopen(struct journey *journey, struct fault *fault);
/* Reads who is there over a fresh connection and compares it with the record: at the scan. */
NODISCARD NONNULL(1, 2) bool journey_confirm(struct journey *journey, struct fault *fault);

/* credential.c: passwords, certificate and intent; then into the unit. */
NODISCARD NONNULL(1, 2) bool journey_issue(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_inject(struct journey *journey, struct fault *fault);

/* prove.c and login.c: what the unit does with it. Each keeps its evidence rows, the failed one included. */
NODISCARD NONNULL(1, 2) bool journey_restart(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_prove_logins(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_prove_surroundings(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_lock(struct journey *journey, struct fault *fault);

/* label_step.c: the label, its scan and the end. */
NODISCARD NONNULL(1, 2) bool journey_print(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_await_scan(struct journey *journey, struct fault *fault);
NODISCARD NONNULL(1, 2) bool journey_close(struct journey *journey, struct fault *fault);
