#include "hsm/crl.h"

#include "hsm/certificate_inside.h"
#include "hsm/der.h"
#include "hsm/output.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRY_MAX 64  /* bytes of one entry: 22 serial number, 17 time, 14 reason, 2 around them */
#define LIST_MAX 2048 /* bytes of everything else */
#define NUMBER_SIZE 8

static const uint8_t reason_code[] = {0x06, 0x03, 0x55, 0x1d, 0x15};
static const uint8_t authority_key[] = {0x06, 0x03, 0x55, 0x1d, 0x23};
static const uint8_t crl_number[] = {0x06, 0x03, 0x55, 0x1d, 0x14};

static void bytes_freep(uint8_t **bytes)
{
    free(*bytes);
}

static bool time_text(int64_t seconds, char ret_text[16])
{
    time_t value = (time_t)seconds;
    struct tm utc;
    return gmtime_r(&value, &utc) && strftime(ret_text, 16, "%Y%m%d%H%M%SZ", &utc) == 15;
}

static bool is_reason(enum crl_reason reason)
{
    return reason == CRL_AFFILIATION_CHANGED || reason == CRL_SUPERSEDED || reason == CRL_CESSATION_OF_OPERATION;
}

static int compare(const struct crl_entry *a, const struct crl_entry *b)
{
    if (a->serial_size != b->serial_size)
        return a->serial_size < b->serial_size ? -1 : 1;
    return memcmp(a->serial, b->serial, a->serial_size);
}

static bool check_request(const struct crl_request *request, struct fault *fault)
{
    if (request->count > CRL_ENTRIES_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "more than %d revoked certificates of one CA", CRL_ENTRIES_MAX);
    if (request->number == 0 || request->number > INT64_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "a list's number is 1 or more");
    if (request->this_update > (int64_t)time(NULL) || request->next_update <= request->this_update)
        return fault_set(fault, FAULT_USAGE, 0, "a list is of now and the next one is later");
    for (size_t i = 0; i < request->count; i++) {
        const struct crl_entry *entry = &request->entries[i];
        if (entry->serial_size == 0 || entry->serial_size > CERTIFICATE_SERIAL_MAX || entry->serial[0] == 0 ||
            !is_reason(entry->reason) || entry->revoked_at > request->this_update)
            return fault_set(fault, FAULT_USAGE, 0, "revoked certificate %zu: not a serial number, reason or time", i);
        if (i > 0 && compare(entry - 1, entry) >= 0)
            return fault_set(fault, FAULT_USAGE, 0, "revoked certificate %zu is out of order or there twice", i);
    }
    return true;
}

/* ---- writing ---- */

static void put_time(struct writer *writer, int64_t seconds)
{
    char text[16] = "";
    writer->failed |= !time_text(seconds, text);
    der_time(writer, text);
}

static void put_extension(struct writer *writer, const uint8_t *oid, size_t oid_size, struct writer *content)
{
    size_t whole = der_open(writer, DER_SEQUENCE);
    writer_bytes(writer, oid, oid_size);
    der_element(writer, DER_OCTET_STRING, content->bytes, content->at);
    der_close(writer, whole);
    writer->failed |= content->failed;
}

static void put_entry(struct writer *writer, const struct crl_entry *entry)
{
    uint8_t reason[8];
    struct writer content = writer_over(reason, sizeof reason);
    der_element(&content, DER_ENUMERATED, (uint8_t[]){(uint8_t)entry->reason}, 1);
    size_t whole = der_open(writer, DER_SEQUENCE);
    der_unsigned(writer, entry->serial, entry->serial_size);
    put_time(writer, entry->revoked_at);
    size_t extensions = der_open(writer, DER_SEQUENCE);
    put_extension(writer, reason_code, sizeof reason_code, &content);
    der_close(writer, extensions);
    der_close(writer, whole);
}

static void put_extensions(struct writer *writer, const struct certificate_issuer *issuer, uint64_t number)
{
    const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(issuer->issuing);
    uint8_t bytes[80], magnitude[NUMBER_SIZE];
    size_t tagged = der_open(writer, DER_CONTEXT_0_WHOLE);
    size_t list = der_open(writer, DER_SEQUENCE);

    struct writer content = writer_over(bytes, sizeof bytes);
    size_t identifier = der_open(&content, DER_SEQUENCE);
    der_element(&content, DER_CONTEXT_0, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key));
    der_close(&content, identifier);
    put_extension(writer, authority_key, sizeof authority_key, &content);

    struct writer big_endian = writer_over(magnitude, sizeof magnitude);
    writer_u64(&big_endian, number);
    content = writer_over(bytes, sizeof bytes);
    der_unsigned(&content, magnitude, sizeof magnitude);
    put_extension(writer, crl_number, sizeof crl_number, &content);
    der_close(writer, list);
    der_close(writer, tagged);
}

