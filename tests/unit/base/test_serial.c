#include "base/serial.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static void make_serial(const char *product, uint64_t number, char ret_text[SERIAL_SIZE])
{
    char body[10];
    base32_write(number, 9, body);
    (void)snprintf(ret_text, SERIAL_SIZE, "%.2s%.9s", product, body);
    ret_text[SERIAL_LENGTH - 1] = serial_check_character(ret_text, SERIAL_LENGTH - 1);
    ret_text[SERIAL_LENGTH] = '\0';
}

/* The sample of the Global Release Identifier standard, which uses the same ISO 7064 MOD 37,36. */
static void check_character_is_iso_7064(void **state)
{
    (void)state;
    assert_int_equal(serial_check_character("A12425GABC1234002", 17), 'M');
    assert_int_equal(serial_check_character("A12425GABC123400", 16), serial_check_character("A12425GABC123400X", 16));
}

static void check_character_refuses_other_letters(void **state)
{
    (void)state;
    assert_int_equal(serial_check_character("A1 425", 6), '\0');
    assert_int_equal(serial_check_character("a12425", 6), '\0');
    assert_int_equal(serial_check_character("A12\xc3\xa9", 5), '\0');
    assert_int_equal(serial_check_character("A1\0B", 4), '\0');
}

static void every_wrong_character_is_caught(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 40000; number += 997) {
        char serial[SERIAL_SIZE];
        make_serial("KR", number, serial);
        assert_true(serial_is_valid(serial));
        for (size_t at = 0; at < SERIAL_LENGTH; at++) {
            const char right = serial[at];
            for (const char *wrong = letters; *wrong != '\0'; wrong++) {
                serial[at] = *wrong;
                assert_int_equal(serial_is_valid(serial), *wrong == right);
            }
            serial[at] = right;
        }
    }
}

/* The sum allows the swap of a neighbour whose value is one higher in 2 of the 36 states it can be in: 72 of 45360. */
static void swaps_of_neighbours_are_caught_but_for_one_in_630(void **state)
{
    (void)state;
    int tried = 0, missed = 0;
    for (const char *before = letters; *before != '\0'; before++)
        for (const char *a = letters; *a != '\0'; a++)
            for (const char *b = letters; *b != '\0'; b++) {
                const char straight[] = {*before, *a, *b}, swapped[] = {*before, *b, *a};
                if (a == b)
                    continue;
                tried++;
                missed += serial_check_character(straight, 3) == serial_check_character(swapped, 3);
            }
    assert_int_equal(tried, 45360);
    assert_int_equal(missed, 72);
}

static void serials_of_another_form_are_refused(void **state)
{
    (void)state;
    char serial[SERIAL_SIZE];
    make_serial("KR", 1, serial);
    assert_true(serial_is_valid(serial));
    char longer[SERIAL_SIZE + 1];
    (void)snprintf(longer, sizeof longer, "%s0", serial);
    assert_false(serial_is_valid(longer));
    serial[SERIAL_LENGTH - 1] = '\0';
    assert_false(serial_is_valid(serial));
    assert_false(serial_is_valid(""));
    assert_false(serial_is_valid("kr000000001X"));
    assert_false(serial_is_valid("KR00000 001X"));
    assert_false(serial_is_valid("KR000000刻"));
}

static void gtin_has_the_gs1_check_digit(void **state)
{
    (void)state;
    /* GS1's mod-10 digit of 400638133393 is 1. */
    assert_true(gtin14_is_valid("04006381333931"));
    for (char digit = '0'; digit <= '9'; digit++) {
        char text[] = "0400638133393x";
        text[13] = digit;
        assert_int_equal(gtin14_is_valid(text), digit == '1');
    }
    assert_false(gtin14_is_valid("4006381333931"));
    assert_false(gtin14_is_valid("004006381333931"));
    assert_false(gtin14_is_valid("0400638133393A"));
    assert_false(gtin14_is_valid("04006381 33931"));
    assert_false(gtin14_is_valid(""));
}

static void mac_is_lower_case_with_colons(void **state)
{
    (void)state;
    char text[MAC_TEXT_SIZE];
    mac_text(0x024b00000010, text);
    assert_string_equal(text, "02:4b:00:00:00:10");
    mac_text(0xffffffffffff, text);
    assert_string_equal(text, "ff:ff:ff:ff:ff:ff");
    mac_text(0, text);
    assert_string_equal(text, "00:00:00:00:00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_character_is_iso_7064),
        cmocka_unit_test(check_character_refuses_other_letters),
        cmocka_unit_test(every_wrong_character_is_caught),
        cmocka_unit_test(swaps_of_neighbours_are_caught_but_for_one_in_630),
        cmocka_unit_test(serials_of_another_form_are_refused),
        cmocka_unit_test(gtin_has_the_gs1_check_digit),
        cmocka_unit_test(mac_is_lower_case_with_colons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
