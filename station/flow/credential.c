#include "station/flow/journey.h"

#include "base/clock.h"
#include "jigs/read.h"
#include "station/flow/certificate_profile.h"
#include "station/policy/policy.h"

#include <stdio.h>
#include <string.h>

/* A token or a policy that needs more draws than this is broken: the chance in good order is far below 1e-9. */
#define REDRAWS_MAX 100

static struct password_context context_of(const struct journey *journey, const char *date)
{
    return (struct password_context){
        .serial = journey->reservation.serial,
        .mac = journey->reservation.mac,
        .mac_count = journey->reservation.mac_count,
        .model = journey->product->model,
        .ssid = journey->ssid,
        .date = date,
        .blocklist = journey->product->blocklist,
        .blocklist_count = journey->product->blocklist_count,
        .known_defaults = journey->product->known_defaults,
        .known_default_count = journey->product->known_default_count,
    };
}

static bool draw(struct journey *journey, struct journey_credential *credential, const struct password_context *context,
                 struct fault *fault)
{
    const struct password_policy *policy = &credential->is->policy;
    for (unsigned redraws = 0; redraws <= REDRAWS_MAX; redraws++) {
        CLEANUP(secret_freep) struct secret *password = NULL;
        if (!keyring_draw_password(journey->station->keyring, policy->alphabet, policy->length, &password, fault))
            return fault_within(fault, "draw %s password", credential->is->kind);
        if (password_admits(policy, context, password)) {
            credential->password = TAKE(password);
            credential->redraws = redraws;
            (void)snprintf(credential->token, sizeof credential->token, "%s", keyring_label(journey->station->keyring));
            return true;
        }
    }
    return fault_set(fault, FAULT_PASSWORD_REDRAWS, 0, "%s password: %d draws, none satisfied policy %s version %u",
                     credential->is->kind, REDRAWS_MAX + 1, policy->id, policy->version);
}

static bool make_credential(struct journey *journey, struct journey_credential *credential,
                            const struct password_context *context, struct fault *fault)
{
    return draw(journey, credential, context, fault) &&
           keyring_fingerprint(journey->station->keyring, credential->password, credential->fingerprint, fault) &&
           seal_password(journey->station->sealer, journey->reservation.serial, credential->is->kind,
                         credential->password, &credential->sealed, fault);
}

static void keep_generated(struct journey *journey, const char *date)
{
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_CREDENTIAL_GENERATED);
    json_open(&facts, "credentials", '[');
    for (size_t i = 0; i < journey->credential_count; i++) {
        const struct journey_credential *credential = &journey->credentials[i];
        json_open(&facts, NULL, '{');
        json_text(&facts, "kind", credential->is->kind);
        json_text(&facts, "token", credential->token);
        json_number(&facts, "length", credential->is->policy.length);
        json_number(&facts, "alphabet_size", (int64_t)strlen(credential->is->policy.alphabet));
        json_number(&facts, "redraws", credential->redraws);
        json_close(&facts, '}');
    }
    json_close(&facts, ']');
    evidence_keep(&journey->evidence, &facts, EVIDENCE_CREDENTIAL_GENERATED, STORE_SHOWN);

    facts = evidence_begin(&journey->evidence, EVIDENCE_POLICY_APPLIED);
    json_text(&facts, "date", date);
    json_open(&facts, "policies", '[');
    for (size_t i = 0; i < journey->credential_count; i++) {
        const struct password_policy *policy = &journey->credentials[i].is->policy;
        json_open(&facts, NULL, '{');
        json_text(&facts, "kind", journey->credentials[i].is->kind);
        json_text(&facts, "id", policy->id);
        json_number(&facts, "version", policy->version);
        json_hex(&facts, "sha256", policy->sha256, sizeof policy->sha256);
        json_close(&facts, '}');
    }
    json_close(&facts, ']');
    json_hex(&facts, "known_defaults_sha256", journey->product->known_defaults_sha256,
             sizeof journey->product->known_defaults_sha256);
    evidence_keep(&journey->evidence, &facts, EVIDENCE_POLICY_APPLIED, STORE_SHOWN);
}

