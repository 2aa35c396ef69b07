#include "hsm/certificate.h"

#include "hsm/certificate_inside.h"
#include "hsm/certificate_parts.h"
#include "hsm/lint.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool certificate_read(const char *path, struct certificate *ret_certificate, struct fault *fault)
{
    CLEANUP(X509_freep) X509 *certificate = NULL;
    return crypto_read_certificate(path, &certificate, fault) &&
           crypto_certificate_value(certificate, ret_certificate, fault);
}

/* The issuing certificate must itself be one: a leaf put there by mistake would sign what nobody accepts. */
static bool check_issuing(X509 *issuing, X509_STORE *root, struct fault *fault)
{
    if (X509_check_ca(issuing) != 1 || !(X509_get_key_usage(issuing) & X509v3_KU_KEY_CERT_SIGN) ||
        !X509_get0_subject_key_id(issuing))
        return crypto_failed(fault, FAULT_CERTIFICATE_REFUSED, "the issuing certificate is no certificate authority's");
    return crypto_verify_chain(issuing, NULL, root, fault);
}

static bool keep_name(struct certificate_issuer *issuer, struct fault *fault)
{
    issuer->name_size = i2d_X509_NAME(X509_get_subject_name(issuer->issuing), &issuer->name);
    if (issuer->name_size <= 0)
        return crypto_failed(fault, FAULT_CRYPTO, "issuing certificate's name");
    return true;
}

bool certificate_issuer_open(struct token *token, const char *issuing_path, const char *root_path,
                             struct certificate_issuer **ret_issuer, struct fault *fault)
{
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = calloc(1, sizeof *issuer);
    if (!issuer)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open issuer");
    issuer->token = token;
    if (!crypto_read_certificate(issuing_path, &issuer->issuing, fault) ||
        !crypto_read_certificate(root_path, &issuer->root, fault) ||
        !crypto_trust(issuer->root, &issuer->trusts_root, fault) ||
        !crypto_trust(issuer->issuing, &issuer->trusts_issuing, fault) ||
        !check_issuing(issuer->issuing, issuer->trusts_root, fault) ||
        !crypto_certificate_value(issuer->issuing, &issuer->own, fault) || !keep_name(issuer, fault) ||
        !key_find_for(token, KEY_ISSUING, issuer->issuing, NULL, &issuer->key, fault) ||
        !key_list_points(token, issuer->plant, CERTIFICATE_PLANT_KEYS_MAX - 1, &issuer->plant_count, fault))
        return fault_within(fault, "open issuer");
    /* The root's key is on another token; one on another curve cannot be a unit's. */
    struct fault ignored;
    if (crypto_point(X509_get0_pubkey(issuer->root), issuer->plant[issuer->plant_count], &ignored))
        issuer->plant_count++;
    *ret_issuer = TAKE(issuer);
    return true;
}

void certificate_issuer_free(struct certificate_issuer *issuer)
{
    if (!issuer)
        return;
    X509_free(issuer->issuing);
    X509_free(issuer->root);
    X509_STORE_free(issuer->trusts_issuing);
    X509_STORE_free(issuer->trusts_root);
    OPENSSL_free(issuer->name);
    free(issuer);
}

const struct certificate *certificate_issuer_own(const struct certificate_issuer *issuer)
{
    return &issuer->own;
}

/* A unit with a key of the plant's own would be taken for the plant by whoever knows keys and not names. */
static bool check_not_ours(const struct certificate_issuer *issuer, const uint8_t point[POINT_SIZE],
                           struct fault *fault)
{
    for (size_t i = 0; i < issuer->plant_count; i++)
        if (memcmp(issuer->plant[i], point, POINT_SIZE) == 0)
            return fault_set(fault, FAULT_CSR_REFUSED, 0, "the key is one of this plant's own");
    return true;
}

static bool text_now(char ret_now[16], struct fault *fault)
{
    time_t seconds = time(NULL);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || strftime(ret_now, 16, "%Y%m%d%H%M%SZ", &utc) != 15)
        return fault_set(fault, FAULT_CRYPTO, 0, "the clock cannot be read");
    return true;
}

/* 159 random bits: positive, and never more than 20 bytes in DER. */
static bool draw_number(struct certificate_issuer *issuer, uint8_t ret_number[CERTIFICATE_SERIAL_MAX],
                        struct fault *fault)
{
    if (!token_draw(issuer->token, ret_number, CERTIFICATE_SERIAL_MAX, fault))
        return fault_within(fault, "serial number");
    ret_number[0] &= 0x7f;
    return true;
}

/* Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING } */
static bool build(struct certificate_issuer *issuer, const struct certificate_subject *subject,
                  const uint8_t point[POINT_SIZE], struct certificate *certificate, struct fault *fault)
{
    const ASN1_OCTET_STRING *authority = X509_get0_subject_key_id(issuer->issuing);
    const struct profile_issuer names = {
        .name = issuer->name,
        .name_size = (size_t)issuer->name_size,
        .key_identifier = ASN1_STRING_get0_data(authority),
        .key_identifier_size = (size_t)ASN1_STRING_length(authority),
    };
    char now[16];
    uint8_t number[CERTIFICATE_SERIAL_MAX];
    uint8_t tbs[CERTIFICATE_MAX];
    struct writer writer = writer_over(tbs, sizeof tbs);
    if (!text_now(now, fault) || !draw_number(issuer, number, fault) ||
        !profile_encode(subject, &names, point, number, now, &writer, fault))
        return false;
    size_t zeros = 0;
    while (zeros + 1 < sizeof number && number[zeros] == 0)
        zeros++;
    certificate->serial_size = sizeof number - zeros;
    memcpy(certificate->serial, number + zeros, certificate->serial_size);
    return key_sign_der(issuer->token, &issuer->key, tbs, writer.at, certificate->der, sizeof certificate->der,
                        &certificate->der_size, fault);
}

