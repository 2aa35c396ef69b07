/* record.h -- what was made, what the tokens say of it, what the tests showed: as JSON, and as a page to sign.
 *
 * Each key is one object of lines that depend on nothing but the key, its token and its certificate, so that a later
 * look at the same key gives the same lines (hsm/check.h).
 *
 * Owner    the caller frees the texts with free()
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "base/clock.h"
#include "hsm/capability.h"
#include "hsm/place.h"

#define RECORD_FILE "ceremony.json"
#define PAGE_FILE "ceremony.html"

struct record_facts {
    const char *title;                    /* "Key ceremony" */
    const char *file;                     /* the record's own name */
    const char *fingerprint_origin;       /* how the fingerprint key came to its tokens; NULL: made there */
    char at[CLOCK_TEXT_SIZE];             /* UTC */
    struct capability tokens[PLACES_MAX]; /* each token once, in the order of the places */
    size_t token_count;
};

/* Tries what each token of these places can do, and takes the time. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2, 3) bool record_gather(const struct places *places, struct record_facts *facts,
                                              struct fault *fault);

/* Faults: CRYPTO, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool record_write(const struct ceremony_names *names, const struct places *places,
                                                   const struct record_facts *facts, char **ret_text,
                                                   struct fault *fault);

/* The lines of one key, from "    {" to "    }". Faults: CRYPTO, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool record_entry(const struct place *place, const char *fingerprint_origin, char **ret_text,
                                             struct fault *fault);

/* A page of HTML to print and sign, without scripts; `digest` is the record's. Faults: CRYPTO, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4, 5, 6) bool page_write(const struct ceremony_names *names, const struct places *places,
                                                    const struct record_facts *facts, const uint8_t digest[32],
                                                    char **ret_text, struct fault *fault);
