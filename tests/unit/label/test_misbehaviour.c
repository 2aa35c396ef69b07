/* Wherever in a job a printer fails, is the end always "unknown", at most one label, and none by itself later? And does
 * one that peels or cuts keep to one label at a time? */
#include "base/process.h"
#include "station/label/cable.h"
#include "station/label/zpl.h"
#include "tests/unit/label/bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SHORT_MS 400

static struct desk desk;
static struct label_bitmap *bitmap;

static const char *const languages[] = {"tcp:127.0.0.1:0", "ipp:127.0.0.1:0"};
/* In the head of a job, in its picture, and shortly before its end; both jobs are longer than the last. */
static const unsigned places[] = {0, 1, 40, 701, 2750, 4000};

static void start_at(struct bench *bench, const char *language, const char *misbehaviour, unsigned place)
{
    char words[40];
    (void)snprintf(words, sizeof words, "%s=%u", misbehaviour, place);
    bench_start(bench, &desk, bitmap, language, words, NULL);
}

static void survives_paper_that_ends_at_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(languages); i++) {
        struct bench bench;
        start_at(&bench, languages[i % ARRAY_SIZE(languages)], "paper-out-at", places[i / ARRAY_SIZE(languages)]);
        expect_status(&bench, FAULT_NONE, "");
        expect_no_print(&bench, SHORT_MS, FAULT_PRINTER_UNKNOWN, "media");
        expect_status(&bench, FAULT_PRINTER_PAPER, "media");
        bench_mend(&bench);
        wait_ready(&bench);
        assert_int_equal(count_labels(&desk), 0);
        bench_stop(&bench);
    }
}

/* It prints: so nobody may send it again. */
static void survives_silence_from_any_byte_on(void **state)
{
    (void)state;
    size_t before = 0;
    for (size_t i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(languages); i++) {
        struct bench bench;
        start_at(&bench, languages[i % ARRAY_SIZE(languages)], "silent-at", places[i / ARRAY_SIZE(languages)]);
        expect_no_print(&bench, SHORT_MS, FAULT_PRINTER_UNKNOWN, "");
        expect_no_print(&bench, SHORT_MS, FAULT_PRINTER_AWAY, "silent");
        bench_mend(&bench);
        wait_ready(&bench);
        assert_true(count_labels(&desk) - before <= 1);
        before = count_labels(&desk);
        bench_stop(&bench);
    }
    assert_true(before > 0);
}

static void survives_a_plug_that_is_pulled_at_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(languages); i++) {
        struct bench bench;
        start_at(&bench, languages[i % ARRAY_SIZE(languages)], "hang-up-after", places[i / ARRAY_SIZE(languages)]);
        expect_no_print(&bench, SHORT_MS, FAULT_PRINTER_UNKNOWN, "");
        expect_status(&bench, FAULT_NONE, "");
        assert_int_equal(count_labels(&desk), 0);
        bench_stop(&bench);
    }
}

/* Past the job's end they do no harm, and the label is a label: the tests above fail for the reason they name. */
static void prints_when_the_trouble_comes_later(void **state)
{
    (void)state;
    static const char *const troubles[] = {"paper-out-at", "silent-at", "hang-up-after"};
    size_t printed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(troubles) * ARRAY_SIZE(languages); i++) {
        struct bench bench;
        start_at(&bench, languages[i % ARRAY_SIZE(languages)], troubles[i / ARRAY_SIZE(languages)], 999999);
        expect_print(&bench, DESK_LABEL);
        assert_int_equal(count_labels(&desk), ++printed);
        bench_stop(&bench);
    }
}

/* Its counter begins again at 1, as its job numbers do over IPP: no count of labels can be taken from that. */
static void does_not_count_across_a_restart(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, languages[0], NULL, NULL);
    expect_print(&bench, "FIRST");
    expect_print(&bench, "SECOND");
    bench_stop(&bench);
    bench_start(&bench, &desk, bitmap, languages[0], "restart", NULL);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_UNKNOWN, "counter went backwards");
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 3);
    bench_stop(&bench);
}

/* What a worker that died has sent. */
static void leave_job(const struct bench *bench)
{
    struct fault fault;
    struct deadline deadline = deadline_in_ms(BENCH_ENOUGH_MS);
    CLEANUP(cable_closep) struct cable *cable = NULL;
    CLEANUP(wiped_clear) struct wiped job = {0}, answer = {0};
    assert_true(zpl_append_job(bitmap, "ORPHAN", PRINTER_TEARS, &job, &fault));
    assert_true(cable_open(bench->is.path, deadline, &cable, &fault));
    assert_true(cable_send(cable, job.bytes, job.size, deadline, &fault));
    /* An answer behind it shows that it was taken. */
    assert_true(cable_send(cable, ZPL_ASK_ERRORS, strlen(ZPL_ASK_ERRORS), deadline, &fault));
    assert_true(cable_receive(cable, &answer, deadline, &fault));
}

static void cancels_what_an_earlier_worker_left(void **state)
{
    (void)state;
    struct bench bench;
    struct fault fault;
    bench_start(&bench, &desk, bitmap, languages[0], "paused", NULL);
    leave_job(&bench);
    bench_mend(&bench);
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 1); /* by itself: nobody is surprised who cancels it before */
    bench_stop(&bench);
    static const char *const troubles[] = {"paused", "head-open", "paper-out-after=0"};
    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        bench_start(&bench, &desk, bitmap, languages[0], troubles[i], NULL);
        leave_job(&bench);
        assert_true(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
        bench_mend(&bench);
        wait_ready(&bench);
        assert_int_equal(count_labels(&desk), 1);
        bench_stop(&bench);
    }
    bench_start(&bench, &desk, bitmap, languages[0], "silent", NULL);
    assert_false(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_AWAY);
    bench_stop(&bench);
}

