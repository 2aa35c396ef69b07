/* A scanner that types: which keys make which scan, and what is no scan. */
#include "station/label/code.h"
#include "station/line/key_scan.h"

#include <linux/input.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GTIN "04912345000019"
#define SCANNER_GAP_US 2000
#define PERSON_GAP_US 150000

/* Where each character is on a US keyboard, written down apart from the table under test. */
static const char plain[] = "\0\0"
                            "1234567890-=\0\0qwertyuiop[]\0\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
static const char shifted[] = "\0\0"
                              "!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";

struct scanner {
    struct key_collector collector;
    struct scan_message last;
    uint64_t time_us;
    uint64_t gap_us;
    size_t scans;
};

static struct scanner scanner_at(uint64_t gap_us)
{
    return (struct scanner){.time_us = 1000000, .gap_us = gap_us};
}

static void send(struct scanner *scanner, uint16_t type, uint16_t code, int32_t value)
{
    struct key_event event = {.time_us = scanner->time_us, .type = type, .code = code, .value = value};
    scanner->scans += key_collect(&scanner->collector, &event, &scanner->last);
}

static void press(struct scanner *scanner, uint16_t code)
{
    send(scanner, EV_MSC, MSC_SCAN, 0x70004);
    send(scanner, EV_KEY, code, 1);
    send(scanner, EV_SYN, SYN_REPORT, 0);
    send(scanner, EV_KEY, code, 0);
    send(scanner, EV_SYN, SYN_REPORT, 0);
    scanner->time_us += scanner->gap_us;
}

static void press_with(struct scanner *scanner, uint16_t modifier, uint16_t code)
{
    send(scanner, EV_KEY, modifier, 1);
    press(scanner, code);
    send(scanner, EV_KEY, modifier, 0);
}

static void type(struct scanner *scanner, const char *text)
{
    for (; *text; text++) {
        const char *at = memchr(plain + 2, *text, sizeof plain - 3);
        const char *above = memchr(shifted + 2, *text, sizeof shifted - 3);
        if (*text == '\n')
            press(scanner, KEY_ENTER);
        else if (*text == '\x1d')
            press_with(scanner, KEY_LEFTCTRL, KEY_RIGHTBRACE);
        else if (at)
            press(scanner, (uint16_t)(at - plain));
        else if (above)
            press_with(scanner, KEY_LEFTSHIFT, (uint16_t)(above - shifted));
        else
            fail_msg("no key for %d", *text);
    }
}

/* A label's code with a serial whose check character is right. */
static void compose(char ret_text[LABEL_CODE_SIZE])
{
    char serial[SERIAL_SIZE] = "KR000000001";
    serial[SERIAL_LENGTH - 1] = serial_check_character(serial, SERIAL_LENGTH - 1);
    struct fault fault;
    assert_true(label_code_compose(GTIN, serial, "0123456789ABC", ret_text, &fault));
}

static struct scanner scan(const char *aim, const char *code, uint64_t gap_us)
{
    struct scanner scanner = scanner_at(gap_us);
    type(&scanner, aim);
    type(&scanner, code);
    type(&scanner, "\n");
    return scanner;
}

static void expect_refused(const struct scanner *scanner, enum fault_code code)
{
    assert_int_equal(scanner->scans, 1);
    assert_int_equal(scanner->last.kind, SCAN_REFUSED);
    if (scanner->last.fault != (uint32_t)code)
        fail_msg("refused as %s", fault_name((enum fault_code)scanner->last.fault));
    assert_string_equal(scanner->last.serial, "");
    struct key_collector forgotten = {.held = scanner->collector.held};
    assert_memory_equal(&scanner->collector, &forgotten, sizeof forgotten);
}

static void test_label_is_read(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    struct scanner scanner = scan("]d2", code, SCANNER_GAP_US);
    assert_int_equal(scanner.scans, 1);
    assert_int_equal(scanner.last.kind, SCAN_LABEL);
    assert_string_equal(scanner.last.gtin, GTIN);
    assert_string_equal(scanner.last.label, "0123456789ABC");
    assert_int_equal(strlen(scanner.last.serial), SERIAL_LENGTH);
    type(&scanner, "\n]C0KOKUIN-SLOT-3\n");
    assert_int_equal(scanner.scans, 2);
    assert_int_equal(scanner.last.kind, SCAN_SLOT_TAG);
    assert_int_equal(scanner.last.slot, 3);
}

/* Every character of every face comes out as it went in: a badge may be any of them as far as this file goes. */
static void test_us_layout(void **state)
{
    (void)state;
    char text[128] = "]C0";
    for (char letter = ' '; letter <= '~'; letter++)
        text[strlen(text)] = letter;
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    type(&scanner, text);
    assert_int_equal(scanner.collector.line.size, strlen(text));
    assert_memory_equal(scanner.collector.line.line, text, strlen(text));
    assert_false(scanner.collector.foreign);
}

