#include "tests/unit/device/pki.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *begin(X509 *issuer, EVP_PKEY *key, const char *name, const char *serial)
{
    static long number = 1;
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++number);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z");
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (name)
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    if (serial)
        X509_NAME_add_entry_by_txt(subject, "serialNumber", MBSTRING_ASC, (const uint8_t *)serial, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    return certificate;
}

static X509 *make_authority(X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key, const char *name)
{
    X509 *certificate = begin(issuer, key, name, NULL);
    add_extension(certificate, issuer ? issuer : certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, issuer ? issuer : certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(certificate, issuer ? issuer : certificate, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
    return certificate;
}

static X509 *make_station(const struct pki *pki, bool server)
{
    X509 *certificate = begin(pki->root, pki->station_key, "Station", NULL);
    add_extension(certificate, pki->root, NID_key_usage, "critical,digitalSignature");
    if (server)
        add_extension(certificate, pki->root, NID_ext_key_usage, "serverAuth");
    assert_true(X509_sign(certificate, pki->root_key, EVP_sha256()) > 0);
    return certificate;
}

void remove_directory(const char *directory)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", directory, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

void pki_open(struct pki *pki)
{
    memset(pki, 0, sizeof *pki);
    snprintf(pki->directory, sizeof pki->directory, "/tmp/kokuin-device-XXXXXX");
    assert_non_null(mkdtemp(pki->directory));
    pki->root_key = EVP_EC_gen("P-256");
    pki->issuing_key = EVP_EC_gen("P-256");
    pki->station_key = EVP_EC_gen("P-256");
    pki->root = make_authority(NULL, pki->root_key, pki->root_key, "Root");
    pki->issuing = make_authority(pki->root, pki->root_key, pki->issuing_key, "Issuing");
    pki->station = make_station(pki, true);
    snprintf(pki->root_path, sizeof pki->root_path, "%s/root.pem", pki->directory);
    FILE *file = fopen(pki->root_path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, pki->root), 1);
    fclose(file);
}

void pki_close(struct pki *pki)
{
    EVP_PKEY_free(pki->root_key);
    EVP_PKEY_free(pki->issuing_key);
    EVP_PKEY_free(pki->station_key);
    X509_free(pki->root);
    X509_free(pki->issuing);
    X509_free(pki->station);
    remove_directory(pki->directory);
}

X509 *pki_station_without_usage(const struct pki *pki)
{
    return make_station(pki, false);
}

void pki_der(X509 *certificate, struct der *ret_der)
{
    uint8_t *at = ret_der->bytes;
    int size = i2d_X509(certificate, NULL);
    assert_in_range(size, 1, sizeof ret_der->bytes);
    ret_der->size = (size_t)i2d_X509(certificate, &at);
}

/* hardwareModuleName of RFC 4108, as IEEE 802.1AR wants it: a name that wolfSSL has to pass over. */
static void add_hardware_name(X509 *certificate, X509 *issuer)
{
    static const char text[] = "[hw]\ntype=OID:1.3.6.1.4.1.99999.1\nserial=FORMAT:ASCII,OCTETSTRING:SN1\n";
    BIO *bio = BIO_new_mem_buf(text, sizeof text - 1);
    CONF *conf = NCONF_new(NULL);
    assert_int_equal(NCONF_load_bio(conf, bio, NULL), 1);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_nconf(&context, conf);
    X509_EXTENSION *extension =
        X509V3_EXT_nconf_nid(conf, &context, NID_subject_alt_name, "otherName:1.3.6.1.5.5.7.8.4;SEQUENCE:hw");
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    NCONF_free(conf);
    BIO_free(bio);
}

void pki_issue(const struct pki *pki, EVP_PKEY *key, const char *serial, struct der *ret_certificate)
{
    X509 *certificate = begin(pki->issuing, key, NULL, serial);
    add_extension(certificate, pki->issuing, NID_key_usage, "critical,digitalSignature");
    add_extension(certificate, pki->issuing, NID_authority_key_identifier, "keyid");
    add_hardware_name(certificate, pki->issuing);
    assert_true(X509_sign(certificate, pki->issuing_key, EVP_sha256()) > 0);
    pki_der(certificate, ret_certificate);
    X509_free(certificate);
}

static X509_REQ *parse_csr(const struct der *csr)
{
    const uint8_t *at = csr->bytes;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)csr->size);
    assert_non_null(request);
    assert_ptr_equal(at, csr->bytes + csr->size);
    return request;
}

bool csr_verifies(const struct der *csr)
{
    X509_REQ *request = parse_csr(csr);
    bool verifies = X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1;
    X509_REQ_free(request);
    return verifies;
}

void csr_serial(const struct der *csr, char ret_serial[64])
{
    X509_REQ *request = parse_csr(csr);
    assert_true(X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_serialNumber, ret_serial, 64) > 0);
    assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 1);
    X509_REQ_free(request);
}

void pki_issue_for(const struct pki *pki, const struct der *csr, const char *serial, struct der *ret_certificate)
{
    X509_REQ *request = parse_csr(csr);
    pki_issue(pki, X509_REQ_get0_pubkey(request), serial, ret_certificate);
    X509_REQ_free(request);
}

bool pki_same_key(const struct der *a, const struct der *b)
{
    const uint8_t *at = a->bytes;
    X509 *first = d2i_X509(NULL, &at, (long)a->size);
    at = b->bytes;
    X509 *second = d2i_X509(NULL, &at, (long)b->size);
    bool same = EVP_PKEY_eq(X509_get0_pubkey(first), X509_get0_pubkey(second)) == 1;
    X509_free(first);
    X509_free(second);
    return same;
}
