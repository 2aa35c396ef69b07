#include "jigs/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/jigs/scratch.h"

/* clang-format off: one line of the file a line, so that the numbers can be counted */
static const char good_product[] =
    "code: KR\n"                                                                    /* 1 */
    "model: KR-1000\n"                                                              /* 2 */
    "name: Router\n"                                                                /* 3 */
    "gtin: '04912345000019'\n"                                                      /* 4 */
    "auth: unique\n"                                                                /* 5 */
    "driver: native\n"                                                              /* 6 */
    "rework: reopen\n"                                                              /* 7 */
    "macs_per_unit: 4\n"                                                            /* 8 */
    "ssid_prefix: kokuin-\n"                                                        /* 9 */
    "credentials:\n"                                                                /* 10 */
    "  - {kind: admin, user: admin, login: true, policy: ../policies/short.yaml}\n" /* 11 */
    "  - kind: wifi\n"                                                              /* 12 */
    "    login: false\n"                                                            /* 13 */
    "    policy: ../policies/long.yaml\n"                                           /* 14 */
    "certificate:\n"                                                                /* 15 */
    "  profile: ../profiles/idevid.yaml\n"                                          /* 16 */
    "  organization: Works\n"                                                       /* 17 */
    "  hardware_type: 1.3.6.1.4.1.32473.1.1\n"                                      /* 18 */
    "firmware: [1.4.2, 1.4.3]\n"                                                    /* 19 */
    "interfaces: [tcp/443, console]\n"                                              /* 20 */
    "known_defaults: ../known.yaml\n"                                               /* 21 */
    "blocklist: [kokuin]\n"                                                         /* 22 */
    "wrong_tries: 3\n"                                                              /* 23 */
    "retry_limit: 3\n"                                                              /* 24 */
    "label: {template: ../labels/a.svg, width_mm: 70, height_mm: 40.5}\n";          /* 25 */

#define PROFILE(id, more)                                                                                              \
    "id: " id "\nyears: 10\nsubject: [{attribute: serial_number, from: serial}]\nkey_usage: [digital_signature]\n"     \
    "extensions: [{kind: authority_key_identifier, critical: false}, {kind: key_usage, critical: true}, "              \
    "{kind: hardware_module_name, critical: false}" more "]\n"

static const char idevid_profile[] = PROFILE("idevid", "");
static const char brski_profile[] = PROFILE("brski", ", {kind: masa_url, critical: false}");

static const char good_policy[] = "id: short\n"                                          /* 1 */
                                  "version: 1\n"                                         /* 2 */
                                  "alphabet: 23456789ABCDEFGHJKLMNPQRSTUVWXYZ\n"         /* 3 */
                                  "length: 12\n"                                         /* 4 */
                                  "minimum_entropy_bits: 59.938\n"                       /* 5 */
                                  "minimum_digits: 1\n"                                  /* 6 */
                                  "minimum_letters: 1\n"                                 /* 7 */
                                  "forbid: [serial4, run3, known_defaults, blocklist]\n" /* 8 */
                                  "group: 4\n"                                           /* 9 */
                                  "needs_retry_limit: true\n"                            /* 10 */
                                  "valid_from: 2026-01-01\n"                             /* 11 */
                                  "valid_until: 2028-12-31\n"                            /* 12 */
                                  "review_by: 2027-06-30\n"                              /* 13 */
                                  "approver: A. Person\n";                               /* 14 */

static const char long_policy[] = "id: long\n"
                                  "version: 3\n"
                                  "alphabet: 23456789ABCDEFGHJKLMNPQRSTUVWXYZ\n"
                                  "length: 20\n"
                                  "minimum_entropy_bits: 99.5\n"
                                  "forbid: []\n"
                                  "needs_retry_limit: false\n"
                                  "valid_from: 2026-01-01\n"
                                  "valid_until: 2028-12-31\n"
                                  "review_by: 2027-06-30\n"
                                  "approver: A. Person\n";

static const char good_defaults[] = "known_defaults:\n"                    /* 1 */
                                    "  - {user: admin, password: admin}\n" /* 2 */
                                    "  - {user: root, password: ''}\n";    /* 3 */
/* clang-format on */

