/* The requests of a station, each asked once and asked again; and the arrivals of boards that have a history. */
#include "base/bytes.h"
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALLOW(call)                                                                                                    \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s", #call, fault.text);                                                                     \
    } while (0)
#define REFUSE(call, expected)                                                                                         \
    do {                                                                                                               \
        fault = (struct fault){0};                                                                                     \
        assert_false(call);                                                                                            \
        if (fault.code != FAULT_##expected)                                                                            \
            fail_msg("%s: %d, not " #expected ": %s", #call, (int)fault.code, fault.text);                             \
    } while (0)

static struct plant plant;
static struct fault fault;

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 6);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static long resolves(void)
{
    return plant_count(&plant, "SELECT count(*) FROM prov.resolve");
}

static void every_request_may_be_repeated(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    long before = resolves();
    ALLOW(unit_reserve(plant.store, &unit, &fault));
    struct store_reservation first = unit.reservation;
    assert_int_equal(first.arrival, STORE_NEW);
    assert_string_equal(first.state, "reserved");
    assert_int_equal(first.attempt_number, 1);
    assert_int_equal(first.mac_count, 4);
    assert_int_equal(first.mac % 4, 0);
    assert_true(serial_is_valid(first.serial));
    assert_memory_equal(first.serial, "KR", 2);
    ALLOW(unit_reserve_again(plant.store, &unit, &fault));
    assert_memory_equal(&first, &unit.reservation, sizeof first);

    ALLOW(unit_intent(plant.store, &unit, &fault));
    ALLOW(unit_intent(plant.store, &unit, &fault));
    ALLOW(unit_injected(plant.store, &unit, &fault));
    ALLOW(unit_injected(plant.store, &unit, &fault));
    ALLOW(unit_verified(plant.store, &unit, &fault));
    ALLOW(unit_verified(plant.store, &unit, &fault));
    ALLOW(unit_labelling(plant.store, &unit, &fault));
    ALLOW(unit_labelling(plant.store, &unit, &fault));
    ALLOW(unit_labelled(plant.store, &unit, &fault));
    ALLOW(unit_labelled(plant.store, &unit, &fault));
    ALLOW(unit_scanned(plant.store, &unit, &fault));
    ALLOW(unit_scanned(plant.store, &unit, &fault));
    ALLOW(unit_closed(plant.store, &unit, &fault));
    ALLOW(unit_closed(plant.store, &unit, &fault));

    /* Each "already done" was written down before it was said; and nothing was done twice. */
    assert_int_equal(resolves() - before, 8);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.step"), 8);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.credential"), 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scan"), 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE state = 'closed' AND live"), 1);
    uint64_t broken = 1;
    ALLOW(store_chain_check(plant.store, &broken, &fault));
    assert_int_equal(broken, 0);
}

static void a_request_with_other_content_is_no_repeat(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injecting");
    struct unit other = unit;
    other.seed = 2;
    REFUSE(unit_intent(plant.store, &other, &fault), RECORD_REFUSED);
    uint8_t receipt[32] = {1};
    ALLOW(unit_injected(plant.store, &unit, &fault));
    REFUSE(store_injected(plant.store, &unit.reservation.attempt, receipt, &fault), RECORD_REFUSED);
    /* An attempt's UUID names one arrival only. */
    other.arrived = unit.arrived;
    other.slot = 2;
    REFUSE(unit_reserve_again(plant.store, &other, &fault), RECORD_REFUSED);
}

static void states_cannot_be_skipped(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "reserved");
    REFUSE(unit_injected(plant.store, &unit, &fault), RECORD_REFUSED);
    REFUSE(unit_verified(plant.store, &unit, &fault), RECORD_REFUSED);
    REFUSE(unit_labelling(plant.store, &unit, &fault), RECORD_REFUSED);
    REFUSE(unit_labelled(plant.store, &unit, &fault), RECORD_REFUSED);
    REFUSE(unit_closed(plant.store, &unit, &fault), RECORD_REFUSED);
}

