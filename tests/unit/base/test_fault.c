#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool open_drawer(struct fault *fault)
{
    return fault_set(fault, FAULT_HSM_PIN, 0xa0, "C_Login: CKR 0x%lx", 0xa0ul);
}

static bool open_cupboard(struct fault *fault)
{
    if (!open_drawer(fault))
        return fault_within(fault, "open drawer %d", 3);
    return true;
}

static void carries_what_where_and_the_way_up(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_false(open_cupboard(&fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(fault.native, 0xa0);
    assert_string_equal(fault.file, "test_fault.c");
    assert_true(fault.line > 0);
    assert_string_equal(fault.text, "open drawer 3: C_Login: CKR 0xa0");
}

static void may_be_built_from_itself(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_false(open_drawer(&fault));
    assert_false(fault_set(&fault, FAULT_HSM_CALL, 7, "second try after: %s", fault.text));
    assert_int_equal(fault.code, FAULT_HSM_CALL);
    assert_string_equal(fault.text, "second try after: C_Login: CKR 0xa0");
}

static void a_long_text_is_cut_never_overrun(void **state)
{
    (void)state;
    struct {
        struct fault fault;
        char fence[8];
    } here = {.fence = "unhurt"};
    char endless[2 * sizeof here.fault.text];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_false(fault_set(&here.fault, FAULT_FILE, 0, "%s", endless));
    assert_int_equal(strlen(here.fault.text), sizeof here.fault.text - 1);
    for (int i = 0; i < 10; i++)
        assert_false(fault_within(&here.fault, "step %d %s", i, endless));
    assert_int_equal(strlen(here.fault.text), sizeof here.fault.text - 1);
    assert_memory_equal(here.fault.text, "step 9 xxx", 10); /* the newest step is in front */
    assert_string_equal(here.fence, "unhurt");
}

static void a_text_is_always_printable_utf8(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_false(fault_set(&fault, FAULT_UNIT_GARBAGE, 0, "unit says '%s'", "\x1b[2Jok\n\xff\xc2\x9b刻"));
    assert_string_equal(fault.text, "unit says '?[2Jok????刻'");
}

static void a_cut_never_leaves_half_a_character(void **state)
{
    (void)state;
    struct fault fault = {0};
    char japanese[3 * 100 + 1] = "";
    for (int i = 0; i < 100; i++)
        memcpy(japanese + 3 * i, "刻", 4);
    for (int shift = 0; shift < 3; shift++) {
        assert_false(fault_set(&fault, FAULT_FILE, 0, "%.*s%s", shift, "ab", japanese));
        const char *at = fault.text + (shift < 2 ? shift : 2);
        while (memcmp(at, "刻", 3) == 0)
            at += 3;
        assert_int_equal(strlen(at), strspn(at, "?"));
        assert_true(strlen(at) <= 2);
    }
}

static void every_entry_has_words_in_both_languages(void **state)
{
    (void)state;
    enum fault_code code;
    size_t count = 0;
    for (; fault_at(count, &code); count++) {
        assert_in_range(code, 100, 899);
        assert_string_not_equal(fault_name(code), "UNKNOWN");
        assert_in_range(fault_action(code), FAULT_ACTION_RETRY, FAULT_ACTION_CALL_SUPPORT);
        assert_int_not_equal(fault_exit(code), FAULT_EXIT_OK); /* a fault never ends in success */
        for (int language = FAULT_ENGLISH; language <= FAULT_JAPANESE; language++) {
            assert_true(strlen(fault_title(code, (enum fault_language)language)) > 5);
            assert_true(strlen(fault_todo(code, (enum fault_language)language)) > 5);
        }
        assert_string_not_equal(fault_title(code, FAULT_ENGLISH), fault_title(code, FAULT_JAPANESE));
        assert_string_not_equal(fault_todo(code, FAULT_ENGLISH), fault_todo(code, FAULT_JAPANESE));
    }
    assert_true(count > 50);
    enum fault_code untouched = FAULT_USAGE;
    assert_false(fault_at(count, &untouched));
    assert_false(fault_at(SIZE_MAX, &untouched));
    assert_int_equal(untouched, FAULT_USAGE);
}

static void an_unknown_number_is_answered_safely(void **state)
{
    (void)state;
    const enum fault_code newer = (enum fault_code)9999;
    assert_string_equal(fault_name(newer), "UNKNOWN");
    assert_int_equal(fault_action(newer), FAULT_ACTION_CALL_SUPPORT);
    assert_int_equal(fault_exit(newer), FAULT_EXIT_CHECK_FAILED);
    assert_non_null(fault_title(newer, FAULT_ENGLISH));
    assert_non_null(fault_todo(newer, FAULT_JAPANESE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_what_where_and_the_way_up),
        cmocka_unit_test(may_be_built_from_itself),
        cmocka_unit_test(a_long_text_is_cut_never_overrun),
        cmocka_unit_test(a_text_is_always_printable_utf8),
        cmocka_unit_test(a_cut_never_leaves_half_a_character),
        cmocka_unit_test(every_entry_has_words_in_both_languages),
        cmocka_unit_test(an_unknown_number_is_answered_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