/* TBSCertList */
static void put_list(struct writer *writer, const struct certificate_issuer *issuer, const struct crl_request *request)
{
    size_t tbs = der_open(writer, DER_SEQUENCE);
    der_element(writer, DER_INTEGER, (uint8_t[]){1}, 1); /* version 2 */
    writer_bytes(writer, crypto_ecdsa_sha256, CRYPTO_ECDSA_SHA256_SIZE);
    writer_bytes(writer, issuer->name, (size_t)issuer->name_size);
    put_time(writer, request->this_update);
    put_time(writer, request->next_update);
    if (request->count > 0) { /* an empty list leaves them out: RFC 5280 5.1.2.6 */
        size_t revoked = der_open(writer, DER_SEQUENCE);
        for (size_t i = 0; i < request->count; i++)
            put_entry(writer, &request->entries[i]);
        der_close(writer, revoked);
    }
    put_extensions(writer, issuer, request->number);
    der_close(writer, tbs);
}

/* ---- reading again ---- */

static bool broken(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "revocation list lint: %s", what);
}

static bool is_time(struct reader *from, int64_t seconds)
{
    char text[16];
    if (!time_text(seconds, text))
        return false;
    bool utc = memcmp(text, "2050", 4) < 0;
    return utc ? der_is_element(from, DER_UTC_TIME, text + 2, 13)
               : der_is_element(from, DER_GENERALIZED_TIME, text, 15);
}

static bool is_number(struct reader *from, const uint8_t *magnitude, size_t size)
{
    struct reader number = der_enter(from, DER_INTEGER);
    if (magnitude[0] & 0x80 && reader_u8(&number) != 0)
        return false;
    return der_is_rest(&number, magnitude, size);
}

/* One extension that is not critical; its content is left to the caller. */
static struct reader enter_extension(struct reader *list, const uint8_t *oid, size_t size)
{
    struct reader whole = der_enter(list, DER_SEQUENCE);
    struct reader nothing = {.failed = true};
    if (!der_is_whole(&whole, oid, size))
        return nothing;
    struct reader value = der_enter(&whole, DER_OCTET_STRING);
    return der_is_done(&whole) ? value : nothing;
}

static bool is_entry(struct reader *revoked, const struct crl_entry *entry)
{
    struct reader whole = der_enter(revoked, DER_SEQUENCE);
    if (!is_number(&whole, entry->serial, entry->serial_size) || !is_time(&whole, entry->revoked_at))
        return false;
    struct reader extensions = der_enter(&whole, DER_SEQUENCE);
    struct reader reason = enter_extension(&extensions, reason_code, sizeof reason_code);
    return der_is_element(&reason, DER_ENUMERATED, (uint8_t[]){(uint8_t)entry->reason}, 1) && der_is_done(&reason) &&
           der_is_done(&extensions) && der_is_done(&whole);
}

static bool check_entries(struct reader *tbs, const struct crl_request *request, struct fault *fault)
{
    if (request->count == 0)
        return true;
    struct reader revoked = der_enter(tbs, DER_SEQUENCE);
    for (size_t i = 0; i < request->count; i++)
        if (!is_entry(&revoked, &request->entries[i]))
            return broken(fault, "a revoked certificate is not the record's");
    if (!der_is_done(&revoked))
        return broken(fault, "there are more revoked certificates than the record's");
    return true;
}

static bool check_extensions(struct reader *tbs, const struct certificate_issuer *issuer, uint64_t number,
                             struct fault *fault)
{
    const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(issuer->issuing);
    struct reader tagged = der_enter(tbs, DER_CONTEXT_0_WHOLE);
    struct reader list = der_enter(&tagged, DER_SEQUENCE);
    struct reader authority = enter_extension(&list, authority_key, sizeof authority_key);
    struct reader identifier = der_enter(&authority, DER_SEQUENCE);
    if (!der_is_element(&identifier, DER_CONTEXT_0, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)) ||
        !der_is_done(&identifier) || !der_is_done(&authority))
        return broken(fault, "the authority key identifier is not the issuing certificate's");
    uint8_t magnitude[NUMBER_SIZE];
    size_t zeros = 0;
    struct writer big_endian = writer_over(magnitude, sizeof magnitude);
    writer_u64(&big_endian, number);
    while (zeros < sizeof magnitude - 1 && magnitude[zeros] == 0)
        zeros++;
    struct reader value = enter_extension(&list, crl_number, sizeof crl_number);
    if (!is_number(&value, magnitude + zeros, sizeof magnitude - zeros) || !der_is_done(&value))
        return broken(fault, "its number is not the record's");
    if (!der_is_done(&list) || !der_is_done(&tagged) || !der_is_done(tbs))
        return broken(fault, "there is more in it than there should be");
    return true;
}

