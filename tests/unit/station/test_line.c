/* What a scan is, where it goes, and what the station says about it. */
#include "base/channel.h"
#include "base/secret.h"
#include "station/label/code.h"
#include "station/line/conduit.h"
#include "station/line/report.h"
#include "station/line/routing.h"
#include "station/line/scan.h"
#include "station/line/watch.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define GTIN "04912345000019"

/* A label's code with a serial whose check character is right. */
static void compose(char *ret_text, size_t size, const char *aim)
{
    char serial[SERIAL_SIZE] = "KR000000001";
    serial[SERIAL_LENGTH - 1] = serial_check_character(serial, SERIAL_LENGTH - 1);
    char code[LABEL_CODE_SIZE];
    struct fault fault;
    assert_true(label_code_compose(GTIN, serial, "0123456789ABC", code, &fault));
    (void)snprintf(ret_text, size, "%s%s", aim, code);
}

static struct scan_message read_text(const char *text)
{
    struct scan_message scan;
    scan_read(text, strlen(text), &scan);
    return scan;
}

static void test_label_is_read(void **state)
{
    (void)state;
    char text[128];
    compose(text, sizeof text, "]d2");
    struct scan_message scan = read_text(text);
    assert_int_equal(scan.kind, SCAN_LABEL);
    assert_string_equal(scan.gtin, GTIN);
    assert_string_equal(scan.label, "0123456789ABC");
    assert_int_equal(strlen(scan.serial), SERIAL_LENGTH);
}

static void test_label_cut_short_is_told(void **state)
{
    (void)state;
    char text[128];
    compose(text, sizeof text, "]d2");
    text[strlen(text) - 4] = '\0';
    struct scan_message scan = read_text(text);
    assert_int_equal(scan.kind, SCAN_REFUSED);
    assert_int_equal(scan.fault, FAULT_SCAN_TRUNCATED);
    assert_string_equal(scan.serial, "");
}

/* A router's own Wi-Fi code must leave nothing behind. */
static void test_foreign_code_is_dropped(void **state)
{
    (void)state;
    struct scan_message scan = read_text("]Q3WIFI:T:WPA;S:home;P:canary-in-a-code;;");
    assert_int_equal(scan.kind, SCAN_REFUSED);
    assert_int_equal(scan.fault, FAULT_SCAN_UNKNOWN);
    assert_null(memmem(&scan, sizeof scan, "canary", 6));
}

