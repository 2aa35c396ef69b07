/* hsm/wrapped_key: a key comes out of a token only for the unit it was made for, and only where the token can do it. */
#include "hsm/call.h"
#include "hsm/inside.h"
#include "hsm/wrapped_key_trial.h"
#include "tests/support/command.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define SERIAL "KC000000001X"
#define OBJECTS_MAX 64

static const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                   .organization = "Test Plant",
                                                   .model = "KC-1",
                                                   .serial = SERIAL,
                                                   .hardware_type = "1.3.6.1.4.1.32473.1.7"};

static struct softhsm softhsm;
static struct token *token;
static unsigned long mechanism;
static EVP_PKEY *unit; /* the unit's one-time pair */
static uint8_t unit_point[POINT_SIZE];
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    unit = EVP_EC_gen("P-256");
    if (unit && crypto_point(unit, unit_point, &fault) && softhsm_start(&softhsm, &fault) &&
        softhsm_plant(&softhsm, &fault) && softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault) &&
        softhsm_open(&softhsm, false, "production", &token, &fault) && wrapped_key_probe(token, &mechanism, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    EVP_PKEY_free(TAKE(unit));
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static void make(struct wrapped_key *key)
{
    if (!wrapped_key_make(token, mechanism, unit_point, key, &fault))
        fail_msg("%s", fault.text);
}

static bool opens(EVP_PKEY *own, const struct wrapped_key *key)
{
    bool whole = false;
    assert_true(wrapped_key_try(own, key, &whole, &fault));
    return whole;
}

static void each_key_is_new_and_opens_for_its_unit_only(void **state)
{
    (void)state;
    struct wrapped_key first, second;
    make(&first);
    make(&second);
    assert_memory_not_equal(first.point, second.point, sizeof first.point);
    assert_memory_not_equal(first.transport, second.transport, sizeof first.transport);
    assert_true(opens(unit, &first) && opens(unit, &second));

    CLEANUP(EVP_PKEY_freep) EVP_PKEY *other = EVP_EC_gen("P-256");
    assert_non_null(other);
    assert_false(opens(other, &first));
    memcpy(first.transport, second.transport, sizeof first.transport);
    assert_false(opens(unit, &first));
}

static void every_changed_byte_is_found_out(void **state)
{
    (void)state;
    struct wrapped_key key;
    make(&key);
    for (size_t i = 0; i < key.size; i++) {
        key.bytes[i] ^= 1;
        assert_false(opens(unit, &key));
        key.bytes[i] ^= 1;
    }
    key.size -= 8;
    assert_false(opens(unit, &key));
    key.size += 8;
    assert_true(opens(unit, &key));
    key.point[POINT_SIZE - 1] ^= 1; /* another point than the key's */
    assert_false(opens(unit, &key));
}

static size_t count_objects(void)
{
    CK_ATTRIBUTE nothing[1] = {{0}};
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    size_t count = ARRAY_SIZE(found);
    assert_true(call_find(&token->session, nothing, 0, found, &count, &fault));
    assert_true(count < OBJECTS_MAX);
    return count;
}

static void nothing_of_it_stays_in_the_token(void **state)
{
    (void)state;
    struct wrapped_key key;
    uint8_t off[POINT_SIZE];
    size_t before = count_objects();
    assert_true(before > 0);
    make(&key);
    assert_int_equal(count_objects(), before);
    memcpy(off, unit_point, sizeof off);
    off[POINT_SIZE - 1] ^= 1;
    assert_false(wrapped_key_make(token, mechanism, off, &key, &fault));
    assert_false(wrapped_key_make(token, CKM_SHA256, unit_point, &key, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
    assert_int_equal(count_objects(), before);
}

static void point_is_looked_at_before_the_token_sees_it(void **state)
{
    (void)state;
    static const uint8_t base[POINT_SIZE] = {
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
        0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
        0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
        0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    uint8_t points[5][POINT_SIZE];
    memcpy(points[0], base, sizeof base);
    memset(points[1], 0, POINT_SIZE); /* infinity, and what follows it */
    memcpy(points[2], unit_point, POINT_SIZE);
    points[2][40] ^= 1; /* off the curve */
    memcpy(points[3], unit_point, POINT_SIZE);
    points[3][0] = 0x02; /* compressed */
    memset(points[4], 0xff, POINT_SIZE);
    points[4][0] = 0x04; /* beyond the field */
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        struct wrapped_key key = {.size = 77};
        if (wrapped_key_make(token, mechanism, points[i], &key, &fault) || fault.code != FAULT_TRANSPORT_REFUSED)
            fail_msg("point %zu: %s", i, fault.text);
        assert_int_equal(key.size, 77);
    }
}

/* The certificate of a key that never asked for it is like any other. */
static void certificate_for_it_is_accepted_by_openssl(void **state)
{
    (void)state;
    char issuing[128], root[128], der[128], pem[128];
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    struct wrapped_key key;
    struct certificate certificate;
    (void)snprintf(issuing, sizeof issuing, "%s", softhsm_file(&softhsm, "issuing-1.pem"));
    (void)snprintf(root, sizeof root, "%s", softhsm_file(&softhsm, "root.pem"));
    assert_true(certificate_issuer_open(token, issuing, root, &issuer, &fault));
    make(&key);
    if (!certificate_issue_key(issuer, key.point, &subject, &certificate, &fault))
        fail_msg("%s", fault.text);
    assert_non_null(memmem(certificate.der, certificate.der_size, key.point, sizeof key.point));

    (void)snprintf(der, sizeof der, "%s/unit.der", softhsm.directory);
    (void)snprintf(pem, sizeof pem, "%s/unit.pem", softhsm.directory);
    FILE *file = fopen(der, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(certificate.der, 1, certificate.der_size, file), certificate.der_size);
    assert_int_equal(fclose(file), 0);
    const char *const convert[] = {"openssl", "x509", "-inform", "DER", "-in", der, "-out", pem, NULL};
    const char *const verify[] = {"openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", issuing,
                                  pem,       NULL};
    assert_int_equal(command_run(convert), 0);
    assert_int_equal(command_run(verify), 0);

    key.point[40] ^= 1;
    assert_false(certificate_issue_key(issuer, key.point, &subject, &certificate, &fault));
    assert_int_equal(fault.code, FAULT_CRYPTO);
    struct certificate_subject wrong = subject;
    wrong.hardware_type = "none";
    assert_false(certificate_issue_key(issuer, unit_point, &wrong, &certificate, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
}

static void expect_probe(struct token *other, enum fault_code code, const char *text)
{
    unsigned long found = 77;
    if (wrapped_key_probe(other, &found, &fault))
        fail_msg("mechanism 0x%lx was found", found);
    if (fault.code != code || !strstr(fault.text, text))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_int_equal(found, 77);
}

static void server_cannot_pass_it(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *remote = NULL;
    struct wrapped_key key;
    assert_true(softhsm_open(&softhsm, true, "production", &remote, &fault));
    expect_probe(remote, FAULT_HSM_CANNOT, "token 'production', over this way to it, agrees on no key that wraps");
    assert_false(wrapped_key_make(remote, mechanism, unit_point, &key, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
}

static void softhsm_has_it_at_the_older_number(void **state)
{
    (void)state;
    assert_int_equal(mechanism, CKM_AES_KEY_WRAP_PAD);
}

static struct token *open_other(void)
{
    struct token *other = NULL;
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    if (!token_open(OTHER_WRAPPING, "pkcs11:token=production", pin, &other, &fault))
        fail_msg("%s", fault.text);
    return other;
}

static void other_tokens_are_tried_and_not_believed(void **state)
{
    (void)state;
    static const struct {
        const char *way;
        enum fault_code code;
        const char *text;
    } ways[] = {
        {"other-scheme", FAULT_HSM_CANNOT, "not by RFC 5649"},
        {"no-session-objects", FAULT_HSM_CANNOT, "makes no key that may leave it wrapped"},
        {"not-derived", FAULT_HSM_CANNOT, "agrees on no key that wraps"},
        {"readable", FAULT_HSM_KEY_LEAVES, "shows the device key's value"},
        {"told-otherwise", FAULT_HSM_KEY_WRONG, "made the transport key otherwise"},
        {"signs-wrongly", FAULT_HSM_KEY_WRONG, "does not sign for its point"},
        {"dies", FAULT_HSM_CALL, "C_WrapKey"},
    };
    /* A module has one log-in in a process. */
    token_free(TAKE(token));
    CLEANUP(token_freep) struct token *other = open_other();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        assert_int_equal(setenv("KOKUIN_WRAPPING", ways[i].way, 1), 0);
        expect_probe(other, ways[i].code, ways[i].text);
    }
    unsigned long found = 0;
    assert_int_equal(setenv("KOKUIN_WRAPPING", "renumbered", 1), 0);
    if (!wrapped_key_probe(other, &found, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(found, 0x210b);
    struct wrapped_key key;
    assert_true(wrapped_key_make(other, found, unit_point, &key, &fault));
    assert_true(opens(unit, &key));
    assert_int_equal(unsetenv("KOKUIN_WRAPPING"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_new_and_opens_for_its_unit_only),
        cmocka_unit_test(every_changed_byte_is_found_out),
        cmocka_unit_test(nothing_of_it_stays_in_the_token),
        cmocka_unit_test(point_is_looked_at_before_the_token_sees_it),
        cmocka_unit_test(certificate_for_it_is_accepted_by_openssl),
        cmocka_unit_test(server_cannot_pass_it),
        cmocka_unit_test(softhsm_has_it_at_the_older_number),
        cmocka_unit_test(other_tokens_are_tried_and_not_believed), /* last: it closes the token */
    };
    return cmocka_run_group_tests_name("wrapped_key", tests, begin, end);
}