static void test_gs_comes_in_two_ways(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    char *separator = strchr(code, '\x1d');
    assert_non_null(separator);
    *separator = '\0';
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    type(&scanner, "]d2");
    type(&scanner, code);
    press(&scanner, KEY_F8);
    type(&scanner, separator + 1);
    press(&scanner, KEY_KPENTER);
    assert_int_equal(scanner.scans, 1);
    assert_int_equal(scanner.last.kind, SCAN_LABEL);

    /* A scanner that leaves it out was not set up. */
    scanner = scanner_at(SCANNER_GAP_US);
    type(&scanner, "]d2");
    type(&scanner, code);
    type(&scanner, separator + 1);
    type(&scanner, "\n");
    expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
}

static void test_identifier_must_be_there(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    static const char *const others[] = {"", "]C1", "]Q3", "]C0", "]d1", "]D2", "]d", "d2", " ]d2"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct scanner scanner = scan(others[i], code, SCANNER_GAP_US);
        expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
    }
    struct scanner scanner = scan("", "KOKUIN-SLOT-3", SCANNER_GAP_US);
    expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
    static const char *const tags[] = {"]C0", "]C1", "]Q1", "]Q3", "]d1", "]d2"};
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        scanner = scan(tags[i], "KOKUIN-SLOT-3", SCANNER_GAP_US);
        assert_int_equal(scanner.last.kind, SCAN_SLOT_TAG);
    }
    scanner = scan("]X0", "KOKUIN-SLOT-3", SCANNER_GAP_US);
    expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
}

static void test_typed_by_hand(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    struct scanner scanner = scan("]d2", code, PERSON_GAP_US);
    expect_refused(&scanner, FAULT_SCAN_KEYED);
    scanner = scan("", "KOKUIN-PAUSE", PERSON_GAP_US);
    expect_refused(&scanner, FAULT_SCAN_KEYED);
    scanner = scan("]d2", code, KEY_SCAN_MEAN_US + 1);
    expect_refused(&scanner, FAULT_SCAN_KEYED);
    scanner = scan("]d2", code, KEY_SCAN_MEAN_US);
    assert_int_equal(scanner.last.kind, SCAN_LABEL);
}

/* One pause of a radio link makes no person of a scanner; a clock that goes backwards proves nothing. */
static void test_one_pause_and_a_bad_clock(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    type(&scanner, "]d2");
    scanner.time_us += 500000;
    type(&scanner, code);
    type(&scanner, "\n");
    assert_int_equal(scanner.last.kind, SCAN_LABEL);

    scanner = scanner_at(SCANNER_GAP_US);
    type(&scanner, "]d2");
    scanner.time_us = 1;
    type(&scanner, code);
    type(&scanner, "\n");
    expect_refused(&scanner, FAULT_SCAN_KEYED);
}

static void test_truncated_scans(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    assert_false(key_collect_end(&scanner.collector, &scanner.last));
    type(&scanner, "]d2");
    type(&scanner, code);
    assert_int_equal(scanner.scans, 0);
    scanner.scans += key_collect_end(&scanner.collector, &scanner.last);
    expect_refused(&scanner, FAULT_SCAN_TRUNCATED);
    assert_false(key_collect_end(&scanner.collector, &scanner.last));

    code[strlen(code) - 3] = '\0';
    scanner = scan("]d2", code, SCANNER_GAP_US);
    expect_refused(&scanner, FAULT_SCAN_TRUNCATED);
}

/* The kernel's buffer ran over: what is left of the scan must not pass for one. */
static void test_lost_events(void **state)
{
    (void)state;
    char code[LABEL_CODE_SIZE];
    compose(code);
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    send(&scanner, EV_KEY, KEY_LEFTSHIFT, 1);
    send(&scanner, EV_SYN, SYN_DROPPED, 0);
    type(&scanner, "]d2");
    type(&scanner, code);
    type(&scanner, "\n");
    expect_refused(&scanner, FAULT_SCAN_TRUNCATED);
    type(&scanner, "]d2");
    type(&scanner, code);
    type(&scanner, "\n");
    assert_int_equal(scanner.scans, 2);
    assert_int_equal(scanner.last.kind, SCAN_LABEL);
}

