/* Does the printer that nobody here wrote agree? ippeveprinter of CUPS, on loopback, with a directory of its own: it
 * keeps what it was sent on the disk. */
#include "base/process.h"
#include "station/label/cable.h"
#include "station/label/http.h"
#include "station/label/ipp.h"
#include "station/label/png.h"
#include "station/label/printer.h"
#include "tests/unit/label/desk.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <cups/raster.h>

#define PROGRAM "/usr/sbin/ippeveprinter"
#define SKIPPED 77
#define DPI 300 /* it has 300 and 600 */
#define ENOUGH_MS 60000

static struct desk desk;
static struct label_bitmap *bitmap;

struct bench {
    pid_t pid;
    struct jig_printer is;
    struct printer *printer;
};

/* One that is free now: ippeveprinter cannot be asked which it took. */
static unsigned find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(descriptor, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
    (void)close(descriptor);
    return ntohs(address.sin_port);
}

static void wait_ready(struct bench *bench)
{
    struct deadline deadline = deadline_in_ms(ENOUGH_MS);
    struct fault fault;
    while (!printer_status(bench->printer, deadline, &fault)) {
        if (deadline_passed(deadline) || waitpid(bench->pid, NULL, WNOHANG) != 0)
            fail_msg("never ready: %s", fault.text);
        cable_pause(50, deadline);
    }
}

/* `command` is what it runs with each document. */
static void bench_start(struct bench *bench, const char *command)
{
    struct fault fault;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", find_port());
    const char *argv[] = {
        "env", "LD_PRELOAD=" OFFLINE, PROGRAM, "-d",    desk.directory, "-k", "-p", port, "-n", "localhost",
        "-f",  "image/pwg-raster",    "-c",    command, "Kokuin",       NULL};
    const struct process_options options = {.path = "/usr/bin/env", .argv = argv, .death_signal = SIGKILL};
    *bench = (struct bench){.is = {.kind = PRINTER_IPP, .dpi = DPI}};
    (void)snprintf(bench->is.path, sizeof bench->is.path, "ipp://127.0.0.1:%s/ipp/print", port);
    assert_true(process_start(&options, &bench->pid, &fault));
    assert_true(printer_open(&bench->is, &bench->printer, &fault));
    wait_ready(bench);
}

static void bench_stop(struct bench *bench)
{
    printer_close(bench->printer);
    (void)kill(bench->pid, SIGKILL);
    assert_int_equal(waitpid(bench->pid, NULL, 0), bench->pid);
}

/* The one document in the directory whose name has `part` in it. */
static const char *find_document(const char *part)
{
    static char name[DESK_PATH_SIZE];
    size_t count = 0;
    DIR *directory = opendir(desk.directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (strcasestr(entry->d_name, part)) {
            (void)snprintf(name, sizeof name, "%s", entry->d_name);
            count++;
        }
    (void)closedir(directory);
    if (count != 1)
        fail_msg("%zu files are called %s, the last %s", count, part, name);
    return desk_path(&desk, name);
}

/* The document as a PNG beside it, through libcups' reader. */
static void draw_document(const char *path, const char *name)
{
    CLEANUP(label_bitmap_freep) struct label_bitmap *page = NULL;
    struct fault fault;
    cups_page_header2_t header;
    uint8_t line[LABEL_DOTS_MAX];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    cups_raster_t *raster = cupsRasterOpen(file, CUPS_RASTER_READ);
    assert_non_null(raster);
    assert_int_equal(cupsRasterReadHeader2(raster, &header), 1);
    assert_int_equal(header.cupsBitsPerPixel, 1);
    assert_true(label_bitmap_new(header.cupsWidth, header.cupsHeight, &page, &fault));
    for (uint32_t y = 0; y < header.cupsHeight; y++) {
        assert_int_equal(cupsRasterReadPixels(raster, line, header.cupsBytesPerLine), header.cupsBytesPerLine);
        memcpy(page->rows + (size_t)y * page->stride, line, page->stride);
    }
    cupsRasterClose(raster);
    (void)close(file);
    assert_true(png_write(page, DPI, desk.directory, name, &fault));
}

static void prints_what_every_reader_reads(void **state)
{
    (void)state;
    struct bench bench;
    char output[1024], wanted[128];
    struct fault fault = {0};
    enum print_level level = PRINT_SENT;
    bench_start(&bench, "/bin/true");
    static const char *const names[] = {DESK_LABEL, "SECOND"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!printer_print(bench.printer, names[i], bitmap, deadline_in_ms(ENOUGH_MS), &level, &fault))
            fail_msg("%s: %s", fault_name(fault.code), fault.text);
        assert_int_equal(level, PRINT_CLAIMED);
    }
    bench_stop(&bench);
    (void)find_document("SECOND.pwg");
    draw_document(find_document(DESK_LABEL ".pwg"), "received.png");
    const char *path = desk_path(&desk, "received.png");
    desk_run((const char *const[]){"dmtxread", "-n", "-N1", path, NULL}, output, sizeof output);
    (void)snprintf(wanted, sizeof wanted, "01%s21%s91%s\n", DESK_GTIN, desk.serial, DESK_LABEL);
    assert_string_equal(output, wanted);
    desk_run((const char *const[]){"zbarimg", "-q", path, NULL}, output, sizeof output);
    assert_non_null(strstr(output, "QR-Code:WIFI:"));
    assert_non_null(strstr(output, "M4T8XW3K7QRZ52HVNCJP"));
}

