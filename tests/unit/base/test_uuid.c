#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void has_version_7_and_the_rfc_variant(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct uuid uuid;
        struct fault fault = {0};
        assert_true(uuid_make(&uuid, &fault));
        assert_int_equal(uuid.bytes[6] >> 4, 7);
        assert_int_equal(uuid.bytes[8] >> 6, 2);
    }
}

/* Not time(): its clock is a tick behind, and another second for that long. */
static uint64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void begins_with_the_time(void **state)
{
    (void)state;
    struct uuid uuid;
    struct fault fault = {0};
    const uint64_t before = now_ms();
    assert_true(uuid_make(&uuid, &fault));
    const uint64_t after = now_ms();
    uint64_t milliseconds = 0;
    for (size_t i = 0; i < 6; i++)
        milliseconds = milliseconds << 8 | uuid.bytes[i];
    assert_in_range(milliseconds, before, after);
}

static void no_two_are_equal(void **state)
{
    (void)state;
    static struct uuid made[500];
    struct fault fault = {0};
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        assert_true(uuid_make(&made[i], &fault));
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(made[i].bytes, made[j].bytes, sizeof made[i].bytes);
    }
}

/* RFC 9562, appendix A.6. */
static void text_is_the_usual_form(void **state)
{
    (void)state;
    const struct uuid sample = {
        {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f}};
    char text[UUID_TEXT_SIZE];
    uuid_text(&sample, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");

    struct uuid back;
    struct fault fault = {0};
    assert_true(uuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", &back, &fault));
    assert_memory_equal(back.bytes, sample.bytes, sizeof sample.bytes);
}

static void refuses_other_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct uuid uuid;
        memset(&uuid, 0x55, sizeof uuid);
        const struct uuid untouched = uuid;
        struct fault fault = {0};
        assert_false(uuid_parse(bad[i], &uuid, &fault));
        assert_int_equal(fault.code, FAULT_BAD_BYTES);
        assert_memory_equal(&uuid, &untouched, sizeof uuid);
    }
}

static void system_random_fills_every_byte(void **state)
{
    (void)state;
    /* After 64 draws a byte that is never written would still be zero; a written one is with probability 2^-512. */
    uint8_t seen[300] = {0};
    for (int draw = 0; draw < 64; draw++) {
        uint8_t bytes[sizeof seen] = {0};
        struct fault fault = {0};
        assert_true(system_random(bytes, sizeof bytes, &fault));
        for (size_t i = 0; i < sizeof seen; i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_not_equal(seen[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_version_7_and_the_rfc_variant),
        cmocka_unit_test(begins_with_the_time),
        cmocka_unit_test(no_two_are_equal),
        cmocka_unit_test(text_is_the_usual_form),
        cmocka_unit_test(refuses_other_forms),
        cmocka_unit_test(system_random_fills_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