static const struct bad bad_products[] = {
    {"code: KR", "code: K", FAULT_CONFIG_VALUE, "products/p.yaml:1:1: code: ", "two characters of 0-9 A-Z, found 'K'"},
    {"code: KR", "code: kr", FAULT_CONFIG_VALUE, "products/p.yaml:1:1: code: ", "two characters"},
    {"code: KR", "code: KRX", FAULT_CONFIG_VALUE, "products/p.yaml:1:1: code: ", "two characters"},
    {"model: KR-1000", "model: \xe5\x88\xbb", FAULT_CONFIG_VALUE, "products/p.yaml:2:1: model: ", "printable ASCII"},
    {"model: KR-1000", "model: 'KR '", FAULT_CONFIG_VALUE, "products/p.yaml:2:1: model: ", "no space at either end"},
    {"'04912345000019'", "'04912345000018'", FAULT_CONFIG_VALUE, "products/p.yaml:4:1: gtin: ", "checks the others"},
    {"'04912345000019'", "4912345000019", FAULT_CONFIG_VALUE, "products/p.yaml:4:1: gtin: ", "expected 14 digits"},
    {"auth: unique", "auth: shared", FAULT_CONFIG_VALUE,
     "products/p.yaml:5:1: auth: ", "expected one of unique, force, none, found 'shared'"},
    {"auth: unique", "auth: none", FAULT_CONFIG_VALUE,
     "products/p.yaml:10:1: credentials: ", "expected none, because auth is none"},
    {"driver: native", "driver: console", FAULT_CONFIG_KEY, "products/p.yaml:1:1: console: ", "the driver is console"},
    {"rework: reopen", "rework: maybe", FAULT_CONFIG_VALUE, "products/p.yaml:7:1: rework: ", "reopen, scrap"},
    {"macs_per_unit: 4", "key: token\nmacs_per_unit: 4", FAULT_CONFIG_VALUE,
     "products/p.yaml:8:1: key: ", "expected one of unit, station, found 'token'"},
    {"macs_per_unit: 4", "macs_per_unit: 3", FAULT_CONFIG_VALUE,
     "products/p.yaml:8:1: macs_per_unit: ", "1, 2, 4, 8, 16, 32"},
    {"kokuin-\n", "kokuin-kokuin-kokuin\n", FAULT_CONFIG_VALUE, "products/p.yaml:9:1: ssid_prefix: ", "1 to 16"},

    /* credentials */
    {"kind: wifi", "kind: admin", FAULT_CONFIG_VALUE,
     "products/p.yaml:12:5: credentials[2].kind: ", "each kind once, found 'admin' again"},
    {"kind: wifi", "kind: Wi-Fi", FAULT_CONFIG_VALUE, "products/p.yaml:12:5: credentials[2].kind: ", "lower-case"},
    {"kind: wifi", "kind: serial", FAULT_CONFIG_VALUE, "products/p.yaml:12:5: credentials[2].kind: ", "label field"},
    {"kind: wifi", "kind: admin_user", FAULT_CONFIG_VALUE,
     "products/p.yaml:12:5: credentials[2].kind: ", "label field"},
    {"kind: wifi", "kind: wifi_network", FAULT_CONFIG_VALUE, "products/p.yaml:12:5: credentials[2].kind: ", "1 to 11"},
    {"login: false", "login: no", FAULT_CONFIG_VALUE,
     "products/p.yaml:13:5: credentials[2].login: ", "expected one of true, false, found 'no'"},
    {"login: false", "login: true", FAULT_CONFIG_KEY,
     "products/p.yaml:12:5: credentials[2].user: ", "a log-in needs its user name"},
    {"login: false", "login: true\n    user: admin", FAULT_CONFIG_VALUE,
     "products/p.yaml:14:5: credentials[2].user: ", "each user once"},
    {"login: false", "login: false\n    user: x", FAULT_CONFIG_VALUE,
     "products/p.yaml:14:5: credentials[2].user: ", "because login is false"},
    {"user: admin, login: true", "login: false", FAULT_CONFIG_VALUE,
     "products/p.yaml:10:1: credentials: ", "at least one with login: true"},
    {"policies/long.yaml", "policies/short.yaml", FAULT_CONFIG_VALUE,
     "products/p.yaml:14:5: credentials[2].policy: ", "does not need a retry limit"},
    {"policies/long.yaml", "policies/lost.yaml", FAULT_FILE,
     "products/p.yaml:14:5: credentials[2].policy: policies/lost.yaml: ", "cannot be opened"},
    {"policies/long.yaml", "policies/bad.yaml", FAULT_CONFIG_KEY,
     "products/p.yaml:14:5: credentials[2].policy: policies/bad.yaml:1:1: wibble: ", "unknown key"},
    {"../policies/long.yaml", "/policies/long.yaml", FAULT_CONFIG_VALUE,
     "products/p.yaml:14:5: credentials[2].policy: ", "relative to this file"},
    {"retry_limit: 3\n", "", FAULT_CONFIG_VALUE,
     "products/p.yaml:1:1: retry_limit: ", "expected 1 to 100, because policy short needs it"},
    {"retry_limit: 3", "retry_limit: 101", FAULT_CONFIG_VALUE, "products/p.yaml:24:1: retry_limit: ", "from 0 to 100"},
    {"wrong_tries: 3\n", "", FAULT_CONFIG_VALUE, "products/p.yaml:1:1: wrong_tries: ", "because there is a log-in"},
    {"wrong_tries: 3", "wrong_tries: 11", FAULT_CONFIG_VALUE, "products/p.yaml:23:1: wrong_tries: ", "from 0 to 10"},
    {"blocklist: [kokuin]", "blocklist: [ABC, DEF]", FAULT_POLICY_WEAK,
     "products/p.yaml:11:45: credentials[1].policy: ", "policy short promises 59.938"},

    /* certificate, firmware, interfaces */
    {"../profiles/idevid.yaml", "idevid-8021ar", FAULT_FILE,
     "products/p.yaml:16:3: certificate.profile: products/idevid-8021ar: ", "cannot be opened"},
    {"../profiles/idevid.yaml", "/profiles/idevid.yaml", FAULT_CONFIG_VALUE,
     "products/p.yaml:16:3: certificate.profile: ", "relative to this file"},
    {"../profiles/idevid.yaml", "../policies/long.yaml", FAULT_CONFIG_KEY,
     "products/p.yaml:16:3: certificate.profile: policies/long.yaml:2:1: version: ", "unknown key"},
    {"  hardware_type: 1.3.6.1.4.1.32473.1.1\n", "", FAULT_CONFIG_KEY,
     "products/p.yaml:15:1: certificate.hardware_type: ", "profile idevid needs it"},
    {"organization: Works\n", "organization: Works\n  masa_url: masa.example\n", FAULT_CONFIG_VALUE,
     "products/p.yaml:18:3: certificate.masa_url: ", "profile idevid has no place for it"},
    {"organization: Works\n", "organization: Works\n  matter_vendor_id: '0xFFF1'\n", FAULT_CONFIG_VALUE,
     "products/p.yaml:18:3: certificate.matter_vendor_id: ", "profile idevid has no place for it"},
    {"profiles/idevid.yaml", "profiles/brski.yaml", FAULT_CONFIG_KEY,
     "products/p.yaml:15:1: certificate.masa_url: ", "profile brski needs it"},
    {"profiles/idevid.yaml", "profiles/brski.yaml\n  masa_url: http://masa.example", FAULT_CONFIG_VALUE,
     "products/p.yaml:17:3: certificate.masa_url: ", "https:// or no scheme"},
    {"1.3.6.1.4.1.32473.1.1", "1.3.6.01", FAULT_CONFIG_VALUE,
     "products/p.yaml:18:3: certificate.hardware_type: ", "object identifier"},
    {"1.3.6.1.4.1.32473.1.1", "1.40.1", FAULT_CONFIG_VALUE,
     "products/p.yaml:18:3: certificate.hardware_type: ", "object identifier"},
    {"1.3.6.1.4.1.32473.1.1", "3.1.1", FAULT_CONFIG_VALUE,
     "products/p.yaml:18:3: certificate.hardware_type: ", "object identifier"},
    {"1.3.6.1.4.1.32473.1.1", "1.3.6.", FAULT_CONFIG_VALUE,
     "products/p.yaml:18:3: certificate.hardware_type: ", "object identifier"},
    {"1.4.2, 1.4.3", "1.4.2, 1.4.2", FAULT_CONFIG_VALUE, "products/p.yaml:19:19: firmware[2]: ", "each once"},
    {"firmware: [1.4.2, 1.4.3]\n", "", FAULT_CONFIG_KEY, "products/p.yaml:1:1: firmware: ", "missing key"},
    {"tcp/443, console", "tcp/443, tcp/443", FAULT_CONFIG_VALUE, "products/p.yaml:20:23: interfaces[2]: ", "each once"},
    {"tcp/443, console", "tcp/0", FAULT_CONFIG_VALUE, "products/p.yaml:20:14: interfaces[1]: ", "tcp/PORT"},
    {"tcp/443, console", "tcp/65536", FAULT_CONFIG_VALUE, "products/p.yaml:20:14: interfaces[1]: ", "tcp/PORT"},
    {"tcp/443, console", "sctp/7", FAULT_CONFIG_VALUE, "products/p.yaml:20:14: interfaces[1]: ", "found 'sctp/7'"},
    {"[kokuin]", "[ko]", FAULT_CONFIG_VALUE, "products/p.yaml:22:13: blocklist[1]: ", "at least 3 characters"},

    /* known defaults and label */
    {"../known.yaml", "../unknown.yaml", FAULT_FILE, "products/p.yaml:21:1: known_defaults: ", "unknown.yaml: cannot"},
    {"../labels/a.svg", "../labels/b.svg", FAULT_FILE,
     "products/p.yaml:25:9: label.template: labels/b.svg: ", "cannot be opened"},
    {"../labels/a.svg", "../labels/big.svg", FAULT_CONFIG_SYNTAX,
     "products/p.yaml:25:9: label.template: ", "labels/big.svg: larger than 1048576 bytes"},
    {"../labels/a.svg", "/labels/a.svg", FAULT_CONFIG_VALUE, "products/p.yaml:25:9: label.template: ", "relative"},
    {"width_mm: 70", "width_mm: 70mm", FAULT_CONFIG_VALUE, "products/p.yaml:25:36: label.width_mm: ", "found '70mm'"},
    {"width_mm: 70", "width_mm: 0x46", FAULT_CONFIG_VALUE, "products/p.yaml:25:36: label.width_mm: ", "from 5 to 300"},
    {"width_mm: 70", "width_mm: inf", FAULT_CONFIG_VALUE, "products/p.yaml:25:36: label.width_mm: ", "from 5 to 300"},
    {"width_mm: 70", "width_mm: '70.'", FAULT_CONFIG_VALUE, "products/p.yaml:25:36: label.width_mm: ", "found '70.'"},
    {"height_mm: 40.5", "height_mm: 40.5555", FAULT_CONFIG_VALUE,
     "products/p.yaml:25:50: label.height_mm: ", "from 5 to 300"},
    {"height_mm: 40.5", "height_mm: 300.1", FAULT_CONFIG_VALUE,
     "products/p.yaml:25:50: label.height_mm: ", "from 5 to 300"},
};

