/* kokuin-unit as a program, with its flash in a file, spoken to by OpenSSL. */
#include "base/clock.h"
#include "tests/unit/device/simulated.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct pki pki;

static int run(const char *const *argv)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
        execv(KOKUIN_UNIT, (char *const *)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool file_holds(const char *path, const char *text)
{
    uint8_t bytes[32768];
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

static void router_goes_from_blank_to_locked(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity identity;
    unit_start(&unit, "01", "KR-1000", NULL);
    connect_unit(&unit);
    assert_null(station_peer(&unit.station));
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_string_equal(identity.model, "KR-1000");
    assert_string_equal(identity.firmware, "1.4.2");
    assert_int_equal(identity.hardware_id_size, 1);
    assert_int_equal(identity.hardware_id[0], 1);
    assert_int_equal(identity.state, 0);
    assert_int_equal(station_provision(&unit.station, &pki, 7, SERIAL, PASSWORD), 0);

    restart_unit(&unit);
    X509 *shown = station_peer(&unit.station);
    assert_non_null(shown);
    struct der der;
    uint8_t digest[32];
    pki_der(shown, &der);
    X509_free(shown);
    EVP_Digest(der.bytes, der.size, digest, NULL, EVP_sha256(), NULL);
    assert_int_equal(SSL_get_verify_result(unit.station.tls), X509_V_OK);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_int_equal(identity.state, 1);
    assert_string_equal(identity.serial, SERIAL);
    assert_true(identity.mac == 0x025055000010 && identity.mac_count == 2);
    assert_int_equal(identity.certificate_size, 32);
    assert_memory_equal(identity.certificate, digest, 32);

    assert_int_equal(outcome(&unit, "admin", PASSWORD), 0);
    assert_int_equal(outcome(&unit, "admin", "admin"), 1);
    assert_int_equal(outcome(&unit, "root", PASSWORD), 1);
    bool equal;
    assert_int_equal(station_compare_key(&unit.station, "wifi", "a Wi-Fi key", &equal), 0);
    assert_true(equal);
    assert_int_equal(station_compare_key(&unit.station, "wifi", "another key", &equal), 0);
    assert_false(equal);
    assert_true(station_sees_interface(&unit.station, "tcp/443"));
    assert_false(station_sees_interface(&unit.station, "tcp/23"));

    assert_int_equal(station_simple(&unit.station, LOCK), 0);
    struct der csr;
    assert_int_equal(station_make_key(&unit.station, 8, SERIAL, &csr), 3);
    assert_int_equal(station_simple(&unit.station, OPEN_DEBUG), 3);
    assert_int_equal(unit_stop(&unit), 0);

    unit_start(&unit, "01", "KR-1000", NULL);
    connect_unit(&unit);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_true(identity.locked && identity.state == 1);
    assert_int_equal(station_simple(&unit.station, REOPEN), 0);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_true(!identity.locked && identity.state == 0);
    assert_int_equal(unit_stop(&unit), 0);
}

/* Everything about it is right but the key. */
static void certificate_of_another_key_is_refused(void **state)
{
    (void)state;
    struct simulated unit;
    struct der csr, certificate, issuing;
    struct cbor_reader result;
    uint8_t arguments[4096];
    EVP_PKEY *other = EVP_EC_gen("P-256");
    assert_non_null(other);
    pki_issue(&pki, other, SERIAL, &certificate);
    EVP_PKEY_free(other);
    pki_der(pki.issuing, &issuing);

    unit_start(&unit, "0e", "KR-1000", NULL);
    connect_unit(&unit);
    assert_int_equal(station_make_key(&unit.station, 7, SERIAL, &csr), 0);
    size_t size = build_injection(7, SERIAL, PASSWORD, &certificate, &issuing, arguments);
    assert_int_equal(station_request(&unit.station, INJECT, arguments, size, &result), 5);
    struct identity identity;
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_int_equal(identity.state, 2);

    pki_issue_for(&pki, &csr, SERIAL, &certificate);
    size = build_injection(7, SERIAL, PASSWORD, &certificate, &issuing, arguments);
    assert_int_equal(station_request(&unit.station, INJECT, arguments, size, &result), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

static void sensor_has_no_login_at_all(void **state)
{
    (void)state;
    struct simulated unit;
    unit_start(&unit, "02", "KS-200", NULL);
    connect_unit(&unit);
    assert_int_equal(station_provision(&unit.station, &pki, 1, "KS00000018", PASSWORD), 5);
    assert_int_equal(station_provision(&unit.station, &pki, 1, "KS00000018", NULL), 0);
    assert_int_equal(outcome(&unit, "admin", "admin"), 4);
    assert_true(station_sees_interface(&unit.station, "tcp/8883"));
    assert_int_equal(unit_stop(&unit), 0);
}

static void flash_holds_no_password(void **state)
{
    (void)state;
    struct simulated unit;
    char path[64];
    unit_start(&unit, "03", "KR-1000", NULL);
    connect_unit(&unit);
    assert_int_equal(station_provision(&unit.station, &pki, 1, SERIAL, PASSWORD), 0);
    assert_int_equal(unit_stop(&unit), 0);
    flash_path("03", path);
    assert_true(file_holds(path, SERIAL));
    assert_false(file_holds(path, PASSWORD));
    assert_false(file_holds(path, "a Wi-Fi key"));
}

static void wrong_logins_delay_and_lock_until_restart(void **state)
{
    (void)state;
    struct simulated unit;
    unit_start(&unit, "04", "KR-1000", NULL);
    connect_unit(&unit);
    assert_int_equal(station_provision(&unit.station, &pki, 1, SERIAL, PASSWORD), 0);
    unsigned refused = 0, delayed = 0;
    struct login_result result;
    do {
        assert_int_equal(station_try_login(&unit.station, "admin", "wrong", &result), 0);
        refused += result.outcome == 1;
        delayed += result.outcome == 2;
        if (result.outcome == 2) {
            assert_in_range(refused, 3, 11);
            assert_in_range(result.wait_ms, 1, 160);
            poll(NULL, 0, (int)result.wait_ms);
        }
    } while (result.outcome != 3);
    assert_int_equal(refused, 12);
    assert_true(delayed > 0);
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 3);
    restart_unit(&unit);
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

static void only_a_station_is_spoken_to(void **state)
{
    (void)state;
    struct simulated unit;
    unit_start(&unit, "05", "KR-1000", NULL);
    X509 *device_like = pki_station_without_usage(&pki);
    int cable = dup(unit.station.cable);
    station_stop(&unit.station);
    station_start_as(&unit.station, &pki, device_like, cable);
    /* In TLS 1.3 the server may be done before the client refuses it. */
    if (station_connect(&unit.station, WAIT_MS))
        assert_int_equal(station_simple(&unit.station, IDENTIFY), -1);
    X509_free(device_like);

    struct pki stranger;
    pki_open(&stranger);
    cable = dup(unit.station.cable);
    station_stop(&unit.station);
    station_start(&unit.station, &stranger, cable);
    if (station_connect(&unit.station, WAIT_MS))
        assert_int_equal(station_simple(&unit.station, IDENTIFY), -1);
    pki_close(&stranger);

    /* The unit is not the worse for it. */
    cable = dup(unit.station.cable);
    station_stop(&unit.station);
    station_start(&unit.station, &pki, cable);
    connect_unit(&unit);
    assert_int_equal(station_simple(&unit.station, INTERFACES), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    struct deadline deadline = deadline_in_ms(WAIT_MS);
    int cable = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (connect(cable, (struct sockaddr *)&address, sizeof address) != 0) {
        assert_false(deadline_passed(deadline));
        poll(NULL, 0, 10);
    }
    return cable;
}

static void listens_for_one_connection_after_another(void **state)
{
    (void)state;
    char flash[64], path[64], option[80];
    flash_path("06", flash);
    snprintf(path, sizeof path, "%s/socket", pki.directory);
    snprintf(option, sizeof option, "unix:%s", path);
    pid_t pid = fork();
    if (pid == 0) {
        execl(KOKUIN_UNIT, KOKUIN_UNIT, "--flash", flash, "--root", pki.root_path, "--model", "KR-1000", "--board",
              "06", "--listen", option, (char *)NULL);
        _exit(127);
    }
    struct station_side station;
    for (uint64_t expected = 0; expected < 2; expected++) {
        struct identity identity;
        station_start(&station, &pki, connect_to(path));
        assert_true(station_connect(&station, WAIT_MS));
        assert_int_equal(station_identify(&station, &identity), 0);
        assert_int_equal(identity.state, expected);
        if (expected == 0)
            assert_int_equal(station_provision(&station, &pki, 1, SERIAL, PASSWORD), 0);
        station_stop(&station);
    }
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* MAKE_KEY and INJECT write about 3 kB and erase four banks: cuts all over them leave nothing or everything. */
static void power_cut_leaves_old_or_new(void **state)
{
    (void)state;
    static const unsigned long cuts[] = {1, 4000, 8192, 8200, 8500, 9000, 17000, 25000, 26000, 26500, 27000, 30000};
    unsigned blank = 0, provisioned = 0;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        char board[8], number[16];
        snprintf(board, sizeof board, "07%02zx", i);
        snprintf(number, sizeof number, "%lu", cuts[i]);
        const char *const extra[] = {"--power-cut-at", number, NULL};
        struct simulated unit;
        struct identity identity;
        unit_start(&unit, board, "KR-1000", extra);
        connect_unit(&unit);
        assert_int_equal(station_provision(&unit.station, &pki, 1, SERIAL, PASSWORD), -1);
        assert_int_equal(unit_stop(&unit), 137);
        unit_start(&unit, board, "KR-1000", NULL);
        connect_unit(&unit);
        assert_int_equal(station_identify(&unit.station, &identity), 0);
        if (identity.state == 1) {
            assert_int_equal(outcome(&unit, "admin", PASSWORD), 0);
            provisioned++;
        } else {
            assert_string_equal(identity.serial, "");
            assert_int_equal(station_provision(&unit.station, &pki, 2, SERIAL, PASSWORD), 0);
            blank++;
        }
        assert_int_equal(unit_stop(&unit), 0);
    }
    assert_true(blank > 0 && provisioned > 0);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    char flash[64], junk[64];
    flash_path("08", flash);
    flash_path("junk", junk);
    FILE *file = fopen(junk, "we");
    assert_true(file && fputs("no flash at all", file) >= 0 && fclose(file) == 0);
    const char *const good[] = {KOKUIN_UNIT, "--flash", flash,  "--root", pki.root_path, "--model",
                                "KR-1000",   "--board", "0102", "--fd",   "0",           NULL};
    static const struct {
        size_t at;
        const char *text;
    } bad[] = {{6, "KR-9"},
               {8, "01020"},
               {8, "xy"},
               {8, ""},
               {9, "--fdd"},
               {10, "-1"},
               {10, "1x"},
               {4, "/dev/null"},
               {4, "/nonexistent"},
               {2, "/nonexistent/flash"},
               {2, NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *argv[12];
        memcpy(argv, good, sizeof argv);
        argv[bad[i].at] = bad[i].text ? bad[i].text : junk;
        assert_int_equal(run(argv), 2);
    }
    const char *const both[] = {KOKUIN_UNIT, "--misbehave", "politely", NULL};
    assert_int_equal(run(both), 2);
    const char *const asked[] = {KOKUIN_UNIT, "--help", NULL};
    assert_int_equal(run(asked), 0);

    /* One board is in one place. */
    struct simulated unit;
    unit_start(&unit, "08", "KR-1000", NULL);
    connect_unit(&unit);
    const char *const second[] = {KOKUIN_UNIT, "--flash", flash, "--root", pki.root_path, "--model",
                                  "KR-1000",   "--board", "08",  "--fd",   "0",           NULL};
    assert_int_equal(run(second), 2);
    assert_int_equal(unit_stop(&unit), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    pki_open(&pki);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_goes_from_blank_to_locked),
        cmocka_unit_test(sensor_has_no_login_at_all),
        cmocka_unit_test(flash_holds_no_password),
        cmocka_unit_test(wrong_logins_delay_and_lock_until_restart),
        cmocka_unit_test(only_a_station_is_spoken_to),
        cmocka_unit_test(listens_for_one_connection_after_another),
        cmocka_unit_test(certificate_of_another_key_is_refused),
        cmocka_unit_test(power_cut_leaves_old_or_new),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    int failed = cmocka_run_group_tests_name("simulated", tests, NULL, NULL);
    pki_close(&pki);
    return failed;
}
