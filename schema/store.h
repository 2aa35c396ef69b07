/* store.h -- the record store: one function for each request, plain values in and out.
 *
 * There is no general query. Each request is one function of the database's `api` schema, one transaction, one
 * commit. Requests carry a UUID and may be repeated: the database answers a repeated one as it did the first time,
 * and writes a row before it says yes (schema/README.md, "unknown commits").
 *
 * Owner    the caller closes the store; results are values, lists are freed by their _free
 * Threads  one store belongs to one thread
 * Secrets  none: passwords arrive sealed (hsm/seal.h) and as fingerprints
 * Layer    schema/ may include base/ only; only schema/ includes libpq
 */
#pragma once

#include "base/clock.h"
#include "base/fault.h"
#include "base/serial.h"
#include "base/uuid.h"

struct store;

struct store_options {
    const char *conninfo;    /* libpq; several hosts may be named */
    const char *application; /* "kokuin slot 3", shown in pg_stat_activity */
    unsigned answer_ms;      /* longest wait for one answer; 0: 10 s. Later is RECORD_UNKNOWN, never a cancel */
};

/* Connects, checks the schema's version and that replication, if there is any, is synchronous.
 *
 * Faults: RECORD_AWAY, RECORD_VERSION, RECORD_ROLE, RECORD_UNSAFE, RECORD_SHAPE, USAGE, NO_MEMORY. Every request
 * below: RECORD_AWAY (nothing was kept), RECORD_UNKNOWN (repeat the same request after store_reconnect()),
 * RECORD_REFUSED, RECORD_DUPLICATE, RECORD_SHAPE, RECORD_ROLE, RECORD_VERSION, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool store_open(const struct store_options *options, struct store **ret_store,
                                           struct fault *fault);
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)

/* Connects anew after RECORD_AWAY or RECORD_UNKNOWN. */
NODISCARD NONNULL(1, 2) bool store_reconnect(struct store *store, struct fault *fault);

/* ---- the station ---- */

struct store_order {
    char number[33]; /* the plant's own order number */
    char product_code[3];
    char model[33];
    unsigned quantity; /* authorised */
    unsigned reserved; /* units that have a number: closed, in work, failed or scrapped */
    unsigned closed, scrapped;
    bool open;
};

/* The order this station works on. Faults: ORDER_UNKNOWN. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_order_get(struct store *store, const char *number,
                                                   struct store_order *ret_order, struct fault *fault);

/* Registers what this station will stamp units with; true as well when it is there already with the same hash.
 * RECORD_REFUSED when the same id and version is there with another hash. Dates are "2026-11-23". */
struct store_policy {
    const char *id;
    unsigned version;
    const char *alphabet;
    unsigned length;
    double minimum_entropy_bits;
    const char *valid_from, *valid_until, *review_by, *approver;
    const uint8_t *sha256;
};
NODISCARD NONNULL(1, 2, 3) bool store_policy_register(struct store *store, const struct store_policy *policy,
                                                      struct fault *fault);

/* An issuing CA: its certificate, and on which token its key is. `subject` is the certificate's, as text. */
struct store_issuer {
    const uint8_t *der;
    size_t der_size;
    const char *subject, *token_label;
};
NODISCARD NONNULL(1, 2, 3) bool store_issuer_register(struct store *store, const struct store_issuer *issuer,
                                                      struct fault *fault);

/* What the record says must be done with the board that just arrived. */
enum store_arrival {
    STORE_NEW,    /* a new unit, or a new attempt at one that failed before: start from `reserved` */
    STORE_RESUME, /* the same attempt goes on from `state` (reserved, labelled, scanned) */
};

struct store_reservation {
    struct uuid attempt;
    enum store_arrival arrival;
    char state[17];
    unsigned attempt_number; /* 1 for the first; more is rework */
    bool interrupted;        /* an attempt was found unfinished past the point of no return and failed just now */
    char serial[SERIAL_SIZE];
    uint64_t mac;
    unsigned mac_count;
    char label[17]; /* with RESUME at labelled or scanned: the live label */
    unsigned label_copy;
};

