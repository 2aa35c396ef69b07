/* Checks what a station needs in the order in which it will need it. One line for each; later checks that stand on a
 * failed one are told as not tried. Nothing is made, and a wrong PIN is tried once. */
#include "station/cli/cli.h"

#include "fixtures/port.h"
#include "hsm/seal.h"
#include "jigs/read.h"
#include "schema/store.h"
#include "station/cli/token_check.h"
#include "station/flow/flow.h"
#include "station/flow/json.h"
#include "station/label/printer.h"
#include "station/line/line.h"
#include "station/line/rooms.h"

#include <stdio.h>
#include <string.h>

#define PRINTER_MS 10000

struct doctor {
    struct cli *cli;
    const char *path;
    struct jig *jig;
    struct product *products[JIG_PRODUCTS_MAX];
    size_t product_count;
    int exit; /* of the first failure */
};

/* `todo` NULL: what the fault itself says. */
static void tell_with(struct doctor *doctor, const char *name, bool good, const struct fault *fault, const char *todo)
{
    if (!good && doctor->exit == FAULT_EXIT_OK)
        doctor->exit = (int)fault_exit(fault->code);
    if (!good && !todo)
        todo = fault_todo(fault->code, doctor->cli->language);
    if (doctor->cli->json) {
        char text[2048];
        struct json json = json_over(text, sizeof text);
        json_open(&json, NULL, '{');
        json_text(&json, "check", name);
        json_bool(&json, "good", good);
        json_number(&json, "fault", good ? 0 : fault->code);
        json_text(&json, "fault_name", good ? "" : fault_name(fault->code));
        json_text(&json, "text", good ? "" : fault->text);
        json_text(&json, "todo", good ? "" : todo);
        json_close(&json, '}');
        (void)puts(text);
    } else if (good) {
        (void)printf("ok      %s\n", name);
    } else {
        (void)printf("failed  %s: %s (%d %s)\n        %s\n", name, fault->text, (int)fault->code,
                     fault_name(fault->code), todo);
    }
}

static void tell(struct doctor *doctor, const char *name, bool good, const struct fault *fault)
{
    tell_with(doctor, name, good, fault, NULL);
}

static bool check_files(struct doctor *doctor, struct fault *fault)
{
    if (!jig_read(doctor->path, &doctor->jig, fault))
        return false;
    for (size_t i = 0; i < doctor->jig->product_count; i++) {
        if (!product_read(doctor->jig->products[i], &doctor->products[i], fault))
            return false;
        doctor->product_count++;
    }
    return true;
}

static bool check_policies(struct doctor *doctor, struct fault *fault)
{
    char today[CLOCK_TEXT_SIZE];
    clock_wall_text(today);
    today[DATE_SIZE - 1] = '\0';
    for (size_t i = 0; i < doctor->product_count; i++) {
        for (size_t j = 0; j < doctor->products[i]->credential_count; j++) {
            const struct password_policy *policy = &doctor->products[i]->credentials[j].policy;
            bool overdue = false;
            if (!policy_check_date(policy, today, &overdue, fault))
                return fault_within(fault, "policy %s", policy->id);
            if (overdue)
                cli_say(doctor->cli, "warning: policy %s: its review was due on %s\n", policy->id, policy->review_by);
        }
    }
    return true;
}

static bool makes_keys(const struct doctor *doctor, const struct token_checks *checks, size_t index,
                       struct fault *fault)
{
    struct keyring_place places[JIG_TOKENS_MAX];
    struct keyring_options options = rooms_keyring(doctor->jig, places);
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    options.places = &checks->places[index];
    options.count = 1;
    return keyring_open(&options, &keyring, fault) && keyring_check_wrapping(keyring, fault);
}

/* Products whose units are given their key need a token that can make it, over this way to it. One that is not good in
 * all else is not opened again: its PIN would be tried again. */
