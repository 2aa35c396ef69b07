#include "base/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];

static int open_sink(void **state)
{
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    log_to(ends[1]);
    return 0;
}

static int close_sink(void **state)
{
    (void)state;
    log_to(STDERR_FILENO);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}

/* One read returns what one write wrote, as long as nothing else was written since. */
static const char *written(void)
{
    static char text[2 * sizeof(struct log_line)];
    ssize_t count = read(ends[0], text, sizeof text - 1);
    assert_true(count > 0);
    text[count] = '\0';
    return text;
}

static const char *after(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    if (!at)
        fail_msg("no '%s' in '%s'", mark, text);
    return at ? at + strlen(mark) : text;
}

static const char *line_with(const char *value)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "test.value");
    log_text(&line, "key", value);
    log_end(&line);
    return after(written(), "event=test.value ");
}

static void begins_with_priority_time_and_event(void **state)
{
    (void)state;
    static const struct {
        enum log_level level;
        const char *front;
    } levels[] = {{LOG_LEVEL_ERROR, "<3>t=2"},
                  {LOG_LEVEL_WARNING, "<4>t=2"},
                  {LOG_LEVEL_INFO, "<6>t=2"},
                  {LOG_LEVEL_DEBUG, "<7>t=2"}};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        struct log_line line;
        log_begin(&line, levels[i].level, "unit.bound");
        log_number(&line, "slot", 3);
        log_text(&line, "serial", "KR000000001X");
        log_end(&line);
        const char *text = written();
        assert_memory_equal(text, levels[i].front, strlen(levels[i].front));
        assert_string_equal(after(text, "Z "), "event=unit.bound slot=3 serial=KR000000001X\n");
    }
}

static void quotes_and_escapes_values(void **state)
{
    (void)state;
    assert_string_equal(line_with("plain-1.0/x:y"), "key=plain-1.0/x:y\n");
    assert_string_equal(line_with(""), "key=\"\"\n");
    assert_string_equal(line_with("two words"), "key=\"two words\"\n");
    assert_string_equal(line_with("a=b"), "key=\"a=b\"\n");
    assert_string_equal(line_with("say \"hi\" \\o/"), "key=\"say \\\"hi\\\" \\\\o/\"\n");
    assert_string_equal(line_with("刻印"), "key=\"刻印\"\n");
}

static void a_value_cannot_start_a_line_or_drive_a_terminal(void **state)
{
    (void)state;
    assert_string_equal(line_with("x\n<3>t=0 event=forged"), "key=\"x\\x0a<3>t=0 event=forged\"\n");
    assert_string_equal(line_with("\x1b[2J\r\t\x7f"), "key=\"\\x1b[2J\\x0d\\x09\\x7f\"\n");
    assert_string_equal(line_with("\xc2\x9b"), "key=\"\\xc2\\x9b\"\n");
    assert_string_equal(line_with("\xff\xe5\x88"), "key=\"\\xff\\xe5\\x88\"\n");
    assert_string_equal(line_with("\xed\xa0\x80"), "key=\"\\xed\\xa0\\x80\"\n");
}

static void numbers_reach_both_ends(void **state)
{
    (void)state;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "test");
    log_number(&line, "low", INT64_MIN);
    log_number(&line, "high", INT64_MAX);
    log_end(&line);
    assert_string_equal(after(written(), "test "), "low=-9223372036854775808 high=9223372036854775807\n");
}

static void a_fault_is_told_whole(void **state)
{
    (void)state;
    struct fault fault = {0};
    (void)!fault_set(&fault, FAULT_HSM_PIN, 0xa0, "C_Login: CKR 0xa0");
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "token.open");
    log_fault(&line, &fault);
    log_end(&line);
    char expected[200];
    (void)snprintf(expected, sizeof expected,
                   "fault=HSM_PIN number=203 native=0xa0 at=test_log.c:%d detail=\"C_Login: CKR 0xa0\"\n", fault.line);
    assert_string_equal(after(written(), "event=token.open "), expected);
}

