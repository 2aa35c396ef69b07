#include "hsm/profile.h"

#include <stdio.h>
#include <string.h>

/* Object identifiers with their tag and length. */
static const struct attribute {
    uint8_t oid[13];
    uint8_t oid_size;
    enum der_tag string;
} attributes[] = {
    [CERTIFICATE_COMMON_NAME] = {{0x06, 0x03, 0x55, 0x04, 0x03}, 5, DER_PRINTABLE_STRING},
    [CERTIFICATE_ORGANIZATION_NAME] = {{0x06, 0x03, 0x55, 0x04, 0x0a}, 5, DER_PRINTABLE_STRING},
    [CERTIFICATE_UNIT_NAME] = {{0x06, 0x03, 0x55, 0x04, 0x0b}, 5, DER_PRINTABLE_STRING},
    [CERTIFICATE_SERIAL_NUMBER] = {{0x06, 0x03, 0x55, 0x04, 0x05}, 5, DER_PRINTABLE_STRING},
    [CERTIFICATE_MATTER_VENDOR_ID] = {{0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xa2, 0x7c, 0x02, 0x01},
                                      12,
                                      DER_UTF8_STRING},
    [CERTIFICATE_MATTER_PRODUCT_ID] = {{0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xa2, 0x7c, 0x02, 0x02},
                                       12,
                                       DER_UTF8_STRING},
};

static const struct extension {
    uint8_t oid[10];
    uint8_t oid_size;
} extensions[] = {
    [CERTIFICATE_AUTHORITY_KEY] = {{0x06, 0x03, 0x55, 0x1d, 0x23}, 5},
    [CERTIFICATE_SUBJECT_KEY] = {{0x06, 0x03, 0x55, 0x1d, 0x0e}, 5},
    [CERTIFICATE_BASIC_CONSTRAINTS] = {{0x06, 0x03, 0x55, 0x1d, 0x13}, 5},
    [CERTIFICATE_KEY_USAGE] = {{0x06, 0x03, 0x55, 0x1d, 0x0f}, 5},
    [CERTIFICATE_HARDWARE_MODULE] = {{0x06, 0x03, 0x55, 0x1d, 0x11}, 5},
    [CERTIFICATE_MASA_URL] = {{0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x20}, 10},
};

static const uint8_t hardware_module_name[] = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04};

static bool refused(struct fault *fault, const char *why)
{
    return fault_set(fault, FAULT_USAGE, 0, "certificate profile: %s", why);
}

static bool is_printable_string(const char *text)
{
    static const char others[] = " '()+,-./:=?";
    size_t length = strnlen(text, CERTIFICATE_TEXT_MAX + 1);
    if (length == 0 || length > CERTIFICATE_TEXT_MAX)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        bool letter = (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        if (!letter && !strchr(others, *at))
            return false;
    }
    return true;
}

static bool is_url(const char *text)
{
    size_t length = text ? strnlen(text, CERTIFICATE_URL_MAX + 1) : 0;
    if (length == 0 || length > CERTIFICATE_URL_MAX)
        return false;
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return true;
}

static bool check_names(const struct certificate_subject *subject, struct fault *fault)
{
    const struct certificate_profile *profile = subject->profile;
    for (size_t i = 0; i < profile->name_count; i++) {
        bool known = (unsigned)profile->names[i].attribute < ARRAY_SIZE(attributes) &&
                     (unsigned)profile->names[i].source <= CERTIFICATE_FROM_MATTER_PRODUCT;
        if (!known)
            return refused(fault, "a name that is unknown");
        bool vendor = profile->names[i].source == CERTIFICATE_FROM_MATTER_VENDOR && subject->matter_vendor == 0;
        bool product = profile->names[i].source == CERTIFICATE_FROM_MATTER_PRODUCT && subject->matter_product == 0;
        if (vendor || product)
            return refused(fault, "the product has no Matter vendor or product id");
        if (profile->names[i].source == CERTIFICATE_FROM_TEXT && !is_printable_string(profile->names[i].text))
            return refused(fault, "a fixed text that is no PrintableString");
    }
    return true;
}

static bool check_extensions(const struct certificate_subject *subject, struct fault *fault)
{
    const struct certificate_profile *profile = subject->profile;
    unsigned seen = 0;
    for (size_t i = 0; i < profile->extension_count; i++) {
        enum certificate_content content = profile->extensions[i].content;
        if ((unsigned)content >= ARRAY_SIZE(extensions) || seen & 1U << content)
            return refused(fault, "an extension that is unknown or there twice");
        seen |= 1U << content;
    }
    if (!(seen & 1U << CERTIFICATE_AUTHORITY_KEY))
        return refused(fault, "no authority key identifier");
    if (((seen >> CERTIFICATE_KEY_USAGE) & 1) != (profile->key_usage != 0) ||
        profile->key_usage & ~(CERTIFICATE_DIGITAL_SIGNATURE | CERTIFICATE_KEY_AGREEMENT))
        return refused(fault, "key usage without bits, or with one that no device has");
    uint8_t type[PROFILE_HARDWARE_TYPE_MAX];
    size_t size;
    if (seen & 1U << CERTIFICATE_HARDWARE_MODULE &&
        (!subject->hardware_type || !der_oid(subject->hardware_type, type, sizeof type, &size)))
        return refused(fault, "the hardware type must be an OID in dots");
    if (seen & 1U << CERTIFICATE_MASA_URL && !is_url(subject->masa_url))
        return refused(fault, "the MASA URL must be 1 to 128 characters of ASCII");
    return true;
}

