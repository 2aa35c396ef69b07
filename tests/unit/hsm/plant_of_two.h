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

struct plant {
    struct softhsm first; /* SoftHSM itself, and the first token's server */
    struct softhsm second;
    char pin_file[128];
    struct keyring_place places[2];
    struct keyring_options options;
};

/* Both servers run. `ret_plant` must stay where it is. */
NODISCARD NONNULL(1, 2) bool plant_start(struct plant *ret_plant, struct fault *fault);
void plant_end(struct plant *plant);

/* Starts a server again, for the tokens as they are now. */
NODISCARD NONNULL(1, 2) bool plant_serve(struct softhsm *server, struct fault *fault);

/* Writes a file whole. Aborts the program when it cannot. */
NONNULL(1, 2) void plant_write(const char *path, const char *text);
