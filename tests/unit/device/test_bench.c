/* kokuin-bench, met by the unmodified libserialport and libusb.
 *
 * The program starts itself again as the command of a bench: what follows runs inside the mock machine. */
#include "base/clock.h"
#include "tests/unit/device/station_side.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <libusb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000
#define SERIAL "KR00000018"
#define HUB "/sys/devices/pci0000:00/0000:00:14.0/usb1"

static struct pki pki;
static FILE *control;

static int connect_control(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", getenv("BENCH_TEST_DIRECTORY"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The next line, without its end. */
static void read_line(char ret_line[2048])
{
    alarm(WAIT_MS / 1000);
    assert_non_null(fgets(ret_line, 2048, control));
    alarm(0);
    ret_line[strcspn(ret_line, "\n")] = '\0';
}

static bool command(const char *line)
{
    char answer[2048];
    assert_true(fprintf(control, "%s\n", line) > 0 && fflush(control) == 0);
    read_line(answer);
    if (strcmp(answer, "ok") == 0)
        return true;
    assert_memory_equal(answer, "error ", 6);
    assert_true(strlen(answer) > 10);
    return false;
}

/* ---- Serial */

/* The tty at a port of the hub, found by where it is. */
static bool find_tty(unsigned port, char ret_name[64])
{
    char path[128];
    snprintf(path, sizeof path, HUB "/1-%u/1-%u:1.0/tty", port, port);
    DIR *directory = opendir(path);
    bool found = false;
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;)
        if (strncmp(entry->d_name, "tty", 3) == 0) {
            snprintf(ret_name, 64, "/dev/%.58s", entry->d_name);
            found = true;
        }
    if (directory)
        closedir(directory);
    return found;
}

static struct sp_port *open_tty(unsigned number, int *ret_fd)
{
    char name[64];
    struct sp_port *port;
    int vendor, product;
    assert_true(find_tty(number, name));
    assert_int_equal(sp_get_port_by_name(name, &port), SP_OK);
    assert_int_equal(sp_get_port_transport(port), SP_TRANSPORT_USB);
    assert_int_equal(sp_get_port_usb_vid_pid(port, &vendor, &product), SP_OK);
    assert_int_equal(vendor, 0x1209);
    assert_int_equal(sp_open(port, SP_MODE_READ_WRITE), SP_OK);
    assert_int_equal(sp_set_baudrate(port, 115200), SP_OK);
    assert_int_equal(sp_set_parity(port, SP_PARITY_NONE), SP_OK);
    assert_int_equal(sp_set_flowcontrol(port, SP_FLOWCONTROL_NONE), SP_OK);
    assert_int_equal(sp_set_dtr(port, SP_DTR_OFF), SP_OK);
    enum sp_signal signals;
    assert_int_equal(sp_get_signals(port, &signals), SP_OK);
    assert_true(signals & SP_SIG_CTS);
    assert_int_equal(sp_get_port_handle(port, ret_fd), SP_OK);
    return port;
}

static void close_tty(struct sp_port *port)
{
    sp_close(port);
    sp_free_port(port);
}

static void assert_hangs_up(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&event, 1, WAIT_MS), 1);
    assert_true(event.revents & POLLHUP);
}

static void serial_unit_is_provisioned_and_unplugged(void **state)
{
    (void)state;
    int fd;
    struct identity identity;
    struct station_side station;
    assert_true(command("insert 1 a1 KR-1000"));
    struct sp_port *port = open_tty(1, &fd);
    station_start(&station, &pki, dup(fd));
    assert_true(station_connect(&station, WAIT_MS));
    assert_int_equal(station_provision(&station, &pki, 1, SERIAL, "secret-pass"), 0);
    station_stop(&station);
    assert_true(command("remove 1"));
    assert_hangs_up(fd);
    close_tty(port);
    char name[64];
    assert_false(find_tty(1, name));

    /* The same board in the other slot is the same unit. */
    assert_true(command("insert 2 a1 KR-1000"));
    port = open_tty(2, &fd);
    station_start(&station, &pki, dup(fd));
    assert_true(station_connect(&station, WAIT_MS));
    assert_int_equal(station_identify(&station, &identity), 0);
    assert_string_equal(identity.serial, SERIAL);
    station_stop(&station);
    close_tty(port);
    assert_true(command("remove 2"));
}

