/* hsm/lint: a certificate that is wrong in one way each, built by a certificate authority in software. */
#include "hsm/lint.h"
#include "tests/support/profiles.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                   .organization = "Test Plant",
                                                   .model = "KR-1",
                                                   .serial = "KR000000001X",
                                                   .hardware_type = "1.3.6.1.4.1.32473.1.7"};

static EVP_PKEY *authority_key, *unit_key;
static X509 *authority;
static uint8_t point[POINT_SIZE];
static struct lint_expected expected;
static unsigned char *issuer_name;
static int issuer_name_size;
static struct fault fault;

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, authority, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static int begin(void **state)
{
    (void)state;
    authority_key = EVP_EC_gen("P-256");
    unit_key = EVP_EC_gen("P-256");
    authority = X509_new();
    assert_true(authority_key && unit_key && authority);
    X509_NAME *name = X509_get_subject_name(authority);
    assert_int_equal(X509_set_version(authority, X509_VERSION_3), 1);
    assert_int_equal(X509_set_pubkey(authority, authority_key), 1);
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, (const uint8_t *)"CA", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(authority, name), 1);
    add_extension(authority, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(authority, authority_key, EVP_sha256()) > 0);

    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(authority);
    expected.subject = &subject;
    expected.point = point;
    expected.authority_key = ASN1_STRING_get0_data(identifier);
    expected.authority_key_size = (size_t)ASN1_STRING_length(identifier);
    issuer_name_size = i2d_X509_NAME(name, &issuer_name);
    assert_in_range(issuer_name_size, 3, 128);
    expected.issuer = issuer_name + 2;
    expected.issuer_size = (size_t)issuer_name_size - 2;
    return crypto_point(unit_key, point, &fault) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    EVP_PKEY_free(authority_key);
    EVP_PKEY_free(unit_key);
    X509_free(authority);
    OPENSSL_free(issuer_name);
    return 0;
}

/* What the builder makes, with a signature that means nothing yet. */
static X509 *build(void)
{
    static const uint8_t number[CERTIFICATE_SERIAL_MAX] = {0x11, 0x22, 0x33};
    static const uint8_t signature[] = {0, 1, 2};
    const struct profile_issuer issuer = {.name = issuer_name,
                                          .name_size = (size_t)issuer_name_size,
                                          .key_identifier = expected.authority_key,
                                          .key_identifier_size = expected.authority_key_size};
    char now[16];
    time_t seconds = time(NULL);
    struct tm utc;
    assert_int_equal(strftime(now, sizeof now, "%Y%m%d%H%M%SZ", gmtime_r(&seconds, &utc)), 15);
    uint8_t der[CERTIFICATE_MAX];
    struct writer writer = writer_over(der, sizeof der);
    size_t whole = der_open(&writer, DER_SEQUENCE);
    bool encoded = profile_check(expected.subject, &fault) &&
                   profile_encode(expected.subject, &issuer, point, number, now, &writer, &fault);
    if (!encoded)
        fail_msg("%s: %s", expected.subject->profile->id, fault.text);
    writer_bytes(&writer, crypto_ecdsa_sha256, CRYPTO_ECDSA_SHA256_SIZE);
    der_element(&writer, DER_BIT_STRING, signature, sizeof signature);
    der_close(&writer, whole);
    assert_false(writer.failed);
    const uint8_t *from = der;
    X509 *certificate = d2i_X509(NULL, &from, (long)writer.at);
    assert_non_null(certificate);
    return certificate;
}

static struct certificate finish(X509 *certificate, const EVP_MD *digest)
{
    struct certificate value = {0};
    assert_true(X509_sign(certificate, authority_key, digest) > 0);
    uint8_t *to = value.der;
    int size = i2d_X509(certificate, NULL);
    assert_in_range(size, 1, CERTIFICATE_MAX);
    value.der_size = (size_t)i2d_X509(certificate, &to);
    X509_free(certificate);
    return value;
}

static void refuses(const struct certificate *certificate, const char *why)
{
    fault = (struct fault){0};
    assert_false(lint_certificate(certificate->der, certificate->der_size, &expected, &fault));
    assert_int_equal(fault.code, FAULT_CERTIFICATE_REFUSED);
    if (!strstr(fault.text, why))
        fail_msg("wanted '%s', got '%s'", why, fault.text);
}