static void an_unset_fault_does_no_harm(void **state)
{
    (void)state;
    const struct fault nothing = {0};
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "test");
    log_fault(&line, &nothing);
    log_end(&line);
    assert_string_equal(after(written(), "event=test "), "fault=UNKNOWN number=0 native=0x0 at=-:0 detail=\"\"\n");
}

static void a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    /* Each of the three puts the cut at another place of a three-byte character. */
    for (size_t shift = 0; shift < 3; shift++) {
        char value[sizeof(struct log_line)];
        size_t size = shift;
        memset(value, 'x', shift);
        while (size + 4 < sizeof value) {
            memcpy(value + size, "刻", 3);
            size += 3;
        }
        value[size] = '\0';
        struct log_line line;
        log_begin(&line, LOG_LEVEL_INFO, "test");
        log_text(&line, "long", value);
        log_text(&line, "later", "left out");
        log_end(&line);
        const char *text = written();
        assert_true(strlen(text) <= sizeof line.text);
        assert_true(strlen(text) > sizeof line.text - 8);
        const char *at = after(text, "long=\"") + shift;
        while (memcmp(at, "刻", 3) == 0)
            at += 3;
        assert_string_equal(at, "...\" cut=1\n");
    }
}

static void many_keys_never_overrun(void **state)
{
    (void)state;
    struct {
        struct log_line line;
        char fence[8];
    } here = {.fence = "unhurt"};
    log_begin(&here.line, LOG_LEVEL_INFO, "test");
    for (int i = 0; i < 500; i++) {
        log_number(&here.line, "n", i);
        log_text(&here.line, "escaped", "\x01\"\\");
    }
    log_end(&here.line);
    const char *text = written();
    assert_true(strlen(text) <= sizeof here.line.text);
    assert_string_equal(text + strlen(text) - 7, " cut=1\n");
    assert_string_equal(here.fence, "unhurt");
}

static void *write_lines(void *name)
{
    for (int i = 0; i < 400; i++) {
        struct log_line line;
        log_begin(&line, LOG_LEVEL_INFO, name);
        log_text(&line, "fill", "................................................................");
        log_end(&line);
    }
    return NULL;
}

static void lines_of_two_threads_do_not_mix(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    log_to(fileno(file));
    pthread_t one, two;
    char first[] = "one", second[] = "two";
    assert_int_equal(pthread_create(&one, NULL, write_lines, first), 0);
    assert_int_equal(pthread_create(&two, NULL, write_lines, second), 0);
    assert_int_equal(pthread_join(one, NULL), 0);
    assert_int_equal(pthread_join(two, NULL), 0);
    log_to(ends[1]);

    rewind(file);
    int count = 0;
    char text[sizeof(struct log_line)];
    for (; fgets(text, sizeof text, file); count++) {
        char name[4], fill[100], more;
        assert_int_equal(sscanf(text, "<6>t=%*s event=%3s fill=%99[.] %c", name, fill, &more), 2);
        assert_int_equal(strlen(fill), 64);
    }
    assert_int_equal(count, 800);
    (void)fclose(file);
}

static void a_sink_that_is_gone_does_not_stop_the_program(void **state)
{
    (void)state;
    log_to(-1);
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "test");
    log_end(&line);
    log_to(ends[1]);
    assert_string_equal(line_with("back"), "key=back\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_priority_time_and_event),
        cmocka_unit_test(quotes_and_escapes_values),
        cmocka_unit_test(a_value_cannot_start_a_line_or_drive_a_terminal),
        cmocka_unit_test(numbers_reach_both_ends),
        cmocka_unit_test(a_fault_is_told_whole),
        cmocka_unit_test(an_unset_fault_does_no_harm),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
        cmocka_unit_test(many_keys_never_overrun),
        cmocka_unit_test(lines_of_two_threads_do_not_mix),
        cmocka_unit_test(a_sink_that_is_gone_does_not_stop_the_program),
    };
    return cmocka_run_group_tests(tests, open_sink, close_sink);
}