/* RESET and HELLO, which is all that a cable has to carry to be a cable. */
static size_t make_reset(struct session *session, uint8_t ret_bytes[SESSION_OUTPUT_MAX])
{
    session_start(session, SESSION_STATION, FRAME_PAYLOAD_MAX, SESSION_WINDOW_MAX);
    session_reset(session, 0x1357, 0);
    return session_output(session, ret_bytes, 0);
}

static void serial_port_is_used_many_times(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 70; round++) {
        char line[64];
        int fd;
        uint8_t bytes[SESSION_OUTPUT_MAX];
        struct session session;
        snprintf(line, sizeof line, "insert 1 b0%02x KR-1000", round);
        assert_true(command(line));
        struct sp_port *port = open_tty(1, &fd);
        size_t size = make_reset(&session, bytes);
        assert_int_equal(write(fd, bytes, size), size);
        struct pollfd event = {.fd = fd, .events = POLLIN};
        while (session.state != SESSION_OPEN) {
            assert_int_equal(poll(&event, 1, WAIT_MS), 1);
            ssize_t count = read(fd, bytes, sizeof bytes);
            assert_true(count > 0);
            session_feed(&session, bytes, (size_t)count, 0);
        }
        if (round % 2 == 0)
            close_tty(port);
        assert_true(command("remove 1"));
        if (round % 2 == 1) {
            assert_hangs_up(fd);
            close_tty(port);
        }
    }
}

static void scanner_types_what_it_reads(void **state)
{
    (void)state;
    static const char text[] = "0104912345000012"
                               "21KR00000018\x1d"
                               "91LABEL and more";
    char line[128], bytes[128];
    int fd;
    struct sp_port *port = open_tty(5, &fd);
    snprintf(line, sizeof line, "scan 5 %s", text);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(command(line));
        for (size_t count = 0; count < sizeof text;) {
            struct pollfd event = {.fd = fd, .events = POLLIN};
            assert_int_equal(poll(&event, 1, WAIT_MS), 1);
            int part = sp_nonblocking_read(port, bytes + count, sizeof text - count);
            assert_true(part > 0);
            count += (size_t)part;
        }
        assert_memory_equal(bytes, text, sizeof text - 1);
        assert_int_equal(bytes[sizeof text - 1], '\r');
    }
    close_tty(port);
}

/* ---- USB */

static unsigned arrived, left;

static int on_hotplug(libusb_context *context, libusb_device *device, libusb_hotplug_event event, void *user)
{
    (void)context;
    (void)device;
    (void)user;
    arrived += event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED;
    left += event == LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT;
    return 0;
}

static void await_hotplug(libusb_context *context, const unsigned *count, unsigned wanted)
{
    struct deadline deadline = deadline_in_ms(WAIT_MS);
    while (*count < wanted) {
        struct timeval step = {.tv_usec = 100000};
        assert_false(deadline_passed(deadline));
        assert_int_equal(libusb_handle_events_timeout_completed(context, &step, NULL), 0);
    }
}

static libusb_device_handle *open_usb(libusb_context *context, unsigned port)
{
    libusb_device **devices;
    libusb_device_handle *handle = NULL;
    ssize_t count = libusb_get_device_list(context, &devices);
    for (ssize_t i = 0; i < count; i++) {
        uint8_t chain[7];
        if (libusb_get_port_numbers(devices[i], chain, 7) == 1 && chain[0] == port)
            assert_int_equal(libusb_open(devices[i], &handle), 0);
    }
    libusb_free_device_list(devices, 1);
    return handle;
}

static void shake_hands_over_usb(libusb_device_handle *handle)
{
    uint8_t bytes[SESSION_OUTPUT_MAX];
    struct session session;
    int moved;
    int size = (int)make_reset(&session, bytes);
    assert_int_equal(libusb_bulk_transfer(handle, 0x01, bytes, size, &moved, WAIT_MS), 0);
    assert_int_equal(moved, size);
    while (session.state != SESSION_OPEN) {
        uint8_t answer[512];
        assert_int_equal(libusb_bulk_transfer(handle, 0x81, answer, sizeof answer, &moved, WAIT_MS), 0);
        session_feed(&session, answer, (size_t)moved, 0);
    }
}

