#include "tests/unit/station/plant.h"

#include "base/clock.h"
#include "base/process.h"
#include "schema/migrate.h"
#include "station/flow/evidence.h"
#include "station/flow/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVING_MS 10000

static const char jig_text[] = "station: A\n"
                               "tokens:\n"
                               "  - module: %s\n"
                               "    uri: pkcs11:token=production\n"
                               "    pin_file: pin\n"
                               "    issuing: ca/issuing-1.pem\n"
                               "    station: ca/station-1.pem\n"
                               "  - module: %s\n"
                               "    uri: pkcs11:token=production-2\n"
                               "    pin_file: pin-2\n"
                               "    issuing: ca/issuing-2.pem\n"
                               "    station: ca/station-2.pem\n"
                               "certificates:\n"
                               "  root: ca/root.pem\n"
                               "  recovery: ca/recovery.pem\n"
                               "  fingerprint: ca/fingerprint.check\n"
                               "record: %s\n"
                               "state_directory: state\n"
                               "printers:\n"
                               "  - name: labels\n"
                               "    kind: png\n"
                               "    path: %s\n"
                               "    dpi: 300\n"
                               "slots:\n"
                               "  - number: 1\n"
                               "    kind: stream\n"
                               "    path: unix:%s\n"
                               "    printer: labels\n"
                               "scanners:\n"
                               "  - name: hand\n"
                               "    kind: stream\n"
                               "    path: unix:%s/scanner.sock\n"
                               "products:\n"
                               "  - " SHIPPED "/products/router.yaml\n"
                               "  - " SHIPPED "/products/sensor.yaml\n"
                               "  - " SHIPPED "/products/gateway.yaml\n"
                               "%s";

static const char contact_text[] = "  - " SHIPPED "/products/contact.yaml\n";

void plant_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void plant_write_jig(struct plant *plant, bool direct, bool contacts)
{
    char path[160];
    char text[4096];
    char station[POSTGRES_CONNINFO_SIZE];
    const char *directory = plant->softhsm.directory;
    postgres_as(plant->admin, "station_a", station);
    (void)snprintf(path, sizeof path, "%s/pin", directory);
    plant_write(path, SOFTHSM_PIN);
    (void)snprintf(path, sizeof path, "%s/pin-2", directory);
    plant_write(path, SOFTHSM_PIN);
    (void)snprintf(plant->socket, sizeof plant->socket, "%s/slot.sock", directory);
    (void)snprintf(path, sizeof path, "%s/state", directory);
    if (mkdir(path, 0700) != 0)
        assert_int_equal(errno, EEXIST);
    const char *first = direct ? SOFTHSM_MODULE : plant->softhsm.remote;
    const char *second = direct ? SOFTHSM_MODULE : plant->spare.remote;
    int size = snprintf(text, sizeof text, jig_text, first, second, station, directory, plant->socket, directory,
                        contacts ? contact_text : "");
    assert_true(size > 0 && (size_t)size < sizeof text);
    (void)snprintf(plant->jig, sizeof plant->jig, "%s/jig.yaml", directory);
    plant_write(plant->jig, text);
}

static bool open_order(struct plant *plant, const char *path, unsigned quantity, struct fault *fault)
{
    char kinds[CREDENTIAL_LIST_SIZE];
    char evidence[EVIDENCE_LIST_SIZE];
    char planner[POSTGRES_CONNINFO_SIZE];
    CLEANUP(product_freep) struct product *product = NULL;
    CLEANUP(store_closep) struct store *store = NULL;
    postgres_as(plant->admin, "planner", planner);
    struct store_options options = {.conninfo = planner, .application = "test"};
    if (!product_read(path, &product, fault) || !store_open(&options, &store, fault))
        return false;
    credential_list(product, kinds);
    evidence_list(product, evidence);
    struct store_order_new order = {.number = "A-1",
                                    .product_code = product->code,
                                    .model = product->model,
                                    .gtin = product->gtin,
                                    .quantity = quantity,
                                    .macs_per_unit = product->macs_per_unit,
                                    .route = route_name(product->auth),
                                    .credential_kinds = kinds,
                                    .required_evidence = evidence};
    return store_order_open(store, &order, fault);
}

static bool make_record(struct plant *plant, const char *product, unsigned quantity, struct fault *fault)
{
    struct migration_status status;
    struct station_grant grant = {.station = "A", .login = "station_a", .slots = 2};
    return schema_migrate(plant->admin, &status, fault) && schema_grant_station(plant->admin, &grant, fault) &&
           schema_grant_person(plant->admin, "planner", "planner", fault) &&
           schema_add_numbers(plant->admin, "serial", 1, 10000, fault) &&
           schema_add_numbers(plant->admin, "mac", 0x024b00000000, 3200, fault) &&
           open_order(plant, product, quantity, fault);
}

