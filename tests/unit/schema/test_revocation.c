/* What is revoked, page by page, and the lists made of it, which only go forward. */
#include "base/bytes.h"
#include "schema/store_revocation.h"
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MANY 20000

#define ALLOW(call)                                                                                                    \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s", #call, fault.text);                                                                     \
    } while (0)

#define REFUSE(call, wanted)                                                                                           \
    do {                                                                                                               \
        fault = (struct fault){0};                                                                                     \
        if (call)                                                                                                      \
            fail_msg("%s was allowed", #call);                                                                         \
        if (fault.code != FAULT_##wanted)                                                                              \
            fail_msg("%s: wanted %s, got %s: %s", #call, #wanted, fault_name(fault.code), fault.text);                 \
    } while (0)

static struct plant plant;
static struct fault fault;
static uint8_t issuer[32];
static struct store_revoked page[STORE_CRL_PAGE];

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 9);
    char *hex = postgres_value(plant.admin, "SELECT encode(sha256, 'hex') FROM prov.issuer");
    assert_non_null(hex);
    assert_true(hex_read(hex, issuer, sizeof issuer, &fault));
    free(hex);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    return 0;
}

static struct store_crl list_of(uint64_t number, uint64_t at, uint64_t revoked, uint8_t seed)
{
    static uint8_t digest[32];
    memset(digest, seed, sizeof digest);
    return (struct store_crl){.issuer_sha256 = issuer,
                              .number = number,
                              .this_update = at,
                              .next_update = at + 7 * 86400,
                              .revoked = revoked,
                              .sha256 = digest};
}

static void a_voided_attempt_is_on_the_list_with_its_reason(void **state)
{
    (void)state;
    struct store_crl_next next;
    struct unit closed = {.seed = 1, .slot = 1}, failed = {.seed = 2, .slot = 2};
    size_t count = 77;
    unit_bring(plant.store, &closed, "closed");
    ALLOW(store_crl_next(plant.store, issuer, &next, &fault));
    assert_int_equal(next.number, 1);
    assert_int_equal(next.last_update, 0);
    assert_int_equal(next.revoked, 0);
    assert_in_range(next.now, (uint64_t)time(NULL) - 60, (uint64_t)time(NULL) + 60);
    ALLOW(store_crl_page(plant.store, issuer, NULL, page, &count, &fault));
    assert_int_equal(count, 0);

    unit_bring(plant.store, &failed, "injected");
    ALLOW(unit_failed(plant.store, &failed, &fault));
    ALLOW(store_crl_next(plant.store, issuer, &next, &fault));
    assert_int_equal(next.revoked, 1);
    ALLOW(store_crl_page(plant.store, issuer, NULL, page, &count, &fault));
    assert_int_equal(count, 1);
    assert_int_equal(page[0].serial_size, 16);
    assert_int_equal(page[0].reason, 5); /* cessation of operation: it has no other */
    assert_in_range(page[0].at, next.now - 60, next.now);

    unit_bring(plant.store, &failed, "injected"); /* reworked: the same unit has another certificate now */
    ALLOW(store_crl_page(plant.store, issuer, NULL, page, &count, &fault));
    assert_int_equal(count, 1);
    assert_int_equal(page[0].reason, 4); /* superseded */
    ALLOW(store_crl_page(plant.store, issuer, &page[0], page, &count, &fault));
    assert_int_equal(count, 0);

    static const uint8_t other[32] = {1};
    REFUSE(store_crl_next(plant.store, other, &next, &fault), RECORD_REFUSED);
}

/* Made without units, below the triggers that would ask for them. */
static void add_many(void)
{
    char state[POSTGRES_STATE_SIZE];
    if (!postgres_run(plant.admin,
                      "SET session_replication_role = replica;"
                      "INSERT INTO prov.certificate (attempt, issuer_sha256, serial, sha256, spki_sha256, der) "
                      "SELECT gen_random_uuid(), (SELECT sha256 FROM prov.issuer),"
                      " substr(sha256(int4send(n)), 1, CASE WHEN n % 10 = 0 THEN 19 ELSE 20 END),"
                      " sha256(der), sha256(int4send(n)), der "
                      "FROM (SELECT n, decode(repeat(lpad(to_hex(n), 8, '0'), 40), 'hex') AS der"
                      " FROM generate_series(1, 20000) AS n) AS made;"
                      "INSERT INTO prov.revocation (attempt) SELECT attempt FROM prov.certificate",
                      state))
        fail_msg("SQLSTATE %s", state);
}

static void twenty_thousand_come_page_by_page(void **state)
{
    (void)state;
    add_many();
    struct store_revoked last;
    size_t all = 0, pages = 0;
    for (size_t count = STORE_CRL_PAGE; count == STORE_CRL_PAGE; pages++) {
        ALLOW(store_crl_page(plant.store, issuer, all > 0 ? &last : NULL, page, &count, &fault));
        for (size_t i = 0; i < count; i++, all++) {
            bool first = all == 0, longer = !first && page[i].serial_size > last.serial_size;
            bool later = !first && page[i].serial_size == last.serial_size &&
                         memcmp(page[i].serial, last.serial, last.serial_size) > 0;
            assert_true(first || longer || later);
            last = page[i];
        }
    }
    assert_int_equal(all, MANY);
    assert_int_equal(pages, MANY / STORE_CRL_PAGE + 1);
    struct store_crl_next next;
    ALLOW(store_crl_next(plant.store, issuer, &next, &fault));
    assert_int_equal(next.revoked, MANY);
}

static void lists_only_go_forward(void **state)
{
    (void)state;
    uint64_t now = (uint64_t)time(NULL);
    struct store_crl list = list_of(1, now, 0, 1);
    struct store_crl_next next;
    ALLOW(store_crl_register(plant.store, &list, &fault));
    ALLOW(store_crl_register(plant.store, &list, &fault)); /* asked again, answered the same */
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.revocation_list"), 1);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.resolve WHERE request LIKE 'crl_register%'"), 1);
    ALLOW(store_crl_next(plant.store, issuer, &next, &fault));
    assert_int_equal(next.number, 2);
    assert_int_equal(next.last_update, now);

    list = list_of(1, now + 1, 0, 2); /* a number again */
    REFUSE(store_crl_register(plant.store, &list, &fault), CRL_BACKWARDS);
    list = list_of(3, now + 1, 0, 2); /* a number left out */
    REFUSE(store_crl_register(plant.store, &list, &fault), CRL_BACKWARDS);
    list = list_of(2, now, 0, 2); /* not later */
    REFUSE(store_crl_register(plant.store, &list, &fault), CRL_BACKWARDS);
    list = list_of(2, now + 600, 0, 2); /* of the future */
    REFUSE(store_crl_register(plant.store, &list, &fault), CRL_BACKWARDS);
    assert_non_null(strstr(fault.text, "5 minutes apart"));
    list = list_of(2, now + 1, 1, 2);
    ALLOW(store_crl_register(plant.store, &list, &fault));
    list = list_of(3, now + 2, 0, 3); /* a certificate left the list */
    REFUSE(store_crl_register(plant.store, &list, &fault), CRL_BACKWARDS);
    list = list_of(3, now + 2, 1, 2); /* the same list under another number */
    REFUSE(store_crl_register(plant.store, &list, &fault), RECORD_DUPLICATE);
    list = list_of(3, now + 2, 1, 3);
    list.next_update = list.this_update;
    REFUSE(store_crl_register(plant.store, &list, &fault), RECORD_REFUSED);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.revocation_list"), 2);

    char sqlstate[POSTGRES_STATE_SIZE];
    assert_false(postgres_run(plant.admin, "UPDATE prov.revocation_list SET revoked = 0", sqlstate));
    assert_string_equal(sqlstate, "23001");
    assert_false(postgres_run(plant.admin, "DELETE FROM prov.revocation_list", sqlstate));
    assert_string_equal(sqlstate, "23001");
}

