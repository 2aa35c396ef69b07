/* A product whose unit's key is made in the token, from blank to closed with real parts; where it cannot be made, and
 * each unit that lies about it. */
#include "base/bytes.h"
#include "base/process.h"
#include "tests/support/command.h"
#include "tests/unit/station/visit.h"

#include <fcntl.h>
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

#define PATIENCE_MS 60000
#define FILE_MAX ((size_t)4 * 1024 * 1024)
#define SCALAR_SIZE 32
#define POINT_SIZE 65

static struct world world;

/* ---- the key itself, out of the simulated unit's flash ---- */

struct key {
    uint8_t scalar[SCALAR_SIZE], point[POINT_SIZE];
};

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s is not there", path);
    uint8_t *bytes = malloc(FILE_MAX);
    assert_non_null(bytes);
    *ret_size = fread(bytes, 1, FILE_MAX, file);
    assert_int_equal(fclose(file), 0);
    assert_true(*ret_size < FILE_MAX);
    return bytes;
}

/* The flash holds the key as ECPrivateKey: 0x02 01 01, OCTET STRING of the scalar, the curve, the point. */
static struct key key_of(const char *board)
{
    static const uint8_t front[] = {0x02, 0x01, 0x01, 0x04, SCALAR_SIZE}, before_point[] = {0x03, 0x42, 0x00, 0x04};
    char path[160];
    struct key key;
    size_t size;
    (void)snprintf(path, sizeof path, "%s/%s.flash", plant.softhsm.directory, board);
    uint8_t *flash = read_file(path, &size);
    const uint8_t *at = memmem(flash, size, front, sizeof front);
    assert_non_null(at);
    memcpy(key.scalar, at + sizeof front, sizeof key.scalar);
    at = memmem(at, 160, before_point, sizeof before_point);
    assert_non_null(at);
    memcpy(key.point, at + 3, sizeof key.point);
    free(flash);
    return key;
}

/* As bytes, and as the hexadecimal digits that a dump or a log would write. */
static bool file_holds(const char *path, const uint8_t *bytes, size_t count)
{
    char digits[2 * POINT_SIZE + 1];
    size_t size;
    hex_write(bytes, count, digits);
    uint8_t *file = read_file(path, &size);
    bool found = memmem(file, size, bytes, count) != NULL || memmem(file, size, digits, 2 * count) != NULL;
    free(file);
    return found;
}

static const char *path_of(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", plant.softhsm.directory, name);
    return path;
}

/* ---- the good way ---- */

static void test_contact_from_blank_to_closed(void **state)
{
    (void)state;
    struct flow_result result = visit(&world, "ca000001", NULL);
    expect_closed(&result);
    char *facts = plant_text(&plant, "SELECT concat_ws('|', facts ->> 'key', facts ->> 'key_born_in_token', facts ->> "
                                     "'key_travelled', verdict) FROM prov.evidence WHERE name = 'certificate_used'");
    assert_string_equal(facts, "station|production|wrapped by RFC 5649 under one ECDH agreement on P-256 with the "
                               "unit|shown");
    free(facts);
}