static void test_tags_and_cards(void **state)
{
    (void)state;
    assert_int_equal(read_text("KOKUIN-SLOT-3").slot, 3);
    assert_int_equal(read_text("]C0KOKUIN-SLOT-12").slot, 12);
    assert_int_equal(read_text("KOKUIN-SLOT-3").kind, SCAN_SLOT_TAG);
    assert_int_equal(read_text("KOKUIN-BADGE-4711").kind, SCAN_BADGE);
    assert_string_equal(read_text("KOKUIN-BADGE-4711").badge, "4711");
    assert_int_equal(read_text("KOKUIN-PAUSE").kind, SCAN_PAUSE);
    assert_int_equal(read_text("KOKUIN-RESUME").kind, SCAN_RESUME);
    assert_int_equal(read_text("KOKUIN-REPRINT").kind, SCAN_REPRINT);
    assert_int_equal(read_text("]C0KOKUIN-REKEY").kind, SCAN_REKEY);
    static const char *const bad[] = {
        "KOKUIN-SLOT-",  "KOKUIN-SLOT-0", "KOKUIN-SLOT-123",  "KOKUIN-SLOT-1x",
        "KOKUIN-SLOT-x", "KOKUIN-BADGE-", "KOKUIN-BADGE-a b", "KOKUIN-BADGE-123456789012345678901234567890123",
        "KOKUIN-PAUS",   "KOKUIN-RESUME1"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (read_text(bad[i]).kind != SCAN_REFUSED || read_text(bad[i]).fault != FAULT_SCAN_TRUNCATED)
            fail_msg("'%s' was taken", bad[i]);
}

static size_t collect(struct scan_collector *collector, const char *bytes, struct scan_message *ret_last)
{
    size_t lines = 0;
    for (; *bytes != '\0'; bytes++)
        lines += scan_collect(collector, (uint8_t)*bytes, ret_last);
    return lines;
}

static void test_lines_are_collected(void **state)
{
    (void)state;
    struct scan_collector collector = {0};
    struct scan_message scan = {0};
    assert_int_equal(collect(&collector, "KOKUIN-SL", &scan), 0);
    assert_int_equal(collect(&collector, "OT-2\r\n", &scan), 1);
    assert_int_equal(scan.slot, 2);
    assert_int_equal(collect(&collector, "\n\nKOKUIN-SLOT-4\nKOKUIN-SLOT-5\r", &scan), 2);
    assert_int_equal(scan.slot, 5);
}

static void test_endless_line_is_refused_whole(void **state)
{
    (void)state;
    struct scan_collector collector = {0};
    struct scan_message scan = {0};
    for (int i = 0; i < 1000; i++)
        assert_false(scan_collect(&collector, 'A', &scan));
    assert_int_equal(collect(&collector, "KOKUIN-SLOT-2\n", &scan), 1);
    assert_int_equal(scan.kind, SCAN_REFUSED);
    assert_int_equal(scan.fault, FAULT_SCAN_UNKNOWN);
    assert_int_equal(collect(&collector, "KOKUIN-SLOT-2\n", &scan), 1);
    assert_int_equal(scan.slot, 2);
}

/* What came before a pause is over: it must not become the beginning of the next scan. */
static void test_line_without_an_end_is_truncated(void **state)
{
    (void)state;
    struct scan_collector collector = {0};
    struct scan_message scan = {0};
    assert_false(scan_collect_end(&collector, &scan));
    assert_int_equal(collect(&collector, "]Q3WIFI:T:WPA;P:canary", &scan), 0);
    assert_true(scan_collect_end(&collector, &scan));
    assert_int_equal(scan.kind, SCAN_REFUSED);
    assert_int_equal(scan.fault, FAULT_SCAN_TRUNCATED);
    assert_null(memmem(&collector, sizeof collector, "canary", 6));
    assert_false(scan_collect_end(&collector, &scan));
    assert_int_equal(collect(&collector, "KOKUIN-SLOT-2\n", &scan), 1);
    assert_int_equal(scan.slot, 2);
}

/* ---- routing ---- */

static struct jig jig;

/* Slots 1 and 7; scanner 0 is shared, scanner 1 belongs to slot 7. */
static struct routing routing_of(enum slot_view first, enum slot_view second)
{
    jig = (struct jig){.slot_count = 2, .scanner_count = 2};
    jig.slots[0].number = 1;
    jig.slots[1].number = 7;
    jig.scanners[1].slot = 7;
    struct routing routing = {.jig = &jig};
    routing.slots[0].view = first;
    routing.slots[1].view = second;
    return routing;
}

static const struct scan_message label_scan = {.kind = SCAN_LABEL, .serial = "KR000000001X"};

static void test_shared_scanner_needs_the_tag(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_WORKING);
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    struct scan_message tag = {.kind = SCAN_SLOT_TAG, .slot = 1};
    struct route route = route_scan(&routing, &tag);
    assert_int_equal(route.kind, ROUTE_TO_SLOT);
    assert_int_equal(route.slot_index, 0);
    assert_string_equal(route.label.serial, label_scan.serial);
    route = route_scan(&routing, &tag);
    assert_int_equal(route.kind, ROUTE_ANSWER);
    assert_int_equal(route.fault, FAULT_SCAN_NOT_EXPECTED);
}

static void test_scanner_of_a_slot_needs_none(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_WORKING, SLOT_LABEL);
    struct scan_message scan = label_scan;
    scan.scanner = 1;
    struct route route = route_scan(&routing, &scan);
    assert_int_equal(route.kind, ROUTE_TO_SLOT);
    assert_int_equal(route.slot_index, 1);
}

static void test_nobody_waits(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_WORKING, SLOT_EMPTY);
    struct route route = route_scan(&routing, &label_scan);
    assert_int_equal(route.kind, ROUTE_ANSWER);
    assert_int_equal(route.fault, FAULT_SCAN_NOT_EXPECTED);
    struct scan_message own = label_scan;
    own.scanner = 1;
    assert_int_equal(route_scan(&routing, &own).fault, FAULT_SCAN_NOT_EXPECTED);
}

