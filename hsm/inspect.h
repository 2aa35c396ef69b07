/* inspect.h -- one production token looked at, step by step, for people: what works, and where it ends.
 *
 * The steps are those of keyring_open(), in its order; each stands on the ones before. Nothing is made, and the PIN is
 * tried once, and not at all when the token says that a wrong one would lock it.
 *
 * Owner    values
 * Threads  one
 * Secrets  the PIN is read from its file, used once and wiped
 * Layer    hsm/
 */
#pragma once

#include "hsm/keyring.h"

enum inspect_step {
    INSPECT_TOKEN,       /* the module loads, or its server answers, and the URI names exactly one token */
    INSPECT_MECHANISMS,  /* it signs with ECDSA and has HMAC-SHA-256 */
    INSPECT_LOG_IN,      /* the PIN's file is there, and the token takes the PIN */
    INSPECT_RANDOM,      /* its generator passes the health tests */
    INSPECT_FINGERPRINT, /* the fingerprint key has the check value that all tokens share */
    INSPECT_ISSUING,     /* the CA's key is its certificate's, has signed, and chains to the root */
    INSPECT_STATION,     /* the station's key is its certificate's and has signed */
    INSPECT_STEPS,
};

struct inspection {
    bool found;             /* `look` is filled */
    struct token_look look; /* its flags as they were before the log-in */
    bool tried[INSPECT_STEPS];
    struct fault faults[INSPECT_STEPS]; /* FAULT_NONE: good, or not tried */
    int64_t took_ns[INSPECT_STEPS];
    bool good;        /* every step */
    bool passed_over; /* not good, and a station goes on with the next token; where false it stops until it is mended */
};

/* `options` as for a keyring; `place` is one of its places. */
NONNULL(1, 3)
void token_inspect(const struct keyring_options *options, size_t place, struct inspection *ret_inspection);
