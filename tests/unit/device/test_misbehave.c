/* Every misbehaviour of kokuin-unit acts: what the station then sees is seen here. */
#include "base/clock.h"
#include "tests/unit/device/simulated.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct pki pki;

static void start_provisioned(struct simulated *unit, const char *board, const char *misbehaviour)
{
    unit_start_misbehaving(unit, board, "KR-1000", misbehaviour);
    connect_unit(unit);
    assert_int_equal(station_provision(&unit->station, &pki, 1, SERIAL, PASSWORD), 0);
}

static void unplugs_during_injection_once(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity identity;
    unit_start_misbehaving(&unit, "10", "KR-1000", "unplug-during-injection");
    connect_unit(&unit);
    assert_int_equal(station_provision(&unit.station, &pki, 1, SERIAL, PASSWORD), -1);
    assert_true(unit.station.hung_up);
    assert_int_equal(unit_stop(&unit), 0);

    unit_start_misbehaving(&unit, "10", "KR-1000", "unplug-during-injection");
    connect_unit(&unit);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_int_equal(identity.state, 2);
    assert_int_equal(station_provision(&unit.station, &pki, 2, SERIAL, PASSWORD), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

/* What comes over the cable after a RESET, until `size` bytes or 700 ms of silence. */
static size_t raw_answer(struct simulated *unit, uint8_t *ret_bytes, size_t size)
{
    uint8_t reset[SESSION_OUTPUT_MAX];
    session_reset(&unit->station.session, 0x1234, 0);
    size_t length = session_output(&unit->station.session, reset, 0);
    assert_int_equal(write(unit->station.cable, reset, length), length);
    size_t count = 0;
    struct pollfd event = {.fd = unit->station.cable, .events = POLLIN};
    while (count < size && poll(&event, 1, 700) == 1) {
        ssize_t part = read(unit->station.cable, ret_bytes + count, size - count);
        if (part <= 0)
            break;
        count += (size_t)part;
    }
    return count;
}

static void is_silent(void **state)
{
    (void)state;
    struct simulated unit;
    uint8_t bytes[64];
    unit_start_misbehaving(&unit, "11", "KR-1000", "silent");
    assert_int_equal(raw_answer(&unit, bytes, sizeof bytes), 0);
    assert_false(station_connect(&unit.station, 1500));
    assert_false(unit.station.hung_up);
    assert_int_equal(unit_stop(&unit), 0);
}

static void answers_garbage(void **state)
{
    (void)state;
    struct simulated unit;
    uint8_t bytes[64];
    unit_start_misbehaving(&unit, "12", "KR-1000", "garbage");
    assert_int_equal(raw_answer(&unit, bytes, sizeof bytes), 64);
    assert_false(station_connect(&unit.station, 1500));
    assert_false(unit.station.hung_up);
    assert_int_equal(unit_stop(&unit), 0);
}

static void says_another_model(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity identity;
    unit_start_misbehaving(&unit, "13", "KR-1000", "wrong-model");
    connect_unit(&unit);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_string_equal(identity.model, "KX-9999");
    assert_int_equal(unit_stop(&unit), 0);
}

static void makes_noise_and_still_works(void **state)
{
    (void)state;
    struct simulated unit;
    uint8_t bytes[64];
    unit_start_misbehaving(&unit, "14", "KR-1000", "noise");
    assert_int_equal(raw_answer(&unit, bytes, sizeof bytes), sizeof bytes);
    assert_non_null(memmem(bytes, sizeof bytes, "U-Boot", 6));
    connect_unit(&unit);
    assert_int_equal(station_provision(&unit.station, &pki, 1, SERIAL, PASSWORD), 0);
    restart_unit(&unit);
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

static void comes_back_as_another_board(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity before, after;
    start_provisioned(&unit, "15", "swapped-board");
    assert_int_equal(station_identify(&unit.station, &before), 0);
    for (unsigned i = 0; i < 2; i++) {
        restart_unit(&unit);
        assert_int_equal(station_identify(&unit.station, &after), 0);
        assert_int_equal(before.hardware_id_size, after.hardware_id_size);
        assert_memory_not_equal(before.hardware_id, after.hardware_id, before.hardware_id_size);
    }
    assert_int_equal(unit_stop(&unit), 0);
}

static void does_not_show_its_certificate(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity identity;
    start_provisioned(&unit, "16", "old-certificate");
    restart_unit(&unit);
    assert_null(station_peer(&unit.station));
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_int_equal(identity.certificate_size, 32);
    assert_int_equal(unit_stop(&unit), 0);
}

static void accepts_the_default(void **state)
{
    (void)state;
    struct simulated unit;
    start_provisioned(&unit, "17", "default-still-live");
    assert_int_equal(outcome(&unit, "admin", "admin"), 0);
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 0);
    assert_int_equal(outcome(&unit, "admin", "wrong"), 1);
    assert_int_equal(unit_stop(&unit), 0);
}

static void accepts_anything(void **state)
{
    (void)state;
    struct simulated unit;
    start_provisioned(&unit, "18", "wrong-password-accepted");
    assert_int_equal(outcome(&unit, "admin", "wrong"), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

static void locks_in_words_only(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity identity;
    struct der csr;
    start_provisioned(&unit, "19", "lock-does-not-lock");
    assert_int_equal(station_simple(&unit.station, LOCK), 0);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_true(identity.locked);
    assert_int_equal(station_make_key(&unit.station, 2, SERIAL, &csr), 0);
    assert_int_equal(station_simple(&unit.station, OPEN_DEBUG), 0);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_true(identity.locked);
    assert_int_equal(unit_stop(&unit), 0);
}

static void forgets_what_it_gave_a_receipt_for(void **state)
{
    (void)state;
    struct simulated unit;
    struct identity identity;
    start_provisioned(&unit, "1a", "receipt-without-writing");
    restart_unit(&unit);
    assert_int_equal(station_identify(&unit.station, &identity), 0);
    assert_int_not_equal(identity.state, 1);
    assert_int_equal(unit_stop(&unit), 0);
}

static void make_csr_on(const char *board, const char *misbehaviour, struct der *ret_csr)
{
    struct simulated unit;
    unit_start_misbehaving(&unit, board, "KR-1000", misbehaviour);
    connect_unit(&unit);
    assert_int_equal(station_make_key(&unit.station, 1, SERIAL, ret_csr), 0);
    assert_int_equal(unit_stop(&unit), 0);
}

static void has_the_same_key_on_every_board(void **state)
{
    (void)state;
    struct der first, second, certificate, other;
    make_csr_on("1b01", "reused-key", &first);
    make_csr_on("1b02", "reused-key", &second);
    assert_true(csr_verifies(&first) && csr_verifies(&second));
    pki_issue_for(&pki, &first, SERIAL, &certificate);
    pki_issue_for(&pki, &second, SERIAL, &other);
    assert_true(pki_same_key(&certificate, &other));

    make_csr_on("1b03", "noise", &second);
    pki_issue_for(&pki, &second, SERIAL, &other);
    assert_false(pki_same_key(&certificate, &other));
}

static void asks_in_another_name(void **state)
{
    (void)state;
    struct der csr;
    char serial[64];
    make_csr_on("1c", "foreign-csr", &csr);
    assert_true(csr_verifies(&csr));
    csr_serial(&csr, serial);
    assert_string_not_equal(serial, SERIAL);
    make_csr_on("1c02", "noise", &csr);
    csr_serial(&csr, serial);
    assert_string_equal(serial, SERIAL);
}

static void signs_its_csr_wrongly(void **state)
{
    (void)state;
    struct der csr;
    make_csr_on("1d", "bad-csr-signature", &csr);
    assert_false(csr_verifies(&csr));
}

static void has_telnet_open(void **state)
{
    (void)state;
    struct simulated unit;
    unit_start_misbehaving(&unit, "1e", "KR-1000", "interface-open");
    connect_unit(&unit);
    assert_true(station_sees_interface(&unit.station, "tcp/23"));
    assert_int_equal(unit_stop(&unit), 0);
}

static void never_slows_down(void **state)
{
    (void)state;
    struct simulated unit;
    start_provisioned(&unit, "1f", "no-retry-limit");
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(outcome(&unit, "admin", "wrong"), 1);
    assert_int_equal(unit_stop(&unit), 0);
}

static void loses_its_credentials(void **state)
{
    (void)state;
    struct simulated unit;
    bool equal;
    start_provisioned(&unit, "20", "lost-on-restart");
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 0);
    restart_unit(&unit);
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 1);
    assert_int_equal(station_compare_key(&unit.station, "wifi", "a Wi-Fi key", &equal), 0);
    assert_false(equal);
    assert_int_equal(unit_stop(&unit), 0);
}

/* What the private number 1 gives is the curve's base point. */
static void makes_a_key_that_everybody_knows(void **state)
{
    (void)state;
    static const uint8_t base[] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5};
    struct der csr;
    make_csr_on("21", "weak-key", &csr);
    assert_true(csr_verifies(&csr));
    assert_non_null(memmem(csr.bytes, csr.size, base, sizeof base));
}

static void does_not_ask_for_the_password_it_keeps(void **state)
{
    (void)state;
    struct simulated unit;
    bool equal;
    start_provisioned(&unit, "22", "password-not-active");
    assert_int_equal(outcome(&unit, "admin", PASSWORD), 1);
    assert_int_equal(station_compare_key(&unit.station, "wifi", "a Wi-Fi key", &equal), 0);
    assert_true(equal);
    assert_int_equal(unit_stop(&unit), 0);
}

static void comes_back_under_another_name(void **state)
{
    (void)state;
    static const char *const names[] = {"other-serial", "other-mac"};
    for (size_t i = 0; i < 2; i++) {
        struct simulated unit;
        struct identity before, after;
        start_provisioned(&unit, i == 0 ? "23" : "24", names[i]);
        assert_int_equal(station_identify(&unit.station, &before), 0);
        restart_unit(&unit);
        assert_int_equal(station_identify(&unit.station, &after), 0);
        assert_true((strcmp(before.serial, after.serial) != 0) == (i == 0));
        assert_true((before.mac != after.mac) == (i == 1));
        assert_int_equal(unit_stop(&unit), 0);
    }
}

/* It is not silent, and no frame of it is whole. */
static void cuts_its_frames(void **state)
{
    (void)state;
    struct simulated unit;
    uint8_t bytes[64];
    unit_start_misbehaving(&unit, "25", "KR-1000", "cut-frames");
    size_t count = raw_answer(&unit, bytes, sizeof bytes);
    assert_true(count > 1 && bytes[count - 1] != 0);
    assert_false(station_connect(&unit.station, 1500));
    assert_int_equal(unit_stop(&unit), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    pki_open(&pki);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unplugs_during_injection_once),
        cmocka_unit_test(is_silent),
        cmocka_unit_test(answers_garbage),
        cmocka_unit_test(says_another_model),
        cmocka_unit_test(makes_noise_and_still_works),
        cmocka_unit_test(comes_back_as_another_board),
        cmocka_unit_test(does_not_show_its_certificate),
        cmocka_unit_test(accepts_the_default),
        cmocka_unit_test(accepts_anything),
        cmocka_unit_test(locks_in_words_only),
        cmocka_unit_test(forgets_what_it_gave_a_receipt_for),
        cmocka_unit_test(has_the_same_key_on_every_board),
        cmocka_unit_test(asks_in_another_name),
        cmocka_unit_test(signs_its_csr_wrongly),
        cmocka_unit_test(has_telnet_open),
        cmocka_unit_test(never_slows_down),
        cmocka_unit_test(loses_its_credentials),
        cmocka_unit_test(makes_a_key_that_everybody_knows),
        cmocka_unit_test(does_not_ask_for_the_password_it_keeps),
        cmocka_unit_test(comes_back_under_another_name),
        cmocka_unit_test(cuts_its_frames),
    };
    int failed = cmocka_run_group_tests_name("misbehave", tests, NULL, NULL);
    pki_close(&pki);
    return failed;
}