static void check_usb_device(libusb_device_handle *handle)
{
    struct libusb_device_descriptor descriptor;
    unsigned char text[64];
    assert_int_equal(libusb_get_device_descriptor(libusb_get_device(handle), &descriptor), 0);
    assert_int_equal(descriptor.idVendor, 0x1209);
    assert_int_equal(descriptor.idProduct, 0x0001);
    assert_int_equal(libusb_get_string_descriptor_ascii(handle, descriptor.iManufacturer, text, sizeof text), 6);
    assert_string_equal((char *)text, "Kokuin");
    assert_int_equal(libusb_control_transfer(handle, 0xc0, 0x52, 0, 0, text, sizeof text, 1000), LIBUSB_ERROR_PIPE);
    assert_int_equal(libusb_claim_interface(handle, 0), 0);
}

static void usb_unit_comes_and_goes(void **state)
{
    (void)state;
    libusb_context *context;
    assert_int_equal(libusb_init(&context), 0);
    assert_int_equal(libusb_hotplug_register_callback(
                         context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
                         LIBUSB_HOTPLUG_NO_FLAGS, 0x1209, 0x0001, LIBUSB_HOTPLUG_MATCH_ANY, on_hotplug, NULL, NULL),
                     0);
    for (unsigned round = 1; round <= 70; round++) {
        char line[64];
        int moved;
        uint8_t bytes[512];
        snprintf(line, sizeof line, "insert 3 c0%02x KS-200", round);
        assert_true(command(line));
        await_hotplug(context, &arrived, round);
        libusb_device_handle *handle = open_usb(context, 3);
        assert_non_null(handle);
        check_usb_device(handle);
        shake_hands_over_usb(handle);
        assert_true(command("remove 3"));
        await_hotplug(context, &left, round);
        assert_int_equal(libusb_bulk_transfer(handle, 0x01, bytes, 8, &moved, 1000), LIBUSB_ERROR_NO_DEVICE);
        libusb_close(handle);
    }
    libusb_exit(context);
}

static void count_transfer(struct libusb_transfer *transfer)
{
    ++*(int *)transfer->user_data;
}

/* A transfer that waits for a silent unit does not keep the processor busy, and is told of the unplugging. */
static void usb_transfer_sleeps_until_unplugged(void **state)
{
    (void)state;
    libusb_context *context;
    uint8_t bytes[512];
    int finished = 0;
    assert_int_equal(libusb_init(&context), 0);
    assert_true(command("insert 4 d1 KS-200 silent"));
    libusb_device_handle *handle = open_usb(context, 4);
    assert_non_null(handle);
    assert_int_equal(libusb_claim_interface(handle, 0), 0);
    struct libusb_transfer *transfer = libusb_alloc_transfer(0);
    libusb_fill_bulk_transfer(transfer, handle, 0x81, bytes, sizeof bytes, count_transfer, &finished, 0);
    assert_int_equal(libusb_submit_transfer(transfer), 0);
    struct rusage before, after;
    struct timeval pause = {.tv_usec = 300000};
    getrusage(RUSAGE_SELF, &before);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(libusb_handle_events_timeout_completed(context, &pause, &finished), 0);
    getrusage(RUSAGE_SELF, &after);
    assert_in_range(after.ru_nvcsw - before.ru_nvcsw, 0, 2000);
    assert_int_equal(finished, 0);
    assert_true(command("remove 4"));
    struct deadline deadline = deadline_in_ms(WAIT_MS);
    while (!finished && !deadline_passed(deadline))
        assert_int_equal(libusb_handle_events_timeout_completed(context, &pause, &finished), 0);
    assert_int_equal(finished, 1);
    assert_int_equal(transfer->status, LIBUSB_TRANSFER_NO_DEVICE);
    libusb_free_transfer(transfer);
    libusb_close(handle);
    libusb_exit(context);
}

/* ---- Control */

