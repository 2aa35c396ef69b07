/* Does a scan say which label it is, and is everything else refused without repeating it? */
#include "station/label/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GTIN "04912345000019"
#define LABEL "7ZK3M9Q2W8XAB"

static void make(char ret_text[LABEL_CODE_SIZE], char ret_serial[SERIAL_SIZE])
{
    struct fault fault;
    (void)snprintf(ret_serial, SERIAL_SIZE, "KR000000012%c", serial_check_character("KR000000012", 11));
    assert_true(label_code_compose(GTIN, ret_serial, LABEL, ret_text, &fault));
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    char text[LABEL_CODE_SIZE], serial[SERIAL_SIZE], with_identifier[LABEL_CODE_SIZE + 3];
    struct label_code code;
    struct fault fault;
    make(text, serial);
    assert_int_equal(strlen(text), LABEL_CODE_LENGTH);
    assert_true(label_code_parse(text, strlen(text), &code, &fault));
    assert_string_equal(code.gtin, GTIN);
    assert_string_equal(code.serial, serial);
    assert_string_equal(code.label, LABEL);
    (void)snprintf(with_identifier, sizeof with_identifier, "]d2%s", text);
    assert_true(label_code_parse(with_identifier, strlen(with_identifier), &code, &fault));
    assert_string_equal(code.label, LABEL);
}

static void tells_truncated_from_foreign(void **state)
{
    (void)state;
    char text[LABEL_CODE_SIZE], serial[SERIAL_SIZE], with_identifier[LABEL_CODE_SIZE + 3];
    make(text, serial);
    (void)snprintf(with_identifier, sizeof with_identifier, "]d2%s", text);
    const char *const scans[] = {text, with_identifier};
    for (size_t i = 0; i < 2; i++) {
        for (size_t size = 0; size < strlen(scans[i]); size++) {
            struct label_code code = {.gtin = "untouched"};
            struct fault fault;
            assert_false(label_code_parse(scans[i], size, &code, &fault));
            assert_int_equal(fault.code, FAULT_SCAN_TRUNCATED);
            assert_string_equal(code.gtin, "untouched");
        }
    }
}

static void refuses_every_wrong_character(void **state)
{
    (void)state;
    char text[LABEL_CODE_SIZE], serial[SERIAL_SIZE];
    make(text, serial);
    /* A label id has no check character: there another letter is another label. */
    for (size_t i = 0; i < strlen(text); i++) {
        const char right = text[i];
        for (int wrong = 1; wrong < 256; wrong++) {
            bool label_letter = i >= LABEL_CODE_LENGTH - LABEL_ID_LENGTH && wrong < 128 &&
                                strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", wrong);
            if ((char)wrong == right || label_letter)
                continue;
            struct label_code code;
            struct fault fault;
            text[i] = (char)wrong;
            assert_false(label_code_parse(text, strlen(text), &code, &fault));
            assert_true(fault.code == FAULT_SCAN_UNKNOWN || (i == 0 && fault.code == FAULT_SCAN_TRUNCATED));
        }
        text[i] = right;
    }
}

static void refuses_other_codes_unrepeated(void **state)
{
    (void)state;
    char text[LABEL_CODE_SIZE], serial[SERIAL_SIZE], longer[LABEL_CODE_SIZE + 4];
    make(text, serial);
    (void)snprintf(longer, sizeof longer, "%s\r", text);
    const char *const scans[] = {"WIFI:T:WPA;S:home;P:hunter2hunter2;;",
                                 "https://example.com",
                                 "]C1010491",
                                 "]d1",
                                 "]Q1",
                                 "4912345678904",
                                 "KOKUIN-SLOT-3",
                                 longer,
                                 "]]d2",
                                 " 01"};
    for (size_t i = 0; i < ARRAY_SIZE(scans); i++) {
        struct label_code code;
        struct fault fault;
        assert_false(label_code_parse(scans[i], strlen(scans[i]), &code, &fault));
        assert_int_equal(fault.code, FAULT_SCAN_UNKNOWN);
        assert_null(strstr(fault.text, "hunter2"));
        assert_null(strstr(fault.text, "example"));
    }
}

static void refuses_values_that_are_none(void **state)
{
    (void)state;
    char text[LABEL_CODE_SIZE], serial[SERIAL_SIZE];
    make(text, serial);
    const char *const wrong[][3] = {
        {"04912345000018", serial, LABEL}, {"4912345000019", serial, LABEL},
        {GTIN, "KR0000000120", LABEL},     {GTIN, "", LABEL},
        {GTIN, serial, "7ZK3M9Q2W8XA"},    {GTIN, serial, "7ZK3M9Q2W8XAI"},
        {GTIN, serial, "7ZK3M9Q2W8XABC"},  {GTIN, serial, "7zk3m9q2w8xab"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct fault fault;
        assert_false(label_code_compose(wrong[i][0], wrong[i][1], wrong[i][2], text, &fault));
        assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    }
}

static void test_label_id_says_its_copy(void **state)
{
    (void)state;
    char id[LABEL_ID_SIZE], other[LABEL_ID_SIZE];
    for (unsigned copy = 1; copy <= LABEL_COPIES_MAX; copy++) {
        label_id_write(0xfedcba9876543210U * copy, copy, id);
        assert_true(label_id_is_valid(id));
        assert_int_equal(label_id_copy(id), copy);
    }
    label_id_write(UINT64_MAX, 1, id);
    assert_string_equal(id, "ZZZZZZZZZZZZ1");
    label_id_write(1, 31, other);
    assert_string_equal(other, "000000000001Z");
    assert_int_equal(label_id_copy("0123456789AB0"), 0);
    assert_int_equal(label_id_copy("0123456789AB"), 0);
    assert_int_equal(label_id_copy("0123456789ABU"), 0);
    assert_int_equal(label_id_copy(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_id_says_its_copy),    cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(tells_truncated_from_foreign),   cmocka_unit_test(refuses_every_wrong_character),
        cmocka_unit_test(refuses_other_codes_unrepeated), cmocka_unit_test(refuses_values_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