/* What is no character of a code spoils it, and what only accompanies the keys does not. */
static void test_foreign_keys(void **state)
{
    (void)state;
    static const uint16_t keys[] = {KEY_F7,        KEY_TAB, KEY_BACKSPACE, KEY_CAPSLOCK, KEY_LEFT,
                                    KEY_PLAYPAUSE, KEY_ESC, KEY_KP1,       KEY_102ND,    KEY_RO,
                                    KEY_MAX,       0,       KEY_RESERVED,  BTN_LEFT,     0xffff};
    char code[LABEL_CODE_SIZE];
    compose(code);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct scanner scanner = scanner_at(SCANNER_GAP_US);
        press(&scanner, keys[i]);
        type(&scanner, "]d2");
        type(&scanner, code);
        type(&scanner, "\n");
        expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
    }
    static const uint16_t modifiers[] = {KEY_LEFTCTRL, KEY_RIGHTCTRL, KEY_LEFTALT,
                                         KEY_RIGHTALT, KEY_LEFTMETA,  KEY_RIGHTMETA};
    for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++) {
        struct scanner scanner = scanner_at(SCANNER_GAP_US);
        type(&scanner, "]d2");
        press_with(&scanner, modifiers[i], KEY_M);
        type(&scanner, code);
        type(&scanner, "\n");
        expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
    }
}

static void test_shift_keys(void **state)
{
    (void)state;
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    send(&scanner, EV_KEY, KEY_LEFTSHIFT, 1);
    send(&scanner, EV_KEY, KEY_RIGHTSHIFT, 1);
    send(&scanner, EV_KEY, KEY_LEFTSHIFT, 0);
    send(&scanner, EV_KEY, KEY_RIGHTSHIFT, 2);
    press(&scanner, KEY_A);
    send(&scanner, EV_KEY, KEY_A, 2);
    send(&scanner, EV_KEY, KEY_RIGHTSHIFT, 0);
    press(&scanner, KEY_A);
    assert_int_equal(scanner.collector.line.size, 2);
    assert_memory_equal(scanner.collector.line.line, "Aa", 2);
}

static void test_endless_scan_is_refused_whole(void **state)
{
    (void)state;
    struct scanner scanner = scanner_at(SCANNER_GAP_US);
    type(&scanner, "]d2");
    for (size_t i = 0; i < 2 * SCAN_LINE_MAX; i++)
        press(&scanner, KEY_1);
    assert_int_equal(scanner.scans, 0);
    type(&scanner, "\n");
    expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
}

/* Somebody's Wi-Fi key leaves nothing of itself behind, whole, cut short or too long. */
static void test_foreign_code_is_wiped(void **state)
{
    (void)state;
    static const char *const codes[] = {"]Q1WIFI:T:WPA;S:home;P:canary-in-a-code;;", "]Q1https://host/?key=canary-x"};
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        struct scanner scanner = scanner_at(SCANNER_GAP_US);
        type(&scanner, codes[i]);
        assert_non_null(memmem(&scanner, sizeof scanner, "canary", 6));
        type(&scanner, "\n");
        expect_refused(&scanner, FAULT_SCAN_UNKNOWN);
        assert_null(memmem(&scanner, sizeof scanner, "canary", 6));

        scanner = scanner_at(SCANNER_GAP_US);
        type(&scanner, codes[i]);
        scanner.scans += key_collect_end(&scanner.collector, &scanner.last);
        expect_refused(&scanner, FAULT_SCAN_TRUNCATED);
        assert_null(memmem(&scanner, sizeof scanner, "canary", 6));
    }
}

static void test_events_are_read_as_the_kernel_writes_them(void **state)
{
    (void)state;
    struct input_event event = {.type = EV_KEY, .code = KEY_A, .value = -1};
    event.input_event_sec = 3;
    event.input_event_usec = 5;
    uint8_t bytes[KEY_EVENT_BYTES];
    memcpy(bytes, &event, sizeof bytes);
    struct key_event read = key_event_read(bytes);
    assert_int_equal(read.time_us, 3000005);
    assert_int_equal(read.type, EV_KEY);
    assert_int_equal(read.code, KEY_A);
    assert_int_equal(read.value, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_is_read),
        cmocka_unit_test(test_us_layout),
        cmocka_unit_test(test_gs_comes_in_two_ways),
        cmocka_unit_test(test_identifier_must_be_there),
        cmocka_unit_test(test_typed_by_hand),
        cmocka_unit_test(test_one_pause_and_a_bad_clock),
        cmocka_unit_test(test_truncated_scans),
        cmocka_unit_test(test_lost_events),
        cmocka_unit_test(test_foreign_keys),
        cmocka_unit_test(test_shift_keys),
        cmocka_unit_test(test_endless_scan_is_refused_whole),
        cmocka_unit_test(test_foreign_code_is_wiped),
        cmocka_unit_test(test_events_are_read_as_the_kernel_writes_them),
    };
    return cmocka_run_group_tests_name("station/line/key_scan", tests, NULL, NULL);
}
