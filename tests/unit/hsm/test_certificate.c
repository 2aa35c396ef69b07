/* hsm/certificate: hostile requests refused, good ones answered with certificates that others accept. */
#include "base/bytes.h"
#include "hsm/certificate.h"
#include "hsm/key.h"
#include "hsm/make.h"
#include "tests/support/command.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"
#include "tests/unit/hsm/unit_request.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define SERIAL "KR000000001X"

static const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                   .organization = "Test Plant",
                                                   .model = "KR-1 (demo)",
                                                   .serial = SERIAL,
                                                   .hardware_type = "1.3.6.1.4.1.32473.1.7"};

static struct softhsm softhsm;
static struct token *token;
static struct certificate_issuer *issuer;
static struct fault fault;

static int begin(bool remote)
{
    char issuing[128], root[128];
    if (softhsm_start(&softhsm, &fault) && softhsm_plant(&softhsm, &fault) && softhsm_make("empty", &fault) &&
        softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault) &&
        softhsm_open(&softhsm, remote, "production", &token, &fault)) {
        (void)snprintf(issuing, sizeof issuing, "%s", softhsm_file(&softhsm, "issuing-1.pem"));
        (void)snprintf(root, sizeof root, "%s", softhsm_file(&softhsm, "root.pem"));
        if (certificate_issuer_open(token, issuing, root, &issuer, &fault))
            return 0;
    }
    print_error("%s\n", fault.text);
    return -1;
}

static int begin_direct(void **state)
{
    (void)state;
    return begin(false);
}

static int begin_remote(void **state)
{
    (void)state;
    return begin(true);
}

static int end(void **state)
{
    (void)state;
    certificate_issuer_free(TAKE(issuer));
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static void write_der(const char *path, const struct certificate *certificate)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(certificate->der, 1, certificate->der_size, file), certificate->der_size);
    assert_int_equal(fclose(file), 0);
}

static void openssl_accepts(const struct certificate *certificate)
{
    char der[128], pem[128];
    (void)snprintf(der, sizeof der, "%s/unit.der", softhsm.directory);
    (void)snprintf(pem, sizeof pem, "%s/unit.pem", softhsm.directory);
    write_der(der, certificate);
    const char *const convert[] = {"openssl", "x509", "-inform", "DER", "-in", der, "-out", pem, NULL};
    const char *const verify[] = {"openssl",
                                  "verify",
                                  "-x509_strict",
                                  "-CAfile",
                                  softhsm_file(&softhsm, "root.pem"),
                                  "-untrusted",
                                  softhsm_file(&softhsm, "issuing-1.pem"),
                                  pem,
                                  NULL};
    assert_int_equal(command_run(convert), 0);
    assert_int_equal(command_run(verify), 0);
}

static void fifty_units_get_fifty_certificates(void **state)
{
    (void)state;
    enum { UNITS = 50 };
    uint8_t numbers[UNITS][CERTIFICATE_SERIAL_MAX] = {0};
    for (size_t i = 0; i < UNITS; i++) {
        char serial[13];
        struct certificate certificate;
        (void)snprintf(serial, sizeof serial, "KR%09zuX", i);
        struct certificate_subject unit = subject;
        unit.serial = serial;
        const struct unit_request request = unit_request_good(serial);
        bool issued = certificate_issue(issuer, request.der, request.size, &unit, &certificate, &fault);
        if (!issued)
            print_error("%s\n", fault.text);
        assert_true(issued);
        openssl_accepts(&certificate);
        assert_in_range(certificate.serial_size, 1, CERTIFICATE_SERIAL_MAX);
        memcpy(numbers[i], certificate.serial, certificate.serial_size);
        for (size_t before = 0; before < i; before++)
            assert_memory_not_equal(numbers[i], numbers[before], CERTIFICATE_SERIAL_MAX);
    }
}

