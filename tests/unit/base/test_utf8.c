#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void utf8_knows_whole_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } samples[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\xc3\xa9", 2},
        {"刻", 3},
        {"\xf0\x9f\x94\xa8", 4},
        {"\xed\x9f\xbf", 3},
        {"\xee\x80\x80", 3},
        {"\xf4\x8f\xbf\xbf", 4},
        {"", 0},
        {"\x80", 0},             /* starts in the middle */
        {"\xc1\xbf", 0},         /* overlong */
        {"\xe0\x9f\xbf", 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xed\xa0\x80", 0},     /* half of a surrogate pair */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf8\x88\x80\x80", 0},
        {"\xe5\x88", 0}, /* cut */
        {"\xe5", 0},
        {"\xe5"
         "ab",
         0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        assert_int_equal(utf8_size(samples[i].text), samples[i].size);
}

static void utf8_knows_controls(void **state)
{
    (void)state;
    assert_true(utf8_is_control("\n"));
    assert_true(utf8_is_control("\x1b[2J"));
    assert_true(utf8_is_control("\x7f"));
    assert_true(utf8_is_control("\xc2\x9b")); /* CSI in one character */
    assert_false(utf8_is_control("\xc2\xa0"));
    assert_false(utf8_is_control(" "));
    assert_false(utf8_is_control("刻"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_knows_whole_characters),
        cmocka_unit_test(utf8_knows_controls),
    };
    return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
