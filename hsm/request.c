#include "hsm/certificate.h"

#include "hsm/crypto.h"
#include "hsm/der.h"
#include "hsm/weak.h"

#include <openssl/err.h>
#include <string.h>

_Static_assert(CERTIFICATE_POINT_SIZE == POINT_SIZE, "one size of a point");

static bool refused(struct fault *fault, const char *why)
{
    ERR_clear_error(); /* OpenSSL's words about hostile bytes are not passed on */
    return fault_set(fault, FAULT_CSR_REFUSED, 0, "certificate request: %s", why);
}

/* The key's algorithm is looked at as it was sent, before anything is computed with it: explicit curve parameters or a
 * compressed point never get further. */
static bool read_key(struct reader *info, uint8_t ret_point[POINT_SIZE], struct fault *fault)
{
    /* The algorithm stands behind the outer SEQUENCE's two bytes and before the BIT STRING's three. */
    static const size_t algorithm = 2, string = 3;
    struct reader key = der_enter(info, DER_SEQUENCE);
    if (key.failed)
        return refused(fault, "no public key");
    if (!der_is_whole(&key, crypto_p256_prefix + algorithm, CRYPTO_P256_PREFIX_SIZE - algorithm - string))
        return refused(fault, "the key is not on P-256");
    struct reader bits = der_enter(&key, DER_BIT_STRING);
    uint8_t unused = reader_u8(&bits);
    const uint8_t *point = reader_take(&bits, POINT_SIZE);
    if (!point || unused != 0 || point[0] != 0x04 || !der_is_done(&bits) || !der_is_done(&key))
        return refused(fault, "the key is not an uncompressed point");
    memcpy(ret_point, point, POINT_SIZE);
    return true;
}

/* One name: `ret_serial` stays failed unless it is a serialNumber. */
static bool read_name(struct reader *set, struct reader *ret_serial, uint8_t *ret_tag)
{
    static const uint8_t serial_number[] = {0x55, 0x04, 0x05};
    struct reader pair = der_enter(set, DER_SEQUENCE);
    struct reader type = der_enter(&pair, DER_OID);
    uint8_t tag;
    struct reader value = der_enter_any(&pair, &tag);
    if (value.failed || !der_is_done(&pair))
        return false;
    if (der_is_rest(&type, serial_number, sizeof serial_number)) {
        *ret_serial = value;
        *ret_tag = tag;
    }
    return true;
}

static bool check_subject(struct reader subject, const char *serial, struct fault *fault)
{
    struct reader found = {.failed = true};
    uint8_t tag = 0;
    unsigned times = 0;
    while (reader_left(&subject) > 0) {
        struct reader set = der_enter(&subject, DER_SET);
        do {
            struct reader value = {.failed = true};
            if (set.failed || !read_name(&set, &value, &tag))
                return refused(fault, "its subject is damaged");
            times += !value.failed;
            found = value.failed ? found : value;
        } while (reader_left(&set) > 0);
    }
    if (times != 1)
        return refused(fault, "the subject must have one serialNumber");
    if (tag != DER_PRINTABLE_STRING && tag != DER_UTF8_STRING)
        return refused(fault, "the subject's serialNumber is not a text");
    if (!der_is_rest(&found, serial, strlen(serial)))
        return refused(fault, "the subject's serialNumber is not this unit's serial");
    return true;
}

/* CertificationRequest ::= SEQUENCE { info, signatureAlgorithm, signature BIT STRING } */
struct request {
    uint8_t digest[32]; /* of the info, what the signature is over */
    struct reader subject;
    uint8_t point[POINT_SIZE];
    bool is_ecdsa_sha256;
    struct reader signature;
};

/* CertificationRequestInfo ::= SEQUENCE { version, subject, subjectPKInfo, attributes [0] }; the attributes are wishes,
 * and none is granted. */
static bool read_info(struct reader info, struct request *request, struct fault *fault)
{
    if (!der_is_element(&info, DER_INTEGER, (uint8_t[]){0}, 1))
        return refused(fault, "its version is not 1");
    request->subject = der_enter(&info, DER_SEQUENCE);
    if (!read_key(&info, request->point, fault))
        return false;
    struct reader wishes = {0};
    if (der_next(&info) == DER_CONTEXT_0_WHOLE)
        wishes = der_enter(&info, DER_CONTEXT_0_WHOLE);
    return (!wishes.failed && der_is_done(&info)) || refused(fault, "it is not PKCS #10");
}

static bool read_request(const uint8_t *csr, size_t csr_size, struct request *request, struct fault *fault)
{
    struct reader all = reader_over(csr, csr_size);
    struct reader whole = der_enter(&all, DER_SEQUENCE);
    if (!whole.failed && reader_left(&all) > 0)
        return refused(fault, "bytes follow it");
    struct reader info = der_enter(&whole, DER_SEQUENCE);
    size_t signed_size = whole.at;
    struct reader before = whole;
    struct reader algorithm = der_enter(&whole, DER_SEQUENCE);
    request->is_ecdsa_sha256 = der_is_whole(&before, crypto_ecdsa_sha256, CRYPTO_ECDSA_SHA256_SIZE);
    request->signature = der_enter(&whole, DER_BIT_STRING);
    if (info.failed || algorithm.failed || !der_is_done(&whole) || reader_u8(&request->signature) != 0)
        return refused(fault, "it is not PKCS #10");
    return read_info(info, request, fault) && crypto_sha256(whole.bytes, signed_size, request->digest, fault);
}

static bool check_key(const struct request *request, struct fault *fault)
{
    struct fault inner;
    bool weak;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    if (!crypto_public_key(request->point, &key, &inner))
        return refused(fault, "the point is not on the curve");
    if (!request->is_ecdsa_sha256)
        return refused(fault, "it is not signed with ecdsa-with-SHA256");
    const struct reader *signature = &request->signature;
    if (!crypto_verify(key, request->digest, signature->bytes + signature->at, reader_left(signature)))
        return refused(fault, "its signature does not prove possession of the key");
    if (!weak_key(request->point, &weak, fault))
        return false;
    if (weak)
        return refused(fault, "everybody knows the private half of this key");
    return true;
}

bool certificate_request_check(const uint8_t *csr, size_t csr_size, const char *serial,
                               uint8_t ret_point[CERTIFICATE_POINT_SIZE], struct fault *fault)
{
    struct request request = {0};
    if (csr_size == 0 || csr_size > CERTIFICATE_REQUEST_MAX)
        return refused(fault, "its size is out of bounds");
    if (!read_request(csr, csr_size, &request, fault) || !check_key(&request, fault) ||
        !check_subject(request.subject, serial, fault))
        return false;
    memcpy(ret_point, request.point, sizeof request.point);
    return true;
}
