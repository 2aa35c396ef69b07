/* unit_request.h -- certificate requests as a unit would make them, good and bad.
 *
 * Owner    the caller frees nothing; requests are values
 * Threads  one
 * Secrets  the keys are made for the test and forgotten
 * Layer    tests/
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

struct unit_request {
    uint8_t der[2048];
    size_t size;
};

/* Signed with `key` under `digest`; `subject_key` is the key inside. Aborts the program when OpenSSL fails. */
struct unit_request unit_request_make(EVP_PKEY *key, EVP_PKEY *subject_key, const EVP_MD *digest, const char *serial);

/* A good one with a fresh P-256 key. */
struct unit_request unit_request_good(const char *serial);