static void test_wrong_tags(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_WORKING);
    struct scan_message tag = {.kind = SCAN_SLOT_TAG, .slot = 7};
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).fault, FAULT_SCAN_NOT_EXPECTED); /* that slot waits for nothing */
    tag.slot = 9;
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).fault, FAULT_SCAN_UNKNOWN); /* there is no such slot */
}

static enum fault_code answer_to(struct routing *routing, const char *serial, enum fault_code answered)
{
    struct scan_message label = {.kind = SCAN_LABEL, .scanner = 1};
    (void)snprintf(label.serial, sizeof label.serial, "%s", serial);
    assert_int_equal(route_scan(routing, &label).kind, ROUTE_TO_SLOT);
    return route_answer(routing, 1, answered);
}

/* The label of a unit that is in another slot is told apart from that of a unit that is nowhere here. */
static void test_wrong_slot(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_LABEL);
    (void)snprintf(routing.slots[0].serial, SERIAL_SIZE, "KR000000001X");
    (void)snprintf(routing.slots[1].serial, SERIAL_SIZE, "KR000000002Y");
    assert_int_equal(answer_to(&routing, "KR000000001X", FAULT_SCAN_WRONG_UNIT), FAULT_SCAN_WRONG_SLOT);
    assert_int_equal(answer_to(&routing, "KR000000003Z", FAULT_SCAN_WRONG_UNIT), FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(answer_to(&routing, "KR000000002Y", FAULT_SCAN_WRONG_UNIT), FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(answer_to(&routing, "KR000000001X", FAULT_SCAN_DEAD_LABEL), FAULT_SCAN_DEAD_LABEL);
    assert_int_equal(answer_to(&routing, "KR000000002Y", FAULT_NONE), FAULT_NONE);
    routing.slots[0].view = SLOT_EMPTY;
    assert_int_equal(answer_to(&routing, "KR000000001X", FAULT_SCAN_WRONG_UNIT), FAULT_SCAN_WRONG_UNIT);
    assert_int_equal(answer_to(&routing, "", FAULT_SCAN_WRONG_UNIT), FAULT_SCAN_WRONG_UNIT);
}

static void test_label_without_tag_is_forgotten(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_WORKING);
    struct deadline deadline;
    size_t scanner = 9;
    assert_false(route_deadline(&routing, &deadline));
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_true(route_deadline(&routing, &deadline));
    assert_false(route_expire(&routing, &scanner));
    routing.pending[0].until = deadline_in_ms(0);
    struct scan_message tag = {.kind = SCAN_SLOT_TAG, .slot = 1};
    struct routing late = routing;
    assert_int_equal(route_scan(&late, &tag).fault, FAULT_SCAN_NOT_EXPECTED);
    assert_true(route_expire(&routing, &scanner));
    assert_int_equal(scanner, 0);
    assert_false(route_expire(&routing, &scanner));
}

/* Card, label and tag; card and label at a scanner of its own slot. */
static void test_a_spoilt_label_is_said_with_its_card(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_LABEL);
    struct scan_message card = {.kind = SCAN_REPRINT};
    struct scan_message tag = {.kind = SCAN_SLOT_TAG, .slot = 1};
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    struct route route = route_scan(&routing, &tag);
    assert_int_equal(route.kind, ROUTE_TO_SLOT);
    assert_int_equal(route.wish, SLOT_WISH_VOID);
    assert_string_equal(route.label.serial, label_scan.serial);

    /* One card, one label: the next is an ordinary scan. */
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).wish, SLOT_WISH_CLOSE);
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).wish, SLOT_WISH_CLOSE);

    struct scan_message own = label_scan;
    card.scanner = own.scanner = 1;
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    route = route_scan(&routing, &own);
    assert_int_equal(route.kind, ROUTE_TO_SLOT);
    assert_int_equal(route.wish, SLOT_WISH_VOID);
    assert_int_equal(route_scan(&routing, &own).wish, SLOT_WISH_CLOSE);

    /* A card without its label is forgotten, and the tag alone means nothing. */
    card.scanner = 0;
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).fault, FAULT_SCAN_NOT_EXPECTED);
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    routing.pending[0].until = deadline_in_ms(0);
    assert_int_equal(route_scan(&routing, &label_scan).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).wish, SLOT_WISH_CLOSE);
}

