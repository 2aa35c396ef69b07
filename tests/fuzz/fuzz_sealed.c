/* A sealed blob, taken apart for a certificate that the good seed is sealed to. */
#include "hsm/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static X509 *recovery(void)
{
    static X509 *certificate;
    struct fault fault;
    if (!certificate && !crypto_read_certificate(RECOVERY_CERTIFICATE, &certificate, &fault))
        abort();
    return certificate;
}

static void expect_inside(struct span span, const uint8_t *bytes, size_t size)
{
    if (span.at < bytes || span.size > size || (size_t)(span.at - bytes) > size - span.size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct envelope envelope = {0};
    struct fault fault = {0};
    if (!envelope_read(bytes, size, recovery(), &envelope, &fault)) {
        if (fault.code != FAULT_SEAL)
            abort();
        return 0;
    }
    expect_inside(envelope.wrap_algorithm, bytes, size);
    expect_inside(envelope.wrapped_key, bytes, size);
    expect_inside(envelope.nonce, bytes, size);
    expect_inside(envelope.content, bytes, size);
    expect_inside(envelope.tag, bytes, size);
    if (envelope.nonce.size != ENVELOPE_NONCE_SIZE || envelope.tag.size != ENVELOPE_TAG_SIZE ||
        envelope.wrapped_key.size != ENVELOPE_WRAPPED_SIZE)
        abort();
    return 0;
}
