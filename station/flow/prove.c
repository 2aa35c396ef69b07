#include "station/flow/journey.h"

#include <string.h>

/* Keeps the row and, where it did not hold, ends with the fault that the observation stands for. */
static bool keep(struct journey *journey, struct json *facts, enum evidence_kind kind, bool shown, enum fault_code code,
                 const char *what, struct fault *fault)
{
    evidence_keep(&journey->evidence, facts, kind, shown ? STORE_SHOWN : STORE_FAILED);
    return shown || fault_set(fault, code, 0, "%s: %s", evidence_name(kind), what);
}

/* Where the unit's key was born and how it came into the unit, beside each proof that the unit has it. */
static void tell_key(const struct journey *journey, struct json *facts)
{
    bool made = journey->product->key == KEY_SOURCE_STATION;
    json_text(facts, "key", made ? "station" : "unit");
    if (!made)
        return;
    json_text(facts, "key_born_in_token", journey->key_token);
    json_text(facts, "key_travelled", "wrapped by RFC 5649 under one ECDH agreement on P-256 with the unit");
}

static bool keep_certificate_used(struct journey *journey, struct fault *fault)
{
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_CERTIFICATE_USED);
    tell_key(journey, &facts);
    json_bool(&facts, "authenticated_with_it", journey->now.used_certificate);
    json_text(&facts, "profile", journey->product->profile.id);
    json_hex(&facts, "profile_sha256", journey->product->profile.sha256, sizeof journey->product->profile.sha256);
    json_hex(&facts, "issued_sha256", journey->certificate.sha256, sizeof journey->certificate.sha256);
    json_text(&facts, "issuing_token", journey->issuing_token);
    json_hex(&facts, "issuer_sha256", journey->issuing->sha256, sizeof journey->issuing->sha256);
    json_hex(&facts, "seen_sha256", journey->now.certificate_sha256, sizeof journey->now.certificate_sha256);
    bool shown = journey->now.used_certificate && memcmp(journey->now.certificate_sha256, journey->certificate.sha256,
                                                         sizeof journey->certificate.sha256) == 0;
    return keep(journey, &facts, EVIDENCE_CERTIFICATE_USED, shown, FAULT_UNIT_CERTIFICATE,
                "the unit came back without its new certificate", fault);
}

static bool keep_link_secure(struct journey *journey, struct fault *fault)
{
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_LINK_SECURE);
    json_bool(&facts, "encrypted_and_authenticated", journey->now.link_secure);
    if (!evidence_required(journey->product, EVIDENCE_LINK_SECURE)) {
        /* Nothing is claimed, and the record says what the link was. */
        json_text(&facts, "link", "plain");
        evidence_keep(&journey->evidence, &facts, EVIDENCE_LINK_SECURE, STORE_NOT_APPLICABLE);
        return true;
    }
    return keep(journey, &facts, EVIDENCE_LINK_SECURE, journey->now.link_secure, FAULT_EVIDENCE_FAILED,
                "the link is plain", fault);
}

static bool keep_restart(struct journey *journey, struct fault *fault)
{
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_RESTART_KEPT);
    json_bool(&facts, "provisioned_after_restart", journey->now.state == UNIT_STATE_PROVISIONED);
    return keep(journey, &facts, EVIDENCE_RESTART_KEPT, journey->now.state == UNIT_STATE_PROVISIONED,
                FAULT_EVIDENCE_FAILED, "the unit forgot what it was given", fault);
}

static bool keep_identity(struct journey *journey, struct fault *fault)
{
    const struct unit_identity *now = &journey->now;
    char mac[MAC_TEXT_SIZE];
    mac_text(now->mac, mac);
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_IDENTITY_READBACK);
    json_text(&facts, "serial", now->serial);
    json_text(&facts, "mac", mac);
    json_number(&facts, "mac_count", now->mac_count);
    json_text(&facts, "model", now->model);
    json_hex(&facts, "hardware_id", now->hardware_id, now->hardware_id_size);
    bool same_board = now->hardware_id_size == journey->arrived.hardware_id_size &&
                      memcmp(now->hardware_id, journey->arrived.hardware_id, now->hardware_id_size) == 0;
    bool shown = same_board && strcmp(now->serial, journey->reservation.serial) == 0 &&
                 now->mac == journey->reservation.mac && now->mac_count == journey->reservation.mac_count &&
                 strcmp(now->model, journey->product->model) == 0;
    return keep(journey, &facts, EVIDENCE_IDENTITY_READBACK, shown,
                same_board ? FAULT_IDENTITY_MISMATCH : FAULT_UNIT_SWAPPED,
                same_board ? "serial, MAC or model differ from the record" : "another board answers", fault);
}