static void duplicates_are_named_by_their_constraint(void **state)
{
    (void)state;
    struct unit first = {.seed = 1, .slot = 1};
    struct unit second = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &first, "injecting");
    unit_bring(plant.store, &second, "reserved");
    struct unit copy = second;
    copy.seed = first.seed;
    REFUSE(unit_intent(plant.store, &copy, &fault), RECORD_DUPLICATE);
    assert_non_null(strstr(fault.text, "credential_fingerprint"));
    ALLOW(unit_intent(plant.store, &second, &fault));
}

static void unfinished_attempts_resume_or_fail(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        bool resumes;
    } cases[] = {{"reserved", true},   {"injecting", false}, {"injected", false}, {"verified", false},
                 {"labelling", false}, {"labelled", true},   {"scanned", true}};
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        plant_close(&plant);
        plant_make(&plant, 6);
        struct unit unit = {.seed = 1, .slot = 1};
        unit_bring(plant.store, &unit, cases[i].state);
        struct store_reservation before = unit.reservation;
        ALLOW(unit_reserve(plant.store, &unit, &fault));
        assert_string_equal(unit.reservation.serial, before.serial);
        assert_int_equal(unit.reservation.mac, before.mac);
        if (cases[i].resumes) {
            assert_int_equal(unit.reservation.arrival, STORE_RESUME);
            assert_string_equal(unit.reservation.state, cases[i].state);
            assert_memory_equal(&unit.reservation.attempt, &before.attempt, sizeof before.attempt);
            assert_string_equal(unit.reservation.label, unit.label);
            assert_false(unit.reservation.interrupted);
        } else {
            assert_int_equal(unit.reservation.arrival, STORE_NEW);
            assert_int_equal(unit.reservation.attempt_number, 2);
            assert_true(unit.reservation.interrupted);
            assert_int_equal(plant_count(&plant, "SELECT number FROM prov.failure"), 705);
            assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.revocation"), 1);
            assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label WHERE live"), 0);
            struct store_reservation again = unit.reservation;
            ALLOW(unit_reserve_again(plant.store, &unit, &fault));
            assert_memory_equal(&again, &unit.reservation, sizeof again);
        }
        assert_int_equal(plant_count(&plant, "SELECT reserved FROM prov.work_order"), 1);
    }
}

static void a_failed_unit_is_reworked_with_its_own_numbers(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "labelled");
    struct store_reservation before = unit.reservation;
    ALLOW(unit_failed(plant.store, &unit, &fault));
    ALLOW(unit_failed(plant.store, &unit, &fault));
    REFUSE(unit_scanned(plant.store, &unit, &fault), SCAN_DEAD_LABEL);

    unit.slot = 3; /* a failed unit may go into any slot */
    unit_bring(plant.store, &unit, "closed");
    assert_string_equal(unit.reservation.serial, before.serial);
    assert_int_equal(unit.reservation.mac, before.mac);
    assert_int_equal(unit.reservation.attempt_number, 2);
    assert_false(unit.reservation.interrupted);
    assert_int_equal(plant_count(&plant, "SELECT reserved FROM prov.work_order"), 1);
    REFUSE(unit_reserve(plant.store, &unit, &fault), UNIT_CLOSED);

    char *json = NULL;
    ALLOW(store_summary(plant.store, &json, &fault));
    assert_non_null(strstr(json, "\"closed\": 1,"));
    assert_non_null(strstr(json, "\"failed\": 0,"));
    assert_non_null(strstr(json, "\"reworked\": 1"));
    assert_non_null(strstr(json, "\"labels\": {\"live\": 1, \"void\": 1}"));
    assert_non_null(strstr(json, "\"duplicates\": 0"));
    assert_non_null(strstr(json, "\"unaccounted_numbers\": 0"));
    assert_non_null(strstr(json, "{\"name\": \"UNIT_UNPLUGGED\", \"count\": 1, \"number\": 303}"));
    assert_non_null(strstr(json, "\"certificates\": {\"live\": 1, \"revoked\": 1}"));
    free(json);
}

static void a_failure_is_recorded_whatever_its_text_holds(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    struct fault why = {.code = FAULT_UNIT_GARBAGE,
                        .text = "the unit said \"\\\xff\xe3\x01\", half a character: \xe3\x81"};
    unit_bring(plant.store, &unit, "injecting");
    ALLOW(store_fail(plant.store, &unit.reservation.attempt, &why, NULL, 0, &fault));
    char *text = postgres_value(plant.admin, "SELECT text FROM prov.failure");
    assert_non_null(text);
    assert_string_equal(text, "the unit said \"\\???\", half a character: ??");
    free(text);
}

