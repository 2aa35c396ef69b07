#include "hsm/certificate.h"

#include "hsm/crypto.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

_Static_assert(CERTIFICATE_POINT_SIZE == POINT_SIZE, "one size of a point");

static bool refused(struct fault *fault, const char *why)
{
    ERR_clear_error(); /* OpenSSL's words about hostile bytes are not passed on */
    return fault_set(fault, FAULT_CSR_REFUSED, 0, "certificate request: %s", why);
}

/* The key's algorithm is looked at as it was sent, before anything is computed with it: explicit curve parameters or a
 * compressed point never get further. */
static bool read_key(X509_REQ *request, uint8_t ret_point[POINT_SIZE], struct fault *fault)
{
    ASN1_OBJECT *algorithm;
    X509_ALGOR *whole;
    const unsigned char *bits;
    int size, type;
    const void *parameter;
    X509_PUBKEY *key = X509_REQ_get_X509_PUBKEY(request);
    if (!key || X509_PUBKEY_get0_param(&algorithm, &bits, &size, &whole, key) != 1)
        return refused(fault, "no public key");
    X509_ALGOR_get0(NULL, &type, &parameter, whole);
    if (OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT ||
        OBJ_obj2nid(parameter) != NID_X9_62_prime256v1)
        return refused(fault, "the key is not on P-256");
    if (size != POINT_SIZE || bits[0] != 0x04)
        return refused(fault, "the key is not an uncompressed point");
    memcpy(ret_point, bits, POINT_SIZE);
    return true;
}

static bool check_subject(const X509_REQ *request, const char *serial, struct fault *fault)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(request);
    int at = X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_serialNumber, at) >= 0)
        return refused(fault, "the subject must have one serialNumber");
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    int type = ASN1_STRING_type(value);
    if (type != V_ASN1_PRINTABLESTRING && type != V_ASN1_UTF8STRING)
        return refused(fault, "the subject's serialNumber is not a text");
    size_t size = (size_t)ASN1_STRING_length(value);
    if (size != strlen(serial) || memcmp(ASN1_STRING_get0_data(value), serial, size) != 0)
        return refused(fault, "the subject's serialNumber is not this unit's serial");
    return true;
}

bool certificate_request_check(const uint8_t *csr, size_t csr_size, const char *serial,
                               uint8_t ret_point[CERTIFICATE_POINT_SIZE], struct fault *fault)
{
    if (csr_size == 0 || csr_size > CERTIFICATE_REQUEST_MAX)
        return refused(fault, "its size is out of bounds");
    const unsigned char *end = csr;
    CLEANUP(X509_REQ_freep) X509_REQ *request = d2i_X509_REQ(NULL, &end, (long)csr_size);
    if (!request)
        return refused(fault, "it is not PKCS #10");
    if (end != csr + csr_size)
        return refused(fault, "bytes follow it");
    if (X509_REQ_get_version(request) != X509_REQ_VERSION_1)
        return refused(fault, "its version is not 1");

    uint8_t point[POINT_SIZE];
    struct fault inner;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (!read_key(request, point, fault))
        return false;
    if (!crypto_public_key(point, &key, &inner))
        return refused(fault, "the point is not on the curve");
    if (X509_REQ_get_signature_nid(request) != NID_ecdsa_with_SHA256)
        return refused(fault, "it is not signed with ecdsa-with-SHA256");
    if (X509_REQ_verify(request, key) != 1)
        return refused(fault, "its signature does not prove possession of the key");
    if (!check_subject(request, serial, fault))
        return false;
    memcpy(ret_point, point, sizeof point);
    return true;
}
