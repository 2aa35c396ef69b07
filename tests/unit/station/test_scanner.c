/* Scanners that are keyboards, on kokuin-bench: the real reader opens, grabs and reads an event node whose ioctls are
 * answered as the kernel's evdev answers them.
 *
 * The program starts itself again as the command of a bench: what follows runs inside the mock machine.
 */
#include "base/channel.h"
#include "fixtures/port.h"
#include "station/label/code.h"
#include "station/line/line.h"
#include "station/line/messages.h"
#include "tests/support/memory_scan.h"

#include <fcntl.h>
#include <linux/input.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000
#define DIRECTORY "SCANNER_TEST_DIRECTORY"
#define BUS "pci-0000:00:14.0-usb-0:"
#define KEYBOARD BUS "5"

enum { TYPING_SCANNER = 1, MOUSE }; /* in the order of the jig's scanners */

static const char jig[] = "station: st\n"
                          "tokens:\n"
                          "  - {module: m.so, uri: 'pkcs11:token=production', pin_file: production.pin, issuing: i.pem,"
                          " station: s.pem}\n"
                          "certificates: {root: r.pem, recovery: v.pem, fingerprint: f.check}\n"
                          "record: host=/nowhere dbname=kokuin\n"
                          "state_directory: state\n"
                          "printers: [{name: big, kind: zpl, path: 'tcp:127.0.0.1:9100', dpi: 300}]\n"
                          "slots: [{number: 1, kind: serial, path: 1-1, printer: big}]\n"
                          "scanners:\n"
                          "  - {name: hand, kind: serial, path: 1-4}\n"
                          "  - {name: arm, kind: keyboard, path: '/dev/input/by-path/" BUS "5:1.0-event-kbd'}\n"
                          "  - {name: mouse, kind: keyboard, path: 1-7}\n"
                          "products: [a.yaml]\n";

static const char foreign_code[] = "]Q1WIFI:T:WPA;S:home;P:canary-in-a-wifi-code;;";

static const char *test_path(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", getenv(DIRECTORY), name);
    return path;
}

/* One command to the bench; whether it answered "ok". */
PRINTF(1, 2) static bool bench(const char *format, ...)
{
    char line[512] = "";
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof line - 2);
    line[length++] = '\n';
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.107s", test_path("control"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, line, (size_t)length), length);
    char answer[512] = "";
    for (size_t size = 0; !strchr(answer, '\n');) {
        ssize_t count = read(fd, answer + size, sizeof answer - 1 - size);
        assert_true(count > 0);
        size += (size_t)count;
    }
    (void)close(fd);
    explicit_bzero(line, sizeof line);
    return strcmp(answer, "ok\n") == 0;
}

static void check_at(int line, bool done, const struct fault *fault)
{
    if (!done)
        fail_msg("line %d: %s: %s", line, fault_name(fault->code), fault->text);
}

#define check(done, fault) check_at(__LINE__, done, fault)

static void check_open_refused(const char *path, enum fault_code expected, const char *word)
{
    struct port_options options = {.maker = PORT_MAKER_KEYBOARD, .path = path};
    struct port *port = NULL;
    struct fault fault;
    assert_false(port_open(&options, &port, &fault));
    assert_null(port);
    if (fault.code != expected || !strstr(fault.text, word))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
}

static struct port *open_keyboard(const char *path)
{
    struct port_options options = {.maker = PORT_MAKER_KEYBOARD, .path = path};
    struct port *port = NULL;
    struct fault fault;
    check(port_wait(&options, true, -1, deadline_in_ms(WAIT_MS), &fault), &fault);
    check(port_open(&options, &port, &fault), &fault);
    return port;
}