static void the_first_of_an_issuer_may_not_be_of_the_past(void **state)
{
    (void)state;
    const struct store_crl list = list_of(1, (uint64_t)time(NULL) - 3600, 0, 1);
    REFUSE(store_crl_register(plant.store, &list, &fault), CRL_BACKWARDS);
}

static void who_may_do_what(void **state)
{
    (void)state;
    const struct store_crl list = list_of(1, (uint64_t)time(NULL), 0, 1);
    struct store_crl_next next;
    size_t count;
    CLEANUP(store_closep) struct store *auditor = plant_store(plant.auditor);
    CLEANUP(store_closep) struct store *planner = plant_store(plant.planner);
    ALLOW(store_crl_next(auditor, issuer, &next, &fault));
    ALLOW(store_crl_page(auditor, issuer, NULL, page, &count, &fault));
    REFUSE(store_crl_register(auditor, &list, &fault), RECORD_ROLE);
    REFUSE(store_crl_next(planner, issuer, &next, &fault), RECORD_ROLE);
    REFUSE(store_crl_page(planner, issuer, NULL, page, &count, &fault), RECORD_ROLE);
    ALLOW(store_crl_register(plant.store, &list, &fault));
    char *seen = postgres_value(plant.auditor, "SELECT count(*) FROM prov.revocation_list");
    assert_string_equal(seen, "1");
    free(seen);
    char sqlstate[POSTGRES_STATE_SIZE];
    assert_false(postgres_run(plant.station, "SELECT FROM prov.revocation_list", sqlstate));
    assert_string_equal(sqlstate, "42501");
}

