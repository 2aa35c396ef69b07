/* evidence.h -- which observations a product requires, and the rows gathered on one unit.
 *
 * A row says what was seen, not what was meant; the facts are one JSON object. A missing row is "not shown", and the
 * record store closes no unit without every row that its order requires.
 *
 * Owner    values
 * Threads  a set belongs to one thread
 * Secrets  none
 * Layer    station/flow/ may include jigs/ and schema/store.h
 */
#pragma once

#include "jigs/product.h"
#include "schema/store.h"
#include "station/flow/json.h"

/* In the order of the journey. The names are the record store's (schema/migrations). */
enum evidence_kind {
    EVIDENCE_CREDENTIAL_GENERATED,
    EVIDENCE_POLICY_APPLIED,
    EVIDENCE_CREDENTIAL_INJECTED,
    EVIDENCE_CERTIFICATE_USED,
    EVIDENCE_LINK_SECURE,
    EVIDENCE_RESTART_KEPT,
    EVIDENCE_IDENTITY_READBACK,
    EVIDENCE_FIRMWARE_STATE,
    EVIDENCE_PASSWORD_ACCEPTED,
    EVIDENCE_WRONG_PASSWORD_REFUSED,
    EVIDENCE_KNOWN_DEFAULTS_REFUSED,
    EVIDENCE_RETRY_LIMIT,
    EVIDENCE_FORCED_CHANGE,
    EVIDENCE_NO_PASSWORD_LOGIN,
    EVIDENCE_INTERFACES,
    EVIDENCE_LOCK,
    EVIDENCE_COUNT,
};

NODISCARD const char *evidence_name(enum evidence_kind kind);

/* Whether a unit of this product is closed only with this row: the one place that decides it, for the flow that must
 * gather it and for the order that must require it. */
NODISCARD NONNULL(1) bool evidence_required(const struct product *product, enum evidence_kind kind);

#define EVIDENCE_LIST_SIZE 384

/* The required names, comma-separated, as store_order_open() takes them. */
NONNULL(1) void evidence_list(const struct product *product, char ret_list[EVIDENCE_LIST_SIZE]);

/* The product's credential kinds, comma-separated; "" where it has none. */
#define CREDENTIAL_LIST_SIZE (PRODUCT_CREDENTIALS_MAX * 17)
NONNULL(1) void credential_list(const struct product *product, char ret_list[CREDENTIAL_LIST_SIZE]);

/* "unique", "force" or "none". */
NODISCARD const char *route_name(enum auth_route route);

#define EVIDENCE_FACTS_SIZE 8192

struct evidence {
    struct store_evidence rows[EVIDENCE_COUNT];
    size_t count;
    char facts[EVIDENCE_COUNT][EVIDENCE_FACTS_SIZE];
};

/* A writer over the facts of this kind, its object already opened. */
NODISCARD NONNULL(1) struct json evidence_begin(struct evidence *evidence, enum evidence_kind kind);

/* Closes the object and keeps the row, in place of an earlier one of its kind. Facts that did not fit are kept as
 * {"cut":true}: a verdict is never lost. */
NONNULL(1, 2)
void evidence_keep(struct evidence *evidence, struct json *facts, enum evidence_kind kind, enum store_verdict verdict);
