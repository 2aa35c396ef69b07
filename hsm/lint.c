#include "hsm/lint.h"

#include "hsm/der.h"

#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t ecdsa_with_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ec_on_p256[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t hardware_module_name[] = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04};

static bool broken(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "certificate lint: %s", what);
}

/* What stands in a certificate, in OpenSSL's words: another table than the builder's. */
static const struct {
    int nid;          /* NID_undef: look at the dots */
    const char *dots; /* OpenSSL 3.0 does not know these */
    enum der_tag string;
} names[] =
    {
        [CERTIFICATE_COMMON_NAME] = {NID_commonName, NULL, DER_PRINTABLE_STRING},
        [CERTIFICATE_ORGANIZATION_NAME] = {NID_organizationName, NULL, DER_PRINTABLE_STRING},
        [CERTIFICATE_UNIT_NAME] = {NID_organizationalUnitName, NULL, DER_PRINTABLE_STRING},
        [CERTIFICATE_SERIAL_NUMBER] = {NID_serialNumber, NULL, DER_PRINTABLE_STRING},
        [CERTIFICATE_MATTER_VENDOR_ID] = {NID_undef, "1.3.6.1.4.1.37244.2.1", DER_UTF8_STRING},
        [CERTIFICATE_MATTER_PRODUCT_ID] = {NID_undef, "1.3.6.1.4.1.37244.2.2", DER_UTF8_STRING},
},
  extensions[] = {
      [CERTIFICATE_AUTHORITY_KEY] = {.nid = NID_authority_key_identifier},
      [CERTIFICATE_SUBJECT_KEY] = {.nid = NID_subject_key_identifier},
      [CERTIFICATE_BASIC_CONSTRAINTS] = {.nid = NID_basic_constraints},
      [CERTIFICATE_KEY_USAGE] = {.nid = NID_key_usage},
      [CERTIFICATE_HARDWARE_MODULE] = {.nid = NID_subject_alt_name},
      [CERTIFICATE_MASA_URL] = {.dots = "1.3.6.1.5.5.7.1.32"},
};

/* An OID's encoding with its tag, by OpenSSL; 0 when it does not fit. */
static size_t encode_oid(const ASN1_OBJECT *object, uint8_t *ret_bytes, size_t size)
{
    int length = object ? i2d_ASN1_OBJECT(object, NULL) : 0;
    if (length <= 0 || (size_t)length > size)
        return 0;
    return (size_t)i2d_ASN1_OBJECT(object, &ret_bytes);
}

static bool is_oid(struct reader *reader, const ASN1_OBJECT *object)
{
    uint8_t wanted[PROFILE_HARDWARE_TYPE_MAX + 4];
    size_t size = encode_oid(object, wanted, sizeof wanted);
    const uint8_t *found = size > 0 ? reader_take(reader, size) : NULL;
    return found && memcmp(found, wanted, size) == 0;
}

/* A number of OpenSSL's, or an OID in dots that it does not know. */
static bool is_known(struct reader *reader, int nid, const char *dots)
{
    if (!dots)
        return is_oid(reader, OBJ_nid2obj(nid));
    CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *object = OBJ_txt2obj(dots, 1);
    return is_oid(reader, object);
}

static bool check_serial_number(struct reader *tbs, struct fault *fault)
{
    struct reader number = der_enter(tbs, DER_INTEGER);
    size_t size = reader_left(&number);
    if (number.failed || size == 0 || size > CERTIFICATE_SERIAL_MAX)
        return broken(fault, "serial number is not 1 to 20 bytes");
    uint8_t first = reader_u8(&number);
    if (first & 0x80)
        return broken(fault, "serial number is negative");
    if (first == 0 && (size == 1 || !(reader_u8(&number) & 0x80)))
        return broken(fault, "serial number is zero or not in its shortest form");
    return true;
}