static void test_openssl_accepts_its_certificate(void **state)
{
    (void)state;
    struct fault fault;
    uint8_t der[2048];
    char pem[160];
    char *digits = plant_text(&plant, "SELECT encode(der, 'hex') FROM prov.certificate");
    size_t size = strlen(digits) / 2;
    assert_true(size < sizeof der && hex_read(digits, der, size, &fault));
    free(digits);
    const struct key key = key_of("ca000001");
    assert_non_null(memmem(der, size, key.point, sizeof key.point));

    FILE *file = fopen(path_of("unit.der"), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(der, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(pem, sizeof pem, "%s/unit.pem", plant.softhsm.directory);
    const char *const convert[] = {"openssl", "x509", "-inform", "DER", "-in", path_of("unit.der"), "-out", pem, NULL};
    const char *const verify[] = {"openssl",
                                  "verify",
                                  "-x509_strict",
                                  "-CAfile",
                                  softhsm_file(&plant.softhsm, "root.pem"),
                                  "-untrusted",
                                  softhsm_file(&plant.softhsm, "issuing-1.pem"),
                                  pem,
                                  NULL};
    assert_int_equal(command_run(convert), 0);
    assert_int_equal(command_run(verify), 0);
}

static void start_station(pid_t *ret_station)
{
    struct fault fault;
    int log = open(path_of("station.log"), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    assert_true(log >= 0);
    const char *const argv[] = {"kokuin", "station", "run", plant.jig, "--order", "A-1", "--json", NULL};
    const struct process_descriptor outputs[] = {{.ours = log, .theirs = STDOUT_FILENO},
                                                 {.ours = log, .theirs = STDERR_FILENO}};
    struct process_options options = {
        .path = KOKUIN, .argv = argv, .descriptors = outputs, .descriptor_count = 2, .death_signal = SIGTERM};
    if (!process_start(&options, ret_station, &fault))
        fail_msg("%s", fault.text);
    (void)close(log);
}

static int listen_as_scanner(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/scanner.sock", plant.softhsm.directory);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 4), 0);
    return listening;
}

/* A whole station, whose log and record are searched for the key that only the unit and, for a moment, the token had.
 */
static void test_key_is_in_the_unit_only(void **state)
{
    (void)state;
    pid_t station;
    int scanner = listen_as_scanner();
    start_station(&station);
    plant_insert(&plant, "ca000002", "KC-100", NULL);
    bool labelled = postgres_wait(plant.admin, "SELECT state FROM prov.attempt WHERE hardware_id = '\\xca000002'",
                                  "labelled", PATIENCE_MS);
    assert_int_equal(kill(station, SIGTERM), 0);
    assert_int_equal(waitpid(station, NULL, 0), station);
    plant_remove(&plant);
    (void)close(scanner);
    if (!labelled)
        fail_msg("the station did not label the unit");

    const struct key key = key_of("ca000002");
    char dump[160], flash[160];
    (void)snprintf(dump, sizeof dump, "%s/record.sql", plant.softhsm.directory);
    (void)snprintf(flash, sizeof flash, "%s/ca000002.flash", plant.softhsm.directory);
    const char *const argv[] = {"pg_dump", "-d", plant.admin, "-f", dump, NULL};
    assert_int_equal(command_run(argv), 0);
    /* What is searched for is where it must be; and the searches would find it. */
    assert_true(file_holds(flash, key.scalar, sizeof key.scalar));
    assert_true(file_holds(dump, key.point, sizeof key.point));
    assert_false(file_holds(dump, key.scalar, sizeof key.scalar));
    assert_true(file_holds(path_of("station.log"), (const uint8_t *)world.serial, 5));
    assert_false(file_holds(path_of("station.log"), key.scalar, sizeof key.scalar));

    struct flow_result result = visit(&world, "ca000002", NULL);
    expect_closed(&result); /* goes on with its label */
}

/* ---- the refusals ---- */

static void test_units_that_lie_are_never_closed(void **state)
{
    (void)state;
    static const struct {
        const char *board, *misbehaviour;
        enum fault_code code;
    } liars[] = {
        {"cb000001", "weak-point", FAULT_TRANSPORT_REFUSED},
        {"cb000002", "off-curve-point", FAULT_TRANSPORT_REFUSED},
        {"cb000003", "damaged-key", FAULT_UNIT_LINK},
        {"cb000004", "keeps-own-key", FAULT_UNIT_LINK},
        {"cb000005", "old-certificate", FAULT_UNIT_CERTIFICATE},
        {"cb000006", "other-key-source", FAULT_UNIT_KEY_SOURCE},
        {"cb000007", "lock-does-not-lock", FAULT_LOCK_FAILED},
    };
    long closed = plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE state = 'closed'");
    for (size_t i = 0; i < ARRAY_SIZE(liars); i++) {
        struct flow_result result = visit(&world, liars[i].board, liars[i].misbehaviour);
        if (result.end != FLOW_FAILED || result.fault.code != liars[i].code)
            fail_msg("%s ended as %d with %s: %s", liars[i].misbehaviour, (int)result.end,
                     fault_name(result.fault.code), result.fault.text);
        assert_int_equal(result.record.code, FAULT_NONE);
    }
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE state = 'closed'"), closed);
    /* A board that can still be spoken to is reworked once it is mended. */
    struct flow_result result = visit(&world, "cb000002", NULL);
    expect_closed(&result);
    assert_int_equal(result.attempt, 2);
}

static int doctor(char *ret_text, size_t size)
{
    const char *const argv[] = {KOKUIN, "doctor", plant.jig, NULL};
    return command_read(argv, ret_text, size);
}

static void test_way_that_cannot_wrap_is_refused_at_the_start(void **state)
{
    (void)state;
    static char text[32768];
    (void)doctor(text, sizeof text);
    assert_non_null(strstr(text, "ok      token 1: makes keys for KC-100"));
    assert_non_null(strstr(text, "ok      token 2: makes keys for KC-100"));

    struct fault fault;
    struct rooms *rooms = NULL;
    rooms_free(TAKE(plant.rooms));
    plant_serve(&plant);
    plant_write_jig(&plant, false, true);
    assert_false(rooms_open(plant.jig, "A-1", "test", &rooms, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
    assert_non_null(strstr(fault.text, "product KC-100 has 'key: station'"));
    assert_non_null(strstr(fault.text, "token 'production', over this way to it, agrees on no key"));

    assert_int_equal(doctor(text, sizeof text), fault_exit(FAULT_HSM_CANNOT));
    assert_non_null(strstr(text, "failed  token 1: makes keys for KC-100"));
    assert_non_null(strstr(text, "failed  token 2: makes keys for KC-100"));
}

static void test_unit_without_a_key_of_its_own_is_no_sensor(void **state)
{
    (void)state;
    plant_close(&plant);
    plant_open(&plant, "sensor.yaml", 2);
    struct flow_result result = visit(&world, "cc000001", "other-key-source");
    assert_int_equal(result.end, FLOW_FAILED);
    assert_int_equal(result.fault.code, FAULT_UNIT_KEY_SOURCE);
    result = visit(&world, "cc000001", NULL);
    expect_closed(&result);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.evidence WHERE name = 'certificate_used' AND "
                                         "verdict = 'shown' AND facts ->> 'key' = 'unit'"),
                     1);
}

static int open_contacts(void **state)
{
    (void)state;
    plant_open_direct(&plant, "contact.yaml", 20);
    return 0;
}

static int close_all(void **state)
{
    plant_close(&plant);
    return postgres_stop(state);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contact_from_blank_to_closed),
        cmocka_unit_test(test_openssl_accepts_its_certificate),
        cmocka_unit_test(test_key_is_in_the_unit_only),
        cmocka_unit_test(test_units_that_lie_are_never_closed),
        cmocka_unit_test(test_way_that_cannot_wrap_is_refused_at_the_start),
        cmocka_unit_test(test_unit_without_a_key_of_its_own_is_no_sensor), /* last: another plant */
    };
    return cmocka_run_group_tests_name("given_key", tests, open_contacts, close_all);
}