struct store_arriving {
    struct uuid attempt; /* made by the caller; used if a new attempt begins */
    unsigned slot;
    const char *order;
    const char *operator_badge; /* 1 to 32 printable characters */
    const uint8_t *hardware_id; /* 4 to 64 bytes */
    size_t hardware_id_size;
    const char *model;
    const char *firmware_version;
    const uint8_t *firmware_sha256;
    const uint8_t *product_sha256; /* of the product file, stamped on the attempt */
};

/* Finds the board's own history by its hardware id, or reserves serial and MACs from the station's lease (which is
 * extended from the pool when it is used up). An attempt is resumed only when firmware and product file are still the
 * ones it was begun with; otherwise it fails as INTERRUPTED and a new one begins.
 *
 * Faults: ORDER_UNKNOWN, ORDER_USED_UP, NUMBERS_USED_UP, UNIT_MODEL, UNIT_CLOSED, UNIT_SCRAPPED, UNIT_ELSEWHERE,
 * SLOT_OCCUPIED.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool store_reserve(struct store *store, const struct store_arriving *arriving,
                                                 struct store_reservation *ret_reservation, struct fault *fault);

struct store_credential {
    const char *kind;
    const char *policy_id;
    unsigned policy_version;
    const uint8_t *fingerprint; /* 32 bytes */
    const uint8_t *sealed;      /* CMS */
    size_t sealed_size;
    const uint8_t *recovery_key; /* SHA-256 of the recovery certificate */
};

struct store_intent {
    struct uuid attempt;
    const struct store_credential *credentials;
    size_t credential_count;    /* exactly the kinds of the order */
    const uint8_t *certificate; /* DER */
    size_t certificate_size;
    const uint8_t *certificate_serial;
    size_t certificate_serial_size;
    const uint8_t *certificate_sha256;
    const uint8_t *spki_sha256;
    const uint8_t *issuer_sha256; /* of the issuing certificate's DER */
};

/* reserved -> injecting, in one transaction. Also RECORD_DUPLICATE, with the constraint's name in the text. The fault
 * POLICY_EXPIRED when a policy is not valid on the database's date; UNIT_KEY_REUSED when the key is in the record
 * already. */
NODISCARD NONNULL(1, 2, 3) bool store_intent(struct store *store, const struct store_intent *intent,
                                             struct fault *fault);

/* injecting -> injected. `receipt` is the unit's, 32 bytes. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_injected(struct store *store, const struct uuid *attempt,
                                                  const uint8_t receipt[32], struct fault *fault);

enum store_verdict { STORE_SHOWN, STORE_FAILED, STORE_NOT_APPLICABLE };

/* One observation: what was seen, not what was meant. `name` is one of the evidence names of the schema. */
struct store_evidence {
    const char *name;
    enum store_verdict verdict;
    const char *facts; /* a JSON object */
};

/* injected -> verified with its evidence, in one transaction. A failed one is recorded by store_fail(). */
NODISCARD NONNULL(1, 2, 3, 5) bool store_verified(struct store *store, const struct uuid *attempt,
                                                  const struct store_evidence *evidence, size_t count,
                                                  struct fault *fault);

/* verified -> labelling, or labelled -> labelling with copy n+1 once the label before was voided. */
struct store_label {
    struct uuid attempt;
    const char *label; /* 13 base-32 letters, made by the caller */
    unsigned copy;
    const char *printer;
    const uint8_t *template_sha256;
    const uint8_t *bitmap_sha256; /* NULL before it is rendered */
};
NODISCARD NONNULL(1, 2, 3) bool store_labelling(struct store *store, const struct store_label *label,
                                                struct fault *fault);

enum store_print_level { STORE_PRINT_SENT, STORE_PRINT_CLAIMED, STORE_PRINT_COUNTED };

/* labelling -> labelled. Repeating is the same label and level. */
NODISCARD NONNULL(1, 2, 3, 5) bool store_labelled(struct store *store, const struct uuid *attempt, const char *label,
                                                  enum store_print_level level, struct fault *fault);

/* A label that a scanner read, for the unit in a slot. */
struct store_scan {
    struct uuid attempt;
    const char *serial, *label;
};

/* labelling -> labelled, with the level "scanned": the printer said nothing, and now a person holds the label. Writes a
 * scan row whatever the answer. Faults: those of store_scanned(). */