static void test_a_missing_label_is_said_with_card_and_tag(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_WORKING);
    struct scan_message card = {.kind = SCAN_REKEY};
    struct scan_message tag = {.kind = SCAN_SLOT_TAG, .slot = 1};
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    struct route route = route_scan(&routing, &tag);
    assert_int_equal(route.kind, ROUTE_TO_SLOT);
    assert_int_equal(route.slot_index, 0);
    assert_int_equal(route.wish, SLOT_WISH_REKEY);
    assert_string_equal(route.label.label, "");
    assert_int_equal(route_scan(&routing, &tag).fault, FAULT_SCAN_NOT_EXPECTED);

    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &label_scan).fault, FAULT_SCAN_NOT_EXPECTED);
    assert_int_equal(route_scan(&routing, &tag).fault, FAULT_SCAN_NOT_EXPECTED);
    tag.slot = 7;
    assert_int_equal(route_scan(&routing, &card).kind, ROUTE_WAIT);
    assert_int_equal(route_scan(&routing, &tag).fault, FAULT_SCAN_NOT_EXPECTED);
    routing.slots[0].view = SLOT_EMPTY;
    assert_int_equal(route_scan(&routing, &card).fault, FAULT_SCAN_NOT_EXPECTED);
}

static void test_refused_scans_and_strangers(void **state)
{
    (void)state;
    struct routing routing = routing_of(SLOT_LABEL, SLOT_LABEL);
    struct scan_message scan = {.kind = SCAN_REFUSED, .fault = FAULT_SCAN_TRUNCATED};
    assert_int_equal(route_scan(&routing, &scan).fault, FAULT_SCAN_TRUNCATED);
    scan = (struct scan_message){.kind = 99};
    assert_int_equal(route_scan(&routing, &scan).fault, FAULT_INTERNAL);
    scan = (struct scan_message){.kind = SCAN_LABEL, .scanner = 2};
    assert_int_equal(route_scan(&routing, &scan).fault, FAULT_INTERNAL);
    scan = (struct scan_message){.kind = SCAN_PAUSE};
    assert_int_equal(route_scan(&routing, &scan).kind, ROUTE_PAUSE);
}

/* ---- what is said ---- */

static json_t *say_slot(const struct slot_message *slot)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct report report = {.out = ends[1], .json = true};
    report_slot(&report, slot);
    (void)close(ends[1]);
    char line[4096];
    ssize_t size = read(ends[0], line, sizeof line);
    (void)close(ends[0]);
    assert_true(size > 0 && line[size - 1] == '\n');
    assert_ptr_equal(memchr(line, '\n', (size_t)size), line + size - 1);
    json_t *json = json_loadb(line, (size_t)size, 0, NULL);
    assert_non_null(json);
    return json;
}

static void test_slot_line(void **state)
{
    (void)state;
    struct slot_message slot = {.slot = 3,
                                .view = SLOT_NG,
                                .step = 6,
                                .steps = 9,
                                .fault = FAULT_UNIT_MODEL,
                                .step_name = "identify",
                                .text = "unit says '\x1b[2J\xff\"\n"};
    json_t *json = say_slot(&slot);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "slot");
    assert_string_equal(json_string_value(json_object_get(json, "view")), "ng");
    assert_string_equal(json_string_value(json_object_get(json, "fault_name")), "UNIT_MODEL");
    assert_string_equal(json_string_value(json_object_get(json, "text")), "unit says '\x1b[2J\xef\xbf\xbd\"\n");
    assert_int_equal(json_integer_value(json_object_get(json, "fault")), FAULT_UNIT_MODEL);
    json_decref(json);
}