static bool check_validity(const struct certificate_profile *profile, struct fault *fault)
{
    size_t length = strnlen(profile->not_after, sizeof profile->not_after);
    bool fixed = length == 15 && strspn(profile->not_after, "0123456789") == 14 && profile->not_after[14] == 'Z';
    if (!fixed && !(length == 0 && profile->years >= 1 && profile->years <= CERTIFICATE_YEARS_MAX))
        return refused(fault, "an end that is neither a time nor 1 to 100 years");
    return true;
}

bool profile_check(const struct certificate_subject *subject, struct fault *fault)
{
    const struct certificate_profile *profile = subject->profile;
    if (!profile || profile->name_count == 0 || profile->name_count > CERTIFICATE_NAMES_MAX ||
        profile->extension_count == 0 || profile->extension_count > CERTIFICATE_EXTENSIONS_MAX)
        return refused(fault, "it says nothing, or too much");
    const char *const texts[] = {subject->organization, subject->model, subject->serial};
    static const char *const what[] = {"organization", "model", "serial"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!texts[i] || !is_printable_string(texts[i]))
            return fault_set(fault, FAULT_USAGE, 0, "certificate's %s must be 1 to %d characters of PrintableString",
                             what[i], CERTIFICATE_TEXT_MAX);
    return check_validity(profile, fault) && check_names(subject, fault) && check_extensions(subject, fault);
}