NODISCARD NONNULL(1, 2, 3) bool store_label_seen(struct store *store, const struct store_scan *scan,
                                                 struct fault *fault);

/* Voids the live label of a labelled attempt: it is spoilt, was scanned, and is shredded next. The attempt stays
 * labelled and waits for store_labelling() with the next copy. Writes a scan row whatever the answer. Faults: those of
 * store_scanned(). */
NODISCARD NONNULL(1, 2, 3) bool store_label_void(struct store *store, const struct store_scan *scan,
                                                 struct fault *fault);

/* SHA-256 of the certificate that the record has for this attempt. Faults: RECORD_REFUSED when it has none. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_certificate_sha256(struct store *store, const struct uuid *attempt,
                                                            uint8_t ret_sha256[32], struct fault *fault);

/* What a scanned label is: whether it is the live label of this attempt. Writes a scan row whatever the answer.
 *
 * labelled -> scanned when it is. Faults: SCAN_WRONG_UNIT, SCAN_DEAD_LABEL, SCAN_NOT_EXPECTED before it is labelled.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool store_scanned(struct store *store, const struct uuid *attempt, const char *serial,
                                                    const char *label, struct fault *fault);

/* scanned -> closed; refused by the database unless every required evidence is there and none failed. */
NODISCARD NONNULL(1, 2, 3) bool store_close_unit(struct store *store, const struct uuid *attempt, struct fault *fault);

/* any open state -> failed, with the fault and whatever evidence there is; its label is dead, its certificate
 * revoked. */
NODISCARD NONNULL(1, 2, 3, 6) bool store_fail(struct store *store, const struct uuid *attempt, const struct fault *why,
                                              const struct store_evidence *evidence, size_t count, struct fault *fault);

/* Where the chain of this station's own steps stands: how many it has, and the hash over all of them in hex. Without a
 * step, 0 and "". */
struct store_head {
    uint64_t steps;
    char hash[65];
};

/* Where it stands now, if it goes on from `known`; {0} knows of nothing. Faults: RECORD_BEHIND when it does not. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_head_follow(struct store *store, const struct store_head *known,
                                                     struct store_head *ret_head, struct fault *fault);

/* Writes off a unit whose last attempt failed and that cannot be reworked. A station may say so of a unit that failed
 * at it, a planner of any. Faults: UNIT_UNKNOWN. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_unit_scrap(struct store *store, const char *serial, const char *reason,
                                                    struct fault *fault);

/* ---- people ---- */

struct store_unit {
    char serial[SERIAL_SIZE];
    char model[33], order[33], station[33];
    char state[17]; /* of its last attempt, or "scrapped" */
    uint64_t mac;
    unsigned mac_count, attempts, slot;
    char created[CLOCK_TEXT_SIZE], changed[CLOCK_TEXT_SIZE];
    unsigned fault; /* of the last failed attempt; 0: none */
};
struct store_units {
    size_t count;
    struct store_unit *units;
};
struct store_unit_filter {
    const char *order, *state, *station; /* NULL: any */
    unsigned limit;                      /* 0: 1000; oldest first */
};
NODISCARD NONNULL(1, 2, 3, 4) bool store_unit_list(struct store *store, const struct store_unit_filter *filter,
                                                   struct store_units *ret_units, struct fault *fault);
void store_units_free(struct store_units *units);

/* The whole life of a unit as one JSON document (attempts, steps, evidence, certificate, labels), without secrets.
 * The caller frees it. Faults: UNIT_UNKNOWN. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_unit_show(struct store *store, const char *serial, char **ret_json,
                                                   struct fault *fault);

/* The whole life of a label as one JSON document: label, copy, fate (live, voided, dead, in_work, not_sent,
 * unconfirmed), unit, attempt, printed level, scans. The caller frees it. Faults: LABEL_UNKNOWN. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_label_show(struct store *store, const char *label, char **ret_json,
                                                    struct fault *fault);

/* Every label ever recorded is counted in one of live to unconfirmed. In a sound record
 * made = printed + in_work + not_sent + unconfirmed and printed = live + voided + dead. */
