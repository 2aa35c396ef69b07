/* Is a missing font or character told, and does looking keep no memory? (The leak check has no exceptions here.) */
#include "station/label/font.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Fontconfig's own; its header is for station/label/ only. What it keeps for the whole process goes, leaks stay. */
void FcFini(void);

static bool check(const char *family, bool bold, const char *text, bool secret, struct fault *fault)
{
    CLEANUP(font_book_clear) struct font_book book = {0};
    return font_check(&book, family, bold, text, strlen(text), secret, fault);
}

static void finds_what_is_there(void **state)
{
    (void)state;
    struct fault fault;
    for (int i = 0; i < 20; i++) {
        assert_true(check("JetBrains Mono", true, "7KQ4 MX2W-abc", true, &fault));
        assert_true(check("jetbrains mono", false, "7KQ4", false, &fault));
        assert_true(check("Noto Sans CJK JP", true, "無線LANルーター", false, &fault));
    }
}

static void tells_what_is_missing(void **state)
{
    (void)state;
    struct fault fault;
    assert_false(check("NoSuchFont", false, "x", false, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_FONT);
    assert_string_equal(fault.text, "font 'NoSuchFont' is not installed");
    assert_false(check("JetBrains Mono", false, "a日", false, &fault));
    assert_string_equal(fault.text, "font 'JetBrains Mono' lacks U+65E5");
    assert_false(check("JetBrains Mono", false, "a日", true, &fault));
    assert_string_equal(fault.text, "font 'JetBrains Mono' lacks a character of a password");
    assert_false(check("JetBrains Mono", false, "\xff", false, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_FONT);
}

static int forget_fonts(void **state)
{
    (void)state;
    FcFini();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_there),
        cmocka_unit_test(tells_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, forget_fonts);
}
