#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_integers_big_endian(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8};
    struct fault fault = {0};
    struct reader reader = reader_over(bytes, sizeof bytes);
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u16(&reader), 0x0203);
    assert_int_equal(reader_u32(&reader), 0x040506 << 8 | 7);
    assert_int_equal(reader_left(&reader), 8);
    assert_true(reader_u64(&reader) == 0xfffefdfcfbfaf9f8u);
    assert_true(reader_end(&reader, "sample", &fault));
    assert_int_equal(fault.code, FAULT_NONE);
}

static void stays_failed_after_reading_too_far(void **state)
{
    (void)state;
    const uint8_t bytes[] = {9, 8, 7};
    struct fault fault = {0};
    struct reader reader = reader_over(bytes, sizeof bytes);
    assert_int_equal(reader_u32(&reader), 0);
    assert_int_equal(reader_u8(&reader), 0); /* though three bytes are left */
    assert_int_equal(reader_left(&reader), 0);
    assert_null(reader_take(&reader, 1));
    uint8_t copy[2] = {0xaa, 0xaa};
    reader_copy(&reader, copy, sizeof copy);
    assert_int_equal(copy[0] | copy[1], 0);
    assert_false(reader_end(&reader, "sample", &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_string_equal(fault.text, "sample: cut short at byte 0 of 3");
}

static void refuses_bytes_left_over(void **state)
{
    (void)state;
    const uint8_t bytes[] = {9, 8, 7};
    struct fault fault = {0};
    struct reader reader = reader_over(bytes, sizeof bytes);
    assert_int_equal(reader_u8(&reader), 9);
    assert_false(reader_end(&reader, "sample", &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_string_equal(fault.text, "sample: 2 bytes too many");
}

static void refuses_sizes_that_would_overflow(void **state)
{
    (void)state;
    uint8_t bytes[] = {1, 2, 3};
    struct reader reader = reader_over(bytes, sizeof bytes);
    (void)reader_u8(&reader);
    assert_null(reader_take(&reader, SIZE_MAX));
    struct writer writer = writer_over(bytes, sizeof bytes);
    writer_u8(&writer, 1);
    writer_bytes(&writer, bytes, SIZE_MAX);
    assert_true(writer.failed);
    assert_int_equal(writer.at, 1);
}

static void reads_nothing_from_nothing(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct reader reader = reader_over(NULL, 0);
    assert_null(reader_take(&reader, 0));
    reader_copy(&reader, NULL, 0);
    assert_true(reader_end(&reader, "nothing", &fault));
    assert_int_equal(reader_u8(&reader), 0);
    assert_false(reader_end(&reader, "nothing", &fault));
}

static void writes_what_the_reader_reads(void **state)
{
    (void)state;
    uint8_t bytes[18];
    struct fault fault = {0};
    struct writer writer = writer_over(bytes, sizeof bytes);
    writer_u8(&writer, 0xab);
    writer_u16(&writer, 0xcdef);
    writer_u32(&writer, 0x01234567);
    writer_u64(&writer, 0x89abcdef01234567);
    writer_bytes(&writer, "xyz", 3);
    writer_bytes(&writer, NULL, 0);
    assert_true(writer_end(&writer, "sample", &fault));
    assert_int_equal(writer.at, sizeof bytes);
    const uint8_t expected[] = {0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 'x',  'y',  'z'};
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void writer_keeps_its_end(void **state)
{
    (void)state;
    uint8_t bytes[] = {0, 0, 0, 0x77};
    struct fault fault = {0};
    struct writer writer = writer_over(bytes, 3);
    writer_u16(&writer, 0x1122);
    writer_u16(&writer, 0x3344);
    writer_u8(&writer, 0x55); /* would fit, but the message is broken already */
    assert_false(writer_end(&writer, "frame", &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_string_equal(fault.text, "frame: longer than 3 bytes");
    assert_int_equal(bytes[2], 0);
    assert_int_equal(bytes[3], 0x77);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x9a, 0xff};
    char text[7];
    hex_write(bytes, sizeof bytes, text);
    assert_string_equal(text, "009aff");
    uint8_t back[3];
    struct fault fault = {0};
    assert_true(hex_read("009AfF", back, sizeof back, &fault));
    assert_memory_equal(back, bytes, sizeof bytes);
}

static void hex_refuses_what_is_not_hex(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "0",      "00112",  "0011223", "001122 ",
                                      "00112g", "0x1122", "00 122", "-01122",  "00112\xef"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint8_t bytes[3] = {7, 7, 7};
        struct fault fault = {0};
        assert_false(hex_read(bad[i], bytes, sizeof bytes, &fault));
        assert_int_equal(fault.code, FAULT_BAD_BYTES);
        assert_memory_equal(bytes, "\7\7\7", 3);
    }
}

static void text_copy_takes_what_fits(void **state)
{
    (void)state;
    char text[4] = "xxx";
    struct fault fault = {0};
    assert_true(text_copy(text, sizeof text, "abc", "name", &fault));
    assert_string_equal(text, "abc");
    assert_false(text_copy(text, sizeof text, "abcd", "name", &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_string_equal(fault.text, "name: longer than 3 characters");
    assert_string_equal(text, "");
}

static void base32_has_no_letter_that_is_misread(void **state)
{
    (void)state;
    char text[14];
    base32_write(0, 3, text);
    assert_string_equal(text, "000");
    base32_write(31, 2, text);
    assert_string_equal(text, "0Z");
    base32_write(UINT64_MAX, 13, text);
    assert_string_equal(text, "FZZZZZZZZZZZZ");
    for (uint64_t value = 0; value < 32; value++) {
        base32_write(value, 1, text);
        assert_null(strchr("ILOU", text[0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers_big_endian),
        cmocka_unit_test(stays_failed_after_reading_too_far),
        cmocka_unit_test(refuses_bytes_left_over),
        cmocka_unit_test(refuses_sizes_that_would_overflow),
        cmocka_unit_test(reads_nothing_from_nothing),
        cmocka_unit_test(writes_what_the_reader_reads),
        cmocka_unit_test(writer_keeps_its_end),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_refuses_what_is_not_hex),
        cmocka_unit_test(text_copy_takes_what_fits),
        cmocka_unit_test(base32_has_no_letter_that_is_misread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
