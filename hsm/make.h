/* make.h -- a new key: made with every attribute explicit, read back, and attacked.
 *
 * Owner    values
 * Threads  as the token's
 * Secrets  a test's shared secret lives in struct secret and dies with the test
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/key.h"

#define MAKE_ID_SIZE 16
#define MAKE_CHECK_SIZE 8

enum make_use {
    MAKE_SIGN,   /* P-256 pair that signs */
    MAKE_DERIVE, /* P-256 pair that agrees on keys */
    MAKE_MAC,    /* 256-bit secret for HMAC */
};

struct make_order {
    const char *label;
    enum make_use use;
    bool asks_pin; /* before each signature, where the token can */
};

enum make_told { MAKE_TOLD_FALSE, MAKE_TOLD_TRUE, MAKE_NOT_TOLD };
enum make_test { MAKE_NOT_TESTED, MAKE_PASSED, MAKE_NOT_POSSIBLE };

#define MAKE_ATTRIBUTES 13

struct made_key {
    const struct make_order *order;
    struct token *token;
    struct key key; /* handle; the point for pairs */
    CK_OBJECT_HANDLE public_handle;
    uint8_t id[MAKE_ID_SIZE];
    enum make_told told[MAKE_ATTRIBUTES]; /* as the token reports them, by make_attribute_name() */
    enum make_test wrap;                  /* tried to wrap it out */
    enum make_test derive;                /* tried that it agrees on the same secret as software */
    uint8_t check[MAKE_CHECK_SIZE];       /* of a MAC key: the start of the HMAC over its label */
};

NODISCARD const char *make_attribute_name(size_t index);

/* Refuses when any object of this label is on the token. Faults: HSM_KEY_EXISTS, HSM_CALL. */
NODISCARD NONNULL(1, 2, 3) bool make_check_free(struct token *token, const char *label, struct fault *fault);

/* The same for any object of this label but those with this CKA_ID. */
NODISCARD NONNULL(1, 2, 3, 4) bool make_check_only(struct token *token, const char *label,
                                                   const uint8_t id[MAKE_ID_SIZE], struct fault *fault);

/* Destroys whatever has this label and this CKA_ID: a key of ours that was half made. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2, 3, 4) bool make_erase(struct token *token, const char *label, const uint8_t id[MAKE_ID_SIZE],
                                              struct fault *fault);

/* The key of this order and CKA_ID that was made before, not looked at yet. Faults: HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS,
 * HSM_CALL.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool make_find(struct token *token, const struct make_order *order,
                                                const uint8_t id[MAKE_ID_SIZE], struct made_key *ret_made,
                                                struct fault *fault);

/* A random CKA_ID for a key that is not made yet. Faults: HSM_CALL, HSM_RANDOM. */
NODISCARD NONNULL(1, 2, 3, 4) bool make_choose(struct token *token, const struct make_order *order,
                                               struct made_key *ret_made, struct fault *fault);

/* Makes the key that was chosen; nobody has looked at it yet. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2) bool make_create(struct made_key *made, struct fault *fault);

/* Reads back what the token says of it, compares that with the order, attacks it, and has it do its work: a signature,
 * a MAC, an agreement. `pin` only for a key that asks for it.
 *
 * Faults: HSM_KEY_LEAVES, HSM_KEY_WRONG, HSM_CALL, HSM_RANDOM, HSM_PIN, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 3) bool make_examine(struct made_key *made, const struct secret *pin, struct fault *fault);

/* All three, for a key that asks for no PIN. On false nothing of the key is left on the token.
 *
 * Faults: as above.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool make_key(struct token *token, const struct make_order *order,
                                            struct made_key *ret_made, struct fault *fault);
void make_undo(struct made_key *made);
