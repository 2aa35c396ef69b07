/* Is a label over IPP printed once, known as far as the printer tells, and never sent again? Against the stand-in. */
#include "base/process.h"
#include "station/label/cable.h"
#include "station/label/http.h"
#include "station/label/ipp.h"
#include "tests/unit/label/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STAND_IN_UUID "urn:uuid:6b6f6b75-696e-4c61-8265-6c7072696e74"

static struct desk desk;
static struct label_bitmap *bitmap;

static void start(struct bench *bench, const char *misbehaviour, const char *uuid)
{
    struct jig_printer like = {0};
    (void)snprintf(like.uuid, sizeof like.uuid, "%s", uuid ? uuid : "");
    bench_start(bench, &desk, bitmap, "ipp:127.0.0.1:0", misbehaviour, &like);
}

static void prints_and_is_told_so(void **state)
{
    (void)state;
    struct bench bench;
    char output[512], wanted[128];
    start(&bench, NULL, STAND_IN_UUID);
    expect_status(&bench, FAULT_NONE, "");
    expect_print(&bench, DESK_LABEL);
    expect_print(&bench, "SECOND");
    bench_stop(&bench);
    assert_int_equal(count_labels(&desk), 2);

    const char *path = desk_path(&desk, "label-000001.png");
    desk_run((const char *const[]){"dmtxread", "-n", "-N1", path, NULL}, output, sizeof output);
    (void)snprintf(wanted, sizeof wanted, "01%s21%s91%s\n", DESK_GTIN, desk.serial, DESK_LABEL);
    assert_string_equal(output, wanted);
    /* The job's name is the label's id, and the picture that came out is dot for dot the one that was sent. */
    desk_run((const char *const[]){"cat", desk_path(&desk, "index"), NULL}, output, sizeof output);
    assert_string_equal(output, "000001 " DESK_LABEL "\n000002 SECOND\n");
    struct jig_printer drawer = {.kind = PRINTER_PNG, .dpi = 203};
    (void)snprintf(drawer.path, sizeof drawer.path, "%s", desk.directory);
    CLEANUP(printer_closep) struct printer *printer = NULL;
    enum print_level level;
    struct fault fault;
    assert_true(printer_open(&drawer, &printer, &fault));
    assert_true(printer_print(printer, "AGAIN", bitmap, deadline_in_ms(BENCH_ENOUGH_MS), &level, &fault));
    char again[DESK_PATH_SIZE];
    (void)snprintf(again, sizeof again, "%s/AGAIN.png", desk.directory);
    desk_run((const char *const[]){"cmp", again, desk_path(&desk, "label-000001.png"), NULL}, output, sizeof output);
}

static void prints_on_a_printer_of_gray_only(void **state)
{
    (void)state;
    struct bench bench;
    char output[512], wanted[128];
    start(&bench, "gray-only", NULL);
    expect_print(&bench, DESK_LABEL);
    bench_stop(&bench);
    const char *path = desk_path(&desk, "label-000001.png");
    desk_run((const char *const[]){"dmtxread", "-n", "-N1", path, NULL}, output, sizeof output);
    (void)snprintf(wanted, sizeof wanted, "01%s21%s91%s\n", DESK_GTIN, desk.serial, DESK_LABEL);
    assert_string_equal(output, wanted);
}

/* The paper ends in the label. What waits is cancelled, so more paper does not bring out a label with a dead password;
 * and nobody knows how much of it was printed. */
static void never_sends_again_what_ran_out_of_paper(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, "paper-out-after=1", NULL);
    expect_print(&bench, "FIRST");
    expect_no_print(&bench, 700, FAULT_PRINTER_UNKNOWN,
                    "not done in time, and cancelled; the printer last said: media");
    assert_int_equal(count_labels(&desk), 1);
    expect_status(&bench, FAULT_PRINTER_PAPER, "media-empty-warning");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_PAPER, "media-empty-warning");
    bench_mend(&bench);
    wait_ready(&bench);
    expect_print(&bench, "NEXT");
    assert_int_equal(count_labels(&desk), 2);
    bench_stop(&bench);
}

