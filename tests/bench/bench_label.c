/* How long does one label take, from a unit's values to the bytes for the printer, and how much memory at most?
 *
 * First in this process, where everything is warm from the label before; then as a station does it, each label in a
 * child of its own that was started ahead and has never seen a value. Children wait their turn on the machine: their
 * figure depends on who else works on it.
 *
 * The floor beside it is measured in the same run: reading the finished label's two codes back, and packing its dots.
 * A label that is proved before it is printed cannot be faster; how far above it we are does not depend on the machine.
 */
#include "station/label/plate.h"
#include "station/label/verify.h"
#include "station/label/zpl.h"
#include "tests/unit/label/desk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DPI 300
#define LABELS 100
#define ENOUGH_MS 60000

static struct desk desk;

/* Of this process alone: others on the machine do not count. */
static double cpu_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return 1e3 * (double)now.tv_sec + (double)now.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_figures(const char *what, double *times)
{
    qsort(times, LABELS, sizeof *times, compare);
    print_message("%-40s %7.2f ms median, %7.2f ms at least, %7.2f ms at most\n", what, times[LABELS / 2], times[0],
                  times[LABELS - 1]);
}

static void expect(bool done, const struct fault *fault)
{
    if (!done)
        fail_msg("%s: %s", fault_name(fault->code), fault->text);
}

/* The dots of a place in the template, as drawing.c finds them. */
static struct box place_of(double left, double top, double size)
{
    return (struct box){.left = (int)ceil(dots_of_mm(left, DPI)),
                        .top = (int)ceil(dots_of_mm(top, DPI)),
                        .right = (int)floor(dots_of_mm(left + size, DPI)),
                        .bottom = (int)floor(dots_of_mm(top + size, DPI))};
}

static void read_back_and_pack(const struct label_bitmap *bitmap)
{
    static const char wifi[] = "WIFI:T:WPA;S:kokuin-00012X;P:M4T8XW3K7QRZ52HVNCJP;;";
    struct fault fault = {0};
    char unit[LABEL_CODE_SIZE];
    CLEANUP(wiped_clear) struct wiped job = {0};
    expect(
        label_code_compose(DESK_GTIN, desk.serial, DESK_LABEL, unit, &fault) &&
            verify_symbol(bitmap, place_of(54, 2, 11.6), SYMBOL_GS1_DATAMATRIX, (const uint8_t *)unit, strlen(unit),
                          &fault) &&
            verify_symbol(bitmap, place_of(51.6, 15.9, 16.4), SYMBOL_QR, (const uint8_t *)wifi, strlen(wifi), &fault) &&
            zpl_append_job(bitmap, DESK_LABEL, PRINTER_TEARS, &job, &fault),
        &fault);
}

static void measures_one_label(void **state)
{
    (void)state;
    static double labels[LABELS], floors[LABELS];
    const struct label_request request = desk_router(&desk, DPI);
    struct fault fault = {0};
    CLEANUP(label_plate_freep) struct label_plate *plate = NULL;
    double start = cpu_ms();
    expect(label_plate_make(&request, &plate, &fault) && label_plate_warm(plate, &fault), &fault);
    print_message("%-40s %7.2f ms\n", "before the values: fonts, art, words", cpu_ms() - start);
    size_t bytes = 0;
    for (size_t i = 0; i < LABELS; i++) {
        CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
        CLEANUP(wiped_clear) struct wiped job = {0};
        start = cpu_ms();
        expect(label_plate_print(plate, request.fields, request.field_count, &bitmap, &fault) &&
                   zpl_append_job(bitmap, DESK_LABEL, PRINTER_TEARS, &job, &fault),
               &fault);
        double made = cpu_ms();
        read_back_and_pack(bitmap);
        labels[i] = made - start;
        floors[i] = cpu_ms() - made;
        bytes = job.size;
    }
    print_figures("warm label at 300 dpi, values to bytes", labels);
    print_figures("floor: codes read back, dots packed", floors);
    print_message("%-40s %7.1f times the floor, %zu bytes\n", "", labels[LABELS / 2] / floors[LABELS / 2], bytes);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    print_message("%-40s %7.1f MB\n", "peak memory", (double)usage.ru_maxrss / 1024);
}

static double wall_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return 1e3 * (double)now.tv_sec + (double)now.tv_nsec / 1e6;
}

static void measures_children_that_wait(void **state)
{
    (void)state;
    static double ahead[LABELS], after[LABELS];
    static const char *const argv[] = {"bench_label", "--render", NULL};
    const struct label_request request = desk_router(&desk, DPI);
    struct label_draft *draft = NULL;
    const struct label_child child = {.argv = argv, .draft = &draft};
    struct fault fault = {0};
    for (size_t i = 0; i < LABELS; i++) {
        CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
        CLEANUP(wiped_clear) struct wiped job = {0};
        double start = wall_ms();
        expect(label_draft_start(&child, &request, &draft, &fault) &&
                   label_draft_ready(draft, deadline_in_ms(ENOUGH_MS), &fault),
               &fault);
        ahead[i] = wall_ms() - start;
        start = wall_ms();
        expect(label_render_in_child(&child, &request, deadline_in_ms(ENOUGH_MS), &bitmap, &fault) &&
                   zpl_append_job(bitmap, DESK_LABEL, PRINTER_TEARS, &job, &fault),
               &fault);
        after[i] = wall_ms() - start;
        assert_null(draft);
    }
    print_figures("a child started ahead, before the values", ahead);
    print_figures("that child, values to bytes, its end too", after);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    print_message("%-40s %7.1f MB\n", "peak memory of a child", (double)usage.ru_maxrss / 1024);
}

static int open_desk(void **state)
{
    (void)state;
    desk_open(&desk);
    return 0;
}

static int close_desk(void **state)
{
    (void)state;
    desk_close(&desk);
    return 0;
}

/* This program as a child that draws. */
static int be_child(void)
{
    struct fault fault;
    return secret_arena_open(65536, &fault) ? label_render_main(STDIN_FILENO, STDOUT_FILENO) : 9;
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "--render") == 0)
        return be_child();
    const struct CMUnitTest tests[] = {cmocka_unit_test(measures_one_label),
                                       cmocka_unit_test(measures_children_that_wait)};
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