static const struct bad bad_policies[] = {
    {"23456789ABC", "223456789ABC", FAULT_POLICY_WEAK, "policies/short.yaml:3:1: alphabet: ", "found '2' twice"},
    {"23456789ABC", "0123456789OABC", FAULT_CONFIG_VALUE,
     "policies/short.yaml:3:1: alphabet: ", "only one of '0' and 'O'"},
    {"23456789ABC", "1Il23456789ABC", FAULT_CONFIG_VALUE, "policies/short.yaml:3:1: alphabet: ", "look alike"},
    {"23456789ABCDEFGHJKLMNPQRSTUVWXYZ", "A", FAULT_CONFIG_VALUE, "policies/short.yaml:3:1: alphabet: ", "at least 2"},
    {"23456789ABC", "23456789 ABC", FAULT_CONFIG_VALUE, "policies/short.yaml:3:1: alphabet: ", "without spaces"},
    {"length: 12", "length: 7", FAULT_CONFIG_VALUE, "policies/short.yaml:4:1: length: ", "from 8 to 63"},
    {"length: 12", "length: 64", FAULT_CONFIG_VALUE, "policies/short.yaml:4:1: length: ", "from 8 to 63"},
    {"length: 12", "length: 11", FAULT_POLICY_WEAK,
     "policies/short.yaml:5:1: minimum_entropy_bits: ", "of 55.00 bits; found 59.938"},
    {"bits: 59.938", "bits: 60", FAULT_POLICY_WEAK, "policies/short.yaml:5:1: minimum_entropy_bits: ",
     "expected at most 59.93, which the rules leave of 60.00 bits; found 60"},
    {"bits: 59.938", "bits: 39.9", FAULT_CONFIG_VALUE, "policies/short.yaml:5:1: minimum_entropy_bits: ", "from 40"},
    {"bits: 59.938", "bits: 59,9", FAULT_CONFIG_VALUE, "policies/short.yaml:5:1: minimum_entropy_bits: ", "59,9"},
    {"needs_retry_limit: true", "needs_retry_limit: false", FAULT_POLICY_WEAK,
     "policies/short.yaml:10:1: needs_retry_limit: ", "expected true, because 59.938 bits are fewer than 64"},
    {"minimum_letters: 1", "minimum_lower: 1", FAULT_CONFIG_VALUE,
     "policies/short.yaml:7:1: minimum_lower: ", "the alphabet has none"},
    {"minimum_digits: 1", "minimum_digits: 12", FAULT_CONFIG_VALUE,
     "policies/short.yaml:4:1: length: ", "at least the 13 characters required"},
    {"serial4, run3", "serial4, serial4", FAULT_CONFIG_VALUE,
     "policies/short.yaml:8:19: forbid[2]: ", "each rule once, found 'serial4' again"},
    {"serial4, run3", "serial4, run2", FAULT_CONFIG_VALUE,
     "policies/short.yaml:8:19: forbid[2]: ", "expected one of serial4, mac4"},
    {"group: 4", "group: 13", FAULT_CONFIG_VALUE, "policies/short.yaml:9:1: group: ", "from 0 to 12"},
    {"version: 1", "version: 0", FAULT_CONFIG_VALUE, "policies/short.yaml:2:1: version: ", "from 1"},
    {"version: 1", "version: 1.5", FAULT_CONFIG_VALUE, "policies/short.yaml:2:1: version: ", "found '1.5'"},
    {"2026-01-01", "2028-12-31", FAULT_CONFIG_VALUE, "policies/short.yaml:12:1: valid_until: ", "a day after"},
    {"2026-01-01", "2026-02-29", FAULT_CONFIG_VALUE, "policies/short.yaml:11:1: valid_from: ", "expected a date"},
    {"2026-01-01", "26-01-01", FAULT_CONFIG_VALUE, "policies/short.yaml:11:1: valid_from: ", "expected a date"},
    {"2026-01-01", "2026-01-0x", FAULT_CONFIG_VALUE, "policies/short.yaml:11:1: valid_from: ", "expected a date"},
    {"2027-06-30", "2029-01-01", FAULT_CONFIG_VALUE,
     "policies/short.yaml:13:1: review_by: ", "a day from 2026-01-01 to 2028-12-31"},
    {"approver: A. Person\n", "", FAULT_CONFIG_KEY, "policies/short.yaml:1:1: approver: ", "missing key"},
    {"approver: A. Person\n", "approver:\n", FAULT_CONFIG_VALUE, "policies/short.yaml:14:1: approver: ", "found 0"},
};

