/* rooms.h -- everything that a slot worker opens once: tokens and their keys, the record and its order, the product.
 *
 * Owner    the caller frees the rooms
 * Threads  one
 * Secrets  none: PINs pass through hsm/ only
 * Layer    station/line/
 */
#pragma once

#include "fixtures/unit_driver.h"
#include "hsm/keyring.h"
#include "hsm/seal.h"
#include "jigs/read.h"
#include "schema/store.h"

struct rooms {
    struct jig *jig;
    struct store *store;
    char record_head[JIG_PATH_SIZE + sizeof "/record-head"]; /* the file of station/flow/head.h */
    struct store_order order;
    struct product *product; /* the order's */
    struct keyring_place places[JIG_TOKENS_MAX];
    struct keyring *keyring;
    const char *issuing_certificates[JIG_TOKENS_MAX]; /* of every token: one's units are re-read on another */
    struct sealer *sealer;
};

/* Opens all of it; the record and the product first, because a wrong PIN must never be tried for nothing.
 *
 * Faults: those of jig_read(), product_read(), store_open(), keyring_open(), sealer_open(); ORDER_UNKNOWN,
 * PRODUCT_CANNOT, POLICY_EXPIRED; HSM_CANNOT, naming the product, when its key is to be made in a token that cannot.
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

/* What the keyring is told of the jig's tokens. `places` has room for JIG_TOKENS_MAX; it and the jig must live as long
 * as the keyring. */
NODISCARD NONNULL(1, 2) struct keyring_options rooms_keyring(const struct jig *jig, struct keyring_place *places);

/* What the station brings to a link, but for its own certificate and key. Lives as long as the rooms. */
NODISCARD NONNULL(1) struct unit_station rooms_unit_station(const struct rooms *rooms);