static void slots_and_stations_are_kept_apart(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    struct unit other = {.seed = 2, .slot = 1};
    struct store *elsewhere = plant_store(plant.other);
    unit_bring(plant.store, &unit, "reserved");
    struct store_reservation before = unit.reservation;

    /* A merely reserved unit gives way, and keeps its numbers. */
    ALLOW(unit_reserve(plant.store, &other, &fault));
    assert_string_not_equal(other.reservation.serial, before.serial);
    unit.slot = 2;
    ALLOW(unit_reserve(plant.store, &unit, &fault));
    assert_string_equal(unit.reservation.serial, before.serial);
    assert_int_equal(unit.reservation.attempt_number, 2);

    unit.slot = 3;
    REFUSE(unit_reserve(plant.store, &unit, &fault), UNIT_ELSEWHERE);
    REFUSE(unit_reserve(elsewhere, &unit, &fault), UNIT_ELSEWHERE);
    ALLOW(unit_intent(plant.store, &other, &fault));
    struct unit third = {.seed = 3, .slot = 1};
    REFUSE(unit_reserve(plant.store, &third, &fault), SLOT_OCCUPIED);
    third.slot = 9;
    REFUSE(unit_reserve(plant.store, &third, &fault), RECORD_REFUSED);
    /* Nobody moves another station's attempt. */
    REFUSE(unit_injected(elsewhere, &other, &fault), RECORD_ROLE);
    store_close(elsewhere);
}

static void orders_bound_what_is_made(void **state)
{
    (void)state;
    struct store_order order;
    struct store *planner = plant_store(plant.planner);
    ALLOW(store_order_get(plant.store, PLANT_ORDER, &order, &fault));
    assert_int_equal(order.quantity, 6);
    assert_true(order.open);
    REFUSE(store_order_get(plant.store, "WO-9", &order, &fault), ORDER_UNKNOWN);
    REFUSE(store_order_close(plant.store, PLANT_ORDER, &fault), RECORD_ROLE);

    struct unit unit = {.slot = 1};
    for (unit.seed = 1; unit.seed <= 6; unit.seed++)
        unit_bring(plant.store, &unit, "closed");
    REFUSE(unit_reserve(plant.store, &unit, &fault), ORDER_USED_UP);
    ALLOW(store_order_get(plant.store, PLANT_ORDER, &order, &fault));
    assert_int_equal(order.reserved, 6);
    assert_int_equal(order.closed, 6);
    ALLOW(store_order_close(planner, PLANT_ORDER, &fault));
    ALLOW(store_order_close(planner, PLANT_ORDER, &fault));
    REFUSE(unit_reserve(plant.store, &unit, &fault), ORDER_UNKNOWN);
    store_close(planner);
}

static void an_order_closes_only_when_its_units_are_finished(void **state)
{
    (void)state;
    struct store *planner = plant_store(plant.planner);
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injected");
    REFUSE(store_order_close(planner, PLANT_ORDER, &fault), ORDER_UNFINISHED);
    ALLOW(unit_failed(plant.store, &unit, &fault));
    ALLOW(store_order_close(planner, PLANT_ORDER, &fault));
    store_close(planner);
}

static void orders_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct store_order_new good = {"WO-2", "KS", "KS-1", "04006381333948", 1, 1, "none", "", "no_password_login"};
    struct store *planner = plant_store(plant.planner);
    struct store_order_new bad = good;
    bad.number = PLANT_ORDER;
    REFUSE(store_order_open(planner, &bad, &fault), ORDER_EXISTS);
    bad = good, bad.gtin = "04006381333949";
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    bad = good, bad.macs_per_unit = 3;
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    bad = good, bad.quantity = 0;
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    bad = good, bad.required_evidence = "";
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    bad = good, bad.required_evidence = "no_such_evidence";
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    bad = good, bad.route = "unique";
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    bad = good, bad.product_code = "KR";
    REFUSE(store_order_open(planner, &bad, &fault), RECORD_REFUSED);
    REFUSE(store_order_open(plant.store, &good, &fault), RECORD_ROLE);
    ALLOW(store_order_open(planner, &good, &fault));
    store_close(planner);
}