/* Read through a product, which names the list. */
static const struct bad bad_defaults[] = {
    {"{user: root, password: ''}", "{user: admin, password: admin}", FAULT_CONFIG_VALUE,
     "products/p.yaml:21:1: known_defaults: ", ":3:5: known_defaults[2]: expected each pair once; this is entry 1"},
    {"{user: root, password: ''}", "{user: root}", FAULT_CONFIG_KEY,
     "products/p.yaml:21:1: known_defaults: ", "known_defaults[2].password: missing key"},
    {"user: root", "user: an-administrator-with-a-long-name", FAULT_CONFIG_VALUE,
     "products/p.yaml:21:1: known_defaults: ", "known_defaults[2].user: expected 1 to 32"},
    {NULL, "known_defaults: []\n", FAULT_CONFIG_VALUE,
     "products/p.yaml:21:1: known_defaults: ", ":1:1: known_defaults: expected at least 1 entries"},
};

static bool read_product(const char *path, struct fault *fault)
{
    struct product *product = NULL;
    bool good = product_read(path, &product, fault);
    assert_true(good || !product);
    product_free(product);
    return good;
}

static bool read_named_product(const char *path, struct fault *fault)
{
    (void)path;
    char product[SCRATCH_PATH_SIZE];
    scratch_path("products/p.yaml", product);
    return read_product(product, fault);
}

