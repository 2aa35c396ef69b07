/* crypto.h -- the little of OpenSSL that several files of this room share.
 *
 * Owner    the caller owns what it gets
 * Threads  any
 * Secrets  none: public keys, certificates and signatures only
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "base/fault.h"
#include "hsm/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define POINT_SIZE 65         /* an uncompressed point on P-256: 0x04, X, Y */
#define RAW_SIGNATURE_SIZE 64 /* r and s as a token gives them */
#define DER_SIGNATURE_MAX 72

static inline void openssl_bytes_free(unsigned char *bytes)
{
    OPENSSL_free(bytes);
}

DEFINE_CLEANUP(unsigned char *, openssl_bytes_free)
DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free)
DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(X509_CRL *, X509_CRL_free)
DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)

/* Fills the fault with OpenSSL's last reason behind `what`, and empties its error queue. The whole is false. */
NONNULL(1, 3) bool crypto_failed(struct fault *fault, enum fault_code code, const char *what);

/* A public key from a point, which is checked to lie on the curve. Faults: CRYPTO. */
NODISCARD NONNULL(1, 2, 3) bool crypto_public_key(const uint8_t point[POINT_SIZE], EVP_PKEY **ret_key,
                                                  struct fault *fault);

/* The point of a P-256 key. Faults: CRYPTO for any other key. */
NODISCARD NONNULL(1, 2, 3) bool crypto_point(const EVP_PKEY *key, uint8_t ret_point[POINT_SIZE], struct fault *fault);

/* r and s as X.509 and TLS want them. Faults: CRYPTO. */
NODISCARD NONNULL(1, 2, 3, 4) bool crypto_signature(const uint8_t raw[RAW_SIGNATURE_SIZE],
                                                    uint8_t ret_der[DER_SIGNATURE_MAX], size_t *ret_size,
                                                    struct fault *fault);

/* AlgorithmIdentifier of ecdsa-with-SHA256, whole; and all of a SubjectPublicKeyInfo on P-256 up to its point. */
#define CRYPTO_ECDSA_SHA256_SIZE 12
#define CRYPTO_P256_PREFIX_SIZE 26
extern const uint8_t crypto_ecdsa_sha256[CRYPTO_ECDSA_SHA256_SIZE];
extern const uint8_t crypto_p256_prefix[CRYPTO_P256_PREFIX_SIZE];

/* SHA-1 names a key here and protects nothing. Faults: CRYPTO. */
NODISCARD NONNULL(1, 3, 4) bool crypto_sha1(const void *bytes, size_t size, uint8_t ret_digest[20],
                                            struct fault *fault);
NODISCARD NONNULL(1, 3, 4) bool crypto_sha256(const void *bytes, size_t size, uint8_t ret_digest[32],
                                              struct fault *fault);

/* True when the DER signature over the digest is this key's. */
NODISCARD NONNULL(1, 2, 3) bool crypto_verify(EVP_PKEY *key, const uint8_t digest[32], const uint8_t *der, size_t size);

/* Reads the first certificate of a PEM file of at most 64 KiB. Faults: FILE, CRYPTO. */
NODISCARD NONNULL(1, 2, 3) bool crypto_read_certificate(const char *path, X509 **ret_certificate, struct fault *fault);

/* The certificate as a value. Faults: CRYPTO, also for one that is too large. */
NODISCARD NONNULL(1, 2, 3) bool crypto_certificate_value(X509 *x509, struct certificate *ret_certificate,
                                                         struct fault *fault);

/* True when the chain leaf, intermediate (NULL: none), root holds under RFC 5280's strict rules. Faults:
 * CERTIFICATE_REFUSED, NO_MEMORY.
 */
NODISCARD NONNULL(1, 3, 4) bool crypto_verify_chain(X509 *leaf, X509 *intermediate, X509_STORE *root,
                                                    struct fault *fault);
/* True when this certificate is signed by the one the store trusts, which need not be a root, and both are valid now,
 * under the same rules. One signature is verified. Faults: CERTIFICATE_REFUSED, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool crypto_verify_issued(X509 *leaf, X509_STORE *issuing, struct fault *fault);
/* A store that trusts this root and nothing else. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool crypto_trust(X509 *root, X509_STORE **ret_store, struct fault *fault);
