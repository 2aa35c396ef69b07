/* matrix.h -- one list of what a plant asks of a token, and what each way to a token does of it.
 *
 * Owner    the test; everything of a provider lives from its start to its end
 * Threads  one
 * Secrets  test PINs only
 * Layer    tests/
 */
#pragma once

#include "hsm/make.h"

#define MATRIX_PIN "24681357"
#define MATRIX_SO_PIN "97531864"
#define MATRIX_WRONG_PIN "11111111"

/* In the order in which they run: later ones use what earlier ones made. */
#define OPERATIONS(X)                                                                                                  \
    X(CEREMONY, "whole ceremony")                                                                                      \
    X(FIND, "found by its URI")                                                                                        \
    X(WRONG_PIN, "wrong PIN refused")                                                                                  \
    X(DRAW, "random, health tests")                                                                                    \
    X(MAKE_ROOT, "makes root key")                                                                                     \
    X(ASK_PIN, "asks PIN each time")                                                                                   \
    X(MAKE_ISSUING, "makes signing key")                                                                               \
    X(WRAP_TEST, "attack is possible")                                                                                 \
    X(MAKE_RECOVERY, "makes agreeing key")                                                                             \
    X(MAKE_FINGERPRINT, "makes HMAC key")                                                                              \
    X(PROVE, "finds, proves key")                                                                                      \
    X(FINGERPRINT, "fingerprint")                                                                                      \
    X(ISSUE, "certificates")                                                                                           \
    X(HANDSHAKE, "TLS station key")                                                                                    \
    X(OPEN, "opens sealed password")

enum operation {
#define X(name, title) OPERATION_##name,
    OPERATIONS(X)
#undef X
        OPERATION_COUNT
};

/* What must come of an operation. No code: it must work. */
struct expected {
    enum fault_code code;
    const char *says; /* part of the fault's text */
    const char *why;  /* for the table */
};

struct provider {
    const char *name;
    const char *uri;          /* of the token that the operations use */
    const char *ceremony_uri; /* of the token that the whole ceremony uses */
    unsigned certificates;    /* how many are issued */
    bool keys_by_hand;        /* where make_key() refuses, the test makes them itself to see the rest */
    bool asks_by_hand;        /* such a root key asks for the PIN each time */
    struct expected expected[OPERATION_COUNT];
};

/* One provider at work. */
struct matrix {
    const struct provider *provider;
    const char *module; /* as token_open() takes it */
    char directory[64]; /* the operations' token's certificates */
    struct token *token;
    struct made_key root, issuing, station, recovery;
    X509 *root_certificate;
    unsigned verified; /* certificates that two other programs verified */
};

/* Runs one operation. On false the fault says how it was refused. */
NODISCARD NONNULL(1, 3) bool matrix_run(struct matrix *matrix, enum operation operation, struct fault *fault);

/* "<directory>/<name>" in a buffer that the next call but three writes over. */
NODISCARD NONNULL(1, 2) const char *matrix_file(const struct matrix *matrix, const char *name);

/* keys.c: a key as the ceremony makes it, certified by the matrix's root; refused ones by the test's own hand where the
 * provider says so, and the refusal is told all the same. */
NODISCARD NONNULL(1, 2, 3, 4) bool matrix_make(struct matrix *matrix, const struct make_order *order,
                                               struct made_key *ret_made, struct fault *fault);

/* True when `openssl verify -x509_strict` and `certtool --verify` both accept it. `issuing` may be NULL. */
NODISCARD NONNULL(1, 2, 4) bool matrix_verifies(struct matrix *matrix, const char *root, const char *issuing,
                                                const char *certificate, struct fault *fault);

/* handshake.c: TLS 1.3 between a server with the token's station key and a client that trusts the root. */
NODISCARD NONNULL(1, 2) bool matrix_handshake(struct matrix *matrix, struct fault *fault);