static void unit_that_drops_its_cable_is_told_of(void **state)
{
    (void)state;
    int fd;
    char line[2048];
    struct station_side station;
    assert_true(command("insert 1 e1 KR-1000 unplug-during-injection"));
    struct sp_port *port = open_tty(1, &fd);
    station_start(&station, &pki, dup(fd));
    assert_true(station_connect(&station, WAIT_MS));
    assert_int_equal(station_provision(&station, &pki, 1, SERIAL, "secret-pass"), -1);
    station_stop(&station);
    close_tty(port);
    read_line(line);
    assert_string_equal(line, "event unplugged 1 e1");
    assert_false(command("remove 1"));
    assert_true(command("insert 1 e1 KR-1000 unplug-during-injection"));
    assert_true(command("remove 1"));
}

static void bad_lines_get_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "bogus",
        "insert",
        "insert 1",
        "insert 1 aa",
        "insert 0 aa KR-1000",
        "insert 33 aa KR-1000",
        "insert 1x aa KR-1000",
        "insert -1 aa KR-1000",
        "insert 9 aa KR-1000",
        "insert 5 aa KR-1000",
        "insert 1 a KR-1000",
        "insert 1 ../x KR-1000",
        "insert 1 AA KR-1000",
        "insert 1 aa K/1",
        "insert 1 aa KR-9999",
        "insert 1 aa KR-1000 politely",
        "insert 1 aa KR-1000 list",
        "insert 1 aa KR-1000 --fd",
        "insert 1  aa KR-1000",
        "insert 1 aa KR-1000 a b c d e f g h i",
        "remove",
        "remove 1",
        "remove x",
        "remove 5",
        "scan",
        "scan 5",
        "scan 5 ",
        "scan 1 text",
        "scan x text",
        "scan 5 text\rmore",
        "insert 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa KR-1000",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (command(bad[i]))
            fail_msg("accepted: %s", bad[i]);
    char overlong[5000];
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    assert_false(command(overlong));
    assert_int_equal(fwrite("list\0list\n", 1, 10, control), 10);
    fflush(control);
    char line[2048];
    read_line(line);
    assert_memory_equal(line, "error ", 6);
    assert_true(command("insert 1 aa KR-1000"));
    assert_false(command("insert 1 ab KR-1000"));
    assert_false(command("insert 2 aa KR-1000"));
    assert_true(command("remove 1"));
}

static void list_shows_the_ports(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "port 1 serial f1 KR-1000", "port 2 serial", "port 3 usb", "port 4 usb", "port 5 scanner", "ok"};
    assert_true(command("insert 1 f1 KR-1000"));
    assert_true(fputs("list\n", control) >= 0 && fflush(control) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        char line[2048];
        read_line(line);
        assert_string_equal(line, expected[i]);
    }
    assert_true(command("remove 1"));
}

static void connections_come_and_go(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        int fd = connect_control();
        assert_int_equal(write(fd, "li", 2), 2);
        close(fd);
    }
    assert_true(command("insert 1 f2 KR-1000"));
    assert_true(command("remove 1"));
}

static int run_inside(void)
{
    signal(SIGPIPE, SIG_IGN);
    pki_open(&pki);
    char root[128];
    snprintf(root, sizeof root, "%s/root.pem", getenv("BENCH_TEST_DIRECTORY"));
    assert_int_equal(symlink(pki.root_path, root), 0);
    control = fdopen(connect_control(), "r+e");
    assert_non_null(control);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serial_unit_is_provisioned_and_unplugged),
        cmocka_unit_test(serial_port_is_used_many_times),
        cmocka_unit_test(scanner_types_what_it_reads),
        cmocka_unit_test(usb_unit_comes_and_goes),
        cmocka_unit_test(usb_transfer_sleeps_until_unplugged),
        cmocka_unit_test(unit_that_drops_its_cable_is_told_of),
        cmocka_unit_test(bad_lines_get_an_error),
        cmocka_unit_test(list_shows_the_ports),
        cmocka_unit_test(connections_come_and_go),
    };
    int failed = cmocka_run_group_tests_name("inside", tests, NULL, NULL);
    fclose(control);
    pki_close(&pki);
    return failed;
}

