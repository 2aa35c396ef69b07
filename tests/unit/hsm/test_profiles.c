/* hsm/certificate under each shipped profile: accepted by two other programs, refused where the CA or the key is not
 * one to issue under or for. */
#include "hsm/certificate.h"
#include "hsm/crypto.h"
#include "tests/support/command.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"
#include "tests/unit/hsm/authority_made.h"
#include "tests/unit/hsm/unit_request.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define UNITS 120
#define SERIAL "KR000000001X"

static const struct authority_made good_pai = {"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", "FFF1",
                                               NULL};

static struct softhsm softhsm;
static struct token *token;
static struct certificate_issuer *issuer;
static struct fault fault;

static struct certificate_subject subject_of(const struct certificate_profile *profile, const char *serial)
{
    return (struct certificate_subject){.profile = profile,
                                        .organization = "Test Plant",
                                        .model = "KR-1",
                                        .serial = serial,
                                        .hardware_type = "1.3.6.1.4.1.32473.1.7",
                                        .masa_url = "masa.test-plant.example/kr",
                                        .matter_vendor = 0xfff1,
                                        .matter_product = 0x80ab};
}

/* A path in the test's directory, in a buffer that the next call but seven writes over. */
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

/* The certificate, and behind it, unless NULL, another file's. */
static void write_pem(const char *path, const struct certificate *certificate, const char *behind)
{
    const uint8_t *from = certificate->der;
    FILE *file = fopen(path, "we");
    X509 *x509 = d2i_X509(NULL, &from, (long)certificate->der_size);
    assert_true(file && x509);
    assert_int_equal(PEM_write_X509(file, x509), 1);
    X509_free(x509);
    if (behind) {
        char text[4096];
        FILE *other = fopen(behind, "re");
        assert_non_null(other);
        size_t size = fread(text, 1, sizeof text, other);
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fclose(other), 0);
    }
    assert_int_equal(fclose(file), 0);
}

static void certtool_accepts(const char *chain, const char *root)
{
    char output[4096];
    const char *const verify[] = {"certtool", "--verify", "--load-ca-certificate", root, "--infile", chain, NULL};
    assert_int_equal(command_read(verify, output, sizeof output), 0);
    assert_non_null(strstr(output, "Chain verification output: Verified."));
}

static void accepts_many(struct certificate_issuer *of, const struct certificate_profile *profile, const char *issuing,
                         const char *root)
{
    static char paths[UNITS][96];
    const char *verify[UNITS + 8] = {"openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", issuing};
    size_t at = 7;
    for (size_t i = 0; i < UNITS; i++) {
        char serial[13];
        struct certificate certificate;
        (void)snprintf(serial, sizeof serial, "KR%09zuX", i);
        const struct certificate_subject unit = subject_of(profile, serial);
        const struct unit_request request = unit_request_good(serial);
        if (!certificate_issue(of, request.der, request.size, &unit, &certificate, &fault))
            fail_msg("%s", fault.text);
        (void)snprintf(paths[i], sizeof paths[i], "%s/%zu.pem", softhsm.directory, i);
        write_pem(paths[i], &certificate, issuing);
        certtool_accepts(paths[i], root);
        verify[at++] = paths[i];
    }
    assert_int_equal(command_run(verify), 0);
}

static void every_8021ar_certificate_is_accepted(void **state)
{
    (void)state;
    accepts_many(issuer, &profile_idevid_8021ar, softhsm_file(&softhsm, "issuing-1.pem"),
                 softhsm_file(&softhsm, "root.pem"));
}

static void read_text(struct certificate_issuer *of, const struct certificate_profile *profile, char *ret_text,
                      size_t size)
{
    const struct certificate_subject unit = subject_of(profile, SERIAL);
    const struct unit_request request = unit_request_good(SERIAL);
    struct certificate certificate;
    if (!certificate_issue(of, request.der, request.size, &unit, &certificate, &fault))
        fail_msg("%s", fault.text);
    const char *path = path_of("read.pem");
    write_pem(path, &certificate, NULL);
    const char *const print[] = {"openssl", "x509", "-in", path, "-noout", "-text", "-nameopt", "RFC2253", NULL};
    assert_int_equal(command_read(print, ret_text, size), 0);
}