/* A time to the second, in the form its year demands, as YYYYMMDDHHMMSSZ. */
static bool read_time(struct reader *validity, char ret_text[16])
{
    uint8_t tag;
    struct reader content = der_enter_any(validity, &tag);
    size_t size = reader_left(&content);
    const uint8_t *text = reader_take(&content, size);
    bool utc = tag == DER_UTC_TIME && size == 13, general = tag == DER_GENERALIZED_TIME && size == 15;
    if (!text || (!utc && !general))
        return false;
    memcpy(ret_text, text[0] < '5' ? "20" : "19", 2);
    memcpy(ret_text + (utc ? 2 : 0), text, size);
    ret_text[15] = '\0';
    /* Until 2049 a date must be a UTCTime, later it must not. */
    return strspn(ret_text, "0123456789") == 14 && ret_text[14] == 'Z' && utc == (memcmp(ret_text, "2050", 4) < 0);
}

static bool is_end(const struct certificate_profile *profile, const char *start, const char *end)
{
    if (profile->not_after[0] != '\0')
        return strcmp(end, profile->not_after) == 0;
    char first[5] = "", last[5] = "";
    memcpy(first, start, 4);
    memcpy(last, end, 4);
    if (strtoul(last, NULL, 10) - strtoul(first, NULL, 10) != profile->years)
        return false;
    return strcmp(start + 4, end + 4) == 0 ||
           (memcmp(start + 4, "0229", 4) == 0 && memcmp(end + 4, "0228", 4) == 0 && strcmp(start + 8, end + 8) == 0);
}

static bool check_validity(struct reader *tbs, const struct certificate_profile *profile, struct fault *fault)
{
    struct reader validity = der_enter(tbs, DER_SEQUENCE);
    char start[16], end[16], now[16];
    if (!read_time(&validity, start))
        return broken(fault, "notBefore is no time to the second in the form of its year");
    time_t seconds = time(NULL);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(now, sizeof now, "%Y%m%d%H%M%SZ", &utc) != sizeof now - 1)
        return broken(fault, "the clock cannot be read");
    if (strcmp(start, now) > 0)
        return broken(fault, "notBefore lies in the future");
    if (!read_time(&validity, end) || !der_is_done(&validity) || !is_end(profile, start, end))
        return broken(fault, "notAfter is not the profile's");
    return true;
}

static bool check_subject(struct reader *tbs, const struct certificate_subject *wanted, struct fault *fault)
{
    struct reader subject = der_enter(tbs, DER_SEQUENCE);
    for (size_t i = 0; i < wanted->profile->name_count; i++) {
        enum certificate_attribute attribute = wanted->profile->names[i].attribute;
        struct reader set = der_enter(&subject, DER_SET);
        struct reader pair = der_enter(&set, DER_SEQUENCE);
        char text[PROFILE_TEXT_SIZE];
        profile_text(wanted, i, text);
        if (!is_known(&pair, names[attribute].nid, names[attribute].dots) ||
            !der_is_element(&pair, names[attribute].string, text, strlen(text)) || !der_is_done(&pair) ||
            !der_is_done(&set))
            return broken(fault, "a name in the subject is not the profile's");
    }
    if (!der_is_done(&subject))
        return broken(fault, "the subject has more names than the profile");
    return true;
}

static bool check_public_key(struct reader *tbs, const uint8_t point[POINT_SIZE], struct fault *fault)
{
    struct reader key = der_enter(tbs, DER_SEQUENCE);
    struct reader bits = {0};
    bool known = der_is_element(&key, DER_SEQUENCE, ec_on_p256, sizeof ec_on_p256);
    if (known)
        bits = der_enter(&key, DER_BIT_STRING);
    if (!known || reader_u8(&bits) != 0 || !der_is_rest(&bits, point, POINT_SIZE) || !der_is_done(&key))
        return broken(fault, "the public key is not the request's");
    return true;
}

