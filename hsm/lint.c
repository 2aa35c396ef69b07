#include "hsm/lint.h"

#include "base/bytes.h"

#include <openssl/objects.h>
#include <string.h>
#include <time.h>

enum tag {
    TAG_BOOLEAN = 0x01,
    TAG_INTEGER = 0x02,
    TAG_BIT_STRING = 0x03,
    TAG_OCTET_STRING = 0x04,
    TAG_OID = 0x06,
    TAG_PRINTABLE_STRING = 0x13,
    TAG_UTC_TIME = 0x17,
    TAG_GENERALIZED_TIME = 0x18,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_CONTEXT_0 = 0x80,
    TAG_CONTEXT_0_WHOLE = 0xa0, /* constructed */
    TAG_CONTEXT_3_WHOLE = 0xa3,
};

static const uint8_t ecdsa_with_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ec_on_p256[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t hardware_module_name[] = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04};

static bool broken(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "certificate lint: %s", what);
}

/* The next element's content, if it has this tag and the shortest form of its length; else the reader fails. */
static struct reader enter(struct reader *from, enum tag tag)
{
    struct reader inner = {.failed = true};
    if (reader_u8(from) != tag)
        from->failed = true;
    size_t size = reader_u8(from);
    if (size > 0x82 || size == 0x80)
        from->failed = true;
    else if (size == 0x81 && (size = reader_u8(from)) < 0x80)
        from->failed = true;
    else if (size == 0x82 && (size = reader_u16(from)) < 0x100)
        from->failed = true;
    const uint8_t *bytes = from->failed ? NULL : reader_take(from, size);
    return bytes ? reader_over(bytes, size) : inner;
}

static bool is_done(const struct reader *reader)
{
    return !reader->failed && reader_left(reader) == 0;
}

/* The rest of the reader is exactly these bytes. */
static bool is_rest(struct reader *reader, const void *bytes, size_t size)
{
    if (reader->failed || reader_left(reader) != size)
        return false;
    const uint8_t *rest = reader_take(reader, size);
    return size == 0 || (rest && memcmp(rest, bytes, size) == 0);
}

static bool is_element(struct reader *reader, enum tag tag, const void *bytes, size_t size)
{
    struct reader inner = enter(reader, tag);
    return is_rest(&inner, bytes, size);
}

/* An OID's encoding with its tag, from OpenSSL's table; 0 when it does not fit. */
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

static bool check_serial_number(struct reader *tbs, struct fault *fault)
{
    struct reader number = enter(tbs, TAG_INTEGER);
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

static bool check_validity(struct reader *tbs, const struct profile *profile, struct fault *fault)
{
    struct reader validity = enter(tbs, TAG_SEQUENCE);
    /* Until 2049 a date must be a UTCTime; the profile's end of time is a GeneralizedTime. */
    struct reader start = enter(&validity, TAG_UTC_TIME);
    const uint8_t *text = reader_take(&start, sizeof "YYMMDDHHMMSSZ" - 1);
    if (!text || !is_done(&start))
        return broken(fault, "notBefore is not a UTCTime to the second");
    char now[sizeof "YYYYMMDDHHMMSSZ"];
    time_t seconds = time(NULL);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(now, sizeof now, "%Y%m%d%H%M%SZ", &utc) != sizeof now - 1)
        return broken(fault, "the clock cannot be read");
    if (memcmp(text, now + 2, sizeof now - 3) > 0)
        return broken(fault, "notBefore lies in the future");
    if (!is_element(&validity, TAG_GENERALIZED_TIME, profile->not_after, strlen(profile->not_after)) ||
        !is_done(&validity))
        return broken(fault, "notAfter is not the profile's");
    return true;
}

static bool check_subject(struct reader *tbs, const struct lint_expected *expected, struct fault *fault)
{
    struct reader subject = enter(tbs, TAG_SEQUENCE);
    for (size_t i = 0; i < expected->profile->subject_count; i++) {
        struct reader set = enter(&subject, TAG_SET);
        struct reader pair = enter(&set, TAG_SEQUENCE);
        const char *text = profile_text(expected->subject, expected->profile->subject[i].source);
        if (!is_oid(&pair, OBJ_nid2obj(expected->profile->subject[i].nid)) ||
            !is_element(&pair, TAG_PRINTABLE_STRING, text, strlen(text)) || !is_done(&pair) || !is_done(&set))
            return broken(fault, "a name in the subject is not the profile's");
    }
    if (!is_done(&subject))
        return broken(fault, "the subject has more names than the profile");
    return true;
}

static bool check_public_key(struct reader *tbs, const uint8_t point[POINT_SIZE], struct fault *fault)
{
    struct reader key = enter(tbs, TAG_SEQUENCE);
    struct reader bits = {0};
    bool known = is_element(&key, TAG_SEQUENCE, ec_on_p256, sizeof ec_on_p256);
    if (known)
        bits = enter(&key, TAG_BIT_STRING);
    if (!known || reader_u8(&bits) != 0 || !is_rest(&bits, point, POINT_SIZE) || !is_done(&key))
        return broken(fault, "the public key is not the request's");
    return true;
}

