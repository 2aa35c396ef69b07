/* Which observations a product requires, and the JSON that carries them. */
#include "station/flow/evidence.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALWAYS "certificate_used,link_secure,restart_kept,identity_readback,firmware_state"

static struct product router(void)
{
    struct product product = {
        .auth = AUTH_UNIQUE, .credential_count = 2, .known_default_count = 1, .wrong_tries = 3, .retry_limit = 3};
    product.credentials[0] = (struct product_credential){.kind = "admin", .user = "admin", .login = true};
    product.credentials[1] = (struct product_credential){.kind = "wifi"};
    return product;
}

static void expect(const struct product *product, const char *list)
{
    char found[EVIDENCE_LIST_SIZE];
    evidence_list(product, found);
    assert_string_equal(found, list);
}

static void test_unique_route(void **state)
{
    (void)state;
    struct product product = router();
    expect(&product, "credential_generated,policy_applied,credential_injected," ALWAYS
                     ",password_accepted,wrong_password_refused,known_defaults_refused,retry_limit,interfaces,lock");
    char kinds[CREDENTIAL_LIST_SIZE];
    credential_list(&product, kinds);
    assert_string_equal(kinds, "admin,wifi");
}

static void test_forced_route(void **state)
{
    (void)state;
    struct product product = router();
    product.auth = AUTH_FORCE;
    assert_true(evidence_required(&product, EVIDENCE_FORCED_CHANGE));
    assert_string_equal(route_name(AUTH_FORCE), "force");
}

static void test_route_without_passwords(void **state)
{
    (void)state;
    struct product product = {.auth = AUTH_NONE, .known_default_count = 3};
    expect(&product, ALWAYS ",no_password_login,interfaces,lock");
    char kinds[CREDENTIAL_LIST_SIZE];
    credential_list(&product, kinds);
    assert_string_equal(kinds, "");
}

/* A short password is only allowed together with an observed retry limit, whatever the product file says of it. */
static void test_policy_demands_the_retry_limit(void **state)
{
    (void)state;
    struct product product = router();
    product.retry_limit = 0;
    assert_false(evidence_required(&product, EVIDENCE_RETRY_LIMIT));
    product.credentials[1].policy.needs_retry_limit = true; /* a key without a log-in has none to limit */
    assert_false(evidence_required(&product, EVIDENCE_RETRY_LIMIT));
    product.credentials[0].policy.needs_retry_limit = true;
    assert_true(evidence_required(&product, EVIDENCE_RETRY_LIMIT));
}

static void test_key_without_log_in(void **state)
{
    (void)state;
    struct product product = router();
    product.credential_count = 1;
    product.credentials[0].login = false;
    assert_true(evidence_required(&product, EVIDENCE_PASSWORD_ACCEPTED));
    assert_false(evidence_required(&product, EVIDENCE_WRONG_PASSWORD_REFUSED));
    assert_false(evidence_required(&product, EVIDENCE_KNOWN_DEFAULTS_REFUSED));
}

/* The longest list of all has room. */
static void test_list_is_never_cut(void **state)
{
    (void)state;
    size_t size = 0;
    for (enum evidence_kind kind = 0; kind < EVIDENCE_COUNT; kind++)
        size += strlen(evidence_name(kind)) + 1;
    assert_true(size <= EVIDENCE_LIST_SIZE);
}

static void test_rows(void **state)
{
    (void)state;
    static struct evidence evidence;
    struct json facts = evidence_begin(&evidence, EVIDENCE_LOCK);
    json_bool(&facts, "says_locked", false);
    evidence_keep(&evidence, &facts, EVIDENCE_LOCK, STORE_FAILED);
    facts = evidence_begin(&evidence, EVIDENCE_INTERFACES);
    for (int i = 0; i < 2000; i++)
        json_text(&facts, "name", "tcp/443");
    evidence_keep(&evidence, &facts, EVIDENCE_INTERFACES, STORE_SHOWN);
    facts = evidence_begin(&evidence, EVIDENCE_LOCK);
    json_bool(&facts, "says_locked", true);
    evidence_keep(&evidence, &facts, EVIDENCE_LOCK, STORE_SHOWN);
    assert_int_equal(evidence.count, 2);
    assert_string_equal(evidence.rows[0].facts, "{\"says_locked\":true}");
    assert_int_equal(evidence.rows[0].verdict, STORE_SHOWN);
    assert_string_equal(evidence.rows[1].facts, "{\"cut\":true}");
    assert_string_equal(evidence.rows[1].name, "interfaces");
}

/* ---- the writer ---- */

static void test_json_is_json(void **state)
{
    (void)state;
    char text[512];
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_text(&json, "hostile", "a\"\\\n\x01\x7f\xc0\x80\xed\xa0\x80\xf5z\xe3\x81\x82");
    json_open(&json, "list", '[');
    json_number(&json, NULL, -9223372036854775807LL - 1);
    json_bool(&json, NULL, true);
    json_open(&json, NULL, '{');
    json_close(&json, '}');
    json_close(&json, ']');
    json_hex(&json, "hex", "\x0f\xa0", 2);
    json_close(&json, '}');
    struct fault fault;
    assert_true(json_end(&json, "test", &fault));

    json_t *read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(read);
    assert_string_equal(json_string_value(json_object_get(read, "hex")), "0fa0");
    assert_int_equal(json_array_size(json_object_get(read, "list")), 3);
    const char *hostile = json_string_value(json_object_get(read, "hostile"));
    assert_non_null(strstr(hostile, "\xef\xbf\xbd"));
    assert_non_null(strstr(hostile, "z\xe3\x81\x82"));
    json_decref(read);
}

/* At every size the writer either says it does not fit, or has written the whole. */
static void test_json_never_overruns(void **state)
{
    (void)state;
    char text[64];
    static const char whole[] = "{\"a\":\"\\u0001\\\"\",\"n\":[-12]}";
    for (size_t size = 0; size < sizeof text; size++) {
        memset(text, 0x55, sizeof text);
        struct json json = json_over(text, size);
        json_open(&json, NULL, '{');
        json_text(&json, "a", "\x01\"");
        json_open(&json, "n", '[');
        json_number(&json, NULL, -12);
        json_close(&json, ']');
        json_close(&json, '}');
        struct fault fault;
        bool fits = json_end(&json, "test", &fault);
        assert_int_equal(fits, size >= sizeof whole);
        if (fits)
            assert_string_equal(text, whole);
        else
            assert_int_equal(fault.code, FAULT_INTERNAL);
        for (size_t i = size; i < sizeof text; i++)
            assert_int_equal(text[i], 0x55);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unique_route),
        cmocka_unit_test(test_forced_route),
        cmocka_unit_test(test_route_without_passwords),
        cmocka_unit_test(test_policy_demands_the_retry_limit),
        cmocka_unit_test(test_key_without_log_in),
        cmocka_unit_test(test_list_is_never_cut),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_json_is_json),
        cmocka_unit_test(test_json_never_overruns),
    };
    return cmocka_run_group_tests_name("station/flow", tests, NULL, NULL);
}
