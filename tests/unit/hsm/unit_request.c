#include "tests/unit/hsm/unit_request.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void must(int result)
{
    if (result <= 0)
        abort();
}

/* Asks for everything that must not be honoured: another name, and to be a certificate authority. */
static void ask_for_more(X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *wishes = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *authority = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:bank.example");
    must(wishes && authority && name);
    must(sk_X509_EXTENSION_push(wishes, authority));
    must(sk_X509_EXTENSION_push(wishes, name));
    must(X509_REQ_add_extensions(request, wishes));
    sk_X509_EXTENSION_pop_free(wishes, X509_EXTENSION_free);
}

struct unit_request unit_request_make(EVP_PKEY *key, EVP_PKEY *subject_key, const EVP_MD *digest, const char *serial)
{
    struct unit_request made;
    unsigned char *end = made.der;
    X509_REQ *request = X509_REQ_new();
    must(request != NULL);
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    must(X509_REQ_set_version(request, X509_REQ_VERSION_1));
    must(X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_ASC, (const unsigned char *)"Mallory", -1,
                                    -1, 0));
    if (serial)
        must(X509_NAME_add_entry_by_NID(subject, NID_serialNumber, MBSTRING_ASC, (const unsigned char *)serial, -1, -1,
                                        0));
    ask_for_more(request);
    must(X509_REQ_set_pubkey(request, subject_key));
    must(X509_REQ_sign(request, key, digest));
    int size = i2d_X509_REQ(request, NULL);
    must(size > 0 && (size_t)size <= sizeof made.der);
    made.size = (size_t)i2d_X509_REQ(request, &end);
    X509_REQ_free(request);
    return made;
}

struct unit_request unit_request_good(const char *serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL);
    struct unit_request request = unit_request_make(key, key, EVP_sha256(), serial);
    EVP_PKEY_free(key);
    return request;
}
