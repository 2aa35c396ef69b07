#include "tests/unit/station/sealed.h"

#include "tests/support/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct plant plant;
static struct softhsm softhsm;
static struct fault fault;
char sealer[POSTGRES_CONNINFO_SIZE];
char output[65536];

static const char jig_text[] = "station: A\n"
                               "tokens:\n"
                               "  - module: " SOFTHSM_MODULE "\n"
                               "    uri: pkcs11:token=production\n"
                               "    pin_file: pin\n"
                               "    issuing: ca/issuing-1.pem\n"
                               "    station: ca/station-1.pem\n"
                               "certificates:\n"
                               "  root: ca/root.pem\n"
                               "  recovery: ca/recovery.pem\n"
                               "  fingerprint: ca/fingerprint.check\n"
                               "record: dbname=nowhere\n"
                               "state_directory: .\n"
                               "printers:\n"
                               "  - name: labels\n"
                               "    kind: png\n"
                               "    path: .\n"
                               "    dpi: 300\n"
                               "slots:\n"
                               "  - number: 1\n"
                               "    kind: stream\n"
                               "    path: unix:/nowhere/slot.sock\n"
                               "    printer: labels\n"
                               "scanners:\n"
                               "  - name: hand\n"
                               "    kind: stream\n"
                               "    path: unix:/nowhere/scanner.sock\n"
                               "products:\n"
                               "  - " SHIPPED "/products/router.yaml\n";

static const char *path_of(const char *name)
{
    static char paths[8][160];
    static size_t next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", softhsm.directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "we");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

int make_tokens(void **state)
{
    (void)state;
    if (!softhsm_start(&softhsm, &fault) || !softhsm_plant(&softhsm, &fault))
        fail_msg("%s", fault.text);
    write_file("jig.yaml", jig_text);
    write_file("pin", SOFTHSM_PIN);
    return 0;
}

int end_tokens(void **state)
{
    softhsm_end(&softhsm);
    return postgres_stop(state);
}

static int shell(const char *line)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "D=%s KOKUIN=%s VERIFY=%s K=%s S='%s' A='%s'; cd \"$D\"; { %s; } 2>&1",
                   softhsm.directory, KOKUIN, VERIFY, softhsm_file(&softhsm, "checkpoint-1.pem"), sealer, plant.auditor,
                   line);
    const char *const argv[] = {"sh", "-c", text, NULL};
    return command_read(argv, output, sizeof output);
}

void expect(const char *words)
{
    if (!strstr(output, words))
        fail_msg("no '%s' in: %s", words, output);
}

void expect_no(const char *words)
{
    if (strstr(output, words))
        fail_msg("'%s' in: %s", words, output);
}

void run(int code, const char *line)
{
    int got = shell(line);
    if (got != code)
        fail_msg("%s: exit %d, not %d: %s", line, got, code, output);
}

void superuser(const char *statements)
{
    char sqlstate[POSTGRES_STATE_SIZE];
    if (!postgres_run(plant.admin, statements, sqlstate))
        fail_msg("%s: SQLSTATE %s", statements, sqlstate);
}

void refused(const char *conninfo, const char *statement, const char *wanted)
{
    char sqlstate[POSTGRES_STATE_SIZE] = "";
    if (postgres_run(conninfo, statement, sqlstate))
        fail_msg("%s was allowed", statement);
    if (strcmp(sqlstate, wanted) != 0)
        fail_msg("%s: wanted %s, got %s", statement, wanted, sqlstate);
}

/* Three units of two stations, their steps in turns; one fails and is reworked. */
int make(void **state)
{
    (void)state;
    plant_make(&plant, 9);
    if (!schema_grant_person(plant.admin, "sealer", "sealer_1", &fault))
        fail_msg("%s", fault.text);
    postgres_as(plant.admin, "sealer_1", sealer);
    CLEANUP(store_closep) struct store *other = plant_store(plant.other);
    struct unit first = {.seed = 1, .slot = 1}, second = {.seed = 2, .slot = 1}, third = {.seed = 3, .slot = 2};
    unit_bring(plant.store, &first, "verified");
    unit_bring(other, &second, "closed");
    unit_bring(plant.store, &third, "injected");
    if (!unit_failed(plant.store, &third, &fault) || !unit_labelling(plant.store, &first, &fault) ||
        !unit_labelled(plant.store, &first, &fault) || !unit_scanned(plant.store, &first, &fault) ||
        !unit_closed(plant.store, &first, &fault))
        fail_msg("%s", fault.text);
    unit_bring(plant.store, &third, "closed");
    return 0;
}

int leave(void **state)
{
    (void)state;
    plant_close(&plant);
    const char *const argv[] = {"sh", "-c", "cd \"$0\" && rm -rf log-head* *head* heads *.log", softhsm.directory,
                                NULL};
    assert_int_equal(command_run(argv), 0);
    return 0;
}
