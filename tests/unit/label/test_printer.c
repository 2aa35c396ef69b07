/* Is printed a fact? Against the stand-in printer, a program of its own, with everything that can be wrong with it. */
#include "base/process.h"
#include "station/label/cable.h"
#include "station/label/zpl.h"
#include "tests/unit/label/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct desk desk;
static struct label_bitmap *bitmap;

static bool open_printer(enum printer_kind kind, const char *path, unsigned dpi, struct printer **ret_printer,
                         struct fault *fault)
{
    struct jig_printer is = {.kind = kind, .dpi = dpi};
    (void)snprintf(is.path, sizeof is.path, "%s", path);
    return printer_open(&is, ret_printer, fault);
}

static const char *socket_address(void)
{
    static char address[DESK_PATH_SIZE];
    (void)snprintf(address, sizeof address, "unix:%s/socket", desk.directory);
    return address;
}

static void prints_and_counts(void **state)
{
    (void)state;
    struct bench bench;
    char output[512], wanted[128];
    struct stat info;
    bench_start(&bench, &desk, bitmap, socket_address(), NULL, NULL);
    expect_status(&bench, FAULT_NONE, "");
    expect_print(&bench, DESK_LABEL);
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);

    const char *path = desk_path(&desk, "label-000001.png");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    desk_run((const char *const[]){"dmtxread", "-n", "-N1", path, NULL}, output, sizeof output);
    (void)snprintf(wanted, sizeof wanted, "01%s21%s91%s\n", DESK_GTIN, desk.serial, DESK_LABEL);
    assert_string_equal(output, wanted);
    desk_run((const char *const[]){"cat", desk_path(&desk, "index"), NULL}, output, sizeof output);
    assert_string_equal(output, "000001 " DESK_LABEL "\n");
}

static void counts_on_after_a_restart_and_over_tcp(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, socket_address(), NULL, NULL);
    expect_print(&bench, "FIRST");
    bench_stop(&bench);
    bench_start(&bench, &desk, bitmap, "tcp:127.0.0.1:0", NULL, NULL);
    assert_int_equal(strncmp(bench.is.path, "tcp:127.0.0.1:", 14), 0);
    expect_print(&bench, "SECOND");
    expect_print(&bench, "THIRD");
    bench_stop(&bench);
    assert_int_equal(count_labels(&desk), 3);
    assert_int_equal(access(desk_path(&desk, "label-000003.png"), F_OK), 0);
}

/* The costly pitfall: the paper ends in the label, and more paper would bring it out with a password that is dead by
 * then. It is cancelled; sent a second time, there could be two. */
static void never_sends_again_what_ran_out_of_paper(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, socket_address(), "paper-out-after=1", NULL);
    expect_print(&bench, "FIRST");
    expect_no_print(&bench, 700, FAULT_PRINTER_UNKNOWN, "media out; it was told to cancel the rest");
    assert_int_equal(count_labels(&desk), 1);
    expect_status(&bench, FAULT_PRINTER_PAPER, "media out");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_PAPER, "media out");
    bench_mend(&bench);
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 1);
    expect_print(&bench, "NEXT");
    bench_stop(&bench);
}

static void never_sends_again_what_was_slow(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, socket_address(), "slow", NULL);
    expect_no_print(&bench, 400, FAULT_PRINTER_UNKNOWN, "not counted in time");
    expect_status(&bench, FAULT_PRINTER_HOLDS, "another label waits in it");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_HOLDS, "another label waits in it");
    bench_mend(&bench);
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);
}

static void tells_two_labels_from_one(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, socket_address(), "print-twice", NULL);
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_TWICE, "counted 2 labels for one");
    assert_int_equal(count_labels(&desk), 2);
    bench_stop(&bench);
}