static void test_terminal_is_not_steered(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct report report = {.out = ends[1], .language = FAULT_JAPANESE};
    struct slot_message slot = {.slot = 1, .view = SLOT_NG, .fault = FAULT_UNIT_MODEL, .text = "\x1b[2J\n\r"};
    report_slot(&report, &slot);
    (void)close(ends[1]);
    char line[4096] = "";
    ssize_t size = read(ends[0], line, sizeof line - 1);
    (void)close(ends[0]);
    assert_true(size > 0);
    assert_null(strchr(line, 0x1b));
    assert_non_null(strstr(line, fault_todo(FAULT_UNIT_MODEL, FAULT_JAPANESE)));
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
}

/* ---- the conduit ---- */

static struct label_bitmap *make_bitmap(void)
{
    struct label_bitmap *bitmap = NULL;
    struct fault fault;
    assert_true(label_bitmap_new(901, 301, &bitmap, &fault)); /* more than two pieces, and rows with spare bits */
    for (uint32_t y = 0; y < 301; y++)
        label_bitmap_ink(bitmap, y * 7 % 901, y);
    return bitmap;
}

/* The printer's end, in a process of its own: answers with `fault`, or dies with the label in its hands. */
static pid_t start_printer(int conduit, enum fault_code code, bool dies)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    struct fault fault;
    struct print_job job;
    struct label_bitmap *bitmap = NULL;
    if (!conduit_take(conduit, &job, &bitmap, deadline_in_ms(5000), &fault) ||
        strcmp(job.label, "0123456789ABC") != 0 || !label_bitmap_dot(bitmap, 7 * 300 % 901, 300) ||
        label_bitmap_dot(bitmap, 1, 0))
        _exit(1);
    if (dies)
        _exit(0);
    struct fault why;
    (void)fault_set(&why, code, 0, "said so");
    bool answered = conduit_answer(conduit, STORE_PRINT_CLAIMED, code == FAULT_NONE ? NULL : &why, &fault);
    _exit(answered ? 0 : 1);
}

static bool print(enum fault_code code, bool dies, enum store_print_level *ret_level, struct fault *fault)
{
    int ends[2];
    assert_true(channel_pair(ends, fault));
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = make_bitmap();
    pid_t pid = start_printer(ends[1], code, dies);
    (void)close(ends[1]);
    bool printed = conduit_print(ends[0], "0123456789ABC", bitmap, deadline_in_ms(10000), ret_level, fault);
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return printed;
}