static bool make_credentials(struct journey *journey, struct fault *fault)
{
    char now[CLOCK_TEXT_SIZE];
    clock_wall_text(now);
    now[DATE_SIZE - 1] = '\0';
    struct password_context context = context_of(journey, now);
    for (size_t i = 0; i < journey->product->credential_count; i++) {
        struct journey_credential *credential = &journey->credentials[i];
        credential->is = &journey->product->credentials[i];
        bool overdue;
        if (!policy_check_date(&credential->is->policy, now, &overdue, fault) ||
            !make_credential(journey, credential, &context, fault))
            return false;
        journey->credential_count++;
    }
    if (journey->credential_count > 0)
        keep_generated(journey, now);
    return true;
}

/* The unit asks for a certificate for the key it made. */
static bool certify_request(struct journey *journey, const struct certificate_subject *subject, struct fault *fault)
{
    uint8_t csr[UNIT_CSR_MAX];
    size_t csr_size;
    return unit_request_certificate(journey->unit, journey->reservation.attempt.bytes, journey->reservation.serial, csr,
                                    &csr_size, fault) &&
           keyring_issue(journey->station->keyring, csr, csr_size, subject, &journey->certificate, &journey->issuing,
                         fault);
}

/* The unit gets its key from the token. There is no request that proves possession: its next link, with the new
 * certificate, does. */
static bool certify_made(struct journey *journey, const struct certificate_subject *subject, struct fault *fault)
{
    struct keyring *keyring = journey->station->keyring;
    uint8_t point[UNIT_POINT_SIZE];
    if (!unit_offer_point(journey->unit, journey->reservation.attempt.bytes, journey->reservation.serial, point,
                          fault) ||
        !keyring_make_key(keyring, point, &journey->wrapped, fault))
        return false;
    (void)snprintf(journey->key_token, sizeof journey->key_token, "%s", keyring_label(keyring));
    return keyring_issue_key(keyring, journey->wrapped.point, subject, &journey->certificate, &journey->issuing, fault);
}

static bool certify(struct journey *journey, struct fault *fault)
{
    const struct product *product = journey->product;
    struct certificate_profile profile;
    certificate_profile_from(&product->profile, &profile);
    const struct certificate_subject subject = certificate_subject_from(product, &profile, journey->reservation.serial);
    bool made = product->key == KEY_SOURCE_STATION;
    if (made ? !certify_made(journey, &subject, fault) : !certify_request(journey, &subject, fault))
        return false;
    (void)snprintf(journey->issuing_token, sizeof journey->issuing_token, "%s",
                   keyring_label(journey->station->keyring));
    return true;
}

static bool request_issuer(struct journey *journey, struct fault *fault)
{
    char subject[CERTIFICATE_NAME_SIZE];
    if (!certificate_subject_text(journey->issuing, subject, fault))
        return false;
    struct store_issuer issuer = {.der = journey->issuing->der,
                                  .der_size = journey->issuing->der_size,
                                  .subject = subject,
                                  .token_label = journey->issuing_token};
    return store_issuer_register(journey->station->store, &issuer, fault);
}

/* The CA that signed this one, which after a fail-over is another than the last unit's, is in the record before any
 * unit that names it. */
static bool register_issuer(struct journey *journey, struct fault *fault)
{
    struct flow_issuers *known = journey->station->issuers;
    for (size_t i = 0; i < known->count; i++)
        if (memcmp(known->sha256[i], journey->issuing->sha256, sizeof known->sha256[i]) == 0)
            return true;
    if (!journey_record(journey, request_issuer, fault))
        return false;
    if (known->count < ARRAY_SIZE(known->sha256))
        memcpy(known->sha256[known->count++], journey->issuing->sha256, sizeof known->sha256[0]);
    return true;
}

