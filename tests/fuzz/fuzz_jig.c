/* fuzz_jig.c -- random bytes as jig, policy, profile, ceremony, product and known-defaults files.
 *
 * The first byte chooses the kind, so that one corpus serves all. Whatever the bytes are, the reader ends, gives a
 * value or a fault with a text, and touches its output only in the first case.
 */
#include "jigs/read.h"

#include <stdlib.h>
#include <string.h>

#include "jigs/known_defaults.h"

/* Relative paths of a product end nowhere. */
#define NOWHERE "/nonexistent/products/fuzz.yaml"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void expect_answer(bool good, bool touched, const struct fault *fault)
{
    expect(good == touched);
    expect(good ? fault->code == FAULT_NONE : fault->code != FAULT_NONE && fault->text[0] != '\0');
    expect(memchr(fault->text, '\0', sizeof fault->text) != NULL);
}

static void fuzz_jig(const uint8_t *bytes, size_t size)
{
    struct fault fault = {0};
    CLEANUP(jig_freep) struct jig *jig = NULL;
    expect_answer(jig_parse(bytes, size, NOWHERE, &jig, &fault), jig != NULL, &fault);
}

static void fuzz_ceremony(const uint8_t *bytes, size_t size)
{
    struct fault fault = {0};
    CLEANUP(ceremony_freep) struct ceremony *ceremony = NULL;
    expect_answer(ceremony_parse(bytes, size, NOWHERE, &ceremony, &fault), ceremony != NULL, &fault);
}

static void fuzz_policy(const uint8_t *bytes, size_t size)
{
    struct fault fault = {0};
    struct password_policy policy = {0};
    bool good = policy_parse(bytes, size, NOWHERE, &policy, &fault);
    expect_answer(good, policy.version != 0, &fault);
    expect(!good || policy.entropy_bits >= policy.minimum_entropy_bits);
}

static void fuzz_profile(const uint8_t *bytes, size_t size)
{
    struct fault fault = {0};
    struct profile profile = {0};
    bool good = profile_parse(bytes, size, NOWHERE, &profile, &fault);
    expect_answer(good, profile.name_count != 0, &fault);
    expect(!good || (profile.key_usage != 0 && profile_has(&profile, PROFILE_AUTHORITY_KEY)));
}

static void fuzz_product(const uint8_t *bytes, size_t size)
{
    struct fault fault = {0};
    CLEANUP(product_freep) struct product *product = NULL;
    expect_answer(product_parse(bytes, size, NOWHERE, &product, &fault), product != NULL, &fault);
}

static void fuzz_known_defaults(const uint8_t *bytes, size_t size)
{
    struct fault fault = {0};
    CLEANUP(product_freep) struct product *product = calloc(1, sizeof *product);
    expect(product != NULL);
    bool good = known_defaults_parse(bytes, size, NOWHERE, product, &fault);
    expect_answer(good, product->known_default_count != 0, &fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t none[1];
    const uint8_t *bytes = size > 0 ? data : none;
    fuzz_jig(bytes, size);
    fuzz_ceremony(bytes, size);
    fuzz_policy(bytes, size);
    fuzz_profile(bytes, size);
    fuzz_product(bytes, size);
    fuzz_known_defaults(bytes, size);
    return 0;
}