static bool keep_firmware(struct journey *journey, struct fault *fault)
{
    const struct unit_identity *now = &journey->now;
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_FIRMWARE_STATE);
    json_text(&facts, "version", now->firmware_version);
    json_hex(&facts, "sha256", now->firmware_sha256, sizeof now->firmware_sha256);
    json_bool(&facts, "any_version_accepted", journey->product->firmware_count == 0);
    bool shown = strcmp(now->firmware_version, journey->arrived.firmware_version) == 0 &&
                 memcmp(now->firmware_sha256, journey->arrived.firmware_sha256, sizeof now->firmware_sha256) == 0;
    return keep(journey, &facts, EVIDENCE_FIRMWARE_STATE, shown, FAULT_UNIT_FIRMWARE,
                "the firmware changed during the journey", fault);
}

bool journey_restart(struct journey *journey, struct fault *fault)
{
    if (!unit_restart(journey->unit, journey->certificate.sha256, &journey->now, fault)) {
        if (fault->code == FAULT_UNIT_CERTIFICATE) {
            struct json facts = evidence_begin(&journey->evidence, EVIDENCE_CERTIFICATE_USED);
            tell_key(journey, &facts);
            json_bool(&facts, "authenticated_with_it", false);
            evidence_keep(&journey->evidence, &facts, EVIDENCE_CERTIFICATE_USED, STORE_FAILED);
        }
        return fault_within(fault, "restart");
    }
    return keep_certificate_used(journey, fault) && keep_link_secure(journey, fault) && keep_restart(journey, fault) &&
           keep_identity(journey, fault) && keep_firmware(journey, fault);
}

static bool allowed(const struct product *product, const char *name)
{
    for (size_t i = 0; i < product->interface_count; i++)
        if (strcmp(product->interfaces[i], name) == 0)
            return true;
    return false;
}

bool journey_prove_surroundings(struct journey *journey, struct fault *fault)
{
    struct unit_interfaces seen;
    if (!unit_interfaces(journey->unit, &seen, fault))
        return fault_within(fault, "scan interfaces");

    const char *stranger = NULL;
    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_INTERFACES);
    json_open(&facts, "open", '[');
    for (size_t i = 0; i < seen.count; i++) {
        json_text(&facts, NULL, seen.names[i]);
        if (!allowed(journey->product, seen.names[i]))
            stranger = seen.names[i];
    }
    json_close(&facts, ']');
    json_open(&facts, "allowed", '[');
    for (size_t i = 0; i < journey->product->interface_count; i++)
        json_text(&facts, NULL, journey->product->interfaces[i]);
    json_close(&facts, ']');
    return keep(journey, &facts, EVIDENCE_INTERFACES, !stranger, FAULT_INTERFACE_OPEN, stranger ? stranger : "", fault);
}

bool journey_lock(struct journey *journey, struct fault *fault)
{
    bool refused = false;
    if (!unit_lock(journey->unit, fault) || !unit_probe_lock(journey->unit, &refused, fault) ||
        !unit_identify(journey->unit, &journey->now, fault))
        return fault_within(fault, "lock");

    struct json facts = evidence_begin(&journey->evidence, EVIDENCE_LOCK);
    json_bool(&facts, "says_locked", journey->now.locked);
    json_bool(&facts, "refused_provisioning_and_debug", refused);
    json_bool(&facts, "can_be_erased_and_reopened", journey->now.can_reopen);
    return keep(journey, &facts, EVIDENCE_LOCK, journey->now.locked && refused, FAULT_LOCK_FAILED,
                "the unit still takes provisioning or debug access", fault);
}