static void a_spoilt_label_is_voided_and_copied(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "labelled");
    char first[17];
    memcpy(first, unit.label, sizeof first);
    unit.label_copy = 2;
    REFUSE(unit_labelling(plant.store, &unit, &fault), RECORD_REFUSED);
    ALLOW(unit_voided(plant.store, &unit, first, &fault));
    ALLOW(unit_voided(plant.store, &unit, first, &fault));
    unit.label_copy = 3;
    REFUSE(unit_labelling(plant.store, &unit, &fault), RECORD_REFUSED);
    unit.label_copy = 2;
    ALLOW(unit_labelling(plant.store, &unit, &fault));
    REFUSE(unit_scanned(plant.store, &unit, &fault), SCAN_NOT_EXPECTED);
    ALLOW(unit_labelled(plant.store, &unit, &fault));
    struct unit old = unit;
    memcpy(old.label, first, sizeof first);
    REFUSE(unit_scanned(plant.store, &old, &fault), SCAN_DEAD_LABEL);
    REFUSE(unit_voided(plant.store, &unit, first, &fault), SCAN_DEAD_LABEL);

    struct unit other = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &other, "labelled");
    REFUSE(store_scanned(plant.store, &unit.reservation.attempt, other.reservation.serial, other.label, &fault),
           SCAN_WRONG_UNIT);
    REFUSE(store_scanned(plant.store, &unit.reservation.attempt, unit.reservation.serial, other.label, &fault),
           SCAN_WRONG_UNIT);
    REFUSE(unit_voided(plant.store, &unit, other.label, &fault), SCAN_WRONG_UNIT);
    ALLOW(unit_scanned(plant.store, &unit, &fault));
    REFUSE(unit_voided(plant.store, &unit, unit.label, &fault), SCAN_NOT_EXPECTED);
    ALLOW(unit_closed(plant.store, &unit, &fault));
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scan WHERE answer = 'spoilt'"), 1);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.scan"), 9);
}

static void a_label_of_unknown_print_is_printed_once_it_was_seen(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1}, other = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &unit, "labelling");
    unit_bring(plant.store, &other, "labelled");
    struct store_scan scan = {unit.reservation.attempt, unit.reservation.serial, other.label};
    REFUSE(store_label_seen(plant.store, &scan, &fault), SCAN_WRONG_UNIT);
    scan.label = "ZZZZZZZZZZZZZ";
    REFUSE(store_label_seen(plant.store, &scan, &fault), SCAN_DEAD_LABEL);
    scan.label = unit.label;
    REFUSE(unit_voided(plant.store, &unit, unit.label, &fault), SCAN_NOT_EXPECTED);
    ALLOW(store_label_seen(plant.store, &scan, &fault));
    ALLOW(store_label_seen(plant.store, &scan, &fault));
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label_event WHERE level = 'scanned'"), 1);
    ALLOW(unit_scanned(plant.store, &unit, &fault));
    REFUSE(store_label_seen(plant.store, &scan, &fault), SCAN_NOT_EXPECTED);
    ALLOW(unit_closed(plant.store, &unit, &fault));
}

static void the_certificate_of_an_attempt_is_told(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    uint8_t digest[32] = {0};
    char query[160], hex[65];
    unit_bring(plant.store, &unit, "reserved");
    REFUSE(store_certificate_sha256(plant.store, &unit.reservation.attempt, digest, &fault), RECORD_REFUSED);
    ALLOW(unit_intent(plant.store, &unit, &fault));
    ALLOW(store_certificate_sha256(plant.store, &unit.reservation.attempt, digest, &fault));
    hex_write(digest, sizeof digest, hex);
    (void)snprintf(query, sizeof query, "SELECT count(*) FROM prov.certificate WHERE sha256 = '\\x%s'", hex);
    assert_int_equal(plant_count(&plant, query), 1);
}

