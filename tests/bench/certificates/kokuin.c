/* hsm/ itself, whole and without its final verification; and the ceiling under all of them: the token's signature. */
#include "hsm/certificate_parts.h"
#include "hsm/key.h"
#include "tests/bench/certificates/peer.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"

#include <string.h>

static struct token *token;
static struct certificate_issuer *issuer;
static struct certificate latest;
static struct key key;

static bool open_token(struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    return token_open(SOFTHSM_MODULE, "pkcs11:token=production", pin, &token, fault);
}

static bool open_issuer(const struct bench *bench, struct fault *fault)
{
    char issuing[BENCH_PATH], root[BENCH_PATH];
    bench_path(bench, "ca/issuing-1.pem", issuing);
    bench_path(bench, "ca/root.pem", root);
    return open_token(fault) && certificate_issuer_open(token, issuing, root, &issuer, fault);
}

static void end(void)
{
    certificate_issuer_free(TAKE(issuer));
    token_free(TAKE(token));
}

static struct certificate_subject subject_of(const struct bench_unit *unit)
{
    return (struct certificate_subject){.profile = &profile_idevid_8021ar,
                                        .organization = BENCH_ORGANIZATION,
                                        .model = BENCH_MODEL,
                                        .serial = unit->serial,
                                        .hardware_type = BENCH_HARDWARE_TYPE};
}

static bool issue(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct bench_unit *unit = &bench->units[i % BENCH_UNITS];
        const struct certificate_subject subject = subject_of(unit);
        if (!certificate_issue(issuer, unit->der, unit->size, &subject, &latest, fault))
            return false;
    }
    return true;
}

static bool issue_unverified(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct bench_unit *unit = &bench->units[i % BENCH_UNITS];
        const struct certificate_subject subject = subject_of(unit);
        if (!certificate_issue_unverified(issuer, unit->der, unit->size, &subject, &latest, fault))
            return false;
    }
    return true;
}

static bool save(const struct bench *bench, const char *path, struct fault *fault)
{
    (void)bench;
    return bench_save_der(latest.der, latest.der_size, path, fault);
}

static bool open_key(const struct bench *bench, struct fault *fault)
{
    (void)bench;
    return open_token(fault) && key_find(token, KEY_ISSUING, &key, fault);
}

static bool sign(const struct bench *bench, size_t count, struct fault *fault)
{
    const struct call_signing signing = {.mechanism = CKM_ECDSA, .key = key.handle};
    for (size_t i = 0; i < count; i++) {
        uint8_t raw[RAW_SIGNATURE_SIZE];
        size_t size = sizeof raw;
        if (!call_sign(&token->session, &signing, bench->units[i % BENCH_UNITS].der, 32, raw, &size, fault))
            return false;
    }
    return true;
}

const struct peer peer_kokuin = {.name = "hsm/ whole",
                                 .lacks = "nothing: request checked, issued, linted, verified up to the root",
                                 .turn = 256,
                                 .open = open_issuer,
                                 .issue = issue,
                                 .save = save,
                                 .close = end};

const struct peer peer_kokuin_unverified = {.name = "hsm/ unverified",
                                            .lacks = "the final verification of signature and chain",
                                            .turn = 256,
                                            .open = open_issuer,
                                            .issue = issue_unverified,
                                            .save = save,
                                            .close = end};

const struct peer peer_sign = {.name = "C_Sign alone",
                               .lacks = "everything: 32 bytes signed in the token",
                               .turn = 1024,
                               .signs_only = true,
                               .open = open_key,
                               .issue = sign,
                               .close = end};
