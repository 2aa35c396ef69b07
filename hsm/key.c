#include "hsm/key.h"

#include "hsm/der.h"

#include <openssl/err.h>
#include <string.h>

#define ID_MAX 64
#define POINTS_MAX 64

/* Exactly one, or a fault: two matches are never a choice. */
static bool find_one(struct token *token, CK_OBJECT_CLASS class, const char *label, const uint8_t *id, size_t id_size,
                     CK_OBJECT_HANDLE *ret_object, struct fault *fault)
{
    CK_ATTRIBUTE filter[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (char *)label, strlen(label)},
        {CKA_ID, (uint8_t *)id, id_size},
    };
    CK_OBJECT_HANDLE found[2];
    size_t count = ARRAY_SIZE(found);
    if (!call_find(&token->session, filter, id ? 3 : 2, found, &count, fault))
        return fault_within(fault, "find key '%s'", label);
    if (count == 0)
        return fault_set(fault, FAULT_HSM_KEY_NOT_FOUND, 0, "key '%s' is not on token '%s'", label, token->label);
    if (count > 1)
        return fault_set(fault, FAULT_HSM_AMBIGUOUS, 0, "more than one key '%s' on token '%s'", label, token->label);
    *ret_object = found[0];
    return true;
}

/* What the token says of itself is necessary, not sufficient: the ceremony tried to take the key out. */
static bool is_protected(struct token *token, CK_OBJECT_HANDLE object, bool *ret_asks_pin, const char *label,
                         struct fault *fault)
{
    CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE, asks = CK_FALSE;
    CK_ATTRIBUTE attributes[] = {
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_ALWAYS_AUTHENTICATE, &asks, sizeof asks}, /* only some tokens have it, and only for private keys */
    };
    if (!call_attributes(&token->session, object, attributes, ARRAY_SIZE(attributes), fault))
        return fault_within(fault, "read key '%s'", label);
    if (sensitive != CK_TRUE || extractable != CK_FALSE)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' is not protected: sensitive %d, extractable %d",
                         label, sensitive, extractable);
    *ret_asks_pin = attributes[2].ulValueLen == sizeof asks && asks == CK_TRUE;
    return true;
}

/* Some tokens give the point bare, some wrapped in an OCTET STRING as the standard says. */
bool key_point(struct token *token, CK_OBJECT_HANDLE object, uint8_t ret_point[POINT_SIZE], const char *label,
               struct fault *fault)
{
    uint8_t bytes[POINT_SIZE + 2];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, bytes, sizeof bytes};
    if (!call_attributes(&token->session, object, &attribute, 1, fault))
        return fault_within(fault, "read key '%s'", label);
    const uint8_t *point = bytes;
    if (attribute.ulValueLen == sizeof bytes && bytes[0] == 0x04 && bytes[1] == POINT_SIZE)
        point += 2;
    else if (attribute.ulValueLen != POINT_SIZE)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' is not on P-256", label);
    memcpy(ret_point, point, POINT_SIZE);
    return true;
}

bool key_find(struct token *token, const char *label, struct key *ret_key, struct fault *fault)
{
    struct key key;
    if (!find_one(token, CKO_PRIVATE_KEY, label, NULL, 0, &key.handle, fault) ||
        !is_protected(token, key.handle, &key.asks_pin, label, fault))
        return false;

    uint8_t id[ID_MAX];
    CK_ATTRIBUTE attribute = {CKA_ID, id, sizeof id};
    CK_OBJECT_HANDLE public_half;
    if (!call_attributes(&token->session, key.handle, &attribute, 1, fault))
        return fault_within(fault, "read key '%s'", label);
    if (attribute.ulValueLen == 0 || attribute.ulValueLen > sizeof id)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' has no CKA_ID", label);
    if (!find_one(token, CKO_PUBLIC_KEY, label, id, attribute.ulValueLen, &public_half, fault) ||
        !key_point(token, public_half, key.point, label, fault))
        return fault_within(fault, "public half");
    *ret_key = key;
    return true;
}

bool key_find_secret(struct token *token, const char *label, CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE key;
    bool asks_pin;
    if (!find_one(token, CKO_SECRET_KEY, label, NULL, 0, &key, fault) ||
        !is_protected(token, key, &asks_pin, label, fault))
        return false;
    *ret_key = key;
    return true;
}

bool key_sign(struct token *token, const struct key *key, const struct secret *pin, const uint8_t digest[32],
              uint8_t ret_der[DER_SIGNATURE_MAX], size_t *ret_size, struct fault *fault)
{
    if (key->asks_pin && !pin)
        return fault_set(fault, FAULT_HSM_PIN, 0, "the key asks for the PIN before each signature");
    const struct call_signing signing = {.mechanism = CKM_ECDSA, .key = key->handle, .pin = key->asks_pin ? pin : NULL};
    uint8_t raw[RAW_SIGNATURE_SIZE];
    size_t size = sizeof raw;
    if (!call_sign(&token->session, &signing, digest, 32, raw, &size, fault))
        return fault_within(fault, "sign");
    if (size != sizeof raw)
        return fault_set(fault, FAULT_HSM_CALL, 0, "sign: the token gave %zu bytes", size);
    return crypto_signature(raw, ret_der, ret_size, fault);
}

