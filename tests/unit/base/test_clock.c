#include "base/clock.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void monotonic_never_goes_back(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_ns();
        assert_true(now >= before);
        before = now;
    }
}

static void deadline_at_zero_has_passed(void **state)
{
    (void)state;
    struct deadline now = deadline_in_ms(0);
    assert_true(deadline_passed(now));
    assert_int_equal(deadline_left_ms(now), 0);
}

static void deadline_ahead_has_not_passed(void **state)
{
    (void)state;
    struct deadline later = deadline_in_ms(3600 * 1000);
    assert_false(deadline_passed(later));
    int left = deadline_left_ms(later);
    assert_true(left > 0 && left <= 3600 * 1000);
}

static void time_left_is_rounded_up(void **state)
{
    (void)state;
    /* Rounded down, the last poll before a deadline would spin. */
    struct deadline soon = {.at_ns = clock_monotonic_ns() + 1};
    while (!deadline_passed(soon))
        assert_true(deadline_left_ms(soon) <= 1);
    struct deadline longest = {.at_ns = INT64_MAX};
    assert_int_equal(deadline_left_ms(longest), INT_MAX);
    struct deadline unsigned_most = deadline_in_ms(UINT_MAX);
    assert_false(deadline_passed(unsigned_most));
    assert_int_equal(deadline_left_ms(unsigned_most), INT_MAX);
}

static void sooner_is_the_smaller(void **state)
{
    (void)state;
    struct deadline a = {.at_ns = 5}, b = {.at_ns = 6};
    assert_true(deadline_sooner(a, b).at_ns == 5);
    assert_true(deadline_sooner(b, a).at_ns == 5);
}

static void wall_text_is_rfc_3339_in_utc(void **state)
{
    (void)state;
    time_t before = time(NULL);
    char text[CLOCK_TEXT_SIZE];
    clock_wall_text(text);
    time_t after = time(NULL);
    assert_int_equal(strlen(text), CLOCK_TEXT_SIZE - 1);

    struct tm parts = {0};
    unsigned micro;
    char zone, more;
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6u%c%c", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                            &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &micro, &zone, &more),
                     8);
    assert_int_equal(zone, 'Z');
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    time_t told = timegm(&parts);
    assert_true(told >= before && told <= after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_never_goes_back),     cmocka_unit_test(deadline_at_zero_has_passed),
        cmocka_unit_test(deadline_ahead_has_not_passed), cmocka_unit_test(time_left_is_rounded_up),
        cmocka_unit_test(sooner_is_the_smaller),         cmocka_unit_test(wall_text_is_rfc_3339_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
