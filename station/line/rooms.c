#include "station/line/rooms.h"

#include "base/clock.h"
#include "station/flow/flow.h"
#include "station/line/line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rooms_free(struct rooms *rooms)
{
    if (!rooms)
        return;
    sealer_free(rooms->sealer);
    keyring_free(rooms->keyring);
    product_free(rooms->product);
    store_close(rooms->store);
    jig_free(rooms->jig);
    free(rooms);
}

bool rooms_find_product(const struct jig *jig, const char *code, struct product **ret_product, struct fault *fault)
{
    for (size_t i = 0; i < jig->product_count; i++) {
        CLEANUP(product_freep) struct product *product = NULL;
        if (!product_read(jig->products[i], &product, fault))
            return false;
        if (strcmp(product->code, code) == 0) {
            *ret_product = TAKE(product);
            return true;
        }
    }
    return fault_set(fault, FAULT_PRODUCT_CANNOT, 0, "the jig lists no product with code '%s'", code);
}

size_t rooms_recovery_paths(const struct jig *jig, const char *ret_paths[2])
{
    ret_paths[0] = jig->recovery_certificates[0];
    ret_paths[1] = jig->recovery_certificates[1];
    return ret_paths[1][0] != '\0' ? 2 : 1;
}

static_assert(JIG_TOKENS_MAX <= KEYRING_PLACES_MAX, "a keyring has room for each token of a jig");

struct keyring_options rooms_keyring(const struct jig *jig, struct keyring_place *places)
{
    for (size_t i = 0; i < jig->token_count; i++) {
        const struct jig_token *token = &jig->tokens[i];
        places[i] = (struct keyring_place){.module = token->module,
                                           .uri = token->uri,
                                           .pin_file = token->pin_file,
                                           .issuing = token->issuing_certificate,
                                           .station = token->station_certificate};
    }
    return (struct keyring_options){.places = places,
                                    .count = jig->token_count,
                                    .root = jig->root_certificate,
                                    .fingerprint_check = jig->fingerprint_check};
}

struct unit_station rooms_unit_station(const struct rooms *rooms)
{
    return (struct unit_station){.root_certificate = rooms->jig->root_certificate,
                                 .issuing_certificates = rooms->issuing_certificates,
                                 .issuing_count = rooms->jig->token_count};
}

struct port_options rooms_port(const struct jig_slot *slot)
{
    static const enum port_maker makers[] = {
        [PORT_SERIAL] = PORT_MAKER_SERIAL,
        [PORT_USB] = PORT_MAKER_USB,
        [PORT_STREAM] = PORT_MAKER_STREAM,
        [PORT_KEYBOARD] = PORT_MAKER_KEYBOARD,
    };
    return (struct port_options){.maker = makers[slot->kind],
                                 .path = slot->path,
                                 .baud = slot->baud,
                                 .vendor_id = slot->vendor_id,
                                 .product_id = slot->product_id,
                                 .interface = slot->interface};
}

static bool check_product(const struct store_order *order, const struct product *product, struct fault *fault)
{
    if (strcmp(order->model, product->model) != 0)
        return fault_set(fault, FAULT_PRODUCT_CANNOT, 0, "order %s is for model '%s', the product file says '%s'",
                         order->number, order->model, product->model);
    char now[CLOCK_TEXT_SIZE];
    clock_wall_text(now);
    now[DATE_SIZE - 1] = '\0';
    for (size_t i = 0; i < product->credential_count; i++) {
        bool overdue;
        if (!policy_check_date(&product->credentials[i].policy, now, &overdue, fault))
            return fault_within(fault, "product %s", product->model);
    }
    return true;
}

static bool open_record(struct rooms *rooms, const char *order, const char *application, struct fault *fault)
{
    struct store_options options = {.conninfo = rooms->jig->record, .application = application};
    if (!store_open(&options, &rooms->store, fault) || !store_order_get(rooms->store, order, &rooms->order, fault))
        return false;
    (void)snprintf(rooms->record_head, sizeof rooms->record_head, "%s/record-head", rooms->jig->state_directory);
    return rooms->order.open || fault_set(fault, FAULT_ORDER_UNKNOWN, 0, "order %s is closed", order);
}

static bool open_keys(struct rooms *rooms, struct fault *fault)
{
    const struct jig *jig = rooms->jig;
    const char *recovery[2];
    size_t recovery_count = rooms_recovery_paths(jig, recovery);
    for (size_t i = 0; i < jig->token_count; i++)
        rooms->issuing_certificates[i] = jig->tokens[i].issuing_certificate;
    struct keyring_options keyring = rooms_keyring(jig, rooms->places);
    return sealer_open(recovery, recovery_count, &rooms->sealer, fault) &&
           keyring_open(&keyring, &rooms->keyring, fault);
}

/* What units will be stamped with must be in the record before the first of them; the flow adds the issuing CA, which
 * changes with the token. */
static bool register_stamps(struct rooms *rooms, struct fault *fault)
{
    for (size_t i = 0; i < rooms->product->credential_count; i++) {
        const struct password_policy *is = &rooms->product->credentials[i].policy;
        struct store_policy policy = {
            .id = is->id,
            .version = is->version,
            .alphabet = is->alphabet,
            .length = is->length,
            .minimum_entropy_bits = is->minimum_entropy_bits,
            .valid_from = is->valid_from,
            .valid_until = is->valid_until,
            .review_by = is->review_by,
            .approver = is->approver,
            .sha256 = is->sha256,
        };
        if (!store_policy_register(rooms->store, &policy, fault))
            return false;
    }
    return true;
}

/* Before the first unit: the way to the token may not pass what a product needs. */
static bool check_key_source(struct rooms *rooms, struct fault *fault)
{
    if (rooms->product->key != KEY_SOURCE_STATION || keyring_check_wrapping(rooms->keyring, fault))
        return true;
    return fault_within(fault, "product %s has 'key: station'", rooms->product->model);
}

bool rooms_open(const char *jig_path, const char *order, const char *application, struct rooms **ret_rooms,
                struct fault *fault)
{
    CLEANUP(rooms_freep) struct rooms *rooms = calloc(1, sizeof *rooms);
    if (!rooms)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open rooms");
    if (!jig_read(jig_path, &rooms->jig, fault))
        return false;
    if (!open_record(rooms, order, application, fault))
        return fault_within(fault, "record");
    if (!rooms_find_product(rooms->jig, rooms->order.product_code, &rooms->product, fault) ||
        !check_product(&rooms->order, rooms->product, fault))
        return false;
    if (!open_keys(rooms, fault))
        return fault_within(fault, "token");
    if (!check_key_source(rooms, fault))
        return false;
    if (!register_stamps(rooms, fault))
        return fault_within(fault, "register with the record");
    *ret_rooms = TAKE(rooms);
    return true;
}

bool rooms_check_label(const struct rooms *rooms, struct fault *fault)
{
    const struct jig *jig = rooms->jig;
    for (size_t i = 0; i < jig->printer_count; i++) {
        bool same = i > 0 && jig->printers[i].dpi == jig->printers[i - 1].dpi;
        if (!same && !flow_check_label(&line_label_child, rooms->product, jig->printers[i].dpi, fault))
            return fault_within(fault, "label template %s", rooms->product->label_template);
    }
    return true;
}