static void passes(const struct certificate *certificate)
{
    if (!lint_certificate(certificate->der, certificate->der_size, &expected, &fault))
        fail_msg("%s: %s", expected.subject->profile->id, fault.text);
}

static void the_profile_itself_passes(void **state)
{
    (void)state;
    const struct certificate good = finish(build(), EVP_sha256());
    passes(&good);
}

enum wrong {
    VERSION,
    NEGATIVE,
    ZERO,
    TOO_LONG,
    FUTURE,
    ENDS_2049,
    MORE_NAMES,
    OTHER_NAME,
    OTHER_KEY,
    MORE_EXTENSIONS,
    NO_SAN,
    OTHER_ALGORITHM,
};

static void spoil(X509 *certificate, enum wrong wrong)
{
    static const uint8_t long_number[21] = {0x7f};
    ASN1_INTEGER *number = X509_get_serialNumber(certificate);
    switch (wrong) {
    case VERSION:
        assert_int_equal(X509_set_version(certificate, X509_VERSION_1), 1);
        break;
    case NEGATIVE:
        assert_int_equal(ASN1_INTEGER_set_int64(number, -5), 1);
        break;
    case ZERO:
        assert_int_equal(ASN1_INTEGER_set_int64(number, 0), 1);
        break;
    case TOO_LONG:
        assert_int_equal(ASN1_STRING_set(number, long_number, sizeof long_number), 1);
        break;
    case FUTURE:
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 3600));
        break;
    case ENDS_2049:
        assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "20491231235959Z"), 1);
        break;
    case MORE_NAMES:
        assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_ASC,
                                                    (const uint8_t *)"x", -1, -1, 0),
                         1);
        break;
    case OTHER_NAME:
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(X509_get_subject_name(certificate), 2));
        assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_serialNumber,
                                                    V_ASN1_PRINTABLESTRING, (const uint8_t *)"KR000000002X", -1, -1, 0),
                         1);
        break;
    case OTHER_KEY:
        assert_int_equal(X509_set_pubkey(certificate, authority_key), 1);
        break;
    case MORE_EXTENSIONS:
        add_extension(certificate, NID_subject_key_identifier, "hash");
        break;
    case NO_SAN:
        X509_EXTENSION_free(X509_delete_ext(certificate, 2));
        break;
    case OTHER_ALGORITHM:
        break;
    }
}

static void each_wrong_field_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const why[] = {
        [VERSION] = "version is not 3",
        [NEGATIVE] = "negative",
        [ZERO] = "zero",
        [TOO_LONG] = "not 1 to 20 bytes",
        [FUTURE] = "in the future",
        [ENDS_2049] = "notAfter",
        [MORE_NAMES] = "more names",
        [OTHER_NAME] = "a name in the subject",
        [OTHER_KEY] = "public key",
        [MORE_EXTENSIONS] = "more extensions",
        [NO_SAN] = "missing",
        [OTHER_ALGORITHM] = "inner algorithm",
    };
    for (enum wrong wrong = VERSION; wrong <= OTHER_ALGORITHM; wrong++) {
        X509 *certificate = build();
        spoil(certificate, wrong);
        struct certificate bad = finish(certificate, wrong == OTHER_ALGORITHM ? EVP_sha384() : EVP_sha256());
        refuses(&bad, why[wrong]);
    }
}

/* One extension replaced by another of the same kind, at its own place. */
static struct certificate with_extension(int at, int nid, const char *value)
{
    X509 *certificate = build();
    X509_EXTENSION_free(X509_delete_ext(certificate, at));
    X509V3_CTX context;
    X509V3_set_ctx(&context, authority, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, at), 1);
    X509_EXTENSION_free(extension);
    return finish(certificate, EVP_sha256());
}

static void each_wrong_extension_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        int at, nid;
        const char *value, *why;
    } cases[] = {
        {0, NID_authority_key_identifier, "keyid:always,issuer:always", "content"},
        {1, NID_key_usage, "digitalSignature", "not critical"},
        {1, NID_key_usage, "critical,digitalSignature,keyCertSign", "content"},
        {1, NID_key_usage, "critical,keyAgreement", "content"},
        {1, NID_basic_constraints, "critical,CA:TRUE", "order"},
        {2, NID_subject_alt_name, "DNS:bank.example", "content"},
        {2, NID_subject_alt_name, "critical,DNS:bank.example", "critical"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct certificate bad = with_extension(cases[i].at, cases[i].nid, cases[i].value);
        refuses(&bad, cases[i].why);
    }
}

