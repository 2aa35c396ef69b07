/* rooms.h -- everything that a slot worker opens once: the token and its keys, the record and its order, the product.
 *
 * Owner    the caller frees the rooms
 * Threads  one
 * Secrets  the PIN is read, used once and wiped
 * Layer    station/line/
 */
#pragma once

#include "fixtures/port.h"
#include "hsm/certificate.h"
#include "hsm/seal.h"
#include "hsm/station_key.h"
#include "hsm/token.h"
#include "jigs/read.h"
#include "schema/store.h"

struct rooms {
    struct jig *jig;
    struct store *store;
    struct store_order order;
    struct product *product; /* the order's */
    struct token *token;
    struct station_key *station_key;
    struct certificate_issuer *issuer;
    struct sealer *sealer;
};

/* Opens all of it; the record and the product first, because a wrong PIN must never be tried for nothing.
 *
 * Faults: those of jig_read(), product_read(), store_open(), token_open(), station_key_open(),
 * certificate_issuer_open(), sealer_open(); ORDER_UNKNOWN, PRODUCT_CANNOT, POLICY_EXPIRED.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool rooms_open(const char *jig_path, const char *order, const char *application,
                                                 struct rooms **ret_rooms, struct fault *fault);
void rooms_free(struct rooms *rooms);
DEFINE_CLEANUP(struct rooms *, rooms_free)

/* The jig's product with this code. Faults: PRODUCT_CANNOT; those of product_read(). */
NODISCARD NONNULL(1, 2, 3, 4) bool rooms_find_product(const struct jig *jig, const char *code,
                                                      struct product **ret_product, struct fault *fault);

/* The recovery certificates that the jig names: `ret_paths` has room for two; returns how many. */
NODISCARD NONNULL(1, 2) size_t rooms_recovery_paths(const struct jig *jig, const char *ret_paths[2]);

/* What the port of a slot is opened with. */
NODISCARD NONNULL(1) struct port_options rooms_port(const struct jig_slot *slot);

/* Draws the product's label with sample values for every printer of the jig, since every slot prints on one of them.
 * Only for the station's own program, which is started again to draw.
 *
 * Faults: those of flow_check_label().
 */
NODISCARD NONNULL(1, 2) bool rooms_check_label(const struct rooms *rooms, struct fault *fault);

/* Opens the token with the PIN of the jig's file, one process at a time. Also TIMED_OUT. */
NODISCARD NONNULL(1, 2, 3) bool rooms_open_token(const struct jig *jig, struct token **ret_token, struct fault *fault);