/* Nothing leaves this room that was not read again from its final bytes: here by this room's own reader. */
static bool lint(const struct certificate_issuer *issuer, const struct certificate_subject *subject,
                 const uint8_t point[POINT_SIZE], const struct certificate *certificate, struct fault *fault)
{
    struct reader name = reader_over(issuer->name, (size_t)issuer->name_size);
    struct reader names = der_enter(&name, DER_SEQUENCE);
    const ASN1_OCTET_STRING *authority = X509_get0_subject_key_id(issuer->issuing);
    const struct lint_expected expected = {
        .subject = subject,
        .point = point,
        .issuer = names.bytes,
        .issuer_size = names.size,
        .authority_key = ASN1_STRING_get0_data(authority),
        .authority_key_size = (size_t)ASN1_STRING_length(authority),
    };
    return lint_certificate(certificate->der, certificate->der_size, &expected, fault);
}

/* And here by OpenSSL's. The issuing certificate was verified against the root when it was opened, which only time can
 * undo. */
static bool verify(const struct certificate_issuer *issuer, const struct certificate *certificate, struct fault *fault)
{
    const unsigned char *from = certificate->der;
    CLEANUP(X509_freep) X509 *issued = d2i_X509(NULL, &from, (long)certificate->der_size);
    if (!issued || from != certificate->der + certificate->der_size)
        return crypto_failed(fault, FAULT_CERTIFICATE_REFUSED, "read the new certificate");
    if (X509_cmp_current_time(X509_get0_notAfter(issuer->root)) <= 0)
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "the root certificate has expired");
    return crypto_verify_issued(issued, issuer->trusts_issuing, fault);
}

static bool finish(struct certificate *certificate, const uint8_t point[POINT_SIZE], struct fault *fault)
{
    uint8_t key[CRYPTO_P256_PREFIX_SIZE + POINT_SIZE];
    memcpy(key, crypto_p256_prefix, CRYPTO_P256_PREFIX_SIZE);
    memcpy(key + CRYPTO_P256_PREFIX_SIZE, point, POINT_SIZE);
    return crypto_sha256(certificate->der, certificate->der_size, certificate->sha256, fault) &&
           crypto_sha256(key, sizeof key, certificate->spki_sha256, fault);
}

static bool issue_checked(struct certificate_issuer *issuer, const uint8_t point[POINT_SIZE],
                          const struct certificate_subject *subject, bool verified, struct certificate *ret_certificate,
                          struct fault *fault)
{
    struct certificate certificate = {0};
    if (!lint_issuer(issuer->issuing, subject, fault) || !check_not_ours(issuer, point, fault) ||
        !build(issuer, subject, point, &certificate, fault) || !lint(issuer, subject, point, &certificate, fault) ||
        (verified && !verify(issuer, &certificate, fault)) || !finish(&certificate, point, fault))
        return fault_within(fault, "issue certificate");
    *ret_certificate = certificate;
    return true;
}

static bool issue(struct certificate_issuer *issuer, const uint8_t *csr, size_t csr_size,
                  const struct certificate_subject *subject, bool verified, struct certificate *ret_certificate,
                  struct fault *fault)
{
    uint8_t point[POINT_SIZE];
    if (!profile_check(subject, fault) || !certificate_request_check(csr, csr_size, subject->serial, point, fault))
        return fault_within(fault, "issue certificate");
    return issue_checked(issuer, point, subject, verified, ret_certificate, fault);
}

bool certificate_issue(struct certificate_issuer *issuer, const uint8_t *csr, size_t csr_size,
                       const struct certificate_subject *subject, struct certificate *ret_certificate,
                       struct fault *fault)
{
    return issue(issuer, csr, csr_size, subject, true, ret_certificate, fault);
}

bool certificate_issue_unverified(struct certificate_issuer *issuer, const uint8_t *csr, size_t csr_size,
                                  const struct certificate_subject *subject, struct certificate *ret_certificate,
                                  struct fault *fault)
{
    return issue(issuer, csr, csr_size, subject, false, ret_certificate, fault);
}

bool certificate_subject_text(const struct certificate *certificate, char ret_text[CERTIFICATE_NAME_SIZE],
                              struct fault *fault)
{
    const uint8_t *at = certificate->der;
    CLEANUP(X509_freep) X509 *parsed = d2i_X509(NULL, &at, (long)certificate->der_size);
    CLEANUP(BIO_free_allp) BIO *text = BIO_new(BIO_s_mem());
    const char *bytes;
    if (!parsed || !text ||
        X509_NAME_print_ex(text, X509_get_subject_name(parsed), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        return crypto_failed(fault, FAULT_CRYPTO, "read a certificate's subject");
    long size = BIO_get_mem_data(text, &bytes);
    (void)snprintf(ret_text, CERTIFICATE_NAME_SIZE, "%.*s", (int)size, bytes);
    return true;
}

bool certificate_issue_key(struct certificate_issuer *issuer, const uint8_t point[CERTIFICATE_POINT_SIZE],
                           const struct certificate_subject *subject, struct certificate *ret_certificate,
                           struct fault *fault)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (!profile_check(subject, fault) || !crypto_public_key(point, &key, fault))
        return fault_within(fault, "issue certificate");
    return issue_checked(issuer, point, subject, true, ret_certificate, fault);
}
