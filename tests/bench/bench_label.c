/* How long does one label take, from the request to the bytes for the printer, and how much memory at most?
 *
 * The floor beside it is measured in the same run: writing and reading the points that a label is drawn in once, and
 * packing its dots. No label can be faster; how far above it we are does not depend on the machine. */
#include "station/label/plate.h"
#include "station/label/zpl.h"
#include "tests/unit/label/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#define DPI 300
#define LABELS 100
#define POINT_BYTES (3 * 3 * 4) /* nine points of four bytes to a dot (drawing.c) */

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
    print_message("%-40s %7.2f ms median, %7.2f ms at most\n", what, times[LABELS / 2], times[LABELS - 1]);
}

static void expect(bool done, const struct fault *fault)
{
    if (!done)
        fail_msg("%s: %s", fault_name(fault->code), fault->text);
}

static void touch_and_pack(const struct label_bitmap *bitmap)
{
    struct fault fault;
    CLEANUP(wiped_clear) struct wiped points = {0};
    CLEANUP(wiped_clear) struct wiped packed = {0};
    assert_true(wiped_extend(&points, (size_t)bitmap->width * bitmap->height * POINT_BYTES, &fault));
    memset(points.bytes, 0xff, points.size);
    uint64_t sum = 0;
    for (size_t i = 0; i < points.size; i++)
        sum += points.bytes[i];
    assert_true(sum == 255 * (uint64_t)points.size);
    assert_true(wiped_deflate(&packed, bitmap->rows, label_bitmap_size(bitmap), &fault));
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
        touch_and_pack(bitmap);
        labels[i] = made - start;
        floors[i] = cpu_ms() - made;
        bytes = job.size;
    }
    print_figures("warm label at 300 dpi, values to bytes", labels);
    print_figures("floor: its points once, its dots packed", floors);
    print_message("%-40s %7.1f times the floor, %zu bytes\n", "", labels[LABELS / 2] / floors[LABELS / 2], bytes);
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    print_message("%-40s %7.1f MB\n", "peak memory", (double)usage.ru_maxrss / 1024);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measures_one_label)};
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