/* Both paths to "this key was seen before": another unit's, and the unit's own of an attempt before. */
static void a_key_that_was_seen_before_rejects_its_unit(void **state)
{
    (void)state;
    struct unit first = {.seed = 1, .slot = 1}, second = {.seed = 2, .slot = 2};
    unit_bring(plant.store, &first, "injecting");
    unit_bring(plant.store, &second, "reserved");
    uint8_t same_key[32], other[300] = {0x30}, digest[32];
    char *hex = postgres_value(plant.admin, "SELECT encode(spki_sha256, 'hex') FROM prov.certificate");
    assert_true(hex_read(hex, same_key, sizeof same_key, &fault));
    free(hex);
    hex = postgres_value(plant.admin, "SELECT encode(sha256(decode(rpad('30', 600, '0'), 'hex')), 'hex')");
    assert_true(hex_read(hex, digest, sizeof digest, &fault));
    free(hex);
    uint8_t fingerprints[2][32] = {{9}, {10}}, sealed[96] = {1}, recovery[32] = {2}, serial[16] = {3};
    struct store_credential credentials[] = {
        {"admin", "u32x16", 1, fingerprints[0], sealed, sizeof sealed, recovery},
        {"wifi", "u32x16", 1, fingerprints[1], sealed, sizeof sealed, recovery},
    };
    const struct store_intent intent = {.attempt = second.reservation.attempt,
                                        .credentials = credentials,
                                        .credential_count = 2,
                                        .certificate = other,
                                        .certificate_size = sizeof other,
                                        .certificate_serial = serial,
                                        .certificate_serial_size = sizeof serial,
                                        .certificate_sha256 = digest,
                                        .spki_sha256 = same_key,
                                        .issuer_sha256 = issuer};
    REFUSE(store_intent(plant.store, &intent, &fault), UNIT_KEY_REUSED);
    assert_int_equal(fault_action(fault.code), FAULT_ACTION_REJECT_UNIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_voided_attempt_is_on_the_list_with_its_reason, make, leave),
        cmocka_unit_test_setup_teardown(twenty_thousand_come_page_by_page, make, leave),
        cmocka_unit_test_setup_teardown(lists_only_go_forward, make, leave),
        cmocka_unit_test_setup_teardown(the_first_of_an_issuer_may_not_be_of_the_past, make, leave),
        cmocka_unit_test_setup_teardown(who_may_do_what, make, leave),
        cmocka_unit_test_setup_teardown(a_key_that_was_seen_before_rejects_its_unit, make, leave),
    };
    return cmocka_run_group_tests(tests, NULL, postgres_stop);
}
