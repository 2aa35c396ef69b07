#include "hsm/inspect.h"

#include "base/clock.h"
#include "hsm/call.h"
#include "hsm/keyring_inside.h"
#include "hsm/station_key.h"

#define RANDOM_SIZE 64

/* One token under inspection, opened as far as it came. */
struct inspector {
    const struct keyring_options *options;
    const struct keyring_place *place;
    struct inspection *inspection;
    struct token *token;
};

static bool see_token(struct inspector *inspector, struct fault *fault)
{
    const struct keyring_place *place = inspector->place;
    struct inspection *inspection = inspector->inspection;
    inspection->found = token_look(place->module, place->uri, &inspection->look, fault);
    return inspection->found;
}

static bool see_mechanisms(struct inspector *inspector, struct fault *fault)
{
    const struct token_look *look = &inspector->inspection->look;
    return (look->signs && look->macs) ||
           fault_set(fault, FAULT_HSM_CALL, CKR_MECHANISM_INVALID, "the token, or the way to it, has no %s",
                     look->signs ? "HMAC-SHA-256 (CKM_SHA256_HMAC)" : "ECDSA (CKM_ECDSA)");
}

static bool see_log_in(struct inspector *inspector, struct fault *fault)
{
    const struct keyring_place *place = inspector->place;
    return token_open_with_file(place->module, place->uri, place->pin_file, &inspector->token, fault);
}

static bool see_random(struct inspector *inspector, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *bytes = secret_new(RANDOM_SIZE);
    if (!bytes)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "draw random bytes");
    return token_random(inspector->token, bytes, fault);
}

static bool see_fingerprint(struct inspector *inspector, struct fault *fault)
{
    uint8_t check[KEYRING_CHECK_SIZE];
    return keyring_read_check(inspector->options->fingerprint_check, check, fault) &&
           keyring_check_fingerprint(inspector->token, check, fault);
}

static bool see_issuing(struct inspector *inspector, struct fault *fault)
{
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    return certificate_issuer_open(inspector->token, inspector->place->issuing, inspector->options->root, &issuer,
                                   fault);
}

static bool see_station(struct inspector *inspector, struct fault *fault)
{
    CLEANUP(station_key_freep) struct station_key *key = NULL;
    return station_key_open(inspector->token, inspector->place->station, &key, fault);
}

static bool (*const steps[INSPECT_STEPS])(struct inspector *, struct fault *) = {
    [INSPECT_TOKEN] = see_token,     [INSPECT_MECHANISMS] = see_mechanisms,   [INSPECT_LOG_IN] = see_log_in,
    [INSPECT_RANDOM] = see_random,   [INSPECT_FINGERPRINT] = see_fingerprint, [INSPECT_ISSUING] = see_issuing,
    [INSPECT_STATION] = see_station,
};

/* Without it no later step can be tried. */
static bool is_ground(enum inspect_step step)
{
    return step <= INSPECT_LOG_IN;
}

void token_inspect(const struct keyring_options *options, size_t place, struct inspection *ret_inspection)
{
    struct inspector inspector = {.options = options, .place = &options->places[place], .inspection = ret_inspection};
    *ret_inspection = (struct inspection){.good = true, .passed_over = true};
    for (size_t i = 0; i < INSPECT_STEPS; i++) {
        int64_t before = clock_monotonic_ns();
        struct fault *fault = &ret_inspection->faults[i];
        ret_inspection->tried[i] = true;
        bool good = steps[i](&inspector, fault);
        ret_inspection->took_ns[i] = clock_monotonic_ns() - before;
        if (good)
            continue;
        ret_inspection->good = false;
        ret_inspection->passed_over = ret_inspection->passed_over && keyring_is_away(fault);
        if (is_ground((enum inspect_step)i))
            break;
    }
    ret_inspection->passed_over = ret_inspection->passed_over && !ret_inspection->good;
    token_free(inspector.token);
}