/* SubjectAltName { [0] { hardwareModuleName, [0] { SEQUENCE { hwType, hwSerialNum } } } } */
static bool is_hardware_module(struct reader *value, const struct certificate_subject *subject)
{
    struct reader names = enter(value, TAG_SEQUENCE);
    struct reader other = enter(&names, TAG_CONTEXT_0_WHOLE);
    const uint8_t *oid = reader_take(&other, sizeof hardware_module_name);
    if (!oid || memcmp(oid, hardware_module_name, sizeof hardware_module_name) != 0)
        return false;
    struct reader explicit_value = enter(&other, TAG_CONTEXT_0_WHOLE);
    struct reader module = enter(&explicit_value, TAG_SEQUENCE);
    CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *type = OBJ_txt2obj(subject->hardware_type, 1);
    return is_oid(&module, type) && is_element(&module, TAG_OCTET_STRING, subject->serial, strlen(subject->serial)) &&
           is_done(&module) && is_done(&explicit_value) && is_done(&other) && is_done(&names);
}

static bool is_key_usage(struct reader *value, uint8_t usage)
{
    uint8_t unused = 0;
    while (unused < 7 && !(usage & 1 << unused))
        unused++;
    return is_element(value, TAG_BIT_STRING, (uint8_t[]){unused, usage}, 2);
}

static bool is_authority_key(struct reader *value, const struct lint_expected *expected)
{
    struct reader whole = enter(value, TAG_SEQUENCE);
    return is_element(&whole, TAG_CONTEXT_0, expected->authority_key, expected->authority_key_size) && is_done(&whole);
}

static bool is_content(struct reader *value, const struct profile_extension *extension,
                       const struct lint_expected *expected)
{
    switch (extension->content) {
    case PROFILE_AUTHORITY_KEY:
        return is_authority_key(value, expected);
    case PROFILE_KEY_USAGE:
        return is_key_usage(value, extension->key_usage);
    case PROFILE_HARDWARE_MODULE:
        return is_hardware_module(value, expected->subject);
    }
    return false;
}

static bool check_extension(struct reader *list, const struct profile_extension *extension,
                            const struct lint_expected *expected, struct fault *fault)
{
    struct reader whole = enter(list, TAG_SEQUENCE);
    if (!is_oid(&whole, OBJ_nid2obj(extension->nid)))
        return broken(fault, "an extension is missing or not in the profile's order");
    /* DER leaves the default, not critical, out. */
    if (extension->critical && !is_element(&whole, TAG_BOOLEAN, (uint8_t[]){0xff}, 1))
        return broken(fault, "an extension is not critical");
    struct reader value = enter(&whole, TAG_OCTET_STRING);
    if (value.failed || !is_done(&whole))
        return broken(fault, "an extension is critical or has no value");
    if (!is_content(&value, extension, expected) || !is_done(&value))
        return broken(fault, "an extension's content is not the profile's");
    return true;
}

static bool check_extensions(struct reader *tbs, const struct lint_expected *expected, struct fault *fault)
{
    struct reader tagged = enter(tbs, TAG_CONTEXT_3_WHOLE);
    struct reader list = enter(&tagged, TAG_SEQUENCE);
    for (size_t i = 0; i < expected->profile->extension_count; i++)
        if (!check_extension(&list, &expected->profile->extensions[i], expected, fault))
            return false;
    if (!is_done(&list) || !is_done(&tagged))
        return broken(fault, "there are more extensions than the profile's");
    return true;
}

bool lint_certificate(const uint8_t *der, size_t size, const struct lint_expected *expected, struct fault *fault)
{
    struct reader all = reader_over(der, size);
    struct reader certificate = enter(&all, TAG_SEQUENCE);
    struct reader tbs = enter(&certificate, TAG_SEQUENCE);
    if (tbs.failed || !is_done(&all))
        return broken(fault, "it is not one DER certificate");

    static const uint8_t version_3[] = {TAG_INTEGER, 1, 2};
    if (!is_element(&tbs, TAG_CONTEXT_0_WHOLE, version_3, sizeof version_3))
        return broken(fault, "its version is not 3");
    if (!check_serial_number(&tbs, fault))
        return false;
    if (!is_element(&tbs, TAG_SEQUENCE, ecdsa_with_sha256, sizeof ecdsa_with_sha256))
        return broken(fault, "the inner algorithm is not ecdsa-with-SHA256");
    struct reader issuer = enter(&tbs, TAG_SEQUENCE);
    if (issuer.failed || reader_left(&issuer) == 0)
        return broken(fault, "it names no issuer");
    if (!check_validity(&tbs, expected->profile, fault) || !check_subject(&tbs, expected, fault) ||
        !check_public_key(&tbs, expected->point, fault) || !check_extensions(&tbs, expected, fault))
        return false;
    if (!is_done(&tbs))
        return broken(fault, "something follows the extensions");

    if (!is_element(&certificate, TAG_SEQUENCE, ecdsa_with_sha256, sizeof ecdsa_with_sha256))
        return broken(fault, "the outer algorithm is not ecdsa-with-SHA256");
    struct reader signature = enter(&certificate, TAG_BIT_STRING);
    if (signature.failed || reader_left(&signature) < 2 || !is_done(&certificate))
        return broken(fault, "the signature is missing or something follows it");
    return true;
}