static void every_brski_certificate_is_accepted(void **state)
{
    (void)state;
    char text[8192];
    accepts_many(issuer, &profile_idevid_brski, softhsm_file(&softhsm, "issuing-1.pem"),
                 softhsm_file(&softhsm, "root.pem"));
    read_text(issuer, &profile_idevid_brski, text, sizeof text);
    assert_non_null(strstr(text, "serialNumber=" SERIAL));
    assert_non_null(strstr(text, "1.3.6.1.5.5.7.1.32: \n                ..masa.test-plant.example/kr"));
    assert_non_null(strstr(text, "Digital Signature"));
}

static void open_made(const struct authority_made *shape, struct certificate_issuer **ret_issuer)
{
    authority_make(&softhsm, shape, path_of("paa.pem"), path_of("pai.pem"));
    if (!certificate_issuer_open(token, path_of("pai.pem"), path_of("paa.pem"), ret_issuer, &fault))
        fail_msg("%s", fault.text);
}

static void every_matter_certificate_is_accepted(void **state)
{
    (void)state;
    char text[8192];
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *pai = NULL;
    open_made(&good_pai, &pai);
    accepts_many(pai, &profile_matter_dac, path_of("pai.pem"), path_of("paa.pem"));
    read_text(pai, &profile_matter_dac, text, sizeof text);
    /* The ids are printed as what they are: UTF8Strings of four upper-case digits. */
    assert_non_null(strstr(text, "1.3.6.1.4.1.37244.2.2=#0C0438304142,1.3.6.1.4.1.37244.2.1=#0C0446464631,CN=" SERIAL));
    assert_non_null(strstr(text, "X509v3 Basic Constraints: critical\n                CA:FALSE"));
    assert_non_null(strstr(text, "X509v3 Key Usage: critical\n                Digital Signature\n"));
    assert_non_null(strstr(text, "X509v3 Subject Key Identifier: \n"));
    assert_non_null(strstr(text, "X509v3 Authority Key Identifier: \n"));
    assert_null(strstr(text, "Subject Alternative Name"));
}