/* Each trouble has a fault of its own, and nothing is sent while it lasts. */
static void sends_nothing_to_a_printer_in_trouble(void **state)
{
    (void)state;
    static const struct {
        const char *misbehaviour;
        enum fault_code code;
        const char *words;
    } troubles[] = {
        {"ribbon-out", FAULT_PRINTER_RIBBON, "ribbon out"}, {"head-open", FAULT_PRINTER_HEAD, "head open"},
        {"cutter-stuck", FAULT_PRINTER_CUTTER, "cutter"},   {"too-hot", FAULT_PRINTER_HOT, "too hot"},
        {"paused", FAULT_PRINTER_PAUSED, "paused"},         {"jammed", FAULT_PRINTER_NOT_READY, "error"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        struct bench bench;
        bench_start(&bench, &desk, bitmap, socket_address(), troubles[i].misbehaviour, NULL);
        expect_status(&bench, troubles[i].code, troubles[i].words);
        expect_no_print(&bench, BENCH_ENOUGH_MS, troubles[i].code, troubles[i].words);
        bench_mend(&bench);
        wait_ready(&bench);
        assert_int_equal(count_labels(&desk), 0);
        bench_stop(&bench);
    }
}

/* One sentence each in both languages, which says what to lay hands on. */
static void tells_each_trouble_in_the_operators_words(void **state)
{
    (void)state;
    static const struct {
        struct zpl_status status;
        unsigned errors;
        const char *english, *japanese;
    } troubles[] = {
        {{.paper_out = true}, 0, "paper", "用紙"},
        {{0}, ZPL_MEDIA_OUT, "paper", "用紙"},
        {{.ribbon_out = true}, 0, "ribbon", "リボン"},
        {{0}, ZPL_RIBBON_OUT, "ribbon", "リボン"},
        {{.head_open = true}, 0, "head", "ヘッド"},
        {{0}, ZPL_HEAD_OPEN, "head", "ヘッド"},
        {{.paused = true}, 0, "pause", "一時停止"},
        {{0}, ZPL_CUTTER, "cutter", "カッター"},
        {{0}, ZPL_HEAD_HOT, "cool", "冷"},
        {{0}, ZPL_MOTOR_HOT, "cool", "冷"},
        {{.waiting = 1}, 0, "label", "ラベル"},
        {{.remaining = 1}, 0, "label", "ラベル"},
        {{.buffer_full = true}, 0, "label", "ラベル"},
        {{.partial = true}, 0, "label", "ラベル"},
        {{.untaken = true}, 0, "label", "ラベル"},
        {{0}, 1u << 31, "display", "表示"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        enum fault_code code = zpl_fault(&troubles[i].status, troubles[i].errors);
        assert_true(code != FAULT_NONE);
        assert_false(zpl_is_ready(&troubles[i].status, troubles[i].errors));
        assert_non_null(strstr(fault_todo(code, FAULT_ENGLISH), troubles[i].english)
                            ?: strstr(fault_title(code, FAULT_ENGLISH), troubles[i].english));
        assert_non_null(strstr(fault_todo(code, FAULT_JAPANESE), troubles[i].japanese));
        for (size_t j = 0; j < i; j++) {
            enum fault_code other = zpl_fault(&troubles[j].status, troubles[j].errors);
            if (other == code)
                continue;
            assert_string_not_equal(fault_title(code, FAULT_ENGLISH), fault_title(other, FAULT_ENGLISH));
            assert_string_not_equal(fault_todo(code, FAULT_ENGLISH), fault_todo(other, FAULT_ENGLISH));
            assert_string_not_equal(fault_title(code, FAULT_JAPANESE), fault_title(other, FAULT_JAPANESE));
            assert_string_not_equal(fault_todo(code, FAULT_JAPANESE), fault_todo(other, FAULT_JAPANESE));
        }
    }
    const struct zpl_status ready = {0};
    assert_int_equal(zpl_fault(&ready, 0), FAULT_NONE);
}

static void sends_nothing_to_a_silent_printer(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, socket_address(), "silent", NULL);
    expect_status(&bench, FAULT_PRINTER_AWAY, "silent");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_AWAY, "~HQES: the printer is silent");
    bench_mend(&bench);
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 0);
    bench_stop(&bench);
}

static void knows_when_a_printer_is_gone(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, &desk, bitmap, socket_address(), NULL, NULL);
    struct printer *printer = bench.printer;
    bench.printer = NULL;
    bench_stop(&bench);
    bench.printer = printer;
    expect_status(&bench, FAULT_PRINTER_AWAY, "connect");
    expect_no_print(&bench, BENCH_ENOUGH_MS, FAULT_PRINTER_AWAY, "connect");
    printer_close(printer);
}

/* Sends bytes as they are, and reads until the printer hangs up or has answered once. */
static void send_raw(const char *address, const void *bytes, size_t size)
{
    struct fault fault;
    struct deadline deadline = deadline_in_ms(BENCH_ENOUGH_MS);
    CLEANUP(cable_closep) struct cable *cable = NULL;
    CLEANUP(wiped_clear) struct wiped answer = {0};
    assert_true(cable_open(address, deadline, &cable, &fault));
    assert_true(cable_send(cable, bytes, size, deadline, &fault));
    /* An answer to a question after it shows that it was taken; a printer that hung up does not answer. */
    bool answered = cable_send(cable, ZPL_ASK_ERRORS, strlen(ZPL_ASK_ERRORS), deadline, &fault) &&
                    cable_receive(cable, &answer, deadline, &fault);
    assert_true(answered || fault.code == FAULT_PRINTER_AWAY);
}

