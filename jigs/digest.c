#include "jigs/digest.h"

#include <openssl/evp.h>

bool digest_sha256(const uint8_t *bytes, size_t size, uint8_t ret_digest[SHA256_SIZE], struct fault *fault)
{
    if (EVP_Digest(bytes, size, ret_digest, NULL, EVP_sha256(), NULL) != 1)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "SHA-256 of %zu bytes failed", size);
    return true;
}