static void a_matter_certificate_needs_a_pai_of_its_vendor(void **state)
{
    (void)state;
    static const struct {
        struct authority_made shape;
        const char *why;
    } cases[] = {
        {{"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL, NULL}, "vendor FFF1"},
        {{"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", "FFF2", NULL}, "vendor FFF1"},
        {{"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", "fff1", NULL}, "vendor FFF1"},
        {{"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", "FFF10", NULL}, "vendor FFF1"},
        {{"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", "FFF1", "80AC"}, "product 80AB"},
        {{"critical,CA:TRUE", "critical,keyCertSign,cRLSign", "FFF1", NULL}, "path length of 0"},
    };
    const struct certificate_subject unit = subject_of(&profile_matter_dac, SERIAL);
    const struct unit_request request = unit_request_good(SERIAL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct certificate certificate = {.der_size = 7};
        CLEANUP(certificate_issuer_freep) struct certificate_issuer *other = NULL;
        open_made(&cases[i].shape, &other);
        assert_false(certificate_issue(other, request.der, request.size, &unit, &certificate, &fault));
        assert_int_equal(fault.code, FAULT_CERTIFICATE_REFUSED);
        if (!strstr(fault.text, cases[i].why))
            fail_msg("wanted '%s', got '%s'", cases[i].why, fault.text);
        assert_int_equal(certificate.der_size, 7);
    }
}

static void a_profile_that_makes_no_sense_is_a_usage_fault(void **state)
{
    (void)state;
    struct certificate_profile wrong[13];
    struct certificate_subject unit = subject_of(NULL, SERIAL);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        wrong[i] = profile_idevid_8021ar;
    wrong[0].name_count = 0;
    wrong[1].name_count = CERTIFICATE_NAMES_MAX + 1;
    wrong[2].extension_count = CERTIFICATE_EXTENSIONS_MAX + 1;
    wrong[3].extensions[0].content = CERTIFICATE_KEY_USAGE;                       /* twice, and no authority key */
    wrong[4].extensions[0].content = CERTIFICATE_SUBJECT_KEY;                     /* no authority key */
    wrong[5].extensions[1].content = (enum certificate_content)17;                /* unknown */
    wrong[6].names[0].attribute = (enum certificate_attribute)17;                 /* unknown */
    wrong[7].key_usage = 0;                                                       /* an extension without bits */
    wrong[8].key_usage = 0x04;                                                    /* signs certificates */
    wrong[9].not_after[0] = '\0';                                                 /* no end */
    (void)snprintf(wrong[10].not_after, sizeof wrong[10].not_after, "99991231Z"); /* no time */
    wrong[11].names[0].source = CERTIFICATE_FROM_TEXT;                            /* without a text */
    wrong[12].years = CERTIFICATE_YEARS_MAX + 1;
    wrong[12].not_after[0] = '\0';
    const struct unit_request request = unit_request_good(SERIAL);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct certificate certificate;
        unit.profile = &wrong[i];
        fault = (struct fault){0};
        if (certificate_issue(issuer, request.der, request.size, &unit, &certificate, &fault))
            fail_msg("case %zu was issued", i);
        assert_int_equal(fault.code, FAULT_USAGE);
    }
    struct certificate certificate;
    unit = subject_of(&profile_matter_dac, SERIAL);
    unit.matter_vendor = 0;
    assert_false(certificate_issue(issuer, request.der, request.size, &unit, &certificate, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    unit = subject_of(&profile_idevid_brski, SERIAL);
    unit.masa_url = "with a space";
    assert_false(certificate_issue(issuer, request.der, request.size, &unit, &certificate, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
}

/* A validity in years ends at the same time of its last day, and every name kind fits. */
static void years_and_fixed_texts_are_as_said(void **state)
{
    (void)state;
    struct certificate_profile profile = profile_idevid_8021ar;
    profile.not_after[0] = '\0';
    profile.years = 20;
    profile.names[0].source = CERTIFICATE_FROM_TEXT;
    (void)snprintf(profile.names[0].text, sizeof profile.names[0].text, "Fixed Works");
    char text[8192], first[8], last[8];
    read_text(issuer, &profile, text, sizeof text);
    assert_non_null(strstr(text, "O=Fixed Works"));
    const char *before = strstr(text, "Not Before: "), *after = strstr(text, "Not After : ");
    assert_true(before && after);
    assert_memory_equal(before + 12, after + 12, 15); /* "Nov 23 23:59:59" */
    (void)snprintf(first, sizeof first, "%.4s", before + 28);
    (void)snprintf(last, sizeof last, "%.4s", after + 28);
    assert_int_equal(strtol(last, NULL, 10) - strtol(first, NULL, 10), 20);
}

/* ---- keys that are nobody's own ---- */

static EVP_PKEY *key_from(const char *hex)
{
    BIGNUM *scalar = NULL, *order = NULL;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *at = EC_POINT_new(group);
    uint8_t public_key[POINT_SIZE];
    assert_true(BN_hex2bn(&scalar, hex + (hex[0] == '-')) > 0);
    if (hex[0] == '-') { /* counted from the end */
        order = BN_dup(EC_GROUP_get0_order(group));
        assert_int_equal(BN_sub(scalar, order, scalar), 1);
    }
    assert_int_equal(EC_POINT_mul(group, at, scalar, NULL, NULL, NULL), 1);
    assert_int_equal(EC_POINT_point2oct(group, at, POINT_CONVERSION_UNCOMPRESSED, public_key, sizeof public_key, NULL),
                     POINT_SIZE);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, public_key, sizeof public_key),
                     1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar), 1);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
    assert_int_equal(EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, parameters), 1);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EC_POINT_free(at);
    EC_GROUP_free(group);
    BN_free(scalar);
    BN_free(order);
    return key;
}

static void keys_that_everybody_knows_are_refused(void **state)
{
    (void)state;
    static const char rfc_6979[] = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
    static const uint8_t rfc_6979_x[] = {0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb,
                                         0x74, 0xc6, 0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61,
                                         0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6};
    static const struct {
        const char *scalar;
        bool known;
    } cases[] = {
        {"1", true},
        {"2", true},
        {"3e8", true},
        {"-1", true},
        {"-3e8", true},
        {rfc_6979, true},
        {"C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433", true},
        {"C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53", true},
        {"E6CB5BDD80AA45AE9C95E8C15476679FFEC953C16851E711E743939589C64FC1", true},
        {"3e9", false},
        {"-3e9", false},
        {"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6722", false},
    };
    uint8_t point[POINT_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = key_from(cases[i].scalar);
        const struct unit_request request = unit_request_make(key, key, EVP_sha256(), SERIAL);
        fault = (struct fault){0};
        bool good = certificate_request_check(request.der, request.size, SERIAL, point, &fault);
        if (good == cases[i].known)
            fail_msg("%s: %s", cases[i].scalar, fault.text);
        if (!cases[i].known)
            continue;
        assert_int_equal(fault.code, FAULT_CSR_REFUSED);
        assert_non_null(strstr(fault.text, "everybody knows"));
    }
    /* The scalar is RFC 6979's: its public key is the one printed there. */
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *printed = key_from(rfc_6979);
    assert_true(crypto_point(printed, point, &fault));
    assert_memory_equal(point + 1, rfc_6979_x, sizeof rfc_6979_x);
}

static void point_of_file(const char *name, uint8_t ret_point[POINT_SIZE])
{
    CLEANUP(X509_freep) X509 *certificate = NULL;
    assert_true(crypto_read_certificate(softhsm_file(&softhsm, name), &certificate, &fault));
    assert_true(crypto_point(X509_get0_pubkey(certificate), ret_point, &fault));
}

static void keys_of_the_plant_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"issuing-1.pem", "root.pem", "station-1.pem", "checkpoint-1.pem"};
    const struct certificate_subject unit = subject_of(&profile_idevid_8021ar, SERIAL);
    struct certificate certificate;
    uint8_t point[POINT_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        point_of_file(files[i], point);
        fault = (struct fault){0};
        assert_false(certificate_issue_key(issuer, point, &unit, &certificate, &fault));
        assert_int_equal(fault.code, FAULT_CSR_REFUSED);
        assert_non_null(strstr(fault.text, "this plant's own"));
    }
    point[64] ^= 1; /* off the curve */
    assert_false(certificate_issue_key(issuer, point, &unit, &certificate, &fault));
    assert_int_equal(fault.code, FAULT_CRYPTO);

    CLEANUP(EVP_PKEY_freep) EVP_PKEY *fresh = EVP_EC_gen("P-256");
    assert_true(crypto_point(fresh, point, &fault));
    assert_true(certificate_issue_key(issuer, point, &unit, &certificate, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_8021ar_certificate_is_accepted),
        cmocka_unit_test(every_brski_certificate_is_accepted),
        cmocka_unit_test(every_matter_certificate_is_accepted),
        cmocka_unit_test(a_matter_certificate_needs_a_pai_of_its_vendor),
        cmocka_unit_test(a_profile_that_makes_no_sense_is_a_usage_fault),
        cmocka_unit_test(years_and_fixed_texts_are_as_said),
        cmocka_unit_test(keys_that_everybody_knows_are_refused),
        cmocka_unit_test(keys_of_the_plant_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
