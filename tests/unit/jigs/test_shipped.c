#include "jigs/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tests/unit/jigs/scratch.h"

static const char *const copied[] = {
    "known-defaults.yaml",  "policies/u32x16.yaml", "policies/psk-u32x20.yaml", "profiles/idevid-8021ar.yaml",
    "products/router.yaml", "products/sensor.yaml", "products/contact.yaml",
};

/* The products beside templates of the test's own, whose hash is known. */
static int open_scratch(void **state)
{
    (void)state;
    scratch_open();
    for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
        scratch_copy(SHIPPED, copied[i]);
    scratch_write_text("labels/router.svg", "abc");
    scratch_write_text("labels/sensor.svg", "abc");
    scratch_write_text("labels/contact.svg", "abc");
    return 0;
}

static int close_scratch(void **state)
{
    (void)state;
    scratch_close();
    return 0;
}

static struct product *read_product(const char *name)
{
    char path[SCRATCH_PATH_SIZE];
    scratch_path(name, path);
    struct fault fault = {0};
    struct product *product = NULL;
    if (!product_read(path, &product, &fault))
        fail_msg("%s", fault.text);
    return product;
}

static void assert_sha256(const uint8_t digest[SHA256_SIZE], const char *hex)
{
    char text[2 * SHA256_SIZE + 1];
    hex_write(digest, SHA256_SIZE, text);
    assert_string_equal(text, hex);
}

static void reads_the_jig(void **state)
{
    (void)state;
    struct fault fault = {0};
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(SHIPPED "/jig.yaml", &jig, &fault))
        fail_msg("%s", fault.text);
    assert_string_equal(jig->station, "demo-1");
    assert_int_equal(jig->token_count, 2);
    assert_string_equal(jig->tokens[0].module, "unix:/run/kokuin/p11-kit-1.sock");
    assert_string_equal(jig->tokens[0].uri, "pkcs11:token=kokuin-production");
    assert_string_equal(jig->tokens[0].pin_file, SHIPPED "/secrets/production.pin");
    assert_string_equal(jig->tokens[0].issuing_certificate, SHIPPED "/ca/issuing-1.pem");
    assert_string_equal(jig->tokens[0].station_certificate, SHIPPED "/ca/station-1.pem");
    assert_string_equal(jig->tokens[1].module, "unix:/run/kokuin/p11-kit-2.sock");
    assert_string_equal(jig->tokens[1].uri, "pkcs11:token=kokuin-production-2");
    assert_string_equal(jig->tokens[1].pin_file, SHIPPED "/secrets/production-2.pin");
    assert_string_equal(jig->tokens[1].issuing_certificate, SHIPPED "/ca/issuing-2.pem");
    assert_string_equal(jig->tokens[1].station_certificate, SHIPPED "/ca/station-2.pem");
    assert_string_equal(jig->root_certificate, SHIPPED "/ca/root.pem");
    assert_string_equal(jig->fingerprint_check, SHIPPED "/ca/fingerprint.check");
    assert_string_equal(jig->recovery_certificates[0], SHIPPED "/ca/recovery.pem");
    assert_string_equal(jig->recovery_certificates[1], SHIPPED "/ca/spare.pem");
    assert_string_equal(jig->record, "host=/run/postgresql dbname=kokuin user=station_demo_1");
    assert_string_equal(jig->state_directory, SHIPPED "/state");

    assert_int_equal(jig->printer_count, 1);
    assert_string_equal(jig->printers[0].name, "labels");
    assert_int_equal(jig->printers[0].kind, PRINTER_ZPL);
    assert_string_equal(jig->printers[0].path, "tcp:127.0.0.1:9100");
    assert_int_equal(jig->printers[0].dpi, 300);

    assert_int_equal(jig->scanner_count, 1);
    assert_string_equal(jig->scanners[0].name, "hand");
    assert_int_equal(jig->scanners[0].kind, PORT_SERIAL);
    assert_string_equal(jig->scanners[0].path, "pci-0000:00:14.0-usb-0:5");
    assert_int_equal(jig->scanners[0].slot, 0);

    assert_int_equal(jig->product_count, 2);
    assert_string_equal(jig->products[0], SHIPPED "/products/router.yaml");
    assert_string_equal(jig->products[1], SHIPPED "/products/sensor.yaml");
}

