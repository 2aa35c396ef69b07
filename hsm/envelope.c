#include "hsm/envelope.h"

#include "hsm/seal.h"

#include <string.h>

#define SEQUENCE 0x30
#define SET 0x31
#define NUMBER 0x02
#define BITS 0x03
#define OCTETS 0x04

/* The next element of this tag, DER with lengths of at most two bytes. `ret_whole` (or NULL) is with its header. */
static bool next(struct span *from, uint8_t tag, struct span *ret_inside, struct span *ret_whole)
{
    const uint8_t *at = from->at;
    size_t size = from->size, header = 2, length;
    if (size < 2 || at[0] != tag)
        return false;
    length = at[1];
    if (length == 0x81 && size >= 3 && at[2] >= 0x80) {
        header = 3;
        length = at[2];
    } else if (length == 0x82 && size >= 4 && at[2] != 0) {
        header = 4;
        length = (size_t)at[2] << 8 | at[3];
    } else if (length >= 0x80) {
        return false;
    }
    if (length > size - header)
        return false;
    *ret_inside = (struct span){at + header, length};
    if (ret_whole)
        *ret_whole = (struct span){at, header + length};
    *from = (struct span){at + header + length, size - header - length};
    return true;
}

static bool next_is(struct span *from, const uint8_t *bytes, size_t size)
{
    if (from->size < size || memcmp(from->at, bytes, size) != 0)
        return false;
    *from = (struct span){from->at + size, from->size - size};
    return true;
}

#define NEXT_IS(from, ...) next_is(from, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* IssuerAndSerialNumber of the certificate, as the sealer names its recipients. */
static bool names_certificate(struct span name, X509 *certificate)
{
    CLEANUP(openssl_bytes_freep) unsigned char *issuer = NULL;
    CLEANUP(openssl_bytes_freep) unsigned char *serial = NULL;
    int issuer_size = i2d_X509_NAME(X509_get_issuer_name(certificate), &issuer);
    int serial_size = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
    return issuer_size > 0 && serial_size > 0 && next_is(&name, issuer, (size_t)issuer_size) &&
           next_is(&name, serial, (size_t)serial_size) && name.size == 0;
}

/* dhSinglePass-stdDH-sha256kdf-scheme with AES-256 key wrap, one recipient in each. */
static bool read_recipient(struct span recipient, X509 *certificate, struct envelope *envelope, bool *ret_ours)
{
    struct span originator, public_key, algorithm, bits, scheme, keys, key, name;
    if (!NEXT_IS(&recipient, NUMBER, 1, 3) || !next(&recipient, 0xa0, &originator, NULL) ||
        !next(&originator, 0xa1, &public_key, NULL) || !next(&public_key, SEQUENCE, &algorithm, NULL) ||
        !NEXT_IS(&algorithm, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01) || algorithm.size != 0 ||
        !next(&public_key, BITS, &bits, NULL) || bits.size != POINT_SIZE + 1 || bits.at[0] != 0)
        return false;
    if (!next(&recipient, SEQUENCE, &scheme, NULL) ||
        !NEXT_IS(&scheme, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01) ||
        !next(&scheme, SEQUENCE, &algorithm, &envelope->wrap_algorithm) ||
        !NEXT_IS(&algorithm, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d))
        return false;
    if (!next(&recipient, SEQUENCE, &keys, NULL) || recipient.size != 0 || !next(&keys, SEQUENCE, &key, NULL) ||
        keys.size != 0 || !next(&key, SEQUENCE, &name, NULL) || !next(&key, OCTETS, &envelope->wrapped_key, NULL) ||
        key.size != 0 || envelope->wrapped_key.size != ENVELOPE_WRAPPED_SIZE)
        return false;
    memcpy(envelope->point, bits.at + 1, POINT_SIZE);
    *ret_ours = names_certificate(name, certificate);
    return true;
}

/* The recipient that this certificate is, among one or two. */
static bool find_recipient(struct span recipients, X509 *certificate, struct envelope *envelope, struct fault *fault)
{
    bool ours = false;
    while (recipients.size > 0 && !ours) {
        struct span recipient;
        if (!next(&recipients, 0xa1, &recipient, NULL) || !read_recipient(recipient, certificate, envelope, &ours))
            return fault_set(fault, FAULT_SEAL, 0, "a recipient of the blob is not as this program seals");
    }
    return ours || fault_set(fault, FAULT_SEAL, 0, "the blob is not sealed to this certificate");
}

static bool read_content(struct span *sealed, struct envelope *envelope)
{
    struct span content, algorithm, parameters;
    return next(sealed, SEQUENCE, &content, NULL) &&
           NEXT_IS(&content, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01) &&
           next(&content, SEQUENCE, &algorithm, NULL) &&
           NEXT_IS(&algorithm, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e) &&
           next(&algorithm, SEQUENCE, &parameters, NULL) && algorithm.size == 0 &&
           next(&parameters, OCTETS, &envelope->nonce, NULL) && NEXT_IS(&parameters, NUMBER, 1, ENVELOPE_TAG_SIZE) &&
           parameters.size == 0 && envelope->nonce.size == ENVELOPE_NONCE_SIZE &&
           next(&content, 0x80, &envelope->content, NULL) && content.size == 0 &&
           next(sealed, OCTETS, &envelope->tag, NULL) && sealed->size == 0 && envelope->tag.size == ENVELOPE_TAG_SIZE;
}

/* ContentInfo { id-ct-authEnvelopedData, [0] AuthEnvelopedData }, without attributes: nothing else was ever sealed. */
bool envelope_read(const uint8_t *blob, size_t size, X509 *certificate, struct envelope *ret_envelope,
                   struct fault *fault)
{
    struct span all = {blob, size}, outer, explicit_tag, sealed, recipients;
    if (size > SEALED_MAX || !next(&all, SEQUENCE, &outer, NULL) || all.size != 0 ||
        !NEXT_IS(&outer, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17) ||
        !next(&outer, 0xa0, &explicit_tag, NULL) || outer.size != 0 || !next(&explicit_tag, SEQUENCE, &sealed, NULL) ||
        explicit_tag.size != 0 || !NEXT_IS(&sealed, NUMBER, 1, 0) || !next(&sealed, SET, &recipients, NULL) ||
        !read_content(&sealed, ret_envelope))
        return fault_set(fault, FAULT_SEAL, 0, "the blob is cut or not as this program seals");
    return find_recipient(recipients, certificate, ret_envelope, fault);
}
