#include "station/flow/journey.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "station/label/code.h"

#include <stdio.h>
#include <string.h>

#define RENDER_MS 30000
/* gtin, serial, label, copy, model, name, mac, ssid; and a password and a user for each credential */
#define FIELDS_MAX (8 + 2 * PRODUCT_CREDENTIALS_MAX)

static bool make_label_id(struct journey *journey, struct fault *fault)
{
    uint64_t number;
    unsigned copy = journey->label_copy + 1;
    if (copy > LABEL_COPIES_MAX)
        return fault_set(fault, FAULT_LABEL_GIVEN_UP, 0, "%d copies of a label are spoilt", LABEL_COPIES_MAX);
    if (!system_random(&number, sizeof number, fault))
        return fault_within(fault, "name the label");
    label_id_write(number, copy, journey->label);
    memcpy(journey->progress.label, journey->label, sizeof journey->progress.label);
    journey->label_copy = copy;
    return true;
}

static bool request_labelling(struct journey *journey, struct fault *fault)
{
    struct store_label label = {
        .attempt = journey->reservation.attempt,
        .label = journey->label,
        .copy = journey->label_copy,
        .printer = journey->station->printer,
        .template_sha256 = journey->product->label_sha256,
    };
    return store_labelling(journey->station->store, &label, fault);
}

static bool request_labelled(struct journey *journey, struct fault *fault)
{
    return store_labelled(journey->station->store, &journey->reservation.attempt, journey->label, journey->print_level,
                          fault);
}

bool flow_draw_label(const struct label_child *child, const struct flow_label *label, struct label_bitmap **ret_bitmap,
                     struct fault *fault)
{
    const struct product *product = label->product;
    char mac[MAC_TEXT_SIZE];
    mac_text(label->mac, mac);
    char copy[12] = "";
    if (label->copy > 1)
        (void)snprintf(copy, sizeof copy, "R%u", label->copy);
    struct label_field fields[FIELDS_MAX] = {
        {.name = "gtin", .value = product->gtin}, {.name = "serial", .value = label->serial},
        {.name = "label", .value = label->label}, {.name = "model", .value = product->model},
        {.name = "name", .value = product->name}, {.name = "mac", .value = mac},
        {.name = "ssid", .value = label->ssid},   {.name = "copy", .value = copy},
    };
    size_t count = 8;
    char user_names[PRODUCT_CREDENTIALS_MAX][sizeof product->credentials->kind + sizeof "_user"];
    for (size_t i = 0; i < product->credential_count; i++) {
        const struct product_credential *credential = &product->credentials[i];
        fields[count++] = (struct label_field){.name = credential->kind, .secret = label->passwords[i]};
        (void)snprintf(user_names[i], sizeof user_names[i], "%s_user", credential->kind);
        fields[count++] = (struct label_field){.name = user_names[i], .value = credential->user};
    }
    struct label_request request = {
        .template_path = product->label_template,
        .template_sha256 = product->label_sha256,
        .width_mm = product->label_width_mm,
        .height_mm = product->label_height_mm,
        .dpi = label->dpi,
        .fields = fields,
        .field_count = count,
    };
    return label_render_in_child(child, &request, deadline_in_ms(RENDER_MS), ret_bitmap, fault);
}

static bool draw(const struct journey *journey, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    struct flow_label label = {
        .product = journey->product,
        .serial = journey->reservation.serial,
        .label = journey->label,
        .copy = journey->label_copy,
        .mac = journey->reservation.mac,
        .ssid = journey->ssid,
        .dpi = journey->station->dpi,
    };
    for (size_t i = 0; i < journey->credential_count; i++)
        label.passwords[i] = journey->credentials[i].password;
    return flow_draw_label(&journey->station->render, &label, ret_bitmap, fault);
}

/* The next copy: recorded, drawn, printed, and recorded as printed. A printer that says nothing leaves a doubt, which a
 * person's scan settles. */
static bool print_copy(struct journey *journey, struct fault *fault)
{
    journey->labelled = false;
    journey_show(journey, FLOW_PRINT);
    if (!make_label_id(journey, fault) || !journey_record(journey, request_labelling, fault))
        return fault_within(fault, "record the label");

    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    if (!draw(journey, &bitmap, fault))
        return fault_within(fault, "draw the label");
    const struct flow_world *world = journey->world;
    if (!world->print(world->context, journey->label, bitmap, &journey->print_level, fault)) {
        if (fault->code != FAULT_PRINTER_UNKNOWN)
            return fault_within(fault, "print");
        journey->doubt = *fault;
        return true;
    }
    if (!journey_record(journey, request_labelled, fault))
        return fault_within(fault, "record the print");
    journey->labelled = true;
    return true;
}

bool journey_print(struct journey *journey, struct fault *fault)
{
    /* The proof is recorded; the cable is not needed again before the scan, and then a fresh connection proves more. */
    unit_close(journey->unit);
    journey->unit = NULL;
    return print_copy(journey, fault);
}

static bool is_of_another_product(const struct journey *journey)
{
    const char *gtin = journey->scan.gtin;
    return gtin[0] != '\0' && strcmp(gtin, journey->product->gtin) != 0;
}

#define SEEN_SIZE (sizeof "(01)(21)" + sizeof((struct flow_scan *)0)->gtin + sizeof((struct flow_scan *)0)->serial)

/* Of another product's label the record keeps the GTIN too; what is kept then is no unit's serial, so that such a label
 * never matches, whatever serial it has. */