void profile_text(const struct certificate_subject *subject, size_t index, char ret_text[PROFILE_TEXT_SIZE])
{
    const char *text = "";
    char id[5];
    switch (subject->profile->names[index].source) {
    case CERTIFICATE_FROM_ORGANIZATION:
        text = subject->organization;
        break;
    case CERTIFICATE_FROM_MODEL:
        text = subject->model;
        break;
    case CERTIFICATE_FROM_SERIAL:
        text = subject->serial;
        break;
    case CERTIFICATE_FROM_TEXT:
        text = subject->profile->names[index].text;
        break;
    case CERTIFICATE_FROM_MATTER_VENDOR:
        (void)snprintf(id, sizeof id, "%04X", subject->matter_vendor);
        text = id;
        break;
    case CERTIFICATE_FROM_MATTER_PRODUCT:
        (void)snprintf(id, sizeof id, "%04X", subject->matter_product);
        text = id;
        break;
    }
    size_t length = strnlen(text, CERTIFICATE_TEXT_MAX);
    memcpy(ret_text, text, length);
    ret_text[length] = '\0';
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The same day and time some years later; the day before when 29 February is none. */
static void add_years(const char *now, unsigned years, char ret_text[16])
{
    unsigned year = years;
    unsigned place = 1000;
    for (size_t i = 0; i < 4; i++, place /= 10)
        year += place * (unsigned)(now[i] - '0');
    (void)snprintf(ret_text, 16, "%04u%.11s", year % 10000, now + 4);
    if (memcmp(ret_text + 4, "0229", 4) == 0 && !is_leap(year))
        ret_text[7] = '8';
}

static void put_validity(const struct certificate_profile *profile, const char *now, struct writer *writer)
{
    char later[16];
    const char *end = profile->not_after;
    if (end[0] == '\0') {
        add_years(now, profile->years, later);
        end = later;
    }
    size_t validity = der_open(writer, DER_SEQUENCE);
    der_time(writer, now);
    der_time(writer, end);
    der_close(writer, validity);
}

static void put_subject(const struct certificate_subject *subject, struct writer *writer)
{
    size_t names = der_open(writer, DER_SEQUENCE);
    for (size_t i = 0; i < subject->profile->name_count; i++) {
        const struct attribute *attribute = &attributes[subject->profile->names[i].attribute];
        char text[PROFILE_TEXT_SIZE];
        profile_text(subject, i, text);
        size_t set = der_open(writer, DER_SET);
        size_t pair = der_open(writer, DER_SEQUENCE);
        writer_bytes(writer, attribute->oid, attribute->oid_size);
        der_element(writer, attribute->string, text, strlen(text));
        der_close(writer, pair);
        der_close(writer, set);
    }
    der_close(writer, names);
}

/* SubjectAltName { [0] { hardwareModuleName, [0] { SEQUENCE { hwType, hwSerialNum } } } } */
static void put_hardware_module(const struct certificate_subject *subject, struct writer *writer)
{
    uint8_t type[PROFILE_HARDWARE_TYPE_MAX];
    size_t type_size = 0;
    writer->failed |= !der_oid(subject->hardware_type, type, sizeof type, &type_size);
    size_t names = der_open(writer, DER_SEQUENCE);
    size_t other = der_open(writer, DER_CONTEXT_0_WHOLE);
    writer_bytes(writer, hardware_module_name, sizeof hardware_module_name);
    size_t value = der_open(writer, DER_CONTEXT_0_WHOLE);
    size_t module = der_open(writer, DER_SEQUENCE);
    der_element(writer, DER_OID, type, type_size);
    der_element(writer, DER_OCTET_STRING, subject->serial, strlen(subject->serial));
    der_close(writer, module);
    der_close(writer, value);
    der_close(writer, other);
    der_close(writer, names);
}

static void put_key_usage(uint8_t usage, struct writer *writer)
{
    uint8_t unused = 0;
    while (unused < 7 && !(usage & 1 << unused))
        unused++;
    der_element(writer, DER_BIT_STRING, (uint8_t[]){unused, usage}, 2);
}

static bool put_content(const struct certificate_subject *subject, enum certificate_content content,
                        const struct profile_issuer *issuer, const uint8_t point[POINT_SIZE], struct writer *writer,
                        struct fault *fault)
{
    uint8_t identifier[20];
    size_t opened;
    switch (content) {
    case CERTIFICATE_AUTHORITY_KEY:
        opened = der_open(writer, DER_SEQUENCE);
        der_element(writer, DER_CONTEXT_0, issuer->key_identifier, issuer->key_identifier_size);
        der_close(writer, opened);
        return true;
    case CERTIFICATE_SUBJECT_KEY:
        if (!crypto_sha1(point, POINT_SIZE, identifier, fault))
            return false;
        der_element(writer, DER_OCTET_STRING, identifier, sizeof identifier);
        return true;
    case CERTIFICATE_BASIC_CONSTRAINTS:
        der_element(writer, DER_SEQUENCE, "", 0); /* DER leaves the default, no authority, out */
        return true;
    case CERTIFICATE_KEY_USAGE:
        put_key_usage(subject->profile->key_usage, writer);
        return true;
    case CERTIFICATE_HARDWARE_MODULE:
        put_hardware_module(subject, writer);
        return true;
    case CERTIFICATE_MASA_URL:
        der_element(writer, DER_IA5_STRING, subject->masa_url, strlen(subject->masa_url));
        return true;
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "profile with an unknown extension");
}

static bool put_extensions(const struct certificate_subject *subject, const struct profile_issuer *issuer,
                           const uint8_t point[POINT_SIZE], struct writer *writer, struct fault *fault)
{
    size_t tagged = der_open(writer, DER_CONTEXT_3_WHOLE);
    size_t list = der_open(writer, DER_SEQUENCE);
    for (size_t i = 0; i < subject->profile->extension_count; i++) {
        enum certificate_content content = subject->profile->extensions[i].content;
        size_t whole = der_open(writer, DER_SEQUENCE);
        writer_bytes(writer, extensions[content].oid, extensions[content].oid_size);
        if (subject->profile->extensions[i].critical)
            der_element(writer, DER_BOOLEAN, (uint8_t[]){0xff}, 1);
        size_t value = der_open(writer, DER_OCTET_STRING);
        if (!put_content(subject, content, issuer, point, writer, fault))
            return false;
        der_close(writer, value);
        der_close(writer, whole);
    }
    der_close(writer, list);
    der_close(writer, tagged);
    return true;
}

bool profile_encode(const struct certificate_subject *subject, const struct profile_issuer *issuer,
                    const uint8_t point[POINT_SIZE], const uint8_t number[CERTIFICATE_SERIAL_MAX], const char *now,
                    struct writer *writer, struct fault *fault)
{
    static const uint8_t version_3[] = {DER_CONTEXT_0_WHOLE, 3, DER_INTEGER, 1, 2};
    size_t tbs = der_open(writer, DER_SEQUENCE);
    writer_bytes(writer, version_3, sizeof version_3);
    der_unsigned(writer, number, CERTIFICATE_SERIAL_MAX);
    writer_bytes(writer, crypto_ecdsa_sha256, sizeof crypto_ecdsa_sha256);
    writer_bytes(writer, issuer->name, issuer->name_size);
    put_validity(subject->profile, now, writer);
    put_subject(subject, writer);
    writer_bytes(writer, crypto_p256_prefix, sizeof crypto_p256_prefix);
    writer_bytes(writer, point, POINT_SIZE);
    if (!put_extensions(subject, issuer, point, writer, fault))
        return false;
    der_close(writer, tbs);
    if (writer->failed)
        return fault_set(fault, FAULT_CRYPTO, 0, "certificate is too large");
    return true;
}