static void test_conduit(void **state)
{
    (void)state;
    enum store_print_level level = STORE_PRINT_SENT;
    struct fault fault;
    assert_true(print(FAULT_NONE, false, &level, &fault));
    assert_int_equal(level, STORE_PRINT_CLAIMED);
    assert_false(print(FAULT_PRINTER_NOT_READY, false, &level, &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_NOT_READY);
    assert_string_equal(fault.text, "said so");
    assert_false(print(FAULT_NONE, true, &level, &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_UNKNOWN);
}

/* A printer worker that ended before it had the whole label has printed nothing. */
static void test_conduit_without_a_printer(void **state)
{
    (void)state;
    int ends[2];
    struct fault fault;
    enum store_print_level level;
    assert_true(channel_pair(ends, &fault));
    (void)close(ends[1]);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = make_bitmap();
    assert_false(conduit_print(ends[0], "0123456789ABC", bitmap, deadline_in_ms(10000), &level, &fault));
    assert_int_equal(fault.code, FAULT_PRINTER_AWAY);
    (void)close(ends[0]);
}

/* What a slot has given up on is not printed. */
static void test_slot_that_gave_up(void **state)
{
    (void)state;
    int ends[2];
    struct fault fault = {0};
    assert_true(channel_pair(ends, &fault));
    assert_true(conduit_is_heard(ends[1], &fault));
    (void)close(ends[0]);
    assert_false(conduit_is_heard(ends[1], &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
    (void)close(ends[1]);
}

/* A job that lies about its size is refused before a byte of it is taken. */
static void test_lying_job(void **state)
{
    (void)state;
    static const struct print_job jobs[] = {
        {.version = MESSAGE_VERSION, .width = 800, .height = 400, .stride = 101, .label = "A"},
        {.version = MESSAGE_VERSION, .width = 80000, .height = 400, .stride = 10000, .label = "A"},
        {.version = MESSAGE_VERSION, .width = 0, .height = 0, .stride = 0, .label = "A"},
        {.version = MESSAGE_VERSION + 1, .width = 800, .height = 400, .stride = 100, .label = "A"},
        {.version = MESSAGE_VERSION, .width = 8, .height = 4, .stride = 1, .label = "AAAAAAAAAAAAAAAAA"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        int ends[2];
        struct fault fault;
        assert_true(channel_pair(ends, &fault));
        assert_true(channel_send(ends[0], &jobs[i], sizeof jobs[i], -1, deadline_in_ms(1000), &fault));
        struct print_job job;
        struct label_bitmap *bitmap = NULL;
        assert_false(conduit_take(ends[1], &job, &bitmap, deadline_in_ms(1000), &fault));
        assert_null(bitmap);
        if (fault.code != FAULT_BAD_BYTES && fault.code != FAULT_LABEL_VALUE)
            fail_msg("job %zu: %s", i, fault.text);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* ---- the watch ---- */

static bool is_within(struct watch watch, int least_s, int most_s)
{
    int left = deadline_left_ms(watch.until) / 1000;
    return watch.on && !watch_is_overdue(&watch) && left >= least_s && left <= most_s;
}

static struct watch seen(enum slot_view view, unsigned step, bool ending)
{
    struct slot_message state = {.view = (uint32_t)view, .step = step};
    return watch_state(&state, ending);
}

static void test_every_step_has_an_end(void **state)
{
    (void)state;
    assert_true(is_within(watch_start(), 30, 120));
    for (unsigned step = 1; step <= 12; step++)
        assert_true(is_within(seen(SLOT_WORKING, step, false), 30, 600));
    assert_true(is_within(watch_scan(), 60, 600));
    assert_true(is_within(watch_answer(0), 60, 600));
    struct watch overdue = {.on = true, .until = deadline_in_ms(0)};
    assert_true(watch_is_overdue(&overdue));
}

static void test_people_are_not_hurried(void **state)
{
    (void)state;
    static const enum slot_view views[] = {SLOT_EMPTY, SLOT_LABEL, SLOT_OK, SLOT_NG, SLOT_HOLD};
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        assert_false(seen(views[i], 9, false).on);
        assert_true(is_within(seen(views[i], 9, true), 30, 120)); /* but a worker that is told to end must end */
    }
    assert_false(watch_answer(FAULT_SCAN_WRONG_UNIT).on);
    struct watch off = {.on = false, .until = deadline_in_ms(0)};
    assert_false(watch_is_overdue(&off));
}

int main(void)
{
    struct fault fault;
    if (!secret_arena_open(1 << 14, &fault))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_is_read),
        cmocka_unit_test(test_label_cut_short_is_told),
        cmocka_unit_test(test_foreign_code_is_dropped),
        cmocka_unit_test(test_tags_and_cards),
        cmocka_unit_test(test_lines_are_collected),
        cmocka_unit_test(test_endless_line_is_refused_whole),
        cmocka_unit_test(test_line_without_an_end_is_truncated),
        cmocka_unit_test(test_shared_scanner_needs_the_tag),
        cmocka_unit_test(test_scanner_of_a_slot_needs_none),
        cmocka_unit_test(test_nobody_waits),
        cmocka_unit_test(test_wrong_tags),
        cmocka_unit_test(test_wrong_slot),
        cmocka_unit_test(test_label_without_tag_is_forgotten),
        cmocka_unit_test(test_a_spoilt_label_is_said_with_its_card),
        cmocka_unit_test(test_a_missing_label_is_said_with_card_and_tag),
        cmocka_unit_test(test_refused_scans_and_strangers),
        cmocka_unit_test(test_slot_line),
        cmocka_unit_test(test_terminal_is_not_steered),
        cmocka_unit_test(test_conduit),
        cmocka_unit_test(test_conduit_without_a_printer),
        cmocka_unit_test(test_slot_that_gave_up),
        cmocka_unit_test(test_lying_job),
        cmocka_unit_test(test_every_step_has_an_end),
        cmocka_unit_test(test_people_are_not_hurried),
    };
    return cmocka_run_group_tests_name("station/line", tests, NULL, NULL);
}