static struct store_scan scan_as_seen(const struct journey *journey, char seen[SEEN_SIZE])
{
    const struct flow_scan *scan = &journey->scan;
    (void)snprintf(seen, SEEN_SIZE, "(01)%s(21)%s", scan->gtin, scan->serial);
    return (struct store_scan){.attempt = journey->reservation.attempt,
                               .serial = is_of_another_product(journey) ? seen : scan->serial,
                               .label = scan->label};
}

static bool request_scanned(struct journey *journey, struct fault *fault)
{
    char seen[SEEN_SIZE];
    const struct store_scan scan = scan_as_seen(journey, seen);
    return store_scanned(journey->station->store, &scan.attempt, scan.serial, scan.label, fault);
}

static bool request_seen(struct journey *journey, struct fault *fault)
{
    char seen[SEEN_SIZE];
    const struct store_scan scan = scan_as_seen(journey, seen);
    return store_label_seen(journey->station->store, &scan, fault);
}

static bool request_void(struct journey *journey, struct fault *fault)
{
    char seen[SEEN_SIZE];
    const struct store_scan scan = scan_as_seen(journey, seen);
    return store_label_void(journey->station->store, &scan, fault);
}

/* A scan that the operator can simply make again, with another label. */
static bool is_wrong_label(const struct fault *fault)
{
    return fault->code == FAULT_SCAN_WRONG_UNIT || fault->code == FAULT_SCAN_DEAD_LABEL;
}

static bool names_this_unit(const struct journey *journey)
{
    const struct flow_scan *scan = &journey->scan;
    return strcmp(scan->serial, journey->reservation.serial) == 0 && strcmp(scan->label, journey->label) == 0;
}

/* One request about the label that was scanned. The record is asked even about a label that is plainly wrong, so that
 * the scan is kept. */
static bool ask_about_scan(struct journey *journey, bool (*request)(struct journey *, struct fault *),
                           struct fault *fault)
{
    bool stranger = is_of_another_product(journey);
    bool matched = journey_record(journey, request, fault);
    if (stranger && (matched || fault->code == FAULT_SCAN_WRONG_UNIT))
        return fault_set(fault, FAULT_SCAN_WRONG_UNIT, 0, "label of another product, GTIN %s", journey->scan.gtin);
    return matched;
}

/* A label in a person's hand was printed, whatever the printer said. */
static bool settle_doubt(struct journey *journey, struct fault *fault)
{
    if (journey->doubt.code == FAULT_NONE)
        return true;
    if (!ask_about_scan(journey, request_seen, fault))
        return false;
    journey->doubt = (struct fault){0};
    journey->progress.doubt = FAULT_NONE;
    journey->labelled = true;
    return true;
}

static bool judge_applied(struct journey *journey, struct fault *fault)
{
    if (!is_of_another_product(journey) && names_this_unit(journey) && !journey_confirm(journey, fault))
        return false;
    return settle_doubt(journey, fault) && ask_about_scan(journey, request_scanned, fault);
}

/* Only the label that is live for this unit, in the operator's hand, is void; any other scan is kept and refused. */
static bool judge_spoilt(struct journey *journey, struct fault *fault)
{
    return settle_doubt(journey, fault) && ask_about_scan(journey, request_void, fault);
}

static bool judge(struct journey *journey, struct fault *fault)
{
    switch (journey->scan.wish) {
    case FLOW_APPLIED:
        return judge_applied(journey, fault);
    case FLOW_SPOILT:
        return judge_spoilt(journey, fault);
    case FLOW_MISSING:
        return true;
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "a scan with a wish that is none");
}

static void show_scan(struct journey *journey)
{
    journey->progress.doubt = journey->doubt.code;
    journey_show(journey, FLOW_SCAN);
}

/* A label that is not in anybody's hand may be in the wrong one: the password on it is used no more, and the unit's
 * next attempt gets another. The same where nobody here holds the password any longer. */
static bool replace_label(struct journey *journey, struct fault *fault)
{
    journey->labelled = false;
    if (journey->scan.wish == FLOW_MISSING)
        return fault_set(fault, FAULT_LABEL_GIVEN_UP, 0, "label %s is missing", journey->label);
    if (journey->label_copy == 0)
        return fault_set(fault, FAULT_LABEL_GIVEN_UP, 0, "label %s is void, and its password is not held any more",
                         journey->label);
    if (!print_copy(journey, fault))
        return false;
    show_scan(journey);
    return true;
}

/* A unit that leaves while nobody knows of its label fails for that reason: it needs another password. */
static bool await_one_scan(struct journey *journey, struct fault *fault)
{
    const struct flow_world *world = journey->world;
    if (world->await_scan(world->context, &journey->scan, fault))
        return true;
    if (fault->code == FAULT_UNIT_UNPLUGGED && journey->doubt.code != FAULT_NONE)
        *fault = journey->doubt;
    return fault_within(fault, "wait for the scan");
}

bool journey_await_scan(struct journey *journey, struct fault *fault)
{
    unit_close(journey->unit);
    journey->unit = NULL;

    const struct flow_world *world = journey->world;
    show_scan(journey);
    for (;;) {
        if (!await_one_scan(journey, fault))
            return false;
        struct fault why;
        bool right = judge(journey, &why);
        world->answer_scan(world->context, right ? NULL : &why);
        if (right && journey->scan.wish == FLOW_APPLIED) {
            journey_forget(journey);
            return true;
        }
        if (right && !replace_label(journey, fault))
            return false;
        if (!right && !is_wrong_label(&why)) {
            *fault = why;
            return fault_within(fault, "scan");
        }
    }
}

static bool request_close(struct journey *journey, struct fault *fault)
{
    return store_close_unit(journey->station->store, &journey->reservation.attempt, fault);
}

bool journey_close(struct journey *journey, struct fault *fault)
{
    return journey_record(journey, request_close, fault) || fault_within(fault, "close the unit");
}