static void reads_the_slots(void **state)
{
    (void)state;
    struct fault fault = {0};
    CLEANUP(jig_freep) struct jig *jig = NULL;
    assert_true(jig_read(SHIPPED "/jig.yaml", &jig, &fault));
    assert_int_equal(jig->slot_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct jig_slot *slot = &jig->slots[i];
        char path[] = "pci-0000:00:14.0-usb-0:1";
        path[sizeof path - 2] = (char)('1' + i);
        assert_int_equal(slot->number, i + 1);
        assert_string_equal(slot->path, path);
        assert_int_equal(slot->printer, 0);
        assert_int_equal(slot->interface, 0);
        assert_int_equal(slot->kind, i < 2 ? PORT_SERIAL : PORT_USB);
        assert_int_equal(slot->baud, i < 2 ? 115200 : 0);
        assert_int_equal(slot->vendor_id, i < 2 ? 0 : 0x1209);
        assert_int_equal(slot->product_id, i < 2 ? 0 : 1);
    }
}

static void reads_the_router(void **state)
{
    (void)state;
    CLEANUP(product_freep) struct product *product = read_product("products/router.yaml");
    assert_string_equal(product->code, "KR");
    assert_string_equal(product->model, "KR-1000");
    assert_string_equal(product->name, "Kokuin home router");
    assert_string_equal(product->gtin, "04912345000019");
    assert_int_equal(product->auth, AUTH_UNIQUE);
    assert_int_equal(product->driver, DRIVER_NATIVE);
    assert_int_equal(product->rework, REWORK_REOPEN);
    assert_int_equal(product->macs_per_unit, 4);
    assert_string_equal(product->ssid_prefix, "kokuin-");

    assert_int_equal(product->credential_count, 2);
    assert_string_equal(product->credentials[0].kind, "admin");
    assert_string_equal(product->credentials[0].user, "admin");
    assert_true(product->credentials[0].login);
    assert_string_equal(product->credentials[0].policy.id, "u32x16");
    assert_string_equal(product->credentials[1].kind, "wifi");
    assert_string_equal(product->credentials[1].user, "");
    assert_false(product->credentials[1].login);
    assert_string_equal(product->credentials[1].policy.id, "psk-u32x20");

    assert_string_equal(product->profile.id, "idevid-8021ar");
    assert_string_equal(product->organization, "Kokuin Demo Works");
    assert_string_equal(product->hardware_type, "1.3.6.1.4.1.32473.1.1");
    assert_int_equal(product->firmware_count, 1);
    assert_string_equal(product->firmware_versions[0], "1.4.2");
    assert_int_equal(product->interface_count, 3);
    assert_string_equal(product->interfaces[0], "tcp/443");
    assert_string_equal(product->interfaces[2], "udp/67");
    assert_int_equal(product->blocklist_count, 3);
    assert_string_equal(product->blocklist[0], "kokuin");
    assert_int_equal(product->wrong_tries, 3);
    assert_int_equal(product->retry_limit, 3);
    assert_true(product->label_width_mm == 70 && product->label_height_mm == 40);
    assert_non_null(strstr(product->label_template, "/products/../labels/router.svg"));
    assert_sha256(product->label_sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void reads_the_sensor(void **state)
{
    (void)state;
    CLEANUP(product_freep) struct product *product = read_product("products/sensor.yaml");
    assert_string_equal(product->code, "KS");
    assert_string_equal(product->model, "KS-200");
    assert_string_equal(product->gtin, "04912345000026");
    assert_int_equal(product->auth, AUTH_NONE);
    assert_int_equal(product->credential_count, 0);
    assert_int_equal(product->macs_per_unit, 1);
    assert_string_equal(product->ssid_prefix, "");
    assert_int_equal(product->firmware_count, 1);
    assert_string_equal(product->firmware_versions[0], "2.0.1");
    assert_int_equal(product->wrong_tries, 0);
    assert_int_equal(product->retry_limit, 0);
    assert_int_equal(product->blocklist_count, 0);
    assert_true(product->label_width_mm == 50 && product->label_height_mm == 30);
}

static void reads_whose_key_is_made_where(void **state)
{
    (void)state;
    CLEANUP(product_freep) struct product *sensor = read_product("products/sensor.yaml");
    CLEANUP(product_freep) struct product *contact = read_product("products/contact.yaml");
    assert_int_equal(sensor->key, KEY_SOURCE_UNIT);
    assert_int_equal(contact->key, KEY_SOURCE_STATION);
    assert_string_equal(contact->model, "KC-100");
}

static void reads_the_known_defaults(void **state)
{
    (void)state;
    CLEANUP(product_freep) struct product *router = read_product("products/router.yaml");
    CLEANUP(product_freep) struct product *sensor = read_product("products/sensor.yaml");
    assert_in_range(router->known_default_count, 1, 8);
    assert_string_equal(router->known_defaults[0].user, "admin");
    assert_string_equal(router->known_defaults[0].password, "admin");
    bool empty = false;
    for (size_t i = 0; i < router->known_default_count; i++)
        empty = empty || (strcmp(router->known_defaults[i].user, "root") == 0 && !*router->known_defaults[i].password);
    assert_true(empty);
    assert_int_equal(sensor->known_default_count, router->known_default_count);
    assert_memory_equal(sensor->known_defaults_sha256, router->known_defaults_sha256, SHA256_SIZE);
    assert_memory_not_equal(sensor->sha256, router->sha256, SHA256_SIZE);
}

static void reads_the_products_beside_their_own_labels(void **state)
{
    (void)state;
    static const char *const paths[] = {SHIPPED "/products/router.yaml", SHIPPED "/products/sensor.yaml",
                                        SHIPPED "/products/contact.yaml", SHIPPED "/products/gateway.yaml"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct fault fault = {0};
        CLEANUP(product_freep) struct product *product = NULL;
        if (!product_read(paths[i], &product, &fault))
            fail_msg("%s", fault.text);
    }
}

static void reads_the_ceremony(void **state)
{
    (void)state;
    struct fault fault = {0};
    CLEANUP(ceremony_freep) struct ceremony *ceremony = NULL;
    if (!ceremony_read(SHIPPED "/ceremony.yaml", &ceremony, &fault))
        fail_msg("%s", fault.text);
    assert_string_equal(ceremony->organization, "Kokuin Demo Works");
    assert_string_equal(ceremony->country, "JP");
    assert_string_equal(ceremony->root.module, "/usr/lib/softhsm/libsofthsm2.so");
    assert_string_equal(ceremony->root.uri, "pkcs11:token=kokuin-root");
    assert_int_equal(ceremony->production_count, 2);
    assert_string_equal(ceremony->production[0].uri, "pkcs11:token=kokuin-production");
    assert_string_equal(ceremony->production[1].uri, "pkcs11:token=kokuin-production-2");
    assert_string_equal(ceremony->production[1].pin_file, SHIPPED "/secrets/production-2.pin");
    assert_int_equal(ceremony->custodian_count, 2);
    assert_string_equal(ceremony->custodians[0].name, "Sato Hanako");
    assert_string_equal(ceremony->custodians[1].role, "witness, quality assurance");
    assert_string_equal(ceremony->recovery.pin_file, SHIPPED "/secrets/recovery.pin");
    assert_string_equal(ceremony->spare.uri, "pkcs11:token=kokuin-spare");
    assert_int_equal(ceremony->root_years, 30);
    assert_int_equal(ceremony->issuing_years, 25);
    assert_int_equal(ceremony->station_years, 5);
    assert_string_equal(ceremony->output, SHIPPED "/ca");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_jig),
        cmocka_unit_test(reads_the_slots),
        cmocka_unit_test(reads_the_router),
        cmocka_unit_test(reads_the_sensor),
        cmocka_unit_test(reads_whose_key_is_made_where),
        cmocka_unit_test(reads_the_known_defaults),
        cmocka_unit_test(reads_the_products_beside_their_own_labels),
        cmocka_unit_test(reads_the_ceremony),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
