#include "hsm/certificate.h"

#include "hsm/certificate_parts.h"
#include "hsm/key.h"
#include "hsm/lint.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct certificate_issuer {
    struct token *token;
    struct key key;
    X509 *issuing;
    X509_STORE *root;
    struct certificate own;
};

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

bool certificate_issuer_open(struct token *token, const char *issuing_path, const char *root_path,
                             struct certificate_issuer **ret_issuer, struct fault *fault)
{
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = calloc(1, sizeof *issuer);
    CLEANUP(X509_freep) X509 *root = NULL;
    if (!issuer)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open issuer");
    issuer->token = token;
    if (!crypto_read_certificate(issuing_path, &issuer->issuing, fault) ||
        !crypto_read_certificate(root_path, &root, fault) || !crypto_trust(root, &issuer->root, fault) ||
        !check_issuing(issuer->issuing, issuer->root, fault) ||
        !crypto_certificate_value(issuer->issuing, &issuer->own, fault) ||
        !key_find_for(token, KEY_ISSUING, issuer->issuing, NULL, &issuer->key, fault))
        return fault_within(fault, "open issuer");
    *ret_issuer = TAKE(issuer);
    return true;
}

void certificate_issuer_free(struct certificate_issuer *issuer)
{
    if (!issuer)
        return;
    X509_free(issuer->issuing);
    X509_STORE_free(issuer->root);
    free(issuer);
}

const struct certificate *certificate_issuer_own(const struct certificate_issuer *issuer)
{
    return &issuer->own;
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

/* Nothing leaves this room that was not read again from its final bytes. */
static bool check_issued(struct certificate_issuer *issuer, X509 *issued, const struct profile *profile,
                         const struct certificate_subject *subject, const uint8_t point[POINT_SIZE], bool verify,
                         struct certificate *ret_certificate, struct fault *fault)
{
    struct certificate value;
    if (!crypto_certificate_value(issued, &value, fault))
        return false;
    const ASN1_OCTET_STRING *authority = X509_get0_subject_key_id(issuer->issuing);
    const struct lint_expected expected = {
        .profile = profile,
        .subject = subject,
        .point = point,
        .authority_key = ASN1_STRING_get0_data(authority),
        .authority_key_size = (size_t)ASN1_STRING_length(authority),
    };
    if (!lint_certificate(value.der, value.der_size, &expected, fault) ||
        (verify && !crypto_verify_chain(issued, issuer->issuing, issuer->root, fault)))
        return false;
    *ret_certificate = value;
    return true;
}

static bool issue(struct certificate_issuer *issuer, const uint8_t *csr, size_t csr_size,
                  const struct certificate_subject *subject, bool verify, struct certificate *ret_certificate,
                  struct fault *fault)
{
    const struct profile *profile;
    uint8_t point[POINT_SIZE], number[CERTIFICATE_SERIAL_MAX];
    CLEANUP(X509_freep) X509 *unsigned_certificate = NULL;
    CLEANUP(X509_freep) X509 *issued = NULL;
    if (!profile_find(subject->profile, &profile, fault) || !profile_check_subject(subject, fault) ||
        !certificate_request_check(csr, csr_size, subject->serial, point, fault) ||
        !draw_number(issuer, number, fault) ||
        !profile_build(profile, subject, issuer->issuing, point, number, &unsigned_certificate, fault) ||
        !key_certify(issuer->token, &issuer->key, NULL, unsigned_certificate, &issued, fault) ||
        !check_issued(issuer, issued, profile, subject, point, verify, ret_certificate, fault))
        return fault_within(fault, "issue certificate");
    return true;
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