/* What somebody else's program reads in it. */
static void a_certificate_says_what_the_profile_says(void **state)
{
    (void)state;
    struct certificate certificate;
    char path[128], text[8192];
    const struct unit_request request = unit_request_good(SERIAL);
    assert_true(certificate_issue(issuer, request.der, request.size, &subject, &certificate, &fault));
    (void)snprintf(path, sizeof path, "%s/said.der", softhsm.directory);
    write_der(path, &certificate);

    const char *const print[] = {"openssl", "x509",  "-inform",  "DER",     "-in", path,
                                 "-noout",  "-text", "-nameopt", "RFC2253", NULL};
    assert_int_equal(command_read(print, text, sizeof text), 0);
    assert_non_null(strstr(text, "Subject: serialNumber=" SERIAL ",OU=KR-1 (demo),O=Test Plant"));
    assert_non_null(strstr(text, "Issuer: CN=Issuing CA 1,O=Test Plant,C=JP"));
    assert_non_null(strstr(text, "Not After : Dec 31 23:59:59 9999 GMT"));
    assert_non_null(strstr(text, "X509v3 Key Usage: critical\n                Digital Signature\n"));
    assert_non_null(strstr(text, "X509v3 Authority Key Identifier"));
    /* SubjectAltName { otherName { hardwareModuleName, HardwareModuleName { hwType, hwSerialNum } } }, worked out by
     * hand, because OpenSSL 3.0 only prints "unsupported". */
    static const char name[] = "\x30\x2a\xa0\x28\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x04\xa0\x1c\x30\x1a"
                               "\x06\x0a\x2b\x06\x01\x04\x01\x81\xfd\x59\x01\x07\x04\x0c" SERIAL;
    assert_non_null(memmem(certificate.der, certificate.der_size, name, sizeof name - 1));
    assert_null(strstr(text, "CA:TRUE"));
    assert_null(strstr(text, "bank.example"));
    assert_null(strstr(text, "Mallory"));

    char hex[65];
    const char *const sum[] = {"sha256sum", path, NULL};
    assert_int_equal(command_read(sum, text, sizeof text), 0);
    hex_write(certificate.sha256, 32, hex);
    assert_memory_equal(text, hex, 64);
}