/* SubjectAltName { [0] { hardwareModuleName, [0] { SEQUENCE { hwType, hwSerialNum } } } } */
static bool is_hardware_module(struct reader *value, const struct certificate_subject *subject)
{
    struct reader list = der_enter(value, DER_SEQUENCE);
    struct reader other = der_enter(&list, DER_CONTEXT_0_WHOLE);
    const uint8_t *oid = reader_take(&other, sizeof hardware_module_name);
    if (!oid || memcmp(oid, hardware_module_name, sizeof hardware_module_name) != 0)
        return false;
    struct reader explicit_value = der_enter(&other, DER_CONTEXT_0_WHOLE);
    struct reader module = der_enter(&explicit_value, DER_SEQUENCE);
    CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *type = OBJ_txt2obj(subject->hardware_type, 1);
    return is_oid(&module, type) &&
           der_is_element(&module, DER_OCTET_STRING, subject->serial, strlen(subject->serial)) &&
           der_is_done(&module) && der_is_done(&explicit_value) && der_is_done(&other) && der_is_done(&list);
}

static bool is_key_usage(struct reader *value, uint8_t usage)
{
    uint8_t unused = 0;
    while (unused < 7 && !(usage & 1 << unused))
        unused++;
    return der_is_element(value, DER_BIT_STRING, (uint8_t[]){unused, usage}, 2);
}

/* SHA-1 of the point, without the BIT STRING's tag, length and unused bits. */
static bool is_subject_key(struct reader *value, const uint8_t point[POINT_SIZE])
{
    uint8_t digest[20];
    struct fault ignored;
    return crypto_sha1(point, POINT_SIZE, digest, &ignored) &&
           der_is_element(value, DER_OCTET_STRING, digest, sizeof digest);
}

static bool is_authority_key(struct reader *value, const struct lint_expected *expected)
{
    struct reader whole = der_enter(value, DER_SEQUENCE);
    return der_is_element(&whole, DER_CONTEXT_0, expected->authority_key, expected->authority_key_size) &&
           der_is_done(&whole);
}

static bool is_content(struct reader *value, enum certificate_content content, const struct lint_expected *expected)
{
    const struct certificate_subject *subject = expected->subject;
    switch (content) {
    case CERTIFICATE_AUTHORITY_KEY:
        return is_authority_key(value, expected);
    case CERTIFICATE_SUBJECT_KEY:
        return is_subject_key(value, expected->point);
    case CERTIFICATE_BASIC_CONSTRAINTS:
        return der_is_element(value, DER_SEQUENCE, NULL, 0);
    case CERTIFICATE_KEY_USAGE:
        return is_key_usage(value, subject->profile->key_usage);
    case CERTIFICATE_HARDWARE_MODULE:
        return is_hardware_module(value, subject);
    case CERTIFICATE_MASA_URL:
        return der_is_element(value, DER_IA5_STRING, subject->masa_url, strlen(subject->masa_url));
    }
    return false;
}

static bool check_extension(struct reader *list, size_t index, const struct lint_expected *expected,
                            struct fault *fault)
{
    enum certificate_content content = expected->subject->profile->extensions[index].content;
    struct reader whole = der_enter(list, DER_SEQUENCE);
    if (!is_known(&whole, extensions[content].nid, extensions[content].dots))
        return broken(fault, "an extension is missing or not in the profile's order");
    /* DER leaves the default, not critical, out. */
    if (expected->subject->profile->extensions[index].critical &&
        !der_is_element(&whole, DER_BOOLEAN, (uint8_t[]){0xff}, 1))
        return broken(fault, "an extension is not critical");
    struct reader value = der_enter(&whole, DER_OCTET_STRING);
    if (value.failed || !der_is_done(&whole))
        return broken(fault, "an extension is critical or has no value");
    if (!is_content(&value, content, expected) || !der_is_done(&value))
        return broken(fault, "an extension's content is not the profile's");
    return true;
}

static bool check_extensions(struct reader *tbs, const struct lint_expected *expected, struct fault *fault)
{
    struct reader tagged = der_enter(tbs, DER_CONTEXT_3_WHOLE);
    struct reader list = der_enter(&tagged, DER_SEQUENCE);
    for (size_t i = 0; i < expected->subject->profile->extension_count; i++)
        if (!check_extension(&list, i, expected, fault))
            return false;
    if (!der_is_done(&list) || !der_is_done(&tagged))
        return broken(fault, "there are more extensions than the profile's");
    return true;
}

