/* store_inside.h -- what the store's files share.
 *
 * Owner    store.c
 * Threads  as the store
 * Secrets  none
 * Layer    inside schema/
 */
#pragma once

#include "schema/answer.h"
#include "schema/store.h"

struct store {
    struct connection *connection;
};

/* A request without an answer but that it was done. Frees the parameters. `what` goes in front of the fault's text. */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool store_do(struct store *store, const char *what, const char *sql,
                                               struct parameters *parameters, struct fault *fault);

/* A reading request for one text, which the caller frees. */
NODISCARD NONNULL(1, 2, 3, 4, 5, 6) bool store_read_text(struct store *store, const char *what, const char *sql,
                                                         struct parameters *parameters, char **ret_text,
                                                         struct fault *fault);
