#include "hsm/authority.h"

#include <openssl/x509v3.h>
#include <string.h>

#define DAYS_PER_YEAR 365

static bool set_names(X509 *certificate, const struct authority_row *row, const struct ceremony_names *names,
                      struct fault *fault)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (X509_NAME_add_entry_by_NID(subject, NID_countryName, MBSTRING_ASC, (const unsigned char *)names->country, -1,
                                   -1, 0) != 1 ||
        X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8,
                                   (const unsigned char *)names->organization, -1, -1, 0) != 1 ||
        X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const unsigned char *)row->common_name, -1,
                                   -1, 0) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate's subject");
    return true;
}

static bool add_extensions(X509 *certificate, const struct authority_row *row, X509 *issuer, struct fault *fault)
{
    const struct {
        int nid;
        const char *value;
    } extensions[] = {
        {NID_basic_constraints, row->basic_constraints},
        {NID_key_usage, row->key_usage},
        {NID_ext_key_usage, row->extended_key_usage},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, issuer == certificate ? NULL : "keyid:always"},
    };
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (!extensions[i].value)
            continue;
        CLEANUP(X509_EXTENSION_freep)
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        if (!extension || X509_add_ext(certificate, extension, -1) != 1)
            return crypto_failed(fault, FAULT_CRYPTO, "certificate's extensions");
    }
    return true;
}

static bool build(const struct authority *authority, const struct authority_row *row,
                  const struct ceremony_names *names, EVP_PKEY *key, X509 *certificate, struct fault *fault)
{
    uint8_t number[CERTIFICATE_SERIAL_MAX];
    if (!token_draw(authority->token, number, sizeof number, fault))
        return false;
    number[0] &= 0x7f;
    CLEANUP(BN_freep) BIGNUM *serial = BN_bin2bn(number, sizeof number, NULL);
    X509 *issuer = authority->root ? authority->root : certificate;
    int days = (int)(row->years * DAYS_PER_YEAR + row->years / 4);
    if (!serial || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) ||
        !X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, NULL) ||
        !X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL) || X509_set_pubkey(certificate, key) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate's fields");
    if (!set_names(certificate, row, names, fault))
        return false;
    if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate's issuer");
    return add_extensions(certificate, row, issuer, fault);
}

bool authority_certify(const struct authority *authority, const struct authority_row *row,
                       const struct ceremony_names *names, const uint8_t point[POINT_SIZE], X509 **ret_certificate,
                       struct fault *fault)
{
    CLEANUP(X509_freep) X509 *unsigned_certificate = X509_new();
    CLEANUP(X509_freep) X509 *certificate = NULL;
    CLEANUP(X509_STORE_freep) X509_STORE *trusted = NULL;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (!unsigned_certificate)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "certify '%s'", row->label);
    if (!crypto_public_key(point, &key, fault) || !build(authority, row, names, key, unsigned_certificate, fault) ||
        !key_certify(authority->token, authority->key, authority->pin, unsigned_certificate, &certificate, fault) ||
        !crypto_trust(authority->root ? authority->root : certificate, &trusted, fault) ||
        !crypto_verify_chain(certificate, NULL, trusted, fault))
        return fault_within(fault, "certify '%s'", row->label);
    *ret_certificate = TAKE(certificate);
    return true;
}