bool key_find_for(struct token *token, const char *label, X509 *certificate, const struct secret *pin,
                  struct key *ret_key, struct fault *fault)
{
    EVP_PKEY *certified = X509_get0_pubkey(certificate);
    struct key key;
    uint8_t point[POINT_SIZE];
    if (!key_find(token, label, &key, fault))
        return false;
    if (!certified)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate's public key");
    if (!crypto_point(certified, point, fault))
        return fault_within(fault, "certificate's public key");
    if (memcmp(point, key.point, sizeof point) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' is not its certificate's", label);

    uint8_t challenge[32], der[DER_SIGNATURE_MAX];
    size_t size;
    if (!token_draw(token, challenge, sizeof challenge, fault) ||
        !key_sign(token, &key, pin, challenge, der, &size, fault))
        return fault_within(fault, "prove key '%s'", label);
    if (!crypto_verify(certified, challenge, der, size))
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "key '%s' does not sign for its certificate", label);
    *ret_key = key;
    return true;
}

/* SEQUENCE { tbs, signatureAlgorithm, signature BIT STRING } */
static bool assemble(const uint8_t *tbs, size_t tbs_size, const uint8_t *signature, size_t signature_size,
                     uint8_t *ret_der, size_t size, size_t *ret_size, struct fault *fault)
{
    struct writer writer = writer_over(ret_der, size);
    size_t whole = der_open(&writer, DER_SEQUENCE);
    writer_bytes(&writer, tbs, tbs_size);
    writer_bytes(&writer, crypto_ecdsa_sha256, CRYPTO_ECDSA_SHA256_SIZE);
    size_t bits = der_open(&writer, DER_BIT_STRING);
    writer_u8(&writer, 0); /* how many bits are unused */
    writer_bytes(&writer, signature, signature_size);
    der_close(&writer, bits);
    der_close(&writer, whole);
    if (writer.failed)
        return fault_set(fault, FAULT_CRYPTO, 0, "it is too large to be signed");
    *ret_size = writer.at;
    return true;
}

bool key_sign_der(struct token *token, const struct key *key, const uint8_t *tbs, size_t tbs_size, uint8_t *ret_der,
                  size_t size, size_t *ret_size, struct fault *fault)
{
    uint8_t digest[32], signature[DER_SIGNATURE_MAX];
    size_t signature_size;
    if (!crypto_sha256(tbs, tbs_size, digest, fault) ||
        !key_sign(token, key, NULL, digest, signature, &signature_size, fault))
        return false;
    return assemble(tbs, tbs_size, signature, signature_size, ret_der, size, ret_size, fault);
}

bool key_list_points(struct token *token, uint8_t (*ret_points)[POINT_SIZE], size_t most, size_t *ret_count,
                     struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_ATTRIBUTE filter[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE found[POINTS_MAX + 1];
    size_t count = most < POINTS_MAX ? most + 1 : POINTS_MAX + 1, listed = 0;
    size_t room = count;
    if (!call_find(&token->session, filter, ARRAY_SIZE(filter), found, &count, fault))
        return fault_within(fault, "list public keys");
    if (count == room)
        return fault_set(fault, FAULT_HSM_AMBIGUOUS, 0, "more than %zu public keys on token '%s'", room - 1,
                         token->label);
    for (size_t i = 0; i < count; i++) {
        struct fault other; /* a key on another curve */
        if (key_point(token, found[i], ret_points[listed], "public", &other))
            listed++;
        else if (other.code != FAULT_HSM_KEY_WRONG) {
            *fault = other;
            return false;
        }
    }
    *ret_count = listed;
    return true;
}

bool key_certify(struct token *token, const struct key *key, const struct secret *pin, X509 *unsigned_certificate,
                 X509 **ret_certificate, struct fault *fault)
{
    /* OpenSSL 3.0 has no setter for the algorithm inside the part that is signed. */
    X509_ALGOR *inner = (X509_ALGOR *)X509_get0_tbs_sigalg(unsigned_certificate);
    CLEANUP(openssl_bytes_freep) unsigned char *tbs = NULL;
    if (X509_ALGOR_set0(inner, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, NULL) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "certificate's algorithm");
    int tbs_size = i2d_re_X509_tbs(unsigned_certificate, &tbs);
    if (tbs_size <= 0)
        return crypto_failed(fault, FAULT_CRYPTO, "encode certificate");

    uint8_t digest[32], signature[DER_SIGNATURE_MAX];
    size_t size;
    CLEANUP(X509_freep) X509 *certificate = NULL;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *signer = NULL;
    uint8_t der[CERTIFICATE_MAX];
    size_t der_size;
    if (!crypto_sha256(tbs, (size_t)tbs_size, digest, fault) ||
        !key_sign(token, key, pin, digest, signature, &size, fault) ||
        !assemble(tbs, (size_t)tbs_size, signature, size, der, sizeof der, &der_size, fault) ||
        !crypto_public_key(key->point, &signer, fault))
        return fault_within(fault, "sign certificate");
    const uint8_t *from = der;
    certificate = d2i_X509(NULL, &from, (long)der_size);
    if (!certificate)
        return crypto_failed(fault, FAULT_CRYPTO, "read the new certificate");
    if (X509_verify(certificate, signer) != 1)
        return crypto_failed(fault, FAULT_CERTIFICATE_REFUSED, "the new certificate's signature");
    *ret_certificate = TAKE(certificate);
    return true;
}