static void test_keyboard_by_every_name(void **state)
{
    (void)state;
    static const char *const names[] = {KEYBOARD,        "/dev/input/by-path/" KEYBOARD ":1.0-event-kbd",
                                        KEYBOARD ":1.0", "1-5",
                                        "1-5:1.0",       KEYBOARD ":1.0-event-kbd"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        port_close(open_keyboard(names[i]));
    check_open_refused(BUS "6", FAULT_UNIT_UNPLUGGED, "nothing is plugged in");
    check_open_refused(KEYBOARD ":1.1", FAULT_PORT_NOT_FOUND, "is no keyboard");
    check_open_refused("event0", FAULT_PORT_NOT_FOUND, "is not a USB slot");
    check_open_refused("/dev/input/event0", FAULT_PORT_NOT_FOUND, "is not a USB slot");
    check_open_refused("/dev/input/by-path/" KEYBOARD "-event-mouse", FAULT_PORT_NOT_FOUND, "is not a USB slot");
}

static void test_what_is_no_keyboard(void **state)
{
    (void)state;
    check_open_refused("1-7", FAULT_PORT_NOT_FOUND, "is no keyboard");
    check_open_refused("1-4", FAULT_PORT_NOT_FOUND, "is no keyboard");
    struct port_options options = {
        .maker = PORT_MAKER_KEYBOARD, .path = KEYBOARD, .vendor_id = 0x1209, .product_id = 0x0009};
    struct port *port = NULL;
    struct fault fault;
    assert_false(port_open(&options, &port, &fault));
    assert_int_equal(fault.code, FAULT_PORT_NOT_FOUND);
}

/* Whoever has grabbed it is the only one, and until somebody has, its keys go elsewhere. */
static void test_keyboard_is_ours_alone(void **state)
{
    (void)state;
    assert_false(bench("scan 5 nobody listens"));
    struct port *port = open_keyboard(KEYBOARD);
    check_open_refused(KEYBOARD, FAULT_PORT_BUSY, "another program has grabbed it");
    assert_true(bench("scan 5 now"));
    port_close(port);
    port_close(open_keyboard(KEYBOARD));
    assert_false(bench("scan 5 nobody listens"));
}

static void test_silent_then_unplugged(void **state)
{
    (void)state;
    uint8_t bytes[32 * sizeof(struct input_event)];
    size_t count = 0;
    struct fault fault;
    struct port *port = open_keyboard(KEYBOARD);
    assert_false(port_read(port, bytes, sizeof bytes, &count, deadline_in_ms(50), &fault));
    assert_int_equal(fault.code, FAULT_TIMED_OUT);
    assert_false(port_write(port, bytes, 1, deadline_in_ms(50), &fault));
    assert_int_equal(fault.code, FAULT_PORT_FAILED);

    assert_true(bench("scan 5 a"));
    check(port_read(port, bytes, sizeof bytes, &count, deadline_in_ms(WAIT_MS), &fault), &fault);
    assert_int_equal(count % sizeof(struct input_event), 0);
    struct input_event first;
    memcpy(&first, bytes, sizeof first);
    assert_int_equal(first.type, EV_KEY);
    assert_int_equal(first.code, KEY_A);

    assert_true(bench("unplug 5"));
    while (port_read(port, bytes, sizeof bytes, &count, deadline_in_ms(WAIT_MS), &fault))
        continue;
    assert_int_equal(fault.code, FAULT_UNIT_UNPLUGGED);
    port_close(port);
    check_open_refused(KEYBOARD, FAULT_UNIT_UNPLUGGED, "nothing is plugged in");
    assert_true(bench("plug 5"));
    port_close(open_keyboard(KEYBOARD)); /* the same place, and another event node */
}

/* ---- the reader: this process is it, and a child is the scanner's user and the supervisor */

/* The reader waits for its scanner as long as it takes: it ends with the hands that failed. */
static void give_up(void)
{
    (void)kill(getppid(), SIGTERM);
    _exit(1);
}

struct hands {
    int channel;
    unsigned port;
};

static struct scan_message next_scan(const struct hands *hands)
{
    struct scan_message scan;
    struct fault fault;
    if (!channel_receive(hands->channel, &scan, sizeof scan, NULL, deadline_in_ms(WAIT_MS), &fault)) {
        (void)fprintf(stderr, "no scan came: %s\n", fault.text);
        give_up();
    }
    return scan;
}

static void demand(int line, bool holds, const struct scan_message *scan)
{
    if (holds)
        return;
    (void)fprintf(stderr, "line %d: kind %u, %s\n", line, scan->kind, fault_name((enum fault_code)scan->fault));
    give_up();
}

static void expect_refused(int line, const struct hands *hands, enum fault_code code)
{
    struct scan_message scan = next_scan(hands);
    demand(line, scan.kind == SCAN_REFUSED && scan.fault == (uint32_t)code, &scan);
}

/* The bench does not type before somebody has grabbed the keyboard, and the reader looks once a second. */
static void scan_when_open(const struct hands *hands, const char *text)
{
    struct deadline deadline = deadline_in_ms(WAIT_MS);
    while (!bench("scan %u %s", hands->port, text))
        if (deadline_passed(deadline))
            give_up();
}

static void expect_label(int line, const struct hands *hands, const char *serial)
{
    struct scan_message scan = next_scan(hands);
    demand(line, scan.kind == SCAN_LABEL && strcmp(scan.serial, serial) == 0, &scan);
}

static void use_scanner(const struct hands *hands)
{
    char serial[SERIAL_SIZE] = "KR000000001", code[LABEL_CODE_SIZE], label[LABEL_CODE_SIZE + 3];
    serial[SERIAL_LENGTH - 1] = serial_check_character(serial, SERIAL_LENGTH - 1);
    struct fault fault;
    if (!label_code_compose("04912345000019", serial, "0123456789ABC", code, &fault))
        give_up();
    (void)snprintf(label, sizeof label, "]d2%s", code);

    scan_when_open(hands, label);
    expect_label(__LINE__, hands, serial);
    (void)bench("scan %u ]C0KOKUIN-SLOT-1", hands->port);
    struct scan_message tag = next_scan(hands);
    demand(__LINE__, tag.kind == SCAN_SLOT_TAG && tag.slot == 1, &tag);
    (void)bench("cut %u %s", hands->port, label);
    expect_refused(__LINE__, hands, FAULT_SCAN_TRUNCATED);
    (void)bench("scan %u %s", hands->port, foreign_code);
    expect_refused(__LINE__, hands, FAULT_SCAN_UNKNOWN);
    (void)bench("cut %u %s", hands->port, foreign_code);
    expect_refused(__LINE__, hands, FAULT_SCAN_TRUNCATED);
    (void)bench("type %u %s", hands->port, label);
    expect_refused(__LINE__, hands, FAULT_SCAN_KEYED);

    (void)bench("cut %u %s", hands->port, foreign_code);
    (void)bench("unplug %u", hands->port);
    struct scan_message away = next_scan(hands);
    if (away.fault == FAULT_SCAN_TRUNCATED)
        away = next_scan(hands); /* the pause passed first */
    demand(__LINE__, away.kind == SCAN_REFUSED && away.fault == FAULT_SCANNER_AWAY, &away);
    (void)bench("plug %u", hands->port);
    scan_when_open(hands, label);
    expect_label(__LINE__, hands, serial);

    /* A reader ends when there is nobody to tell. */
    (void)close(hands->channel);
    (void)bench("scan %u ]C0KOKUIN-PAUSE", hands->port);
}

static void read_with(unsigned index, unsigned port)
{
    int ends[2];
    struct fault fault;
    check(channel_pair(ends, &fault), &fault);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        struct hands hands = {.channel = ends[1], .port = port};
        use_scanner(&hands);
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(dup2(ends[0], WORKER_CHANNEL), WORKER_CHANNEL);
    if (ends[0] != WORKER_CHANNEL)
        (void)close(ends[0]);
    struct worker_options options = {.jig = test_path("jig.yaml"), .index = index, .order = "A-1", .badge = ""};
    assert_int_equal(scanner_reader_run(&options), FAULT_EXIT_OK);
    (void)close(WORKER_CHANNEL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* The code of somebody's Wi-Fi passed through this process three times, once only half. */
static void expect_no_trace(void)
{
    const char *canary = strstr(foreign_code, "canary");
    assert_non_null(canary);
    assert_int_equal(memory_scan(canary, strlen("canary-in-a-wifi-code")), 0);
}

static void test_reader_of_a_keyboard(void **state)
{
    (void)state;
    read_with(TYPING_SCANNER, 5);
    expect_no_trace();
}

/* A reader looks for its scanner until it is ended. */
static void test_reader_of_a_mouse(void **state)
{
    (void)state;
    int ends[2];
    struct fault fault;
    check(channel_pair(ends, &fault), &fault);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(ends[0], WORKER_CHANNEL);
        struct worker_options options = {.jig = test_path("jig.yaml"), .index = MOUSE, .order = "A-1", .badge = ""};
        _exit(scanner_reader_run(&options));
    }
    struct scan_message scan;
    check(channel_receive(ends[1], &scan, sizeof scan, NULL, deadline_in_ms(WAIT_MS), &fault), &fault);
    assert_int_equal(scan.kind, SCAN_REFUSED);
    assert_int_equal(scan.fault, FAULT_SCANNER_UNUSABLE);
    assert_int_equal(kill(pid, SIGTERM), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WTERMSIG(status), SIGTERM);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Runs this program again inside of a bench. Gives its exit code. */
static int run_in_bench(void)
{
    char directory[] = "/tmp/kokuin-scanner-XXXXXX", control[64], boards[64], self[4096];
    if (!mkdtemp(directory) || setenv(DIRECTORY, directory, 1) != 0)
        return 1;
    FILE *file = fopen(test_path("jig.yaml"), "we");
    if (!file || fputs(jig, file) < 0 || fclose(file) != 0)
        return 1;
    (void)snprintf(control, sizeof control, "%s/control", directory);
    (void)snprintf(boards, sizeof boards, "%s/boards", directory);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 1)
        return 1;
    self[length] = '\0';
    const char *const argv[] = {KOKUIN_BENCH, "--umockdev", "--serial", "1",      "--scanner", "4",        "--keyboard",
                                "5",          "--pointer",  "7",        "--root", "r.pem",     "--boards", boards,
                                "--control",  control,      "--",       self,     NULL};
    pid_t child = fork();
    if (child == 0) {
        execv(KOKUIN_BENCH, (char *const *)argv);
        _exit(127);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    (void)unlink(test_path("jig.yaml"));
    (void)rmdir(boards);
    (void)rmdir(directory);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (!getenv(DIRECTORY))
        return run_in_bench();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyboard_by_every_name), cmocka_unit_test(test_what_is_no_keyboard),
        cmocka_unit_test(test_keyboard_is_ours_alone), cmocka_unit_test(test_silent_then_unplugged),
        cmocka_unit_test(test_reader_of_a_keyboard),   cmocka_unit_test(test_reader_of_a_mouse),
    };
    return cmocka_run_group_tests_name("scanner", tests, NULL, NULL);
}
