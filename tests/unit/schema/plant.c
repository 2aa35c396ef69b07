#include "tests/unit/schema/plant.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVIDENCE "credential_generated,credential_injected,password_accepted,certificate_used,lock"

static const struct store_evidence evidence[] = {
    {"credential_generated", STORE_SHOWN, "{\"bits\": 80}"},
    {"credential_injected", STORE_SHOWN, "{}"},
    {"password_accepted", STORE_SHOWN, "{\"note\": \"quoted \\\"word\\\" and \\\\\"}"},
    {"certificate_used", STORE_SHOWN, "{}"},
    {"lock", STORE_SHOWN, "{}"},
    {"forced_change", STORE_NOT_APPLICABLE, "{}"}, /* not of the order's list */
};

static const uint8_t recovery_key[32] = {7};
static uint8_t issuer_der[200] = {0x30, 0x82};

/* Thirty-two bytes that are a seed's own; `salt` tells one purpose from another. */
static void fill(uint8_t *ret_bytes, size_t size, unsigned seed, unsigned salt)
{
    memset(ret_bytes, (int)salt, size);
    for (size_t i = 0; i < 4; i++)
        ret_bytes[i] = (uint8_t)(seed >> 8 * i);
}

/* The database's own SHA-256 stands in for a cryptographic library. */
static void sha256_of(const char *conninfo, const uint8_t *bytes, size_t size, uint8_t ret_digest[32])
{
    char query[1200];
    char hex[1024];
    struct fault fault;
    hex_write(bytes, size, hex);
    (void)snprintf(query, sizeof query, "SELECT encode(sha256('\\x%s'), 'hex')", hex);
    char *value = postgres_value(conninfo, query);
    assert_non_null(value);
    assert_true(hex_read(value, ret_digest, 32, &fault));
    free(value);
}

static char digest_conninfo[POSTGRES_CONNINFO_SIZE];

struct store *plant_store(const char *conninfo)
{
    struct fault fault;
    struct store *store = NULL;
    if (!store_open(&(struct store_options){.conninfo = conninfo, .application = "test", .answer_ms = 20000}, &store,
                    &fault))
        fail_msg("%s", fault.text);
    return store;
}

static void make_order(const struct plant *plant, unsigned quantity)
{
    struct fault fault;
    struct store *planner = plant_store(plant->planner);
    bool opened = store_order_open(planner,
                                   &(struct store_order_new){.number = PLANT_ORDER,
                                                             .product_code = "KR",
                                                             .model = PLANT_MODEL,
                                                             .gtin = "04006381333931",
                                                             .quantity = quantity,
                                                             .macs_per_unit = 4,
                                                             .route = "unique",
                                                             .credential_kinds = "admin,wifi",
                                                             .required_evidence = EVIDENCE},
                                   &fault);
    store_close(planner);
    if (!opened)
        fail_msg("%s", fault.text);
}

void plant_make(struct plant *plant, unsigned quantity)
{
    struct fault fault = {0};
    struct migration_status status;
    *plant = (struct plant){0};
    postgres_database(plant->admin);
    memcpy(digest_conninfo, plant->admin, sizeof digest_conninfo);
    if (!schema_migrate(plant->admin, &status, &fault) ||
        !schema_grant_station(plant->admin, &(struct station_grant){"A", "station_a", 4}, &fault) ||
        !schema_grant_station(plant->admin, &(struct station_grant){"B", "station_b", 4}, &fault) ||
        !schema_grant_person(plant->admin, "auditor", "auditor_1", &fault) ||
        !schema_grant_person(plant->admin, "planner", "planner_1", &fault) ||
        !schema_add_numbers(plant->admin, "serial", 1, 100000, &fault) ||
        !schema_add_numbers(plant->admin, "mac", 0x024b00000000, 64000, &fault))
        fail_msg("%s", fault.text);
    postgres_as(plant->admin, "station_a", plant->station);
    postgres_as(plant->admin, "station_b", plant->other);
    postgres_as(plant->admin, "auditor_1", plant->auditor);
    postgres_as(plant->admin, "planner_1", plant->planner);
    make_order(plant, quantity);

    plant->store = plant_store(plant->station);
    uint8_t policy_sha256[32] = {1};
    const struct store_issuer issuer = {
        .der = issuer_der, .der_size = sizeof issuer_der, .subject = "CN=Issuing", .token_label = "token"};
    if (!store_policy_register(plant->store,
                               &(struct store_policy){.id = "u32x16",
                                                      .version = 1,
                                                      .alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
                                                      .length = 16,
                                                      .minimum_entropy_bits = 80,
                                                      .valid_from = "2020-01-01",
                                                      .valid_until = "2099-12-31",
                                                      .review_by = "2099-01-01",
                                                      .approver = "test",
                                                      .sha256 = policy_sha256},
                               &fault) ||
        !store_issuer_register(plant->store, &issuer, &fault))
        fail_msg("%s", fault.text);
}

void plant_close(struct plant *plant)
{
    store_close(plant->store);
    plant->store = NULL;
}

long plant_count(const struct plant *plant, const char *query)
{
    char *value = postgres_value(plant->admin, query);
    assert_non_null(value);
    long count = strtol(value, NULL, 10);
    free(value);
    return count;
}