static void expect_unknown(struct bench *bench, unsigned milliseconds, const char *words)
{
    struct fault fault = {0};
    enum print_level level;
    assert_false(printer_print(bench->printer, DESK_LABEL, bitmap, deadline_in_ms(milliseconds), &level, &fault));
    if (fault.code != FAULT_PRINTER_UNKNOWN || !strstr(fault.text, words))
        fail_msg("expected PRINTER_UNKNOWN with '%s', got %s: %s", words, fault_name(fault.code), fault.text);
}

static void does_not_believe_a_job_that_failed(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, "/bin/false");
    expect_unknown(&bench, ENOUGH_MS, "gave it up");
    bench_stop(&bench);
}

/* It says so while it is printing, and goes on waiting for paper. */
static void does_not_wait_for_paper_without_end(void **state)
{
    (void)state;
    static const char script[] = "#!/bin/sh\necho STATE: media-empty-error >&2\nexec sleep 5\n";
    struct bench bench;
    const char *path = desk_path(&desk, "command");
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_int_equal(write(file, script, strlen(script)), (ssize_t)strlen(script));
    (void)close(file);
    bench_start(&bench, path);
    expect_unknown(&bench, 2500, "not done in time, and cancelled; the printer last said: media-empty");
    bench_stop(&bench);
}

/* A worker that dies over a job leaves nothing that the next one cannot clear. */
static void goes_on_after_half_a_job(void **state)
{
    (void)state;
    struct bench bench;
    struct ipp_link link;
    struct fault fault;
    enum print_level level = PRINT_SENT;
    struct deadline deadline = deadline_in_ms(ENOUGH_MS);
    bench_start(&bench, "/bin/true");
    assert_true(ipp_link_open(bench.is.path, "", DPI, &link, &fault));
    CLEANUP(wiped_clear) struct wiped message = {0}, head = {0};
    CLEANUP(cable_closep) struct cable *cable = NULL;
    assert_true(ipp_append_print(&link.parties, "HALF", &message, &fault));
    assert_true(http_append_post(link.address + 4, link.path, message.size + 50000, &head, &fault));
    assert_true(cable_open(link.address, deadline, &cable, &fault));
    assert_true(cable_send(cable, head.bytes, head.size, deadline, &fault));
    assert_true(cable_send(cable, message.bytes, message.size, deadline, &fault));
    cable_closep(&cable);
    cable = NULL;
    if (!printer_clear(bench.printer, deadline, &fault))
        fail_msg("%s", fault.text);
    wait_ready(&bench);
    if (!printer_print(bench.printer, DESK_LABEL, bitmap, deadline, &level, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_int_equal(level, PRINT_CLAIMED);
    bench_stop(&bench);
}

static int open_desk(void **state)
{
    (void)state;
    struct fault fault = {0};
    desk_open(&desk);
    const struct label_request request = desk_router(&desk, DPI);
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
        cmocka_unit_test_setup_teardown(prints_what_every_reader_reads, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_believe_a_job_that_failed, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(does_not_wait_for_paper_without_end, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(goes_on_after_half_a_job, open_desk, close_desk),
    };
    if (access(PROGRAM, X_OK) != 0) {
        (void)printf("skipped: " PROGRAM " is not installed (Debian package cups-ipp-utils)\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