static bool read_policy(const char *path, struct fault *fault)
{
    struct password_policy policy = {.version = 77};
    bool good = policy_read(path, &policy, fault);
    assert_true(good || policy.version == 77);
    return good;
}

static void accepts_the_good_files(void **state)
{
    (void)state;
    struct fault fault = {0};
    if (!read_named_product("", &fault))
        fail_msg("%s", fault.text);
}

static void refuses_bad_products(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_products); i++)
        wrong += !scratch_refuses(&bad_products[i], good_product, "products/p.yaml", read_product);
    scratch_write_text("products/p.yaml", good_product);
    assert_int_equal(wrong, 0);
}

static void refuses_bad_policies(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_policies); i++)
        wrong += !scratch_refuses(&bad_policies[i], good_policy, "policies/short.yaml", read_policy);
    scratch_write_text("policies/short.yaml", good_policy);
    assert_int_equal(wrong, 0);
}

static void refuses_bad_known_defaults(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_defaults); i++)
        wrong += !scratch_refuses(&bad_defaults[i], good_defaults, "known.yaml", read_named_product);
    scratch_write_text("known.yaml", good_defaults);
    assert_int_equal(wrong, 0);
}

static void refuses_tries_without_a_login(void **state)
{
    (void)state;
    char text[SCRATCH_TEXT_MAX], none[SCRATCH_TEXT_MAX], path[SCRATCH_PATH_SIZE];
    const char *from = strstr(good_product, "credentials:"), *to = strstr(good_product, "certificate:");
    scratch_spoil(good_product, "auth: unique", "auth: none", text);
    char *at = strstr(text, "credentials:");
    memmove(at, at + (to - from), strlen(at + (to - from)) + 1);
    scratch_write("products/p.yaml", text, strlen(text), path);
    struct fault fault = {0};
    assert_false(read_product(path, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG_VALUE);
    assert_non_null(strstr(fault.text, "wrong_tries: expected 0, because there is no log-in"));

    scratch_spoil(text, "wrong_tries: 3\n", "", none);
    scratch_write("products/p.yaml", none, strlen(none), path);
    assert_false(read_product(path, &fault));
    assert_non_null(strstr(fault.text, "retry_limit: expected 0, because there is no log-in"));

    scratch_spoil(none, "retry_limit: 3\n", "", text);
    scratch_write("products/p.yaml", text, strlen(text), path);
    assert_true(read_product(path, &fault));
    scratch_write_text("products/p.yaml", good_product);
}

static int open_scratch(void **state)
{
    (void)state;
    scratch_open();
    scratch_write_text("products/p.yaml", good_product);
    scratch_write_text("policies/short.yaml", good_policy);
    scratch_write_text("policies/long.yaml", long_policy);
    scratch_write_text("policies/bad.yaml", "wibble: 1\n");
    scratch_write_text("profiles/idevid.yaml", idevid_profile);
    scratch_write_text("profiles/brski.yaml", brski_profile);
    scratch_write_text("known.yaml", good_defaults);
    scratch_write_text("labels/a.svg", "<svg/>");
    size_t size = 1024 * 1024 + 1;
    char *big = calloc(1, size), path[SCRATCH_PATH_SIZE];
    assert_non_null(big);
    scratch_write("labels/big.svg", big, size, path);
    free(big);
    return 0;
}

static int close_scratch(void **state)
{
    (void)state;
    scratch_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_good_files),        cmocka_unit_test(refuses_bad_products),
        cmocka_unit_test(refuses_bad_policies),          cmocka_unit_test(refuses_bad_known_defaults),
        cmocka_unit_test(refuses_tries_without_a_login),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