bool crl_lint(struct certificate_issuer *issuer, const uint8_t *der, size_t size, const struct crl_request *request,
              struct fault *fault)
{
    struct reader all = reader_over(der, size);
    struct reader list = der_enter(&all, DER_SEQUENCE);
    struct reader tbs = der_enter(&list, DER_SEQUENCE);
    if (tbs.failed || !der_is_done(&all))
        return broken(fault, "it is not one DER list");
    if (!der_is_element(&tbs, DER_INTEGER, (uint8_t[]){1}, 1))
        return broken(fault, "its version is not 2");
    if (!der_is_whole(&tbs, crypto_ecdsa_sha256, CRYPTO_ECDSA_SHA256_SIZE))
        return broken(fault, "the inner algorithm is not ecdsa-with-SHA256");
    if (!der_is_whole(&tbs, issuer->name, (size_t)issuer->name_size))
        return broken(fault, "its issuer is not the issuing certificate");
    if (!is_time(&tbs, request->this_update) || !is_time(&tbs, request->next_update))
        return broken(fault, "its times are not those asked for");
    if (!check_entries(&tbs, request, fault) || !check_extensions(&tbs, issuer, request->number, fault))
        return false;
    if (!der_is_whole(&list, crypto_ecdsa_sha256, CRYPTO_ECDSA_SHA256_SIZE))
        return broken(fault, "the outer algorithm is not ecdsa-with-SHA256");
    struct reader signature = der_enter(&list, DER_BIT_STRING);
    if (signature.failed || reader_left(&signature) < 2 || !der_is_done(&list))
        return broken(fault, "the signature is missing or something follows it");
    return true;
}

/* What another reader makes of it, and whether the issuing certificate's key signed it. */
static bool verify(const struct certificate_issuer *issuer, const struct crl *crl, size_t count, struct fault *fault)
{
    const unsigned char *from = crl->der;
    CLEANUP(X509_CRL_freep) X509_CRL *list = d2i_X509_CRL(NULL, &from, (long)crl->size);
    if (!list || from != crl->der + crl->size ||
        X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(issuer->issuing)) != 0)
        return crypto_failed(fault, FAULT_CERTIFICATE_REFUSED, "read the new revocation list");
    int revoked = list ? sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list)) : -1;
    if ((revoked < 0 ? 0 : (size_t)revoked) != count)
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "the new revocation list has %d entries, not %zu",
                         revoked, count);
    if (X509_CRL_verify(list, X509_get0_pubkey(issuer->issuing)) != 1)
        return crypto_failed(fault, FAULT_CERTIFICATE_REFUSED, "the new revocation list's signature");
    return true;
}

bool crl_issue(struct certificate_issuer *issuer, const struct crl_request *request, struct crl *ret_crl,
               struct fault *fault)
{
    if (!check_request(request, fault))
        return fault_within(fault, "revocation list");
    if (!(X509_get_key_usage(issuer->issuing) & X509v3_KU_CRL_SIGN))
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "the issuing certificate may not sign revocation lists");

    size_t room = LIST_MAX + ENTRY_MAX * request->count;
    CLEANUP(bytes_freep) uint8_t *tbs = malloc(room);
    CLEANUP(crl_free) struct crl crl = {.der = malloc(room)};
    if (!tbs || !crl.der)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "revocation list of %zu", request->count);
    struct writer writer = writer_over(tbs, room);
    put_list(&writer, issuer, request);
    if (writer.failed)
        return fault_set(fault, FAULT_CRYPTO, 0, "the revocation list does not fit its room");
    if (!key_sign_der(issuer->token, &issuer->key, tbs, writer.at, crl.der, room, &crl.size, fault) ||
        !crl_lint(issuer, crl.der, crl.size, request, fault) || !verify(issuer, &crl, request->count, fault) ||
        !crypto_sha256(crl.der, crl.size, crl.sha256, fault))
        return fault_within(fault, "revocation list");
    *ret_crl = crl;
    crl = (struct crl){0};
    return true;
}

void crl_free(struct crl *crl)
{
    free(crl->der);
    *crl = (struct crl){0};
}

bool crl_write(const struct crl *crl, const char *directory, const char *name, struct fault *fault)
{
    char der_name[128], pem_name[128];
    int length = snprintf(der_name, sizeof der_name, "%s.crl", name);
    (void)snprintf(pem_name, sizeof pem_name, "%.*s.pem", (int)sizeof pem_name - 5, der_name);
    if (length < 5 || length > 96 || strchr(name, '/') || name[0] == '.')
        return fault_set(fault, FAULT_FILE, 0, "'%.64s' is no name for a file", name);
    CLEANUP(BIO_free_allp) BIO *pem = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (!pem || PEM_write_bio(pem, PEM_STRING_X509_CRL, "", crl->der, (long)crl->size) <= 0)
        return crypto_failed(fault, FAULT_CRYPTO, "revocation list as PEM");
    long size = BIO_get_mem_data(pem, &text);
    const struct output_file files[] = {
        {der_name, (const char *)crl->der, crl->size},
        {pem_name, text, (size_t)size},
    };
    return output_replace(directory, files, ARRAY_SIZE(files), fault) || fault_within(fault, "in '%s'", directory);
}
