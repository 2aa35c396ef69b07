/* A Linux unit that nobody here wrote, from blank to closed at its console: a whole plant, and what the unit's disk and
 * the record say afterwards. */
#include "base/bytes.h"
#include "tests/support/linux_unit.h"
#include "tests/unit/station/visit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static struct linux_unit gateway;

static long count(const char *query)
{
    return plant_count(&plant, query);
}

static long evidence(const char *name, const char *verdict, const char *more)
{
    char query[320];
    (void)snprintf(query, sizeof query, "SELECT count(*) FROM prov.evidence WHERE name = '%s' AND verdict = '%s' %s",
                   name, verdict, more);
    return count(query);
}

/* The certificate in the file on the unit's disk is the one that the record has. */
static void check_disk(void)
{
    char text[16384], digits[4096 + 1];
    assert_true(linux_unit_read(&gateway, "factory/device.pem", text, sizeof text));
    BIO *memory = BIO_new_mem_buf(text, -1);
    X509 *certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
    assert_non_null(certificate);
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    assert_in_range(size, 1, sizeof digits / 2);
    hex_write(der, (size_t)size, digits);
    char *recorded = plant_text(&plant, "SELECT encode(der, 'hex') FROM prov.certificate");
    assert_string_equal(digits, recorded);
    free(recorded);
    OPENSSL_free(der);
    X509_free(certificate);
    BIO_free(memory);

    char *serial = plant_text(&plant, "SELECT serial FROM prov.unit");
    assert_true(linux_unit_read(&gateway, "factory/serial", text, sizeof text));
    assert_memory_equal(text, serial, strlen(serial));
    free(serial);
    assert_true(linux_unit_read(&gateway, "factory/locked", text, sizeof text));
}

static void closes_a_linux_unit(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = run(&world);
    expect_closed(&result);
    assert_int_equal(count("SELECT count(*) FROM prov.attempt WHERE state = 'closed'"), 1);
    assert_int_equal(count("SELECT count(*) FROM prov.credential"), 2);
    assert_int_equal(count("SELECT count(*) FROM prov.evidence WHERE verdict = 'failed'"), 0);
    assert_int_equal(evidence("link_secure", "not_applicable", "AND facts ->> 'link' = 'plain'"), 1);
    assert_int_equal(evidence("certificate_used", "shown", ""), 1);
    assert_int_equal(evidence("password_accepted", "shown", ""), 1);
    assert_int_equal(evidence("wrong_password_refused", "shown", ""), 1);
    assert_int_equal(evidence("known_defaults_refused", "shown", ""), 1);
    assert_int_equal(evidence("lock", "shown", ""), 1);
    assert_int_equal(evidence("retry_limit", "shown", "AND (facts -> 'credentials' -> 0 ->> 'held_ms')::int >= 1000"),
                     1);
    check_disk();
}

/* Put in again, the same board meets its own history. */
static void knows_it_again(void **state)
{
    (void)state;
    struct world world = {0};
    struct flow_result result = run(&world);
    expect_fault(&result, FLOW_FAILED, FAULT_UNIT_CLOSED);
    assert_int_equal(count("SELECT count(*) FROM prov.unit"), 1);
}

static int open_plant(void **state)
{
    (void)state;
    struct fault fault;
    plant_open(&plant, "gateway.yaml", 5);
    if (!linux_unit_start(&gateway, plant.socket, &fault))
        fail_msg("%s", fault.text);
    return 0;
}

static int close_plant(void **state)
{
    (void)state;
    linux_unit_end(&gateway);
    plant_close(&plant);
    return 0;
}

int main(void)
{
    if (!linux_unit_possible())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_a_linux_unit),
        cmocka_unit_test(knows_it_again),
    };
    return cmocka_run_group_tests(tests, open_plant, close_plant);
}