/* A label that is already being printed cannot be taken back: the printer is not free before it is out. */
static void waits_for_what_cannot_be_cancelled(void **state)
{
    (void)state;
    struct bench bench;
    struct fault fault;
    bench_start(&bench, &desk, bitmap, languages[0], "slow", NULL);
    leave_job(&bench);
    assert_false(printer_clear(bench.printer, deadline_in_ms(SHORT_MS), &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_HOLDS);
    bench_mend(&bench);
    assert_true(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);
}

/* ---- how labels leave the printer ---- */

/* The print mode that it says it is in. */
static void expect_mode(const struct bench *bench, const char *digit)
{
    struct fault fault;
    struct deadline deadline = deadline_in_ms(BENCH_ENOUGH_MS);
    CLEANUP(cable_closep) struct cable *cable = NULL;
    CLEANUP(wiped_clear) struct wiped answer = {0};
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted,
                   "\x02"
                   "001,0,0,0,1,%s,4,",
                   digit);
    assert_true(cable_open(bench->is.path, deadline, &cable, &fault));
    assert_true(cable_send(cable, ZPL_ASK_STATUS, strlen(ZPL_ASK_STATUS), deadline, &fault));
    do
        assert_true(cable_receive(cable, &answer, deadline, &fault));
    while (!memmem(answer.bytes, answer.size, "1234,0", 6));
    assert_non_null(memmem(answer.bytes, answer.size, wanted, strlen(wanted)));
}

static void tears_or_cuts_as_the_jig_says(void **state)
{
    (void)state;
    struct bench bench;
    const struct jig_printer cuts = {.mode = PRINTER_CUTS};
    struct fault fault;
    bench_start(&bench, &desk, bitmap, languages[0], NULL, &cuts);
    expect_print(&bench, "FIRST");
    expect_mode(&bench, "3");
    assert_true(printer_await_taken(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    expect_print(&bench, "SECOND");
    bench_stop(&bench);
    bench_start(&bench, &desk, bitmap, languages[0], NULL, NULL);
    expect_print(&bench, "THIRD");
    expect_mode(&bench, "2");
    bench_stop(&bench);
    assert_int_equal(count_labels(&desk), 3);
}

/* A label at the bar is printed and counted. The next one waits for it, and that is no fault until the deadline. */
static void waits_until_a_peeled_label_is_taken(void **state)
{
    (void)state;
    struct bench bench;
    const struct jig_printer peels = {.mode = PRINTER_PEELS};
    struct fault fault;
    bench_start(&bench, &desk, bitmap, languages[0], NULL, &peels);
    assert_true(printer_await_taken(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    expect_print(&bench, "FIRST");
    expect_mode(&bench, "1");
    expect_status(&bench, FAULT_PRINTER_UNTAKEN, "a label waits to be taken");
    assert_false(printer_await_taken(bench.printer, deadline_in_ms(SHORT_MS), &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_UNTAKEN);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_UNTAKEN, "a label waits to be taken");
    /* A worker that starts now has nothing to clear. */
    assert_true(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    assert_int_equal(count_labels(&desk), 1);
    assert_int_equal(kill(bench.pid, SIGUSR2), 0);
    assert_true(printer_await_taken(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    expect_print(&bench, "SECOND");
    assert_int_equal(count_labels(&desk), 2);
    bench_stop(&bench);
}

/* The second of two copies hangs behind the first: one label is counted, but the printer is not at rest. */
static void is_not_fooled_by_a_copy_behind_the_bar(void **state)
{
    (void)state;
    struct bench bench;
    const struct jig_printer peels = {.mode = PRINTER_PEELS};
    bench_start(&bench, &desk, bitmap, languages[0], "print-twice", &peels);
    expect_no_print(&bench, SHORT_MS, FAULT_PRINTER_UNKNOWN,
                    "another label waits in it, a label waits to be taken; it was told to");
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);
}

/* Other troubles are told by the print itself. */
static void does_not_wait_for_a_printer_in_trouble(void **state)
{
    (void)state;
    struct bench bench;
    const struct jig_printer peels = {.mode = PRINTER_PEELS};
    struct fault fault;
    bench_start(&bench, &desk, bitmap, languages[0], "head-open", &peels);
    assert_true(printer_await_taken(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_HEAD, "head open");
    bench_stop(&bench);
}

static int open_desk(void **state)
{
    (void)state;
    struct fault fault = {0};
    desk_open(&desk);
    const struct label_request request = desk_router(&desk, 203);
    return process_harden(&fault) && label_render(&request, &bitmap, &fault) ? 0 : 1;
}

static int close_desk(void **state)
{
    (void)state;
    label_bitmap_free(bitmap);
    bitmap = NULL;
    desk_close(&desk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(survives_paper_that_ends_at_any_byte, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(survives_silence_from_any_byte_on, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(survives_a_plug_that_is_pulled_at_any_byte, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(prints_when_the_trouble_comes_later, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_count_across_a_restart, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(cancels_what_an_earlier_worker_left, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(waits_for_what_cannot_be_cancelled, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(tears_or_cuts_as_the_jig_says, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(waits_until_a_peeled_label_is_taken, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(is_not_fooled_by_a_copy_behind_the_bar, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_wait_for_a_printer_in_trouble, open_desk, close_desk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
