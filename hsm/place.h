/* place.h -- which keys a ceremony makes, on which token, with which certificate and file.
 *
 * The order is that in which they are made: the root first, because it certifies the others, and the fingerprint keys
 * last, because their one value is sealed to the recovery key while it is still there to be carried.
 *
 * Owner    place_clear() frees what a place holds; the tokens are the caller's
 * Threads  one
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/authority.h"
#include "hsm/make.h"

#define PLACES_MAX (3 + 4 * CEREMONY_TOKENS_MAX)
#define PLACE_NAME_SIZE 32

enum place_kind {
    PLACE_ROOT,
    PLACE_ISSUING,
    PLACE_STATION,
    PLACE_CHECKPOINT,
    PLACE_RECOVERY,
    PLACE_SPARE,
    PLACE_FINGERPRINT
};

struct place {
    enum place_kind kind;
    unsigned number;            /* of the production token, from 1; 0 on the others */
    char name[PLACE_NAME_SIZE]; /* "issuing-1": its name in the record */
    char file[PLACE_NAME_SIZE]; /* "issuing-1.pem"; empty for a key without a certificate */
    struct token *token;
    struct made_key made;
    X509 *certificate;
};

struct places {
    struct place at[PLACES_MAX];
    size_t count;
};

/* All places of a whole ceremony. */
void place_all(const struct ceremony_tokens *tokens, struct places *ret_places);

/* Adds the keys of one production token under a number: issuing, station, checkpoint. */
void place_add_production(struct places *places, struct token *token, unsigned number);
void place_add(struct places *places, enum place_kind kind, struct token *token, unsigned number);

NODISCARD NONNULL(1) const struct make_order *place_order(const struct place *place);

/* What its certificate says. `ret_common_name` has room for the numbered name, which the row points to. */
#define PLACE_COMMON_NAME_SIZE 40
NODISCARD NONNULL(1, 2) struct authority_row place_row(const struct place *place, const struct ceremony_names *names,
                                                       char ret_common_name[PLACE_COMMON_NAME_SIZE]);

/* The first place of this kind and number; NULL when there is none. */
NODISCARD NONNULL(1) struct place *place_find(struct places *places, enum place_kind kind, unsigned number);

/* Refuses names that do not fit. Faults: USAGE. */
NODISCARD NONNULL(1, 2) bool ceremony_check_names(const struct ceremony_names *names, struct fault *fault);

/* Over what is to be done: names, years, custodians, keys and tokens. Faults: CRYPTO, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4) bool ceremony_plan_digest(const struct ceremony_names *names, const struct places *places,
                                                        uint8_t ret_digest[32], struct fault *fault);

/* Frees the certificates. */
void place_clear(struct places *places);