static void open_plant(struct plant *plant, const char *product, unsigned quantity, bool direct)
{
    struct fault fault;
    char path[512];
    *plant = (struct plant){0};
    (void)snprintf(path, sizeof path, SHIPPED "/products/%s", product);
    postgres_database(plant->admin);
    if (!softhsm_start(&plant->softhsm, &fault) || !softhsm_plant(&plant->softhsm, &fault) ||
        !make_record(plant, path, quantity, &fault))
        fail_msg("%s", fault.text);
    plant->spare = plant->softhsm;
    (void)snprintf(plant->spare.directory, sizeof plant->spare.directory, "%.40s/spare", plant->softhsm.directory);
    assert_int_equal(mkdir(plant->spare.directory, 0700), 0);
    if (!direct)
        plant_serve(plant);
    plant_write_jig(plant, direct, direct);
    plant_reopen(plant);
}

void plant_open(struct plant *plant, const char *product, unsigned quantity)
{
    open_plant(plant, product, quantity, false);
}

void plant_open_direct(struct plant *plant, const char *product, unsigned quantity)
{
    open_plant(plant, product, quantity, true);
}

void plant_serve(struct plant *plant)
{
    struct fault fault;
    if ((plant->softhsm.server == 0 && !softhsm_serve(&plant->softhsm, SOFTHSM_MODULE, &fault)) ||
        (plant->spare.server == 0 && !softhsm_serve(&plant->spare, SOFTHSM_MODULE, &fault)))
        fail_msg("%s", fault.text);
}

void plant_reopen(struct plant *plant)
{
    struct fault fault;
    rooms_free(plant->rooms);
    plant->rooms = NULL;
    if (!rooms_open(plant->jig, "A-1", "test", &plant->rooms, &fault))
        fail_msg("%s", fault.text);
}

void plant_close(struct plant *plant)
{
    plant_remove(plant);
    rooms_free(plant->rooms);
    plant->rooms = NULL;
    softhsm_kill_server(&plant->spare);
    softhsm_end(&plant->softhsm);
}

static bool serves(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool served = connect(connection, (const struct sockaddr *)&address, sizeof address) == 0;
    (void)close(connection);
    return served;
}

void plant_insert(struct plant *plant, const char *board, const char *model, const char *misbehave)
{
    char flash[160];
    char root[160];
    char listen[128];
    struct fault fault;
    (void)unlink(plant->socket);
    (void)snprintf(flash, sizeof flash, "%s/%s.flash", plant->softhsm.directory, board);
    (void)snprintf(root, sizeof root, "%s", softhsm_file(&plant->softhsm, "root.pem"));
    (void)snprintf(listen, sizeof listen, "unix:%s", plant->socket);
    const char *const argv[] = {"kokuin-unit", "--flash", flash, "--root",   root,   "--model",
                                model,         "--board", board, "--listen", listen, misbehave ? "--misbehave" : NULL,
                                misbehave,     NULL};
    struct process_options options = {.path = KOKUIN_UNIT, .argv = argv, .death_signal = SIGKILL};
    if (!process_start(&options, &plant->unit, &fault))
        fail_msg("%s", fault.text);
    struct deadline deadline = deadline_in_ms(SERVING_MS);
    while (!serves(plant->socket)) {
        if (deadline_passed(deadline))
            fail_msg("kokuin-unit does not serve %s", plant->socket);
        wait_until(deadline_in_ms(5));
    }
}

void plant_remove(struct plant *plant)
{
    if (plant->unit == 0)
        return;
    (void)kill(plant->unit, SIGTERM);
    (void)waitpid(plant->unit, NULL, 0);
    plant->unit = 0;
}

char *plant_text(const struct plant *plant, const char *query)
{
    char *value = postgres_value(plant->admin, query);
    assert_non_null(value);
    return value;
}

long plant_count(const struct plant *plant, const char *query)
{
    char *value = plant_text(plant, query);
    long count = strtol(value, NULL, 10);
    free(value);
    return count;
}

void plant_change_jig(const struct plant *plant, const char *from, const char *to, char ret_path[160])
{
    char text[4096];
    FILE *file = fopen(plant->jig, "re");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    assert_int_equal(fclose(file), 0);
    char *at = strstr(text, from);
    assert_non_null(at);
    (void)snprintf(ret_path, 160, "%s/changed.yaml", plant->softhsm.directory);
    file = fopen(ret_path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    assert_int_equal(fclose(file), 0);
}
