/* kokuin hsm crl on a plant of two tokens: a list for each CA, also when a token, the record or the clock is away. */
#include "base/bytes.h"
#include "tests/support/command.h"
#include "tests/support/profiles.h"
#include "tests/unit/hsm/unit_request.h"
#include "tests/unit/station/plant.h"

#include <openssl/pem.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

static struct plant plant;
static struct fault fault;
static char output[16384];
static time_t last_run;

static int open_plant(void **state)
{
    (void)state;
    plant_open(&plant, "router.yaml", 5);
    return 0;
}

static int close_plant(void **state)
{
    (void)state;
    plant_close(&plant);
    return postgres_stop(NULL);
}

static const char *path_of(const char *name)
{
    static char paths[8][160];
    static size_t next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", plant.softhsm.directory, name);
    return path;
}

/* Standard output, then standard error. A list has a second of its own. */
static int run(void)
{
    while (time(NULL) <= last_run)
        (void)poll(NULL, 0, 50);
    const char *const argv[] = {"sh",   "-c",      "\"$0\" hsm crl \"$1\" --directory \"$2\" --days 3 --json 2>&1",
                                KOKUIN, plant.jig, plant.softhsm.directory,
                                NULL};
    int code = command_read(argv, output, sizeof output);
    last_run = time(NULL);
    return code;
}

static void expect(const char *words)
{
    if (!strstr(output, words))
        fail_msg("no '%s' in: %s", words, output);
}

/* One file's bytes, to see whether it changed. */
static size_t read_file(const char *name, char ret_bytes[4096])
{
    FILE *file = fopen(path_of(name), "re");
    assert_non_null(file);
    size_t size = fread(ret_bytes, 1, 4096, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

static int verify(const char *unit)
{
    const char *const argv[] = {"openssl",      "verify",
                                "-x509_strict", "-crl_check",
                                "-CAfile",      softhsm_file(&plant.softhsm, "root.pem"),
                                "-untrusted",   softhsm_file(&plant.softhsm, "issuing-1.pem"),
                                "-CRLfile",     path_of("production.crl.pem"),
                                path_of(unit),  NULL};
    return command_run(argv);
}

static struct certificate issue(const char *serial, const char *file)
{
    const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                .organization = "Test Plant",
                                                .model = "KR-1",
                                                .serial = serial,
                                                .hardware_type = "1.3.6.1.4.1.32473.1.7"};
    const struct unit_request request = unit_request_good(serial);
    const struct certificate *issuing;
    struct certificate certificate;
    if (!keyring_issue(plant.rooms->keyring, request.der, request.size, &subject, &certificate, &issuing, &fault))
        fail_msg("%s", fault.text);
    const uint8_t *from = certificate.der;
    FILE *out = fopen(path_of(file), "we");
    X509 *x509 = d2i_X509(NULL, &from, (long)certificate.der_size);
    assert_true(out && x509 && PEM_write_X509(out, x509) == 1 && fclose(out) == 0);
    X509_free(x509);
    return certificate;
}

/* Into the record below the triggers that would ask for a whole journey. */
static void record_revoked(const struct certificate *certificate)
{
    char serial[2 * CERTIFICATE_SERIAL_MAX + 1], der[2 * CERTIFICATE_MAX + 1], spki[65], sqlstate[POSTGRES_STATE_SIZE];
    static char query[4 * CERTIFICATE_MAX + 1024 + sizeof der];
    hex_write(certificate->serial, certificate->serial_size, serial);
    hex_write(certificate->der, certificate->der_size, der);
    hex_write(certificate->spki_sha256, 32, spki);
    (void)snprintf(query, sizeof query,
                   "SET session_replication_role = replica;"
                   "INSERT INTO prov.certificate (attempt, issuer_sha256, serial, sha256, spki_sha256, der)"
                   " SELECT gen_random_uuid(), issuer.sha256, '\\x%s', sha256('\\x%s'), '\\x%s', '\\x%s'"
                   " FROM prov.issuer WHERE token_label = 'production';"
                   "INSERT INTO prov.revocation (attempt) SELECT attempt FROM prov.certificate"
                   " ON CONFLICT DO NOTHING",
                   serial, der, spki, der);
    if (!postgres_run(plant.admin, query, sqlstate))
        fail_msg("SQLSTATE %s", sqlstate);
}

static void each_ca_gets_a_list(void **state)
{
    (void)state;
    assert_int_equal(run(), 0);
    expect("{\"token\":\"production\",\"number\":1,\"revoked\":0,");
    expect("{\"token\":\"production-2\",\"number\":1,\"revoked\":0,");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.revocation_list"), 2);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.revocation_list"
                                         " WHERE next_update = this_update + interval '3 days'"),
                     2);

    const struct certificate revoked = issue("KR000000001X", "revoked.pem");
    (void)issue("KR000000002X", "good.pem");
    record_revoked(&revoked);
    assert_int_equal(verify("revoked.pem"), 0); /* the list of before */
    assert_int_equal(run(), 0);
    expect("{\"token\":\"production\",\"number\":2,\"revoked\":1,");
    expect("{\"token\":\"production-2\",\"number\":2,\"revoked\":0,");
    assert_int_not_equal(verify("revoked.pem"), 0);
    assert_int_equal(verify("good.pem"), 0);

    /* The record knows the very bytes that were published. */
    char *digest = plant_text(&plant, "SELECT encode(list.sha256, 'hex') FROM prov.revocation_list AS list JOIN"
                                      " prov.issuer ON issuer.sha256 = list.issuer_sha256"
                                      " WHERE token_label = 'production' AND number = 2");
    const char *const sum[] = {"sha256sum", path_of("production.crl"), NULL};
    assert_int_equal(command_read(sum, output, sizeof output), 0);
    assert_memory_equal(output, digest, 64);
    free(digest);
    const char *issuing = softhsm_file(&plant.softhsm, "issuing-2.pem");
    const char *const certtool[] = {"certtool", "--verify-crl", "--load-ca-certificate",
                                    issuing,    "--infile",     path_of("production-2.crl.pem"),
                                    NULL};
    assert_int_equal(command_run(certtool), 0);
}