static void check_key_sources(struct doctor *doctor, const struct token_checks *checks)
{
    for (size_t i = 0; i < doctor->product_count; i++) {
        const struct product *product = doctor->products[i];
        for (size_t j = 0; product->key == KEY_SOURCE_STATION && j < checks->count; j++) {
            char name[96];
            struct fault fault;
            (void)snprintf(name, sizeof name, "token %zu: makes keys for %s", j + 1, product->model);
            if (checks->each[j].good)
                tell(doctor, name, makes_keys(doctor, checks, j, &fault), &fault);
        }
    }
}

/* The spares as well: one that does not work is found before it is needed. */
static void check_tokens(struct doctor *doctor)
{
    struct token_checks checks;
    token_check_all(doctor->jig, &checks);
    for (size_t i = 0; i < checks.count; i++) {
        const struct inspection *inspection = &checks.each[i];
        for (size_t j = 0; j < INSPECT_STEPS && inspection->tried[j]; j++) {
            const struct fault *fault = &inspection->faults[j];
            enum inspect_step step = (enum inspect_step)j;
            char name[64];
            (void)snprintf(name, sizeof name, "token %zu: %s", i + 1, token_check_name(step));
            tell_with(doctor, name, fault->code == FAULT_NONE, fault,
                      token_check_advice(&doctor->jig->tokens[i], fault, step, doctor->cli->language));
        }
    }
    check_key_sources(doctor, &checks);
}

static bool check_recovery(struct doctor *doctor, struct fault *fault)
{
    CLEANUP(sealer_freep) struct sealer *sealer = NULL;
    const char *paths[2];
    size_t count = rooms_recovery_paths(doctor->jig, paths);
    return sealer_open(paths, count, &sealer, fault);
}

static bool check_record(struct doctor *doctor, struct fault *fault)
{
    struct store_options options = {.conninfo = doctor->jig->record, .application = "kokuin doctor"};
    CLEANUP(store_closep) struct store *store = NULL;
    return store_open(&options, &store, fault);
}

static void check_templates(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->product_count; i++) {
        char name[96];
        struct fault fault;
        (void)snprintf(name, sizeof name, "label template of %s", doctor->products[i]->model);
        unsigned dpi = doctor->jig->printers[0].dpi;
        tell(doctor, name, flow_check_label(&line_label_child, doctor->products[i], dpi, &fault), &fault);
    }
}

static void check_slots(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->jig->slot_count; i++) {
        char name[64];
        struct fault fault;
        bool present;
        struct port_options port = rooms_port(&doctor->jig->slots[i]);
        (void)snprintf(name, sizeof name, "port of slot %u", doctor->jig->slots[i].number);
        tell(doctor, name, port_present(&port, &present, &fault), &fault);
    }
}

/* Asks and sends nothing: a printer that prints for a station is not disturbed, and may say that it holds a label. */
static void check_printers(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->jig->printer_count; i++) {
        char name[64];
        struct fault fault;
        CLEANUP(printer_closep) struct printer *printer = NULL;
        (void)snprintf(name, sizeof name, "printer %s", doctor->jig->printers[i].name);
        tell(doctor, name,
             printer_open(&doctor->jig->printers[i], &printer, &fault) &&
                 printer_status(printer, deadline_in_ms(PRINTER_MS), &fault),
             &fault);
    }
}

static void check(struct doctor *doctor, const char *name, bool (*is_good)(struct doctor *, struct fault *))
{
    struct fault fault;
    tell(doctor, name, is_good(doctor, &fault), &fault);
}

static void examine(struct doctor *doctor)
{
    check(doctor, "jig and product files", check_files);
    if (!doctor->jig)
        return;
    check(doctor, "password policies", check_policies);
    check(doctor, "recovery certificates", check_recovery);
    check(doctor, "record store and its schema version", check_record);
    check_tokens(doctor);
    check_slots(doctor);
    check_printers(doctor);
    check_templates(doctor);
}

int command_doctor(struct cli *cli)
{
    struct doctor doctor = {.cli = cli, .path = cli->arguments[0]};
    examine(&doctor);
    for (size_t i = 0; i < doctor.product_count; i++)
        product_free(doctor.products[i]);
    jig_free(doctor.jig);
    return doctor.exit;
}