bool lint_certificate(const uint8_t *der, size_t size, const struct lint_expected *expected, struct fault *fault)
{
    struct reader all = reader_over(der, size);
    struct reader certificate = der_enter(&all, DER_SEQUENCE);
    struct reader tbs = der_enter(&certificate, DER_SEQUENCE);
    if (tbs.failed || !der_is_done(&all))
        return broken(fault, "it is not one DER certificate");

    static const uint8_t version_3[] = {DER_INTEGER, 1, 2};
    if (!der_is_element(&tbs, DER_CONTEXT_0_WHOLE, version_3, sizeof version_3))
        return broken(fault, "its version is not 3");
    if (!check_serial_number(&tbs, fault))
        return false;
    if (!der_is_element(&tbs, DER_SEQUENCE, ecdsa_with_sha256, sizeof ecdsa_with_sha256))
        return broken(fault, "the inner algorithm is not ecdsa-with-SHA256");
    struct reader issuer = der_enter(&tbs, DER_SEQUENCE);
    if (!der_is_rest(&issuer, expected->issuer, expected->issuer_size))
        return broken(fault, "its issuer is not the issuing certificate");
    if (!check_validity(&tbs, expected->subject->profile, fault) || !check_subject(&tbs, expected->subject, fault) ||
        !check_public_key(&tbs, expected->point, fault) || !check_extensions(&tbs, expected, fault))
        return false;
    if (!der_is_done(&tbs))
        return broken(fault, "something follows the extensions");

    if (!der_is_element(&certificate, DER_SEQUENCE, ecdsa_with_sha256, sizeof ecdsa_with_sha256))
        return broken(fault, "the outer algorithm is not ecdsa-with-SHA256");
    struct reader signature = der_enter(&certificate, DER_BIT_STRING);
    if (signature.failed || reader_left(&signature) < 2 || !der_is_done(&certificate))
        return broken(fault, "the signature is missing or something follows it");
    return true;
}

/* The text of one Matter attribute in a name: NULL when it is not there, "" when it is no text of four characters. */
static const char *matter_id(X509_NAME *name, const char *dots, char ret_text[5])
{
    CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *object = OBJ_txt2obj(dots, 1);
    int at = object ? X509_NAME_get_index_by_OBJ(name, object, -1) : -1;
    if (at < 0)
        return NULL;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    bool fits = ASN1_STRING_type(value) == V_ASN1_UTF8STRING && ASN1_STRING_length(value) == 4;
    memcpy(ret_text, fits ? (const char *)ASN1_STRING_get0_data(value) : "\0\0\0", 4);
    ret_text[4] = '\0';
    return ret_text;
}

bool lint_issuer(X509 *issuing, const struct certificate_subject *subject, struct fault *fault)
{
    const struct certificate_profile *profile = subject->profile;
    for (size_t i = 0; i < profile->name_count; i++) {
        enum certificate_attribute attribute = profile->names[i].attribute;
        bool vendor = attribute == CERTIFICATE_MATTER_VENDOR_ID, product = attribute == CERTIFICATE_MATTER_PRODUCT_ID;
        if (!vendor && !product)
            continue;
        char wanted[PROFILE_TEXT_SIZE], text[5];
        profile_text(subject, i, wanted);
        const char *found = matter_id(X509_get_subject_name(issuing), names[attribute].dots, text);
        if ((vendor && !found) || (found && strcmp(found, wanted) != 0))
            return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0,
                             "the issuing certificate is not a Matter PAI's of %s %s", vendor ? "vendor" : "product",
                             wanted);
        if (vendor && X509_get_pathlen(issuing) != 0)
            return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0,
                             "a Matter PAI's certificate has a path length of 0, the issuing certificate has not");
    }
    return true;
}