/* ---- Outside */

static char directory[] = "/tmp/kokuin-bench-XXXXXX";

/* Starts a bench in a directory of this test, with this command inside. */
static pid_t start_bench(const char *const *inside)
{
    char boards[64], root[64], control_path[64];
    snprintf(boards, sizeof boards, "%s/boards", directory);
    snprintf(root, sizeof root, "%s/root.pem", directory);
    snprintf(control_path, sizeof control_path, "%s/control", directory);
    const char *argv[32] = {KOKUIN_BENCH, "--umockdev", "--serial",  "1",          "--serial", "2",        "--usb",
                            "3",          "--usb",      "4",         "--scanner",  "5",        "--boards", boards,
                            "--root",     root,         "--control", control_path, "--"};
    for (size_t i = 0; inside[i]; i++)
        argv[19 + i] = inside[i];
    pid_t pid = fork();
    if (pid == 0) {
        setenv("BENCH_TEST_DIRECTORY", directory, 1);
        execv(KOKUIN_BENCH, (char *const *)argv);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static int wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void unmodified_libraries_meet_the_bench(void **state)
{
    (void)state;
    char own[256] = "";
    assert_true(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
    const char *const inside[] = {own, NULL};
    assert_int_equal(wait_for(start_bench(inside)), 0);
}

static void exit_code_is_passed_on(void **state)
{
    (void)state;
    const char *const fails[] = {"sh", "-c", "exit 37", NULL};
    const char *const dies[] = {"sh", "-c", "kill -KILL $$", NULL};
    const char *const absent[] = {"/nonexistent", NULL};
    assert_int_equal(wait_for(start_bench(fails)), 37);
    assert_int_equal(wait_for(start_bench(dies)), 128 + SIGKILL);
    assert_int_equal(wait_for(start_bench(absent)), 127);
}

static void signal_ends_the_command_and_its_children(void **state)
{
    (void)state;
    int ends[2];
    char line[8];
    assert_int_equal(pipe(ends), 0);
    char script[128];
    /* Every process inside keeps the pipe's end open: it closes when the last of them is gone. */
    snprintf(script, sizeof script, "(sleep 600 & sleep 600 & wait) & echo up >&%d; wait", ends[1]);
    const char *const sleeps[] = {"sh", "-c", script, NULL};
    pid_t pid = start_bench(sleeps);
    close(ends[1]);
    struct pollfd event = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&event, 1, WAIT_MS), 1);
    assert_int_equal(read(ends[0], line, sizeof line), 3);
    kill(pid, SIGTERM);
    assert_int_equal(wait_for(pid), 128 + SIGTERM);
    assert_int_equal(poll(&event, 1, WAIT_MS), 1);
    assert_int_equal(read(ends[0], line, sizeof line), 0);
    close(ends[0]);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][12] = {
        {KOKUIN_BENCH},
        {KOKUIN_BENCH, "--boards", "b", "--root", "r", "--control", "c"},
        {KOKUIN_BENCH, "--serial", "0", "--boards", "b", "--root", "r", "--control", "c", "--", "true"},
        {KOKUIN_BENCH, "--serial", "33", "--boards", "b", "--root", "r", "--control", "c", "--", "true"},
        {KOKUIN_BENCH, "--usb", "1", "--serial", "1", "--root", "r", "--control", "c", "--", "true"},
        {KOKUIN_BENCH, "--unit-program", "/nonexistent", "--boards", "b", "--root", "r", "--control", "c", "--",
         "true"},
        {KOKUIN_BENCH, "--bogus"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
            execv(KOKUIN_BENCH, (char *const *)bad[i]);
            _exit(127);
        }
        assert_int_equal(wait_for(pid), 2);
    }
}

int main(void)
{
    if (getenv("BENCH_TEST_DIRECTORY"))
        return run_inside();
    if (!mkdtemp(directory))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_code_is_passed_on),
        cmocka_unit_test(signal_ends_the_command_and_its_children),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(unmodified_libraries_meet_the_bench),
    };
    int failed = cmocka_run_group_tests_name("bench", tests, NULL, NULL);
    remove_directory(directory);
    return failed;
}
