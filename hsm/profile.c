#include "hsm/profile.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define HARDWARE_MODULE_NAME "1.3.6.1.5.5.7.8.4"

static const struct profile profiles[] = {
    {
        .name = "idevid-8021ar",
        .not_after = "99991231235959Z", /* IEEE 802.1AR 8.7: the identity lasts as long as the device */
        .subject_count = 3,
        .subject = {{NID_organizationName, PROFILE_ORGANIZATION},
                    {NID_organizationalUnitName, PROFILE_MODEL},
                    {NID_serialNumber, PROFILE_SERIAL}},
        .extension_count = 3,
        .extensions = {{.nid = NID_authority_key_identifier, .content = PROFILE_AUTHORITY_KEY},
                       {.nid = NID_key_usage, .critical = true, .content = PROFILE_KEY_USAGE, .key_usage = 0x80},
                       {.nid = NID_subject_alt_name, .content = PROFILE_HARDWARE_MODULE}},
    },
};

DEFINE_CLEANUP(GENERAL_NAME *, GENERAL_NAME_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
DEFINE_CLEANUP(ASN1_TYPE *, ASN1_TYPE_free)
DEFINE_CLEANUP(ASN1_BIT_STRING *, ASN1_BIT_STRING_free)

bool profile_find(const char *name, const struct profile **ret_profile, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            *ret_profile = &profiles[i];
            return true;
        }
    }
    return fault_set(fault, FAULT_USAGE, 0, "unknown certificate profile '%.32s'", name);
}

static bool is_printable_string(const char *text)
{
    static const char others[] = " '()+,-./:=?";
    size_t length = strnlen(text, PROFILE_TEXT_MAX + 1);
    if (length == 0 || length > PROFILE_TEXT_MAX)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        bool letter = (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        if (!letter && !strchr(others, *at))
            return false;
    }
    return true;
}

bool profile_check_subject(const struct certificate_subject *subject, struct fault *fault)
{
    static const char *const what[] = {"organization", "model", "serial"};
    for (enum profile_source source = PROFILE_ORGANIZATION; source <= PROFILE_SERIAL; source++) {
        const char *text = profile_text(subject, source);
        if (!text || !is_printable_string(text))
            return fault_set(fault, FAULT_USAGE, 0, "certificate's %s must be 1 to %d characters of PrintableString",
                             what[source], PROFILE_TEXT_MAX);
    }
    CLEANUP(ASN1_OBJECT_freep)
    ASN1_OBJECT *type = subject->hardware_type ? OBJ_txt2obj(subject->hardware_type, 1) : NULL;
    if (!type || OBJ_length(type) == 0 || OBJ_length(type) > PROFILE_HARDWARE_TYPE_MAX) {
        (void)crypto_failed(fault, FAULT_USAGE, "certificate's hardware type must be an OID in dots");
        return false;
    }
    return true;
}

const char *profile_text(const struct certificate_subject *subject, enum profile_source source)
{
    switch (source) {
    case PROFILE_ORGANIZATION:
        return subject->organization;
    case PROFILE_MODEL:
        return subject->model;
    case PROFILE_SERIAL:
        return subject->serial;
    }
    return NULL;
}

/* HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING } */
static bool encode_hardware_module(const struct certificate_subject *subject, ASN1_TYPE *ret_value, struct fault *fault)
{
    CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *type = OBJ_txt2obj(subject->hardware_type, 1);
    uint8_t der[PROFILE_HARDWARE_TYPE_MAX + PROFILE_TEXT_MAX + 16];
    int serial_size = (int)strlen(subject->serial);
    int type_size = type ? i2d_ASN1_OBJECT(type, NULL) : -1;
    if (type_size <= 0)
        return crypto_failed(fault, FAULT_CRYPTO, "hardware type");
    int body = type_size + ASN1_object_size(0, serial_size, V_ASN1_OCTET_STRING);
    if ((size_t)ASN1_object_size(1, body, V_ASN1_SEQUENCE) > sizeof der)
        return fault_set(fault, FAULT_CRYPTO, 0, "hardware module name is too large");

    uint8_t *at = der;
    ASN1_put_object(&at, 1, body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    (void)i2d_ASN1_OBJECT(type, &at);
    ASN1_put_object(&at, 0, serial_size, V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL);
    memcpy(at, subject->serial, (size_t)serial_size);
    at += serial_size;

    ASN1_STRING *sequence = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    if (!sequence || ASN1_STRING_set(sequence, der, (int)(at - der)) != 1) {
        ASN1_STRING_free(sequence);
        return crypto_failed(fault, FAULT_CRYPTO, "hardware module name");
    }
    ASN1_TYPE_set(ret_value, V_ASN1_SEQUENCE, sequence);
    return true;
}

static bool add_hardware_module(X509 *certificate, const struct profile_extension *extension,
                                const struct certificate_subject *subject, struct fault *fault)
{
    CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
    CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *name = GENERAL_NAME_new();
    CLEANUP(ASN1_TYPE_freep) ASN1_TYPE *value = ASN1_TYPE_new();
    CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(HARDWARE_MODULE_NAME, 1);
    if (!names || !name || !value || !oid)
        return crypto_failed(fault, FAULT_CRYPTO, "hardware module name");
    if (!encode_hardware_module(subject, value, fault))
        return false;
    if (GENERAL_NAME_set0_othername(name, oid, value) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "hardware module name");
    (void)TAKE(oid); /* now the name's */
    (void)TAKE(value);
    if (sk_GENERAL_NAME_push(names, name) == 0)
        return crypto_failed(fault, FAULT_CRYPTO, "hardware module name");
    (void)TAKE(name); /* now the names' */
    if (X509_add1_ext_i2d(certificate, extension->nid, names, extension->critical, X509V3_ADD_APPEND) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "hardware module name");
    return true;
}

static bool add_key_usage(X509 *certificate, const struct profile_extension *extension, struct fault *fault)
{
    CLEANUP(ASN1_BIT_STRING_freep) ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    if (!usage)
        return crypto_failed(fault, FAULT_CRYPTO, "key usage");
    for (int bit = 0; bit < 8; bit++)
        if ((extension->key_usage & 0x80 >> bit) && ASN1_BIT_STRING_set_bit(usage, bit, 1) != 1)
            return crypto_failed(fault, FAULT_CRYPTO, "key usage");
    if (X509_add1_ext_i2d(certificate, extension->nid, usage, extension->critical, X509V3_ADD_APPEND) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "key usage");
    return true;
}

static bool add_authority_key(X509 *certificate, X509 *issuing, struct fault *fault)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuing, certificate, NULL, NULL, 0);
    CLEANUP(X509_EXTENSION_freep)
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    if (!extension || X509_add_ext(certificate, extension, -1) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "authority key identifier");
    return true;
}

static bool add_extension(X509 *certificate, const struct profile_extension *extension,
                          const struct certificate_subject *subject, X509 *issuing, struct fault *fault)
{
    switch (extension->content) {
    case PROFILE_AUTHORITY_KEY:
        return add_authority_key(certificate, issuing, fault);
    case PROFILE_KEY_USAGE:
        return add_key_usage(certificate, extension, fault);
    case PROFILE_HARDWARE_MODULE:
        return add_hardware_module(certificate, extension, subject, fault);
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "profile with an unknown extension");
}

static bool set_fields(X509 *certificate, const struct profile *profile, X509 *issuing,
                       const uint8_t number[CERTIFICATE_SERIAL_MAX], EVP_PKEY *key, struct fault *fault)
{
    CLEANUP(BN_freep) BIGNUM *serial = BN_bin2bn(number, CERTIFICATE_SERIAL_MAX, NULL);
    if (!serial || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) ||
        X509_set_issuer_name(certificate, X509_get_subject_name(issuing)) != 1 ||
        !X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, NULL) ||
        ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), profile->not_after) != 1 ||
        X509_set_pubkey(certificate, key) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate's fields");
    return true;
}

bool profile_build(const struct profile *profile, const struct certificate_subject *subject, X509 *issuing,
                   const uint8_t point[POINT_SIZE], const uint8_t number[CERTIFICATE_SERIAL_MAX],
                   X509 **ret_certificate, struct fault *fault)
{
    CLEANUP(X509_freep) X509 *certificate = X509_new();
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (!certificate)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate");
    if (!crypto_public_key(point, &key, fault) || !set_fields(certificate, profile, issuing, number, key, fault))
        return false;
    for (size_t i = 0; i < profile->subject_count; i++) {
        const char *text = profile_text(subject, profile->subject[i].source);
        if (X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), profile->subject[i].nid,
                                       V_ASN1_PRINTABLESTRING, (const unsigned char *)text, -1, -1, 0) != 1)
            return crypto_failed(fault, FAULT_CRYPTO, "certificate's subject");
    }
    for (size_t i = 0; i < profile->extension_count; i++)
        if (!add_extension(certificate, &profile->extensions[i], subject, issuing, fault))
            return false;
    *ret_certificate = TAKE(certificate);
    return true;
}
