/* hsm/crl: lists that other programs read and obey, and each that must not be made. */
#include "hsm/crl.h"
#include "tests/support/command.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"
#include "tests/unit/hsm/authority_made.h"
#include "tests/unit/hsm/unit_request.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define MANY 20000

static struct softhsm softhsm;
static struct token *token;
static struct certificate_issuer *issuer;
static struct fault fault;

static const char *path_of(const char *name)
{
    static char paths[8][160];
    static size_t next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", softhsm.directory, name);
    return path;
}

static int begin(void **state)
{
    (void)state;
    if (softhsm_start(&softhsm, &fault) && softhsm_plant(&softhsm, &fault) &&
        softhsm_open(&softhsm, false, "production", &token, &fault) &&
        certificate_issuer_open(token, softhsm_file(&softhsm, "issuing-1.pem"), softhsm_file(&softhsm, "root.pem"),
                                &issuer, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    certificate_issuer_free(TAKE(issuer));
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static struct certificate issue(const char *serial, const char *file)
{
    const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                .organization = "Test Plant",
                                                .model = "KR-1",
                                                .serial = serial,
                                                .hardware_type = "1.3.6.1.4.1.32473.1.7"};
    const struct unit_request request = unit_request_good(serial);
    struct certificate certificate;
    if (!certificate_issue(issuer, request.der, request.size, &subject, &certificate, &fault))
        fail_msg("%s", fault.text);
    const uint8_t *from = certificate.der;
    FILE *out = fopen(path_of(file), "we");
    X509 *x509 = d2i_X509(NULL, &from, (long)certificate.der_size);
    assert_true(out && x509 && PEM_write_X509(out, x509) == 1 && fclose(out) == 0);
    X509_free(x509);
    return certificate;
}

static struct crl_request request_of(const struct crl_entry *entries, size_t count, uint64_t number)
{
    int64_t now = (int64_t)time(NULL);
    return (struct crl_request){
        .number = number, .this_update = now, .next_update = now + 7 * 86400, .entries = entries, .count = count};
}

static struct crl_entry entry_of(const struct certificate *certificate, enum crl_reason reason)
{
    struct crl_entry entry = {.serial_size = certificate->serial_size, .reason = reason};
    memcpy(entry.serial, certificate->serial, certificate->serial_size);
    entry.revoked_at = (int64_t)time(NULL) - 60;
    return entry;
}

static void must_issue(const struct crl_request *request, struct crl *crl)
{
    if (!crl_issue(issuer, request, crl, &fault))
        fail_msg("%s", fault.text);
}

static int openssl_verifies(const char *unit)
{
    const char *const verify[] = {"openssl",      "verify",
                                  "-x509_strict", "-crl_check",
                                  "-CAfile",      softhsm_file(&softhsm, "root.pem"),
                                  "-untrusted",   softhsm_file(&softhsm, "issuing-1.pem"),
                                  "-CRLfile",     path_of("production.crl.pem"),
                                  unit,           NULL};
    return command_run(verify);
}

static void both_programs_read_it(const char *wanted)
{
    char text[8192];
    const char *issuing = softhsm_file(&softhsm, "issuing-1.pem"), *pem = path_of("production.crl.pem");
    const char *const openssl[] = {"openssl", "crl", "-verify", "-CAfile", issuing, "-in", pem, "-noout", NULL};
    const char *const certtool[] = {"certtool", "--verify-crl", "--load-ca-certificate", issuing, "--infile", pem,
                                    NULL};
    const char *const print[] = {"openssl", "crl",   "-inform", "DER", "-in", path_of("production.crl"),
                                 "-noout",  "-text", NULL};
    assert_int_equal(command_run(openssl), 0);
    assert_int_equal(command_run(certtool), 0);
    assert_int_equal(command_read(print, text, sizeof text), 0);
    assert_non_null(strstr(text, "Version 2 (0x1)"));
    assert_non_null(strstr(text, "X509v3 Authority Key Identifier"));
    assert_non_null(strstr(text, wanted));
}

static void a_revoked_certificate_is_refused_and_another_is_not(void **state)
{
    (void)state;
    const struct certificate revoked = issue("KR000000001X", "revoked.pem");
    (void)issue("KR000000002X", "good.pem");
    const struct crl_entry entry = entry_of(&revoked, CRL_SUPERSEDED);
    const struct crl_request request = request_of(&entry, 1, 300);
    CLEANUP(crl_free) struct crl crl = {0};
    must_issue(&request, &crl);
    if (!crl_write(&crl, softhsm.directory, "production", &fault))
        fail_msg("%s", fault.text);
    both_programs_read_it("X509v3 CRL Number: \n                300");
    both_programs_read_it("X509v3 CRL Reason Code: \n                Superseded");
    assert_int_equal(openssl_verifies(path_of("good.pem")), 0);
    assert_int_not_equal(openssl_verifies(path_of("revoked.pem")), 0);
}

static void an_empty_list_has_no_entries_at_all(void **state)
{
    (void)state;
    const struct crl_request request = request_of(NULL, 0, 1);
    CLEANUP(crl_free) struct crl crl = {0};
    must_issue(&request, &crl);
    assert_true(crl_write(&crl, softhsm.directory, "production", &fault));
    both_programs_read_it("No Revoked Certificates.");
    assert_int_equal(openssl_verifies(path_of("revoked.pem")), 0);
}

static void twenty_thousand_are_listed(void **state)
{
    (void)state;
    struct crl_entry *entries = calloc(MANY, sizeof *entries);
    assert_non_null(entries);
    int64_t then = (int64_t)time(NULL) - 3600;
    for (size_t i = 0; i < MANY; i++) {
        entries[i] = (struct crl_entry){.serial_size = 20, .reason = CRL_CESSATION_OF_OPERATION, .revoked_at = then};
        entries[i].serial[0] = 0x40;
        for (size_t k = 0; k < 4; k++)
            entries[i].serial[16 + k] = (uint8_t)(i >> 8 * (3 - k));
    }
    const struct crl_request request = request_of(entries, MANY, 2);
    CLEANUP(crl_free) struct crl crl = {0};
    must_issue(&request, &crl);
    assert_true(crl_write(&crl, softhsm.directory, "production", &fault));
    const char *pem = path_of("production.crl.pem");
    const char *const count[] = {
        "sh", "-c", "test \"$(openssl crl -in \"$0\" -noout -text | grep -c 'Serial Number')\" = 20000", pem, NULL};
    assert_int_equal(command_run(count), 0);
    print_message("  %zu bytes\n", crl.size);

    /* One in the middle changed, and the record's list has another length: the lint sees both. */
    struct crl_request other = request;
    entries[MANY / 2].reason = CRL_SUPERSEDED;
    assert_false(crl_lint(issuer, crl.der, crl.size, &other, &fault));
    entries[MANY / 2].reason = CRL_CESSATION_OF_OPERATION;
    other.count--;
    assert_false(crl_lint(issuer, crl.der, crl.size, &other, &fault));
    assert_non_null(strstr(fault.text, "more revoked"));
    free(entries);
}

static void refuses(const struct crl_request *request, const char *why)
{
    struct crl crl = {.size = 7};
    fault = (struct fault){0};
    assert_false(crl_issue(issuer, request, &crl, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    if (!strstr(fault.text, why))
        fail_msg("wanted '%s', got '%s'", why, fault.text);
    assert_int_equal(crl.size, 7);
}

static void what_makes_no_list_is_a_usage_fault(void **state)
{
    (void)state;
    const struct certificate certificate = issue("KR000000003X", "third.pem");
    struct crl_entry entries[2] = {entry_of(&certificate, CRL_SUPERSEDED), entry_of(&certificate, CRL_SUPERSEDED)};
    struct crl_request request = request_of(entries, 2, 5);
    refuses(&request, "out of order or there twice");
    request.count = 1;
    entries[0].reason = (enum crl_reason)1;
    refuses(&request, "not a serial number, reason or time");
    entries[0].reason = CRL_SUPERSEDED;
    entries[0].serial_size = 0;
    refuses(&request, "not a serial number, reason or time");
    entries[0].serial_size = certificate.serial_size;
    entries[0].revoked_at = request.this_update + 1;
    refuses(&request, "not a serial number, reason or time");
    entries[0].revoked_at = request.this_update;
    request.number = 0;
    refuses(&request, "1 or more");
    request.number = 5;
    request.next_update = request.this_update;
    refuses(&request, "the next one is later");
    request.this_update += 3600;
    request.next_update += 7200;
    refuses(&request, "of now");
    request = request_of(entries, CRL_ENTRIES_MAX + 1, 5);
    refuses(&request, "more than 250000");
}

static void each_spoilt_list_is_refused_by_name(void **state)
{
    (void)state;
    const struct certificate certificate = issue("KR000000004X", "fourth.pem");
    const struct crl_entry entry = entry_of(&certificate, CRL_SUPERSEDED);
    const struct crl_request request = request_of(&entry, 1, 77);
    CLEANUP(crl_free) struct crl crl = {0};
    must_issue(&request, &crl);
    const struct {
        struct crl_request asked;
        const char *why;
    } others[] = {
        {{78, request.this_update, request.next_update, &entry, 1}, "its number"},
        {{77, request.this_update - 1, request.next_update, &entry, 1}, "its times"},
        {{77, request.this_update, request.next_update + 1, &entry, 1}, "its times"},
        {{77, request.this_update, request.next_update, NULL, 0}, "authority key"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_false(crl_lint(issuer, crl.der, crl.size, &others[i].asked, &fault));
        assert_int_equal(fault.code, FAULT_CERTIFICATE_REFUSED);
        if (!strstr(fault.text, others[i].why))
            fail_msg("wanted '%s', got '%s'", others[i].why, fault.text);
    }
    /* Cut anywhere; and any bit before the signature's own value. */
    for (size_t size = 0; size < crl.size; size++)
        assert_false(crl_lint(issuer, crl.der, size, &request, &fault));
    size_t signed_part = crl.size - 75;
    for (size_t at = 0; at < signed_part; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            crl.der[at] ^= (uint8_t)(1U << bit);
            if (crl_lint(issuer, crl.der, crl.size, &request, &fault))
                fail_msg("bit %u of byte %zu may change", bit, at);
            crl.der[at] ^= (uint8_t)(1U << bit);
        }
    }
    assert_true(crl_lint(issuer, crl.der, crl.size, &request, &fault));
}

static void a_ca_that_may_not_sign_lists_signs_none(void **state)
{
    (void)state;
    static const struct authority_made shape = {"critical,CA:TRUE,pathlen:0", "critical,keyCertSign", NULL, NULL};
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *other = NULL;
    authority_make(&softhsm, &shape, path_of("paa.pem"), path_of("pai.pem"));
    assert_true(certificate_issuer_open(token, path_of("pai.pem"), path_of("paa.pem"), &other, &fault));
    const struct crl_request request = request_of(NULL, 0, 1);
    struct crl crl = {0};
    assert_false(crl_issue(other, &request, &crl, &fault));
    assert_int_equal(fault.code, FAULT_CERTIFICATE_REFUSED);
    assert_non_null(strstr(fault.text, "may not sign revocation lists"));
}

static long size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

static void files_are_replaced_whole_or_stay(void **state)
{
    (void)state;
    const struct crl_request request = request_of(NULL, 0, 9);
    CLEANUP(crl_free) struct crl crl = {0};
    must_issue(&request, &crl);
    assert_true(crl_write(&crl, softhsm.directory, "kept", &fault));
    long der = size_of(path_of("kept.crl")), pem = size_of(path_of("kept.crl.pem"));
    assert_int_equal(der, crl.size);
    assert_in_range(pem, der, 2 * der);

    /* The place of the second file is taken by a directory: the first is as it was, and nothing lies about. */
    assert_int_equal(mkdir(path_of(".kept.crl.pem.part"), 0700), 0);
    crl.size--;
    assert_false(crl_write(&crl, softhsm.directory, "kept", &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_int_equal(size_of(path_of("kept.crl")), der);
    assert_int_equal(size_of(path_of("kept.crl.pem")), pem);
    assert_int_equal(size_of(path_of(".kept.crl.part")), -1);
    assert_int_equal(rmdir(path_of(".kept.crl.pem.part")), 0);
    crl.size++;

    static const char *const names[] = {"", "../x", ".hidden", "a/b"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_false(crl_write(&crl, softhsm.directory, names[i], &fault));
        assert_int_equal(fault.code, FAULT_FILE);
    }
    assert_false(crl_write(&crl, "/nonexistent", "kept", &fault));
    assert_int_equal(fault.code, FAULT_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_certificate_is_refused_and_another_is_not),
        cmocka_unit_test(an_empty_list_has_no_entries_at_all),
        cmocka_unit_test(twenty_thousand_are_listed),
        cmocka_unit_test(what_makes_no_list_is_a_usage_fault),
        cmocka_unit_test(each_spoilt_list_is_refused_by_name),
        cmocka_unit_test(a_ca_that_may_not_sign_lists_signs_none),
        cmocka_unit_test(files_are_replaced_whole_or_stay),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