static void closing_needs_all_evidence(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injected");
    struct store_evidence seen[] = {{"lock", STORE_SHOWN, "{}"}, {"interfaces", STORE_FAILED, "{}"}};
    REFUSE(store_verified(plant.store, &unit.reservation.attempt, seen, 2, &fault), RECORD_REFUSED);
    seen[1] = (struct store_evidence){"no_such_name", STORE_SHOWN, "{}"};
    REFUSE(store_verified(plant.store, &unit.reservation.attempt, seen, 2, &fault), RECORD_REFUSED);
    seen[1] = (struct store_evidence){"interfaces", STORE_SHOWN, "not json"};
    REFUSE(store_verified(plant.store, &unit.reservation.attempt, seen, 2, &fault), RECORD_REFUSED);
    assert_null(strstr(fault.text, "not json"));
    ALLOW(store_verified(plant.store, &unit.reservation.attempt, seen, 1, &fault));
    ALLOW(unit_labelling(plant.store, &unit, &fault));
    ALLOW(unit_labelled(plant.store, &unit, &fault));
    ALLOW(unit_scanned(plant.store, &unit, &fault));
    REFUSE(unit_closed(plant.store, &unit, &fault), RECORD_REFUSED);
    assert_non_null(strstr(fault.text, "certificate_used"));
}

/* What an order requires must be shown: that it did not apply is no proof of it. */
static void a_required_proof_always_applies(void **state)
{
    (void)state;
    static const struct store_evidence seen[] = {
        {"credential_generated", STORE_SHOWN, "{}"}, {"credential_injected", STORE_SHOWN, "{}"},
        {"password_accepted", STORE_SHOWN, "{}"},    {"certificate_used", STORE_SHOWN, "{}"},
        {"lock", STORE_NOT_APPLICABLE, "{}"},
    };
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injected");
    ALLOW(store_verified(plant.store, &unit.reservation.attempt, seen, ARRAY_SIZE(seen), &fault));
    ALLOW(unit_labelling(plant.store, &unit, &fault));
    ALLOW(unit_labelled(plant.store, &unit, &fault));
    ALLOW(unit_scanned(plant.store, &unit, &fault));
    REFUSE(unit_closed(plant.store, &unit, &fault), RECORD_REFUSED);
    assert_non_null(strstr(fault.text, "evidence lock"));
}

static void a_scrapped_unit_stays_scrap(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "injecting");
    REFUSE(store_unit_scrap(plant.store, unit.reservation.serial, "locked", &fault), RECORD_REFUSED);
    ALLOW(unit_failed(plant.store, &unit, &fault));
    struct store *elsewhere = plant_store(plant.other);
    REFUSE(store_unit_scrap(elsewhere, unit.reservation.serial, "locked", &fault), RECORD_ROLE);
    store_close(elsewhere);
    REFUSE(store_unit_scrap(plant.store, "KR0000000000", "locked", &fault), UNIT_UNKNOWN);
    ALLOW(store_unit_scrap(plant.store, unit.reservation.serial, "locked", &fault));
    ALLOW(store_unit_scrap(plant.store, unit.reservation.serial, "locked", &fault));
    REFUSE(unit_reserve(plant.store, &unit, &fault), UNIT_SCRAPPED);
    struct store_order order;
    ALLOW(store_order_get(plant.store, PLANT_ORDER, &order, &fault));
    assert_int_equal(order.scrapped, 1);
}

static void policies_are_written_once(void **state)
{
    (void)state;
    uint8_t hash[32] = {5};
    struct store_policy policy = {"p1", 1, "abcdefgh", 10, 30, "2020-01-01", "2021-01-01", "2020-06-01", "me", hash};
    ALLOW(store_policy_register(plant.store, &policy, &fault));
    ALLOW(store_policy_register(plant.store, &policy, &fault));
    uint8_t other_hash[32] = {6};
    policy.sha256 = other_hash;
    REFUSE(store_policy_register(plant.store, &policy, &fault), RECORD_REFUSED);
    policy.version = 2, policy.minimum_entropy_bits = 30.1;
    REFUSE(store_policy_register(plant.store, &policy, &fault), RECORD_REFUSED);
    assert_non_null(strstr(fault.text, "policy_entropy"));
    policy.minimum_entropy_bits = 20, policy.alphabet = "abcdefga";
    REFUSE(store_policy_register(plant.store, &policy, &fault), RECORD_REFUSED);
    assert_non_null(strstr(fault.text, "policy_alphabet"));

    /* Nothing is stamped with a policy that has run out. */
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "reserved");
    struct store_credential credential = {"admin", "p1", 1, hash, hash, 32, hash};
    REFUSE(store_intent(plant.store,
                        &(struct store_intent){.attempt = unit.reservation.attempt,
                                               .credentials = &credential,
                                               .credential_count = 1,
                                               .certificate = hash,
                                               .certificate_size = 32,
                                               .certificate_serial = hash,
                                               .certificate_serial_size = 16,
                                               .certificate_sha256 = hash,
                                               .spki_sha256 = hash,
                                               .issuer_sha256 = hash},
                        &fault),
           POLICY_EXPIRED);
}

