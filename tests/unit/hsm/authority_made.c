#include "tests/unit/hsm/authority_made.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void add_id(X509_NAME *name, const char *dots, const char *id)
{
    ASN1_OBJECT *object = OBJ_txt2obj(dots, 1);
    must(!id || X509_NAME_add_entry_by_OBJ(name, object, V_ASN1_UTF8STRING, (const uint8_t *)id, -1, -1, 0) == 1);
    ASN1_OBJECT_free(object);
}

static X509 *begin(const char *common_name, EVP_PKEY *key, int number)
{
    X509 *made = X509_new();
    must(made && X509_set_version(made, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set(X509_get_serialNumber(made), number) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(made), -60) && X509_gmtime_adj(X509_getm_notAfter(made), 86400) &&
         X509_set_pubkey(made, key) == 1 &&
         X509_NAME_add_entry_by_NID(X509_get_subject_name(made), NID_commonName, MBSTRING_ASC,
                                    (const uint8_t *)common_name, -1, -1, 0) == 1);
    return made;
}

static void finish(X509 *certificate, EVP_PKEY *signer, const char *path)
{
    FILE *file = fopen(path, "we");
    must(X509_sign(certificate, signer, EVP_sha256()) > 0);
    must(file && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
}

static EVP_PKEY *key_of(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    must(key && fclose(file) == 0);
    X509_free(certificate);
    return key;
}

void authority_make(const struct softhsm *softhsm, const struct authority_made *shape, const char *root_path,
                    const char *issuing_path)
{
    EVP_PKEY *root_key = EVP_EC_gen("P-256"), *issuing_key = key_of(softhsm_file(softhsm, "issuing-1.pem"));
    must(root_key != NULL);
    X509 *root = begin("Test PAA", root_key, 1), *issuing = begin("Test PAI", issuing_key, 2);
    must(X509_set_issuer_name(root, X509_get_subject_name(root)) == 1);
    add_extension(root, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:1");
    add_extension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(root, root, NID_subject_key_identifier, "hash");
    add_extension(root, root, NID_authority_key_identifier, "keyid:always");
    finish(root, root_key, root_path);

    add_id(X509_get_subject_name(issuing), "1.3.6.1.4.1.37244.2.1", shape->vendor);
    add_id(X509_get_subject_name(issuing), "1.3.6.1.4.1.37244.2.2", shape->product);
    must(X509_set_issuer_name(issuing, X509_get_subject_name(root)) == 1);
    add_extension(issuing, root, NID_basic_constraints, shape->constraints);
    add_extension(issuing, root, NID_key_usage, shape->key_usage);
    add_extension(issuing, root, NID_subject_key_identifier, "hash");
    add_extension(issuing, root, NID_authority_key_identifier, "keyid:always");
    finish(issuing, root_key, issuing_path);
    X509_free(root);
    X509_free(issuing);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(issuing_key);
}
