/* softhsm.h -- a private SoftHSM for a test: its own directory, its own tokens, and a p11-kit server in front of them.
 *
 * Sets SOFTHSM2_CONF in this process and ignores SIGPIPE. Nothing global is read or written.
 *
 * Owner    the caller ends what it started with softhsm_end()
 * Threads  one
 * Secrets  test PINs only
 * Layer    tests/
 */
#pragma once

#include "hsm/ceremony.h"

#include <sys/types.h>

#define SOFTHSM_PIN "24681357"
#define SOFTHSM_SO_PIN "97531864"

struct softhsm {
    char directory[64];
    char remote[128]; /* "unix:/..." once a server runs */
    pid_t server;     /* 0: none; also its process group */
};

NODISCARD NONNULL(1, 2) bool softhsm_start(struct softhsm *ret_softhsm, struct fault *fault);
void softhsm_end(struct softhsm *softhsm);

/* A new token with the two PINs above. */
NODISCARD NONNULL(1, 2) bool softhsm_make(const char *label, struct fault *fault);

/* A server for all tokens there are now; `provider` is SOFTHSM_MODULE, or a module that watches it. Returns once it
 * listens, or after 10 seconds. */
NODISCARD NONNULL(1, 2, 3) bool softhsm_serve(struct softhsm *softhsm, const char *provider, struct fault *fault);

/* Kills the server and the children that serve its connections, as a crash would. */
void softhsm_kill_server(struct softhsm *softhsm);

/* Opens a token with the right PIN: directly, or through the server. */
NODISCARD NONNULL(1, 3, 4, 5) bool softhsm_open(const struct softhsm *softhsm, bool remote, const char *label,
                                                struct token **ret_token, struct fault *fault);

/* A secret of a text. Aborts the program when there is no memory. */
NODISCARD NONNULL(1) struct secret *softhsm_secret(const char *text);

/* Tokens root, production, production-2, recovery and spare, and a ceremony on them; its files are in
 * "<directory>/ca". */
NODISCARD NONNULL(1, 2) bool softhsm_plant(struct softhsm *softhsm, struct fault *fault);

/* "<directory>/ca/<name>" in a buffer that the next call but three writes over. */
NODISCARD NONNULL(1, 2) const char *softhsm_file(const struct softhsm *softhsm, const char *name);
