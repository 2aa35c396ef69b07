#include "station/line/rooms.h"

#include "base/clock.h"
#include "base/secret.h"
#include "station/flow/flow.h"
#include "station/line/line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOG_IN_TURN_MS 30000
#define LOG_IN_LOOK_MS 20

void rooms_free(struct rooms *rooms)
{
    if (!rooms)
        return;
    sealer_free(rooms->sealer);
    certificate_issuer_free(rooms->issuer);
    station_key_free(rooms->station_key);
    token_free(rooms->token);
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

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
}

/* One log-in at a time: SoftHSM writes the token's file at each, and another process that logs in meanwhile finds it
 * broken. The PIN's file is what all of them open anyway. */
static bool take_turn(int pin_file, struct fault *fault)
{
    struct deadline deadline = deadline_in_ms(LOG_IN_TURN_MS);
    while (flock(pin_file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "lock the PIN's file: %s", strerror(errno));
        if (deadline_passed(deadline))
            return fault_set(fault, FAULT_TIMED_OUT, 0, "another process has been logging in for %d s",
                             LOG_IN_TURN_MS / 1000);
        (void)poll(NULL, 0, LOG_IN_LOOK_MS);
    }
    return true;
}

bool rooms_open_token(const struct jig *jig, struct token **ret_token, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = NULL;
    if (!secret_from_file(jig->token_pin_file, &pin, fault))
        return false;
    CLEANUP(close_descriptor) int pin_file = open(jig->token_pin_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (pin_file < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open '%s': %s", jig->token_pin_file,
                         strerror(errno));
    return take_turn(pin_file, fault) && token_open(jig->token_module, jig->token_uri, pin, ret_token, fault);
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
    return rooms->order.open || fault_set(fault, FAULT_ORDER_UNKNOWN, 0, "order %s is closed", order);
}

static bool open_keys(struct rooms *rooms, struct fault *fault)
{
    const struct jig *jig = rooms->jig;
    const char *recovery[2];
    size_t recovery_count = rooms_recovery_paths(jig, recovery);
    return sealer_open(recovery, recovery_count, &rooms->sealer, fault) &&
           rooms_open_token(jig, &rooms->token, fault) &&
           station_key_open(rooms->token, jig->station_certificate, &rooms->station_key, fault) &&
           certificate_issuer_open(rooms->token, jig->issuing_certificate, jig->root_certificate, &rooms->issuer,
                                   fault);
}

/* What units will be stamped with must be in the record before the first of them. */
static bool register_stamps(struct rooms *rooms, struct fault *fault)
{
    const struct certificate *issuing = certificate_issuer_own(rooms->issuer);
    if (!store_issuer_register(rooms->store, issuing->der, issuing->der_size, token_label(rooms->token), fault))
        return false;
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