static void another_serial_or_hardware_type_inside_the_san_is_refused(void **state)
{
    (void)state;
    struct certificate good = finish(build(), EVP_sha256());
    struct certificate_subject other = subject;
    const struct certificate_subject *kept = expected.subject;
    expected.subject = &other;
    other.hardware_type = "1.3.6.1.4.1.32473.1.8";
    refuses(&good, "content");
    expected.subject = kept;

    struct certificate bad = good; /* the second of the two places that hold the serial */
    uint8_t *first = memmem(bad.der, bad.der_size, "KR000000001X", 12);
    assert_non_null(first);
    uint8_t *second = memmem(first + 1, (size_t)(bad.der + bad.der_size - first - 1), "KR000000001X", 12);
    assert_non_null(second);
    second[11] = 'Y';
    refuses(&bad, "content");
}

/* The other two profiles, whose lint comes from the same data. */
static void what_other_profiles_say_is_held_too(void **state)
{
    (void)state;
    static const struct {
        int at, nid;
        const char *value, *why;
    } cases[] = {
        {0, NID_basic_constraints, "critical,CA:TRUE", "content"},
        {0, NID_basic_constraints, "CA:FALSE", "not critical"},
        {2, NID_subject_key_identifier, "00112233", "content"},
        {3, NID_authority_key_identifier, "keyid:always,issuer:always", "content"},
    };
    const struct certificate_subject *kept = expected.subject;
    struct certificate_subject matter = subject, brski = subject, other;
    matter.profile = &profile_matter_dac;
    matter.matter_vendor = 0xfff1;
    matter.matter_product = 0x80ab;
    brski.profile = &profile_idevid_brski;
    brski.masa_url = "masa.example";

    expected.subject = &matter;
    struct certificate good = finish(build(), EVP_sha256());
    passes(&good);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct certificate bad = with_extension(cases[i].at, cases[i].nid, cases[i].value);
        refuses(&bad, cases[i].why);
    }
    other = matter;
    expected.subject = &other;
    other.matter_vendor = 0xfff2;
    refuses(&good, "a name in the subject");
    other = matter;
    other.matter_product = 0x80ac;
    refuses(&good, "a name in the subject");

    expected.subject = &brski;
    good = finish(build(), EVP_sha256());
    passes(&good);
    other = brski;
    expected.subject = &other;
    other.masa_url = "masa.example2";
    refuses(&good, "content");
    other.profile = &profile_idevid_8021ar;
    refuses(&good, "more extensions");
    expected.subject = kept;
}

static void what_is_cut_or_followed_is_refused(void **state)
{
    (void)state;
    struct certificate good = finish(build(), EVP_sha256()), bad = good;
    for (size_t size = 0; size < good.der_size; size++) {
        bad.der_size = size;
        refuses(&bad, "not one DER certificate");
    }
    bad = good;
    bad.der[bad.der_size++] = 0;
    refuses(&bad, "not one DER certificate");
}

/* No bit outside the signature's own value may change unnoticed, but for the issuer's name and the dates and numbers
 * that the profile leaves open: those are the chain's business. */
static void flipped_bits_never_crash(void **state)
{
    (void)state;
    struct certificate good = finish(build(), EVP_sha256());
    unsigned refused = 0;
    for (size_t at = 0; at < good.der_size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct certificate bad = good;
            bad.der[at] ^= (uint8_t)(1U << bit);
            if (!lint_certificate(bad.der, bad.der_size, &expected, &fault))
                refused++;
        }
    }
    assert_true(refused > good.der_size * 8 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_profile_itself_passes),
        cmocka_unit_test(each_wrong_field_is_refused_by_name),
        cmocka_unit_test(each_wrong_extension_is_refused_by_name),
        cmocka_unit_test(another_serial_or_hardware_type_inside_the_san_is_refused),
        cmocka_unit_test(what_other_profiles_say_is_held_too),
        cmocka_unit_test(what_is_cut_or_followed_is_refused),
        cmocka_unit_test(flipped_bits_never_crash),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