static void a_bad_request_is_refused_by_name(void **state)
{
    (void)state;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *p256 = EVP_EC_gen("P-256");
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *another = EVP_EC_gen("P-256");
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *p384 = EVP_EC_gen("P-384");
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *k1 = EVP_EC_gen("secp256k1");
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *rsa = EVP_RSA_gen(2048);
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *spelt_out = EVP_EC_gen("P-256");
    assert_true(p256 && another && p384 && k1 && rsa && ed && spelt_out);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(spelt_out, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    struct {
        struct unit_request request;
        const char *why;
    } cases[] = {
        {unit_request_make(p384, p384, EVP_sha256(), SERIAL), "not on P-256"},
        {unit_request_make(k1, k1, EVP_sha256(), SERIAL), "not on P-256"},
        {unit_request_make(rsa, rsa, EVP_sha256(), SERIAL), "not on P-256"},
        {unit_request_make(ed, ed, NULL, SERIAL), "not on P-256"},
        {unit_request_make(spelt_out, spelt_out, EVP_sha256(), SERIAL), "not on P-256"},
        {unit_request_make(another, p256, EVP_sha256(), SERIAL), "possession"},
        {unit_request_make(p256, p256, EVP_sha384(), SERIAL), "ecdsa-with-SHA256"},
        {unit_request_make(p256, p256, EVP_sha1(), SERIAL), "ecdsa-with-SHA256"},
        {unit_request_make(p256, p256, EVP_sha256(), "KR000000002X"), "this unit's serial"},
        {unit_request_make(p256, p256, EVP_sha256(), SERIAL "A"), "this unit's serial"},
        {unit_request_make(p256, p256, EVP_sha256(), NULL), "one serialNumber"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct certificate certificate = {.der_size = 7};
        fault = (struct fault){0};
        assert_false(
            certificate_issue(issuer, cases[i].request.der, cases[i].request.size, &subject, &certificate, &fault));
        print_message("  %s: %s\n", fault_name(fault.code), fault.text);
        assert_int_equal(fault.code, FAULT_CSR_REFUSED);
        assert_non_null(strstr(fault.text, cases[i].why));
        assert_int_equal(certificate.der_size, 7);
    }
}

static void refuses(const uint8_t *bytes, size_t size)
{
    uint8_t point[CERTIFICATE_POINT_SIZE];
    fault = (struct fault){0};
    assert_false(certificate_request_check(bytes, size, SERIAL, point, &fault));
    assert_int_equal(fault.code, FAULT_CSR_REFUSED);
}

/* Where the point's 65 bytes begin in a request. */
static size_t find_point(const struct unit_request *request)
{
    static const uint8_t before[] = {0x03, 0x42, 0x00, 0x04};
    const uint8_t *at = memmem(request->der, request->size, before, sizeof before);
    assert_non_null(at);
    return (size_t)(at - request->der) + 3;
}

static void garbage_is_refused(void **state)
{
    (void)state;
    struct unit_request good = unit_request_good(SERIAL), bad = good;
    uint8_t point[CERTIFICATE_POINT_SIZE];
    assert_true(certificate_request_check(good.der, good.size, SERIAL, point, &fault));
    assert_memory_equal(point, good.der + find_point(&good), sizeof point);

    refuses((const uint8_t *)"", 0);
    refuses((const uint8_t *)"-----BEGIN CERTIFICATE REQUEST-----", 35);
    for (size_t size = 1; size < good.size; size++) /* cut anywhere */
        refuses(good.der, size);
    bad.der[bad.size++] = 0; /* trailing byte */
    refuses(bad.der, bad.size);
    memset(bad.der + good.size, 0, CERTIFICATE_REQUEST_MAX + 1 - good.size); /* too large */
    refuses(bad.der, CERTIFICATE_REQUEST_MAX + 1);
    for (size_t at = 0; at < good.size; at++) { /* any bit of any byte: the signature covers what the form does not */
        for (unsigned bit = 0; bit < 8; bit++) {
            bad = good;
            bad.der[at] ^= (uint8_t)(1U << bit);
            refuses(bad.der, bad.size);
        }
    }
    bad = good;
    bad.der[find_point(&bad) + 64] ^= 1;
    refuses(bad.der, bad.size);
    assert_non_null(strstr(fault.text, "request"));
}

static void a_subject_that_does_not_fit_is_a_usage_fault(void **state)
{
    (void)state;
    const struct unit_request request = unit_request_good(SERIAL);
    struct certificate_subject cases[9];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cases[i] = subject;
    cases[0].profile = NULL;
    cases[1].organization = "";
    cases[2].organization = "A & B";
    cases[3].model = "\xe5\x88\xbb";
    cases[4].model = "12345678901234567890123456789012345678901234567890123456789012345";
    cases[5].serial = "KR*";
    cases[6].hardware_type = "not an OID";
    cases[7].hardware_type = "";
    cases[8].hardware_type = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct certificate certificate;
        fault = (struct fault){0};
        assert_false(certificate_issue(issuer, request.der, request.size, &cases[i], &certificate, &fault));
        assert_int_equal(fault.code, FAULT_USAGE);
    }
}

static void refuses_to_open(struct token *with, const char *issuing, const char *root, enum fault_code code)
{
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *opened = NULL;
    fault = (struct fault){0};
    assert_false(certificate_issuer_open(with, issuing, root, &opened, &fault));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, code);
    assert_null(opened);
}