static void people_read_without_secrets(void **state)
{
    (void)state;
    struct unit unit = {.seed = 0x5ec4e7, .slot = 1};
    unit_bring(plant.store, &unit, "closed");
    struct unit second = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &second, "injected");
    struct store *auditor = plant_store(plant.auditor);
    struct store_units units = {0};
    ALLOW(store_unit_list(auditor, &(struct store_unit_filter){.order = PLANT_ORDER}, &units, &fault));
    assert_int_equal(units.count, 2);
    assert_string_equal(units.units[0].serial, unit.reservation.serial);
    assert_string_equal(units.units[0].state, "closed");
    assert_string_equal(units.units[1].station, "A");
    assert_int_equal(units.units[1].fault, 0);
    store_units_free(&units);
    ALLOW(store_unit_list(auditor, &(struct store_unit_filter){.state = "closed", .limit = 1}, &units, &fault));
    assert_int_equal(units.count, 1);
    store_units_free(&units);

    char *json = NULL;
    ALLOW(store_unit_show(auditor, unit.reservation.serial, &json, &fault));
    assert_non_null(strstr(json, unit.label));
    assert_non_null(strstr(json, "der_base64"));
    assert_null(strstr(json, "fingerprint"));
    assert_null(strstr(json, "sealed"));
    assert_null(strstr(json, "71c4e5050202020202")); /* the first bytes of the admin fingerprint */
    free(json);
    REFUSE(store_unit_show(auditor, "KR9999999999", &json, &fault), UNIT_UNKNOWN);
    REFUSE(unit_closed(auditor, &unit, &fault), RECORD_ROLE);
    store_close(auditor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_may_be_repeated, make, leave),
        cmocka_unit_test_setup_teardown(a_request_with_other_content_is_no_repeat, make, leave),
        cmocka_unit_test_setup_teardown(states_cannot_be_skipped, make, leave),
        cmocka_unit_test_setup_teardown(duplicates_are_named_by_their_constraint, make, leave),
        cmocka_unit_test_setup_teardown(unfinished_attempts_resume_or_fail, make, leave),
        cmocka_unit_test_setup_teardown(a_failed_unit_is_reworked_with_its_own_numbers, make, leave),
        cmocka_unit_test_setup_teardown(a_failure_is_recorded_whatever_its_text_holds, make, leave),
        cmocka_unit_test_setup_teardown(slots_and_stations_are_kept_apart, make, leave),
        cmocka_unit_test_setup_teardown(orders_bound_what_is_made, make, leave),
        cmocka_unit_test_setup_teardown(an_order_closes_only_when_its_units_are_finished, make, leave),
        cmocka_unit_test_setup_teardown(orders_that_make_no_sense_are_refused, make, leave),
        cmocka_unit_test_setup_teardown(a_spoilt_label_is_voided_and_copied, make, leave),
        cmocka_unit_test_setup_teardown(a_label_of_unknown_print_is_printed_once_it_was_seen, make, leave),
        cmocka_unit_test_setup_teardown(the_certificate_of_an_attempt_is_told, make, leave),
        cmocka_unit_test_setup_teardown(closing_needs_all_evidence, make, leave),
        cmocka_unit_test_setup_teardown(a_required_proof_always_applies, make, leave),
        cmocka_unit_test_setup_teardown(a_scrapped_unit_stays_scrap, make, leave),
        cmocka_unit_test_setup_teardown(policies_are_written_once, make, leave),
        cmocka_unit_test_setup_teardown(people_read_without_secrets, make, leave),
    };
    return cmocka_run_group_tests(tests, NULL, postgres_stop);
}
