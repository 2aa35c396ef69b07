/* plan.h -- the tokens of a ceremony's plan, opened.
 *
 * Owner    plan_close() logs out and frees
 * Threads  one
 * Secrets  the root's PIN stays open until plan_close(); every other PIN is wiped after its log-in
 * Layer    station/cli/
 */
#pragma once

#include "base/secret.h"
#include "hsm/ceremony.h"
#include "jigs/ceremony.h"

struct plan {
    struct ceremony *ceremony;
    struct secret *root_pin;
    struct ceremony_tokens tokens;
    struct ceremony_names names; /* points into `ceremony` */
};

/* Reads the file and logs in to every token of it, once each. On false plan_close() still ends what was opened.
 *
 * Faults: those of ceremony_read(), secret_from_file() and token_open().
 */
NODISCARD NONNULL(1, 2, 3) bool plan_open(const char *path, struct plan *plan, struct fault *fault);
void plan_close(struct plan *plan);