/* One more private key under the issuing key's label, which make_key() refuses to leave behind. */
static void make_twin(struct token *on)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static CK_BBOOL yes = CK_TRUE;
    char label[] = KEY_ISSUING;
    CK_OBJECT_HANDLE public_half, private_half;
    CK_ATTRIBUTE public_key[] = {{CKA_EC_PARAMS, p256, sizeof p256}};
    CK_ATTRIBUTE private_key[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, label, sizeof label - 1}};
    const struct call_template of_public = {public_key, ARRAY_SIZE(public_key)};
    const struct call_template of_private = {private_key, ARRAY_SIZE(private_key)};
    assert_int_equal(call_make_pair(&on->session, &of_public, &of_private, &public_half, &private_half), CKR_OK);
}

static void an_issuer_needs_its_own_key_and_certificates(void **state)
{
    (void)state;
    const char *root = softhsm_file(&softhsm, "root.pem"), *issuing = softhsm_file(&softhsm, "issuing-1.pem");
    const char *station = softhsm_file(&softhsm, "station-1.pem");
    CLEANUP(token_freep) struct token *empty = NULL;
    assert_true(softhsm_open(&softhsm, true, "empty", &empty, &fault));
    refuses_to_open(token, "/nonexistent.pem", root, FAULT_FILE);
    refuses_to_open(token, "/dev/null", root, FAULT_CRYPTO);
    refuses_to_open(token, issuing, issuing, FAULT_CERTIFICATE_REFUSED);
    refuses_to_open(token, station, root, FAULT_CERTIFICATE_REFUSED);
    refuses_to_open(token, root, root, FAULT_HSM_KEY_WRONG);
    refuses_to_open(empty, issuing, root, FAULT_HSM_KEY_NOT_FOUND);

    /* A key of the right label, made somewhere else; then a second one. */
    static const struct make_order order = {.label = KEY_ISSUING, .use = MAKE_SIGN};
    struct made_key made;
    assert_true(make_key(empty, &order, &made, &fault));
    refuses_to_open(empty, issuing, root, FAULT_HSM_KEY_WRONG);
    make_twin(empty);
    refuses_to_open(empty, issuing, root, FAULT_HSM_AMBIGUOUS);
}

static void the_issuers_own_certificate_is_the_file(void **state)
{
    (void)state;
    struct certificate read;
    assert_true(certificate_read(softhsm_file(&softhsm, "issuing-1.pem"), &read, &fault));
    assert_memory_equal(read.sha256, certificate_issuer_own(issuer)->sha256, 32);
    assert_false(certificate_read("/nonexistent.pem", &read, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_false(certificate_read(SOFTHSM_MODULE, &read, &fault));
    assert_int_equal(fault.code, FAULT_FILE); /* far too large */
}

static void a_dead_server_is_a_fault(void **state)
{
    (void)state;
    struct certificate certificate;
    const struct unit_request request = unit_request_good(SERIAL);
    softhsm_kill_server(&softhsm);
    assert_false(certificate_issue(issuer, request.der, request.size, &subject, &certificate, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CALL);
}

#define BOTH_WAYS                                                                                                      \
    cmocka_unit_test(fifty_units_get_fifty_certificates), cmocka_unit_test(a_certificate_says_what_the_profile_says),  \
        cmocka_unit_test(a_bad_request_is_refused_by_name), cmocka_unit_test(garbage_is_refused),                      \
        cmocka_unit_test(a_subject_that_does_not_fit_is_a_usage_fault),                                                \
        cmocka_unit_test(an_issuer_needs_its_own_key_and_certificates),                                                \
        cmocka_unit_test(the_issuers_own_certificate_is_the_file)

int main(void)
{
    const struct CMUnitTest direct[] = {BOTH_WAYS};
    const struct CMUnitTest remote[] = {BOTH_WAYS, cmocka_unit_test(a_dead_server_is_a_fault)};
    int failed = cmocka_run_group_tests(direct, begin_direct, end);
    return failed + cmocka_run_group_tests(remote, begin_remote, end);
}