static bool request_intent(struct journey *journey, struct fault *fault)
{
    struct store_credential credentials[PRODUCT_CREDENTIALS_MAX];
    for (size_t i = 0; i < journey->credential_count; i++) {
        const struct journey_credential *credential = &journey->credentials[i];
        credentials[i] = (struct store_credential){
            .kind = credential->is->kind,
            .policy_id = credential->is->policy.id,
            .policy_version = credential->is->policy.version,
            .fingerprint = credential->fingerprint,
            .sealed = credential->sealed.der,
            .sealed_size = credential->sealed.size,
            .recovery_key = sealer_key(journey->station->sealer),
        };
    }
    const struct certificate *certificate = &journey->certificate;
    struct store_intent intent = {
        .attempt = journey->reservation.attempt,
        .credentials = credentials,
        .credential_count = journey->credential_count,
        .certificate = certificate->der,
        .certificate_size = certificate->der_size,
        .certificate_serial = certificate->serial,
        .certificate_serial_size = certificate->serial_size,
        .certificate_sha256 = certificate->sha256,
        .spki_sha256 = certificate->spki_sha256,
        .issuer_sha256 = journey->issuing->sha256,
    };
    return store_intent(journey->station->store, &intent, fault);
}

bool journey_issue(struct journey *journey, struct fault *fault)
{
    journey_show(journey, FLOW_ISSUE);
    if (!make_credentials(journey, fault))
        return fault_within(fault, "make credentials");
    if (!certify(journey, fault))
        return fault_within(fault, "certify");
    if (!register_issuer(journey, fault))
        return fault_within(fault, "record the issuing CA");
    if (!journey_record(journey, request_intent, fault))
        return fault_within(fault, "record the intent");
    return true;
}

static bool request_injected(struct journey *journey, struct fault *fault)
{
    return store_injected(journey->station->store, &journey->reservation.attempt, journey->receipt, fault);
}

static bool inject(struct journey *journey, struct fault *fault)
{
    struct unit_credential credentials[PRODUCT_CREDENTIALS_MAX];
    for (size_t i = 0; i < journey->credential_count; i++) {
        const struct journey_credential *credential = &journey->credentials[i];
        credentials[i] = (struct unit_credential){.kind = credential->is->kind,
                                                  .user = credential->is->user,
                                                  .login = credential->is->login,
                                                  .password = credential->password};
    }
    struct unit_injection injection = {
        .serial = journey->reservation.serial,
        .mac = journey->reservation.mac,
        .mac_count = journey->reservation.mac_count,
        .ssid = journey->ssid,
        .must_change = journey->product->auth == AUTH_FORCE,
        .credentials = credentials,
        .credential_count = journey->credential_count,
        .certificate = journey->certificate.der,
        .certificate_size = journey->certificate.der_size,
        .issuing_certificate = journey->issuing->der,
        .issuing_certificate_size = journey->issuing->der_size,
    };
    memcpy(injection.transaction, journey->reservation.attempt.bytes, sizeof injection.transaction);
    if (journey->wrapped.size > 0) {
        injection.transport_point = journey->wrapped.transport;
        injection.wrapped_key = journey->wrapped.bytes;
        injection.wrapped_key_size = journey->wrapped.size;
    }
    return unit_inject(journey->unit, &injection, journey->receipt, fault);
}

/* What the unit itself now says it holds. */
static bool keep_receipt(struct journey *journey, struct fault *fault)
{
    if (!unit_identify(journey->unit, &journey->now, fault))
        return false;
    const uint8_t *held = journey->now.certificate_sha256;
    if (memcmp(held, journey->certificate.sha256, sizeof journey->certificate.sha256) != 0)
        return fault_set(fault, FAULT_UNIT_RECEIPT, 0, "unit holds another certificate than it was sent");

    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_CREDENTIAL_INJECTED);
    json_bool(&facts, "receipt_matches", true);
    json_hex(&facts, "receipt", journey->receipt, sizeof journey->receipt);
    json_hex(&facts, "certificate_sha256", held, sizeof journey->certificate.sha256);
    json_number(&facts, "credentials", (int64_t)journey->credential_count);
    evidence_keep(&journey->evidence, &facts, EVIDENCE_CREDENTIAL_INJECTED,
                  journey->credential_count > 0 ? STORE_SHOWN : STORE_NOT_APPLICABLE);
    return true;
}

bool journey_inject(struct journey *journey, struct fault *fault)
{
    journey_show(journey, FLOW_INJECT);
    if (!inject(journey, fault) || !keep_receipt(journey, fault))
        return fault_within(fault, "inject");
    if (!journey_record(journey, request_injected, fault))
        return fault_within(fault, "record the injection");
    return true;
}