bool unit_reserve_again(struct store *store, struct unit *unit, struct fault *fault)
{
    uint8_t board[8];
    uint8_t firmware[32] = {2};
    uint8_t product[32] = {3};
    fill(board, sizeof board, unit->seed, 1);
    return store_reserve(store,
                         &(struct store_arriving){.attempt = unit->arrived,
                                                  .slot = unit->slot,
                                                  .order = PLANT_ORDER,
                                                  .operator_badge = "B1",
                                                  .hardware_id = board,
                                                  .hardware_id_size = sizeof board,
                                                  .model = PLANT_MODEL,
                                                  .firmware_version = "1.0",
                                                  .firmware_sha256 = firmware,
                                                  .product_sha256 = product},
                         &unit->reservation, fault);
}

bool unit_reserve(struct store *store, struct unit *unit, struct fault *fault)
{
    return uuid_make(&unit->arrived, fault) && unit_reserve_again(store, unit, fault);
}

bool unit_intent(struct store *store, const struct unit *unit, struct fault *fault)
{
    /* A rework has everything new, so the attempt's number is part of what makes bytes unique. */
    unsigned seed = unit->seed * 16 + unit->reservation.attempt_number;
    uint8_t admin[32], wifi[32], sealed[96], serial[16], spki[32], issuer[32], digest[32], der[300];
    fill(admin, sizeof admin, seed, 2);
    fill(wifi, sizeof wifi, seed, 3);
    fill(sealed, sizeof sealed, seed, 4);
    fill(serial, sizeof serial, seed, 5);
    fill(spki, sizeof spki, seed, 6);
    fill(der, sizeof der, seed, 7);
    sha256_of(digest_conninfo, der, sizeof der, digest);
    sha256_of(digest_conninfo, issuer_der, sizeof issuer_der, issuer);
    struct store_credential credentials[] = {
        {"admin", "u32x16", 1, admin, sealed, sizeof sealed, recovery_key},
        {"wifi", "u32x16", 1, wifi, sealed, sizeof sealed, recovery_key},
    };
    return store_intent(store,
                        &(struct store_intent){.attempt = unit->reservation.attempt,
                                               .credentials = credentials,
                                               .credential_count = ARRAY_SIZE(credentials),
                                               .certificate = der,
                                               .certificate_size = sizeof der,
                                               .certificate_serial = serial,
                                               .certificate_serial_size = sizeof serial,
                                               .certificate_sha256 = digest,
                                               .spki_sha256 = spki,
                                               .issuer_sha256 = issuer},
                        fault);
}

bool unit_injected(struct store *store, const struct unit *unit, struct fault *fault)
{
    uint8_t receipt[32];
    fill(receipt, sizeof receipt, unit->seed, 8);
    return store_injected(store, &unit->reservation.attempt, receipt, fault);
}

bool unit_verified(struct store *store, const struct unit *unit, struct fault *fault)
{
    return store_verified(store, &unit->reservation.attempt, evidence, ARRAY_SIZE(evidence), fault);
}

bool unit_labelling(struct store *store, struct unit *unit, struct fault *fault)
{
    uint8_t template[32] = {9};
    unsigned copy = unit->label_copy > 0 ? unit->label_copy : 1;
    base32_write((uint64_t)unit->seed << 16 | unit->reservation.attempt_number << 8 | copy, 13, unit->label);
    return store_labelling(store,
                           &(struct store_label){.attempt = unit->reservation.attempt,
                                                 .label = unit->label,
                                                 .copy = copy,
                                                 .printer = "png",
                                                 .template_sha256 = template},
                           fault);
}

bool unit_voided(struct store *store, const struct unit *unit, const char *label, struct fault *fault)
{
    const struct store_scan scan = {unit->reservation.attempt, unit->reservation.serial, label};
    return store_label_void(store, &scan, fault);
}

bool unit_labelled(struct store *store, const struct unit *unit, struct fault *fault)
{
    return store_labelled(store, &unit->reservation.attempt, unit->label, STORE_PRINT_COUNTED, fault);
}

bool unit_scanned(struct store *store, const struct unit *unit, struct fault *fault)
{
    return store_scanned(store, &unit->reservation.attempt, unit->reservation.serial, unit->label, fault);
}

bool unit_closed(struct store *store, const struct unit *unit, struct fault *fault)
{
    return store_close_unit(store, &unit->reservation.attempt, fault);
}

bool unit_failed(struct store *store, const struct unit *unit, struct fault *fault)
{
    struct fault why = {0};
    (void)fault_set(&why, FAULT_UNIT_UNPLUGGED, 0, "port: the unit has gone");
    struct store_evidence seen[] = {{"interfaces", STORE_FAILED, "{\"open\": [\"tcp/23\"]}"}};
    return store_fail(store, &unit->reservation.attempt, &why, seen, ARRAY_SIZE(seen), fault);
}

void unit_bring(struct store *store, struct unit *unit, const char *state)
{
    struct fault fault = {0};
    bool done = unit_reserve(store, unit, &fault);
    if (done && strcmp(state, "reserved") == 0)
        return;
    done = done && unit_intent(store, unit, &fault);
    if (done && strcmp(state, "injecting") == 0)
        return;
    done = done && unit_injected(store, unit, &fault);
    if (done && strcmp(state, "injected") == 0)
        return;
    done = done && unit_verified(store, unit, &fault);
    if (done && strcmp(state, "verified") == 0)
        return;
    done = done && unit_labelling(store, unit, &fault);
    if (done && strcmp(state, "labelling") == 0)
        return;
    done = done && unit_labelled(store, unit, &fault);
    if (done && strcmp(state, "labelled") == 0)
        return;
    done = done && unit_scanned(store, unit, &fault);
    if (done && strcmp(state, "scanned") == 0)
        return;
    done = done && unit_closed(store, unit, &fault);
    if (!done)
        fail_msg("bring a unit to %s: %s", state, fault.text);
}