static void drops_jobs_that_are_broken(void **state)
{
    (void)state;
    struct bench bench;
    struct fault fault;
    CLEANUP(wiped_clear) struct wiped job = {0};
    assert_true(zpl_append_job(bitmap, DESK_LABEL, PRINTER_TEARS, &job, &fault));
    bench_start(&bench, &desk, bitmap, socket_address(), NULL, NULL);
    uint8_t *picture = memmem(job.bytes, job.size, ":Z64:", 5);
    assert_non_null(picture);
    picture[200] = picture[200] == 'A' ? 'B' : 'A'; /* the CRC tells */
    send_raw(bench.is.path, job.bytes, job.size);
    static const char *const broken[] = {
        "^XA^XZ",
        "^XA^PW99999^LL100^XZ",
        "^XA^PW16^LL1^GFA,2,2,2,:Z64:!!!!:0000^FS^XZ",
        "^XA^PW16^LL1^GFA,2,2,2,FFFF^FS^XZ",
        "^XA^FX../x^FS^PW16^LL1^XZ",
        "^XA^PQ9999^XZ",
        "HELLO",
        "~HX",
        "\x01\x02",
    };
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
        send_raw(bench.is.path, broken[i], strlen(broken[i]));
    wait_ready(&bench);
    assert_int_equal(count_labels(&desk), 0);
    expect_print(&bench, DESK_LABEL);
    assert_int_equal(count_labels(&desk), 1);
    bench_stop(&bench);
}

static void prints_into_a_directory(void **state)
{
    (void)state;
    CLEANUP(printer_closep) struct printer *printer = NULL;
    enum print_level level = PRINT_SENT;
    struct fault fault;
    struct stat info;
    assert_true(open_printer(PRINTER_PNG, desk.directory, 203, &printer, &fault));
    assert_true(printer_status(printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault));
    assert_true(printer_print(printer, DESK_LABEL, bitmap, deadline_in_ms(BENCH_ENOUGH_MS), &level, &fault));
    assert_int_equal(level, PRINT_CLAIMED);
    assert_int_equal(stat(desk_path(&desk, DESK_LABEL ".png"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    const off_t size = info.st_size;
    /* A label is never printed over another. */
    assert_false(printer_print(printer, DESK_LABEL, bitmap, deadline_in_ms(BENCH_ENOUGH_MS), &level, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_int_equal(stat(desk_path(&desk, DESK_LABEL ".png"), &info), 0);
    assert_int_equal(info.st_size, size);
}

static void refuses_names_and_addresses(void **state)
{
    (void)state;
    CLEANUP(printer_closep) struct printer *printer = NULL;
    struct printer *none = NULL;
    enum print_level level = PRINT_SENT;
    struct fault fault;
    assert_true(open_printer(PRINTER_PNG, desk.directory, 203, &printer, &fault));
    static const char *const names[] = {"", "../x", "a", "A B", "ABCDEFGHIJKLMNOPQ", "A^XZ"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_false(printer_print(printer, names[i], bitmap, deadline_in_ms(BENCH_ENOUGH_MS), &level, &fault));
        assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    }
    static const char *const addresses[] = {
        "",          "tcp:",   "tcp:host",     "tcp:host:", "tcp:host:0", "tcp:h:70000",
        "tcp::9100", "unix:x", "/dev/usb/lp0", "tcp:h:91a"};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        assert_false(open_printer(PRINTER_ZPL, addresses[i], 203, &none, &fault));
        assert_int_equal(fault.code, FAULT_CONFIG_VALUE);
    }
    assert_false(open_printer(PRINTER_ZPL, "unix:/x", 150, &none, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG_VALUE);
    assert_false(open_printer(PRINTER_PNG, "/nonexistent", 203, &none, &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_AWAY);
    assert_null(none);
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
        cmocka_unit_test_setup_teardown(prints_and_counts, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(counts_on_after_a_restart_and_over_tcp, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(never_sends_again_what_ran_out_of_paper, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(never_sends_again_what_was_slow, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(tells_two_labels_from_one, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(sends_nothing_to_a_printer_in_trouble, open_desk, close_desk),
        cmocka_unit_test(tells_each_trouble_in_the_operators_words),
        cmocka_unit_test_setup_teardown(sends_nothing_to_a_silent_printer, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(knows_when_a_printer_is_gone, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(drops_jobs_that_are_broken, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(prints_into_a_directory, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(refuses_names_and_addresses, open_desk, close_desk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
