#include "station/flow/journey.h"

#include <stdio.h>
#include <string.h>

static bool firmware_accepted(const struct product *product, const char *version)
{
    for (size_t i = 0; i < product->firmware_count; i++)
        if (strcmp(product->firmware_versions[i], version) == 0)
            return true;
    return product->firmware_count == 0;
}

/* The station's key for the next link is that of the token in use. TLS only says that a handshake failed: the token
 * itself says whether it was why, and then another try is worth it, with the same token opened afresh or its spare. */
static bool refresh_station(void *context, const struct fault *why, struct unit_station *station, struct fault *fault)
{
    struct keyring *keyring = context;
    bool changed = false;
    if (why && !keyring_prove(keyring, &changed, fault))
        return false;
    if (why && !changed) {
        *fault = *why;
        return false;
    }
    station->station_certificate = keyring_station_certificate(keyring);
    station->key = keyring_station_key(keyring);
    return true;
}

static bool open_unit(struct journey *journey, struct fault *fault)
{
    unit_close(journey->unit);
    journey->unit = NULL;
    struct unit_options options = journey->station->unit;
    options.station.refresh = refresh_station;
    options.station.context = journey->station->keyring;
    if (journey->product->driver == DRIVER_CONSOLE) {
        console_dialogue_from(&journey->product->console, &journey->dialogue);
        options.console = &journey->dialogue;
    }
    return unit_open(&options, &journey->unit, &journey->now, fault);
}

bool journey_identify(struct journey *journey, struct fault *fault)
{
    if (!open_unit(journey, fault))
        return false;
    journey->arrived = journey->now;
    (void)snprintf(journey->progress.model, sizeof journey->progress.model, "%s", journey->now.model);

    const struct product *product = journey->product;
    if (strcmp(journey->now.model, product->model) != 0)
        return fault_set(fault, FAULT_UNIT_MODEL, 0, "unit says '%s', order wants '%s'", journey->now.model,
                         product->model);
    if (!firmware_accepted(product, journey->now.firmware_version))
        return fault_set(fault, FAULT_UNIT_FIRMWARE, 0, "firmware '%s' is not in the product's list",
                         journey->now.firmware_version);
    return true;
}

static bool request_reserve(struct journey *journey, struct fault *fault)
{
    const struct unit_identity *unit = &journey->arrived;
    struct store_arriving arriving = {
        .attempt = journey->reservation.attempt,
        .slot = journey->station->slot,
        .order = journey->station->order,
        .operator_badge = journey->station->operator_badge,
        .hardware_id = unit->hardware_id,
        .hardware_id_size = unit->hardware_id_size,
        .model = unit->model,
        .firmware_version = unit->firmware_version,
        .firmware_sha256 = unit->firmware_sha256,
        .product_sha256 = journey->product->sha256,
    };
    struct store_reservation reservation;
    if (!store_reserve(journey->station->store, &arriving, &reservation, fault))
        return false;
    journey->reservation = reservation;
    return true;
}

/* The SSID that the product's prefix and this serial give; "" for a product without one. */
static void make_ssid(struct journey *journey)
{
    if (journey->product->ssid_prefix[0] != '\0')
        (void)snprintf(journey->ssid, sizeof journey->ssid, "%s%s", journey->product->ssid_prefix,
                       journey->reservation.serial + SERIAL_LENGTH - 6);
}

static bool request_certificate(struct journey *journey, struct fault *fault)
{
    return store_certificate_sha256(journey->station->store, &journey->reservation.attempt, journey->certificate.sha256,
                                    fault);
}

/* The label is out and the unit waits for its scan: what it is then held against comes from the record. */
static bool take_up(struct journey *journey, struct fault *fault)
{
    const struct store_reservation *reservation = &journey->reservation;
    if (reservation->arrival != STORE_RESUME || reservation->label[0] == '\0')
        return true;
    journey->labelled = true;
    memcpy(journey->label, reservation->label, sizeof journey->label);
    memcpy(journey->progress.label, reservation->label, sizeof journey->progress.label);
    return journey_record(journey, request_certificate, fault);
}

bool journey_reserve(struct journey *journey, struct fault *fault)
{
    if (!uuid_make(&journey->reservation.attempt, fault) || !journey_record(journey, request_reserve, fault))
        return false;
    journey->reserved = true;

    const struct store_reservation *reservation = &journey->reservation;
    memcpy(journey->progress.serial, reservation->serial, sizeof journey->progress.serial);
    make_ssid(journey);
    if (!take_up(journey, fault))
        return false;
    if (!serial_is_valid(reservation->serial) || reservation->mac_count != journey->product->macs_per_unit)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "reservation '%s' with %u MACs", reservation->serial,
                         reservation->mac_count);
    return true;
}

bool journey_reopen(struct journey *journey, struct fault *fault)
{
    if (!journey->now.locked)
        return true;
    if (journey->product->rework != REWORK_REOPEN || !journey->now.can_reopen)
        return fault_set(fault, FAULT_UNIT_LOCKED, 0, "%s, and %s", "unit arrived locked",
                         journey->now.can_reopen ? "the product's rule is to scrap it" : "it cannot be opened again");
    if (!unit_reopen(journey->unit, fault) || !unit_identify(journey->unit, &journey->now, fault))
        return fault_within(fault, "reopen");
    if (journey->now.locked || journey->now.state != UNIT_STATE_BLANK)
        return fault_set(fault, FAULT_UNIT_REFUSED, 0, "unit says it was reopened and is still %s",
                         journey->now.locked ? "locked" : "not blank");
    return true;
}

bool journey_confirm(struct journey *journey, struct fault *fault)
{
    if (!open_unit(journey, fault))
        return fault_within(fault, "read the unit again");
    unit_close(journey->unit);
    journey->unit = NULL;

    const struct unit_identity *now = &journey->now;
    if (now->hardware_id_size != journey->arrived.hardware_id_size ||
        memcmp(now->hardware_id, journey->arrived.hardware_id, now->hardware_id_size) != 0)
        return fault_set(fault, FAULT_UNIT_SWAPPED, 0, "another board sits in the slot at the scan");
    if (strcmp(now->serial, journey->reservation.serial) != 0 || now->mac != journey->reservation.mac)
        return fault_set(fault, FAULT_IDENTITY_MISMATCH, 0, "unit says serial '%s' at the scan", now->serial);
    /* A finished unit at a console lets nobody in: it shows its identity to everybody, and no more. */
    if (journey->product->driver == DRIVER_CONSOLE)
        return now->locked || fault_set(fault, FAULT_LOCK_FAILED, 0, "unit is open again at the scan");
    if (!now->used_certificate)
        return fault_set(fault, FAULT_UNIT_CERTIFICATE, 0, "unit came without its certificate at the scan");
    if (memcmp(now->certificate_sha256, journey->certificate.sha256, sizeof now->certificate_sha256) != 0)
        return fault_set(fault, FAULT_UNIT_CERTIFICATE, 0, "unit came with another certificate at the scan");
    if (!now->locked)
        return fault_set(fault, FAULT_LOCK_FAILED, 0, "unit is open again at the scan");
    return true;
}