static void a_token_that_is_away_is_named_and_the_other_list_is_made(void **state)
{
    (void)state;
    char before[4096], after[4096];
    size_t size = read_file("production-2.crl", before);
    softhsm_kill_server(&plant.spare);
    assert_int_equal(run(), FAULT_EXIT_HARDWARE);
    expect("{\"token\":\"production\",\"number\":3,\"revoked\":1,");
    expect("CA of pkcs11:token=production-2: ");
    assert_null(strstr(output, "{\"token\":\"production-2\""));
    assert_int_equal(read_file("production-2.crl", after), size);
    assert_memory_equal(before, after, size);

    plant_serve(&plant);
    assert_int_equal(run(), 0);
    expect("{\"token\":\"production-2\",\"number\":3,");
}

static void nothing_is_made_without_the_record_or_of_the_past(void **state)
{
    (void)state;
    char before[4096], after[4096], sqlstate[POSTGRES_STATE_SIZE];
    size_t size = read_file("production.crl", before);
    postgres_halt();
    int code = run();
    postgres_resume();
    assert_int_equal(code, FAULT_EXIT_RECORD);
    expect("RECORD_AWAY");
    assert_int_equal(read_file("production.crl", after), size);
    assert_memory_equal(before, after, size);

    /* As after a clock that was set back: the last list is four minutes ahead of now. */
    assert_true(postgres_run(plant.admin,
                             "SET session_replication_role = replica;"
                             "INSERT INTO prov.revocation_list (issuer_sha256, number, this_update, next_update,"
                             " revoked, sha256) SELECT sha256, 100, now() + interval '4 minutes',"
                             " now() + interval '1 day', 1, sha256(sha256) FROM prov.issuer"
                             " WHERE token_label = 'production'",
                             sqlstate));
    assert_int_equal(run(), FAULT_EXIT_CHECK_FAILED);
    expect("CRL_BACKWARDS");
    expect("{\"token\":\"production-2\",");
    assert_int_equal(read_file("production.crl", after), size);
    assert_memory_equal(before, after, size);
}

static void it_is_told_what_is_wrong_with_its_options(void **state)
{
    (void)state;
    static const char *const days[] = {"0", "367", "week"};
    for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
        const char *const argv[] = {KOKUIN, "hsm", "crl", plant.jig, "--days", days[i], NULL};
        assert_int_equal(command_run(argv), FAULT_EXIT_USAGE);
    }
    const char *const no_jig[] = {KOKUIN, "hsm", "crl", "/nonexistent/jig.yaml", NULL};
    assert_int_not_equal(command_run(no_jig), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ca_gets_a_list),
        cmocka_unit_test(a_token_that_is_away_is_named_and_the_other_list_is_made),
        cmocka_unit_test(nothing_is_made_without_the_record_or_of_the_past),
        cmocka_unit_test(it_is_told_what_is_wrong_with_its_options),
    };
    return cmocka_run_group_tests(tests, open_plant, close_plant);
}