static void tells_two_labels_from_one(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, "print-twice", NULL);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_TWICE, "counted 2 labels for one");
    assert_int_equal(count_labels(&desk), 2);
    bench_stop(&bench);
}

static void sends_nothing_to_a_printer_in_trouble(void **state)
{
    (void)state;
    static const struct {
        const char *misbehaviour;
        enum fault_code code;
        const char *words;
    } troubles[] = {
        {"ribbon-out", FAULT_PRINTER_RIBBON, "marker-supply-empty-error"},
        {"head-open", FAULT_PRINTER_HEAD, "cover-open-error"},
        {"cutter-stuck", FAULT_PRINTER_CUTTER, "trimmer-jam-report"},
        {"too-hot", FAULT_PRINTER_HOT, "marker-over-temp"},
        {"paused", FAULT_PRINTER_PAUSED, "paused"},
        {"jammed", FAULT_PRINTER_NOT_READY, "media-jam-error"},
        {"other-dpi", FAULT_PRINTER_UNFIT, "not take raster of 203 dpi"},
        {"no-raster", FAULT_PRINTER_UNFIT, "not take image/pwg-raster"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        struct bench bench;
        start(&bench, troubles[i].misbehaviour, NULL);
        expect_status(&bench, troubles[i].code, troubles[i].words);
        expect_no_print(&bench, BENCH_ENOUGH_MS, troubles[i].code, troubles[i].words);
        bench_mend(&bench);
        wait_ready(&bench);
        assert_int_equal(count_labels(&desk), 0);
        bench_stop(&bench);
    }
}

static void sends_nothing_to_another_printer(void **state)
{
    (void)state;
    struct bench bench;
    struct fault fault;
    start(&bench, NULL, "urn:uuid:00000000-0000-4000-8000-000000000001");
    expect_status(&bench, FAULT_PRINTER_OTHER, STAND_IN_UUID);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_OTHER, STAND_IN_UUID);
    assert_false(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_OTHER);
    assert_int_equal(count_labels(&desk), 0);
    bench_stop(&bench);
}

static void knows_when_a_printer_is_silent_or_gone(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, "silent", NULL);
    struct fault fault;
    assert_false(printer_status(bench.printer, deadline_in_ms(300), &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_AWAY);
    expect_no_print(&bench, 300, FAULT_PRINTER_AWAY, "the printer is silent");
    bench_mend(&bench);
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 0);
    struct printer *printer = bench.printer;
    bench.printer = NULL;
    bench_stop(&bench);
    bench.printer = printer;
    expect_status(&bench, FAULT_PRINTER_AWAY, "connect");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_AWAY, "connect");
    printer_close(printer);
}

/* Wherever in the job the line breaks, nothing is printed and nothing is believed. */
static void does_not_know_what_broke_off(void **state)
{
    (void)state;
    static const char *const places[] = {"hang-up-after=0",    "hang-up-after=1",    "hang-up-after=4",
                                         "hang-up-after=1800", "hang-up-after=3000", "hang-up-after=5000"};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct bench bench;
        start(&bench, places[i], NULL);
        expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_UNKNOWN, "while the label was sent");
        assert_int_equal(count_labels(&desk), 0);
        bench_stop(&bench);
    }
}

static void does_not_know_what_a_restarted_printer_did(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, "restart", NULL);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_UNKNOWN, "the printer was restarted");
    bench_stop(&bench);
}

static void does_not_believe_a_job_that_was_given_up(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, "abort", NULL);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_UNKNOWN, "gave it up: aborted-by-system");
    assert_int_equal(count_labels(&desk), 0);
    bench_stop(&bench);
}

