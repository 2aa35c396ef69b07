/* plant_of_two.h -- a station's two production tokens, each behind a p11-kit server of its own, as a keyring sees them.
 *
 * Owner    the caller ends what it started with plant_end()
 * Threads  one
 * Secrets  test PINs only
 * Layer    tests/
 */
#pragma once

#include "hsm/keyring.h"
#include "tests/support/softhsm.h"
#include "tests/unit/hsm/unit_request.h"

struct plant {
    struct softhsm first; /* SoftHSM itself, and the first token's server */
    struct softhsm second;
    char pin_file[128];
    struct keyring_place places[2];
    struct keyring_options options;
    struct unit_request request;
    const struct certificate_subject *subject; /* the request's */
    uint8_t fingerprint[FINGERPRINT_SIZE];     /* of PLANT_PASSWORD */
};

#define PLANT_PASSWORD "correct horse"

/* Both servers run. `ret_plant` must stay where it is. */
NODISCARD NONNULL(1, 2) bool plant_start(struct plant *ret_plant, struct fault *fault);
void plant_end(struct plant *plant);

/* Starts a server again, for the tokens as they are now. */
NODISCARD NONNULL(1, 2) bool plant_serve(struct softhsm *server, struct fault *fault);

/* Starts those that do not run. */
NODISCARD NONNULL(1, 2) bool plant_serve_both(struct plant *plant, struct fault *fault);

/* A keyring over `count` places. */
NODISCARD NONNULL(1, 2, 4, 5) bool plant_open(const struct plant *plant, const struct keyring_place *places,
                                              size_t count, struct keyring **ret_keyring, struct fault *fault);

/* All that a unit asks of its token. The test fails unless whatever it gives is right. */
NODISCARD NONNULL(1, 2, 3) bool plant_work(const struct plant *plant, struct keyring *keyring, struct fault *fault);

/* Writes a file whole. Aborts the program when it cannot. */
NONNULL(1, 2) void plant_write(const char *path, const char *text);