struct store_label_count {
    unsigned made;               /* recorded, before anything was sent */
    unsigned printed;            /* recorded as printed, at whatever level */
    unsigned live, voided, dead; /* of those: valid, shredded by a person, ended with its attempt */
    unsigned in_work;            /* of the others: its attempt is open */
    unsigned not_sent;           /* its attempt failed before anything was sent */
    unsigned unconfirmed;        /* it may have come out of the printer, or not */
};
/* `order` NULL: all. Faults: ORDER_UNKNOWN. */
NODISCARD NONNULL(1, 3, 4) bool store_label_count(struct store *store, const char *order,
                                                  struct store_label_count *ret_count, struct fault *fault);

struct store_label_finding {
    char finding[17]; /* "unconfirmed", "contradiction", "unlabelled" (migration 0010) */
    char serial[SERIAL_SIZE];
    char label[17]; /* "" for a unit without one */
    unsigned copy;
    char at[CLOCK_TEXT_SIZE];
};
struct store_label_findings {
    size_t count;
    struct store_label_finding *each;
};
/* What does not add up, by serial; `order` NULL: of all. An unconfirmed label is none any more when a scanner saw it,
 * or when its unit was closed with a later password or scrapped. Faults: ORDER_UNKNOWN. */
NODISCARD NONNULL(1, 3, 4) bool store_label_findings(struct store *store, const char *order,
                                                     struct store_label_findings *ret_findings, struct fault *fault);
void store_label_findings_free(struct store_label_findings *findings);

/* The labels of a station's shift, that is, since the last one that was closed, of which nobody can say where they are,
 * by serial: "unfinished", "unconfirmed", "dead", "contradiction", and units "unlabelled" (migration 0016).
 * Faults: STATION_UNKNOWN. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_shift_findings(struct store *store, const char *station,
                                                        struct store_label_findings *ret_findings, struct fault *fault);

/* Ends a station's shift, with a row that counts its labels; refused while one of them is at large. A planner's
 * request; it has no UUID, and is simply asked again after RECORD_UNKNOWN: where the station has recorded no label
 * since its last shift, the answer is that shift's counts, `*ret_again` is true and nothing is written, whatever the
 * badge. `badge` is 1 to 32 printable characters. Faults: SHIFT_OPEN, STATION_UNKNOWN. */
NODISCARD NONNULL(1, 2, 3, 4, 5, 6) bool store_shift_close(struct store *store, const char *station, const char *badge,
                                                           struct store_label_count *ret_count, bool *ret_again,
                                                           struct fault *fault);

/* An order also makes its product known: code, model and GTIN belong together for ever (RECORD_REFUSED otherwise).
 * Faults: ORDER_EXISTS. */
struct store_order_new {
    const char *number, *product_code, *model, *gtin;
    unsigned quantity, macs_per_unit;
    const char *route;             /* "unique", "force", "none" */
    const char *credential_kinds;  /* "admin,wifi"; "" for none */
    const char *required_evidence; /* comma-separated evidence names */
};
NODISCARD NONNULL(1, 2, 3) bool store_order_open(struct store *store, const struct store_order_new *order,
                                                 struct fault *fault);
/* Refused while units of it are unfinished. Faults: ORDER_UNKNOWN, ORDER_UNFINISHED. */
NODISCARD NONNULL(1, 2, 3) bool store_order_close(struct store *store, const char *number, struct fault *fault);

/* What the record alone can show, computed over all rows, as one JSON object. The caller frees it.
 *
 *   units, closed, failed (last attempt failed, not scrapped), in_work, scrapped, reworked (closed, attempt > 1)
 *   labels: {live: of closed units, void: every other label ever made}
 *   duplicates, unaccounted_numbers: 0 in a sound record
 *   attempts, attempts_failed: {count, faults: [{number, name, count}]}
 *   credentials, certificates: {live, revoked}
 */
NODISCARD NONNULL(1, 2, 3) bool store_summary(struct store *store, char **ret_json, struct fault *fault);

/* Re-computes every station's hash chain over its steps: how many links do not hold. */
NODISCARD NONNULL(1, 2, 3) bool store_chain_check(struct store *store, uint64_t *ret_broken, struct fault *fault);