/* The printer keeps a stump of a job that broke off, and is busy to everybody until its owner cancels it. */
static void cancels_the_stump_that_it_left(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, "stump-after=2000", NULL);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_UNKNOWN, "while the label was sent, now cancelled");
    wait_ready(&bench);
    expect_print(&bench, "NEXT");
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);
}

/* A worker that dies with half a job sent: the stump, in the name of `user`. */
static void leave_stump(struct bench *bench, const char *user)
{
    struct ipp_link link;
    struct fault fault;
    struct deadline deadline = deadline_in_ms(BENCH_ENOUGH_MS);
    assert_true(ipp_link_open(bench->is.path, "", 203, &link, &fault));
    if (user)
        (void)snprintf(link.parties.user, sizeof link.parties.user, "%s", user);
    CLEANUP(wiped_clear) struct wiped message = {0}, head = {0};
    CLEANUP(cable_closep) struct cable *cable = NULL;
    assert_true(ipp_append_print(&link.parties, "STUMP", &message, &fault));
    assert_true(http_append_post(link.address + 4, link.path, message.size + 5000, &head, &fault));
    assert_true(cable_open(link.address, deadline, &cable, &fault));
    assert_true(cable_send(cable, head.bytes, head.size, deadline, &fault));
    assert_true(cable_send(cable, message.bytes, message.size, deadline, &fault));
    cable_closep(&cable);
    cable = NULL;
    while (printer_status(bench->printer, deadline, &fault)) {
        assert_false(deadline_passed(deadline));
        cable_pause(20, deadline);
    }
    assert_int_equal(fault.code, FAULT_PRINTER_HOLDS);
}

static void cancels_what_an_earlier_worker_left(void **state)
{
    (void)state;
    struct bench bench;
    struct fault fault;
    start(&bench, "stump-after=999999", NULL);
    leave_stump(&bench, NULL);
    assert_true(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    expect_status(&bench, FAULT_NONE, "");
    leave_stump(&bench, NULL);
    expect_print(&bench, DESK_LABEL);
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);
}

static void leaves_the_jobs_of_others_alone(void **state)
{
    (void)state;
    struct bench bench;
    struct fault fault;
    start(&bench, "stump-after=999999", NULL);
    leave_stump(&bench, "somebody-else");
    assert_true(printer_clear(bench.printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    expect_status(&bench, FAULT_PRINTER_HOLDS, "1 jobs wait");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_HOLDS, "1 jobs wait");
    bench_stop(&bench);
}

static void refuses_addresses(void **state)
{
    (void)state;
    static const char *const addresses[] = {"",
                                            "ipp://",
                                            "ipp://h/ipp",
                                            "ipp://h:631",
                                            "ipp://h:0/p",
                                            "ipp://h:70000/p",
                                            "http://h:631/p",
                                            "ipp://h:631/p q",
                                            "ipp://h:631/p\r\nX: y",
                                            "ipps://h:631/p"};
    struct ipp_link link;
    struct fault fault;
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        assert_false(ipp_link_open(addresses[i], "", 203, &link, &fault));
        assert_int_equal(fault.code, FAULT_CONFIG_VALUE);
    }
    assert_true(ipp_link_open("ipp://[::1]:631/ipp/print", "", 203, &link, &fault));
    assert_string_equal(link.address, "tcp:[::1]:631");
    assert_string_equal(link.path, "/ipp/print");
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
        cmocka_unit_test_setup_teardown(prints_and_is_told_so, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(prints_on_a_printer_of_gray_only, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(never_sends_again_what_ran_out_of_paper, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(tells_two_labels_from_one, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(sends_nothing_to_a_printer_in_trouble, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(sends_nothing_to_another_printer, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(knows_when_a_printer_is_silent_or_gone, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_know_what_broke_off, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_know_what_a_restarted_printer_did, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_believe_a_job_that_was_given_up, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(cancels_the_stump_that_it_left, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(cancels_what_an_earlier_worker_left, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(leaves_the_jobs_of_others_alone, open_desk, close_desk),
        cmocka_unit_test(refuses_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
