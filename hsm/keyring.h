/* keyring.h -- the production tokens of a station, in order of preference, seen as one that does not die.
 *
 * Every operation runs on the token in use. When that token fails it is opened afresh once and the operation repeated;
 * when that fails too, the next token of the list is taken, which has an issuing CA and a station key of its own and
 * the same fingerprint key. A key that is found again is compared with its certificate and proves itself with a
 * signature before it is used. What no other token can mend stops at once: a wrong PIN (never tried twice), a wrong
 * key, a generator that fails its health tests, a request that is refused.
 *
 * A keyring goes down its list and never up by itself: a token that comes and goes must not move the line to and fro.
 * Opening it anew begins at the top again.
 *
 * What stops ends the keyring: its token is closed and every later operation gives the same fault, because a PIN that
 * was refused must not be tried again by the next operation. A request that is refused ends nothing.
 *
 * Owner    the caller frees the keyring; what it hands out lives as long, unless said otherwise
 * Threads  one keyring belongs to one thread
 * Secrets  a PIN is read from its file for each log-in, used once and wiped; passwords as in hsm/password.h
 * Layer    hsm/
 */
#pragma once

#include "hsm/certificate.h"
#include "hsm/password.h"
#include "hsm/wrapped_key.h"

struct evp_pkey_st;
struct keyring;

#define KEYRING_PLACES_MAX 4

struct keyring_place {
    const char *module; /* as token_open() */
    const char *uri;
    const char *pin_file; /* log-ins of several processes take turns by a lock on it */
    const char *issuing;  /* the certificate of this token's issuing CA, PEM */
    const char *station;  /* the certificate of this token's station key, PEM */
};

struct keyring_options {
    const struct keyring_place *places; /* best first */
    size_t count;                       /* 1 to KEYRING_PLACES_MAX */
    const char *root;                   /* PEM */
    const char *fingerprint_check;      /* file: the fingerprint key's check value, 16 hexadecimal digits */
};

enum keyring_state {
    KEYRING_UP,       /* on the first token of the list */
    KEYRING_DEGRADED, /* on a spare */
    KEYRING_DOWN,     /* no token answers, or one must not be used; every operation fails */
};

/* Opens the first token of the list that works. A token that is away is passed over (also when other processes hold
 * its log-in for half a minute); a wrong PIN or a wrong key is not. Everything that `options` points to must live as
 * long as the keyring.
 *
 * Faults: HSM_DOWN when none answers (the text says why of each), HSM_PIN, HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS,
 * HSM_KEY_WRONG (also for another fingerprint key than the check value's), HSM_RANDOM, HSM_CALL for an answer that
 * opening afresh cannot mend (a mechanism that the token lacks), CERTIFICATE_REFUSED, FILE, CRYPTO, USAGE, INTERNAL
 * (SIGPIPE, as token_open()), SYSTEM, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool keyring_open(const struct keyring_options *options, struct keyring **ret_keyring,
                                             struct fault *fault);
void keyring_free(struct keyring *keyring);
DEFINE_CLEANUP(struct keyring *, keyring_free)

NODISCARD NONNULL(1) enum keyring_state keyring_state(const struct keyring *keyring);
/* "up", "degraded", "down". */
NODISCARD const char *keyring_state_name(enum keyring_state state);

/* Of the token in use: its place in the list, its label, its station certificate's file. Once the keyring is down: of
 * the one that was in use last. The label lives until the next operation. */
NODISCARD NONNULL(1) size_t keyring_place(const struct keyring *keyring);
NODISCARD NONNULL(1) const char *keyring_label(const struct keyring *keyring);
NODISCARD NONNULL(1) const char *keyring_station_certificate(const struct keyring *keyring);

/* Why the tokens above the one in use were left; FAULT_NONE where none was. */
NODISCARD NONNULL(1) const struct fault *keyring_trouble(const struct keyring *keyring);

/* The station key of the token in use, for libssl. It survives its token's being opened afresh. After a fail-over it
 * signs no more, but stays valid until the keyring is freed: links that use it are closed before that, and new ones
 * opened with what this returns then. */
NODISCARD NONNULL(1) struct evp_pkey_st *keyring_station_key(const struct keyring *keyring);

/* Asks the token in use for a signature of the station key, and goes down the list when it gives none. For a link whose
 * handshake failed: libssl does not say whether the token or the other side was why. `ret_changed` is true when the
 * token was opened afresh or left, so that the link deserves another try.
 *
 * Faults: HSM_DOWN and those that stop, as keyring_open().
 */
NODISCARD NONNULL(1, 2, 3) bool keyring_prove(struct keyring *keyring, bool *ret_changed, struct fault *fault);

/* As token_random(), password_draw(), password_fingerprint() and certificate_issue(); and the faults of keyring_open().
 * `ret_issuing` is the certificate of the CA that signed it, and lives as long as the
 * keyring. */
NODISCARD NONNULL(1, 2, 3) bool keyring_random(struct keyring *keyring, struct secret *bytes, struct fault *fault);
NODISCARD NONNULL(1, 2, 4, 5) bool keyring_draw_password(struct keyring *keyring, const char *alphabet, size_t length,
                                                         struct secret **ret_password, struct fault *fault);
NODISCARD NONNULL(1, 2, 3, 4) bool keyring_fingerprint(struct keyring *keyring, const struct secret *password,
                                                       uint8_t ret_fingerprint[FINGERPRINT_SIZE], struct fault *fault);
NODISCARD NONNULL(1, 2, 4, 5, 6, 7) bool keyring_issue(struct keyring *keyring, const uint8_t *csr, size_t csr_size,
                                                       const struct certificate_subject *subject,
                                                       struct certificate *ret_certificate,
                                                       const struct certificate **ret_issuing, struct fault *fault);

/* Keys for units that cannot make their own, as wrapped_key_probe(), wrapped_key_make() and certificate_issue_key().
 * The check asks the token in use; a spare that cannot is found out when it is the one in use. A key may be made on one
 * token and certified on the next. Also HSM_CANNOT, TRANSPORT_REFUSED. */
NODISCARD NONNULL(1, 2) bool keyring_check_wrapping(struct keyring *keyring, struct fault *fault);
NODISCARD NONNULL(1, 2, 3, 4) bool keyring_make_key(struct keyring *keyring,
                                                    const uint8_t unit_point[CERTIFICATE_POINT_SIZE],
                                                    struct wrapped_key *ret_key, struct fault *fault);
NODISCARD NONNULL(1, 2, 3, 4, 5, 6) bool keyring_issue_key(struct keyring *keyring,
                                                           const uint8_t point[CERTIFICATE_POINT_SIZE],
                                                           const struct certificate_subject *subject,
                                                           struct certificate *ret_certificate,
                                                           const struct certificate **ret_issuing, struct fault *fault);
