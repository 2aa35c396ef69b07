#include "base/process.h"

#include "base/channel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* This program is its own child: main() finds the part to play in argv[1]. Every child has its channel at 3. */
#define CHANNEL 3

struct report {
    uint32_t open[8]; /* a bit for each open descriptor */
    int32_t letters[16];
    uint64_t blocked, ignored;
    int32_t core_limit, dumpable, write_error, null_streams;
};

static struct deadline soon(void)
{
    return deadline_in_ms(30000);
}

static uint64_t status_mask(const char *name)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long long mask = ~0ull;
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0)
            mask = strtoull(line + strlen(name), NULL, 16);
    if (status)
        (void)fclose(status);
    return mask;
}

static void list_descriptors(struct report *report)
{
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        long number = strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && number != dirfd(directory) && number < 256)
            report->open[number / 32] |= 1u << number % 32;
    }
    if (directory)
        (void)closedir(directory);
}

static bool is_dev_null(int fd)
{
    char path[64], target[64] = "";
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof target - 1) > 0 && strcmp(target, "/dev/null") == 0;
}

/* Child: tells what it was given. */
static int play_reporter(void)
{
    struct report report = {0};
    report.blocked = status_mask("SigBlk:");
    report.ignored = status_mask("SigIgn:");
    list_descriptors(&report);
    for (int fd = 4; fd < 16; fd++) {
        char letter;
        report.letters[fd] = fcntl(fd, F_GETFD) >= 0 && read(fd, &letter, 1) == 1 ? letter : 0;
    }
    for (int fd = 0; fd < 3; fd++)
        report.null_streams |= is_dev_null(fd) << fd;
    struct fault fault;
    return channel_send(CHANNEL, &report, sizeof report, -1, soon(), &fault) ? 0 : 1;
}

/* Child: hardens itself and tells what came of it. */
static int play_hardened(void)
{
    struct fault fault;
    struct report report = {.write_error = -1};
    if (!process_harden(&fault))
        return 2;
    struct rlimit core;
    report.core_limit = getrlimit(RLIMIT_CORE, &core) == 0 ? (int32_t)(core.rlim_cur | core.rlim_max) : -1;
    report.dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 3;
    (void)close(ends[0]);
    report.write_error = write(ends[1], "x", 1) < 0 ? errno : 0;
    (void)close(ends[1]);
    /* A hardened process must still be able to start workers of itself. */
    const char *const argv[] = {"worker", "reporter", NULL};
    const struct process_descriptor handed[] = {{CHANNEL, CHANNEL}};
    const struct process_options options = {.argv = argv, .descriptors = handed, .descriptor_count = 1};
    pid_t pid;
    int status = 1;
    if (!channel_send(CHANNEL, &report, sizeof report, -1, soon(), &fault) || !process_start(&options, &pid, &fault) ||
        waitpid(pid, &status, 0) != pid)
        return 4;
    return status == 0 ? 0 : 5;
}

/* Child: stays until it is told to go, or killed. Its end of the channel tells whether it lives. */
static int play_leaf(void)
{
    char word;
    struct fault fault;
    if (!channel_send(CHANNEL, "a", 1, -1, soon(), &fault))
        return 1;
    while (!channel_receive(CHANNEL, &word, 1, NULL, soon(), &fault))
        if (fault.code != FAULT_TIMED_OUT)
            return 1;
    return channel_send(CHANNEL, "z", 1, -1, soon(), &fault) ? 0 : 1;
}

/* Child: starts a leaf, waits until it lives, then ends without a word to it. */
static int play_supervisor(int death_signal)
{
    const char *const argv[] = {"leaf", "leaf", NULL};
    const struct process_descriptor handed[] = {{CHANNEL, CHANNEL}};
    const struct process_options options = {
        .argv = argv, .descriptors = handed, .descriptor_count = 1, .death_signal = death_signal};
    pid_t pid;
    struct fault fault;
    if (!process_start(&options, &pid, &fault))
        return 1;
    char word;
    return channel_receive(4, &word, 1, NULL, soon(), &fault) ? 0 : 2; /* the test says: go */
}

struct child {
    pid_t pid;
    int channel;
};

static struct child start(const char *part, const struct process_descriptor *more, size_t more_count)
{
    int ends[2];
    struct fault fault = {0};
    if (!channel_pair(ends, &fault))
        fail_msg("%s", fault.text);
    struct process_descriptor handed[PROCESS_DESCRIPTORS_MAX] = {{ends[1], CHANNEL}};
    for (size_t i = 0; i < more_count; i++)
        handed[i + 1] = more[i];
    const char *const argv[] = {"test_process", part, NULL};
    const struct process_options options = {.argv = argv, .descriptors = handed, .descriptor_count = more_count + 1};
    struct child child = {.channel = ends[0]};
    if (!process_start(&options, &child.pid, &fault))
        fail_msg("%s", fault.text);
    (void)close(ends[1]);
    return child;
}

static struct report report_of(const struct child *child)
{
    struct report report;
    struct fault fault = {0};
    if (!channel_receive(child->channel, &report, sizeof report, NULL, soon(), &fault))
        fail_msg("%s", fault.text);
    return report;
}

static void end(const struct child *child)
{
    int status = 0;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)close(child->channel);
}

static size_t open_descriptors(void)
{
    struct report here = {0};
    list_descriptors(&here);
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(here.open); i++)
        count += (size_t)__builtin_popcount(here.open[i]);
    return count;
}

static int pipe_with(char letter)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* not close-on-exec: process_start alone must keep it out */
    assert_int_equal(write(ends[1], &letter, 1), 1);
    (void)close(ends[1]);
    return ends[0];
}

static void a_child_gets_exactly_what_is_named(void **state)
{
    (void)state;
    int stray = pipe_with('s');
    int high_stray = fcntl(stray, F_DUPFD, 200);
    int a = pipe_with('a');
    struct child child = start("reporter", &(struct process_descriptor){a, 7}, 1);
    struct report report = report_of(&child);
    end(&child);
    assert_int_equal(report.open[0], 1 << 0 | 1 << 1 | 1 << 2 | 1 << CHANNEL | 1 << 7);
    for (size_t i = 1; i < ARRAY_SIZE(report.open); i++)
        assert_int_equal(report.open[i], 0);
    assert_int_equal(report.letters[7], 'a');
    assert_int_equal(report.null_streams & 3, 3); /* standard input and output */
    (void)close(stray);
    (void)close(high_stray);
    (void)close(a);
}

/* The numbers of ours and theirs cross: 10 becomes 11, 11 becomes 12, 12 becomes 10; one file goes to two numbers. */
static void numbers_may_cross(void **state)
{
    (void)state;
    for (int fd = 10; fd <= 12; fd++) {
        int made = pipe_with((char)('a' + fd - 10));
        if (made != fd) {
            assert_int_equal(dup2(made, fd), fd);
            (void)close(made);
        }
    }
    const struct process_descriptor crossing[] = {{10, 11}, {11, 12}, {12, 10}, {10, 4}};
    struct child child = start("reporter", crossing, ARRAY_SIZE(crossing));
    struct report report = report_of(&child);
    end(&child);
    assert_int_equal(report.open[0], 15 | 1 << 4 | 7 << 10);
    assert_int_equal(report.letters[12], 'b');
    assert_int_equal(report.letters[10], 'c');
    assert_int_equal(report.letters[4] + report.letters[11], 'a'); /* one letter, two doors */
    for (int fd = 10; fd <= 12; fd++)
        (void)close(fd);
}

static void standard_error_can_be_replaced(void **state)
{
    (void)state;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct child child = start("reporter", &(struct process_descriptor){null, 2}, 1);
    struct report report = report_of(&child);
    end(&child);
    assert_int_equal(report.null_streams, 7);
    (void)close(null);
}

/* A daemon may have been started without standard streams; then their numbers are ordinary ones here. */
static void works_without_standard_streams(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            (void)close(fd);
        int ends[2];
        struct fault fault;
        pid_t grandchild;
        const char *const argv[] = {"test_process", "reporter", NULL};
        struct process_descriptor handed = {.theirs = CHANNEL};
        const struct process_options options = {.argv = argv, .descriptors = &handed, .descriptor_count = 1};
        if (!channel_pair(ends, &fault))
            _exit(2);
        handed.ours = ends[1];
        struct report report;
        if (!process_start(&options, &grandchild, &fault) ||
            !channel_receive(ends[0], &report, sizeof report, NULL, soon(), &fault))
            _exit(3);
        _exit(report.null_streams == 7 && report.open[0] == 15 ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void signals_start_afresh(void **state)
{
    (void)state;
    sigset_t blocked, before, after;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR1);
    (void)sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    void (*old)(int) = signal(SIGHUP, SIG_IGN);
    void (*old_pipe)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);

    struct child child = start("reporter", NULL, 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
    struct report report = report_of(&child);
    end(&child);
    assert_true(report.blocked == 0);
    assert_true(report.ignored == 0);
    for (int number = 1; number < 32; number++)
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));

    (void)signal(SIGHUP, old);
    (void)signal(SIGPIPE, old_pipe);
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &blocked, NULL), 0);
}

static void a_program_that_cannot_start_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int error;
    } samples[] = {{"/nonexistent/program", ENOENT}, {"/", EACCES}, {"/etc/passwd", EACCES}};
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const char *const argv[] = {"x", NULL};
        const struct process_options options = {.path = samples[i].path, .argv = argv};
        size_t before = open_descriptors();
        struct fault fault = {0};
        pid_t pid = 77;
        assert_false(process_start(&options, &pid, &fault));
        assert_int_equal(fault.code, FAULT_SYSTEM);
        assert_int_equal(fault.native, samples[i].error);
        assert_non_null(strstr(fault.text, "exec"));
        assert_int_equal(pid, 77);
        assert_int_equal(open_descriptors(), before);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie either */
        assert_int_equal(errno, ECHILD);
    }
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    const char *const argv[] = {"x", NULL}, *const none[] = {NULL};
    int closed = fcntl(2, F_DUPFD_CLOEXEC, 100);
    (void)close(closed);
    const struct process_descriptor not_open = {closed, 3}, negative = {-1, 3}, below = {2, -1},
                                    above = {2, PROCESS_DESCRIPTOR_LIMIT}, twice[] = {{2, 5}, {1, 5}};
    struct process_descriptor many[PROCESS_DESCRIPTORS_MAX + 1];
    for (int i = 0; i < PROCESS_DESCRIPTORS_MAX + 1; i++)
        many[i] = (struct process_descriptor){2, 3 + i};
    const struct process_options bad[] = {
        {.argv = NULL},
        {.argv = none},
        {.argv = argv, .descriptors = &not_open, .descriptor_count = 1},
        {.argv = argv, .descriptors = &negative, .descriptor_count = 1},
        {.argv = argv, .descriptors = &below, .descriptor_count = 1},
        {.argv = argv, .descriptors = &above, .descriptor_count = 1},
        {.argv = argv, .descriptors = twice, .descriptor_count = 2},
        {.argv = argv, .descriptors = many, .descriptor_count = ARRAY_SIZE(many)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct fault fault = {0};
        pid_t pid = 77;
        assert_false(process_start(&bad[i], &pid, &fault));
        assert_int_equal(fault.code, FAULT_USAGE);
        assert_int_equal(pid, 77);
    }
}

static void a_hardened_process_leaves_no_core_and_minds_no_pipe(void **state)
{
    (void)state;
    struct child child = start("hardened", NULL, 0);
    struct report report = report_of(&child);
    assert_int_equal(report.core_limit, 0);
    assert_int_equal(report.dumpable, WATCHED_BY_SANITIZER);
    assert_int_equal(report.write_error, EPIPE);
    report = report_of(&child); /* from the worker it started */
    assert_int_equal(report.open[0], 15);
    end(&child);
}

/* The supervisor hands its own end on to the leaf, so the channel closes exactly when the leaf is gone. */
static struct child orphan_a_leaf(const char *supervisor)
{
    int go[2];
    struct fault fault = {0};
    if (!channel_pair(go, &fault))
        fail_msg("%s", fault.text);
    struct child child = start(supervisor, &(struct process_descriptor){go[1], 4}, 1);
    char word = 0;
    assert_true(channel_receive(child.channel, &word, 1, NULL, soon(), &fault));
    assert_int_equal(word, 'a'); /* the leaf lives */
    assert_true(channel_send(go[0], "g", 1, -1, soon(), &fault));
    int status;
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_int_equal(status, 0);
    (void)close(go[0]);
    (void)close(go[1]);
    return child;
}

static void a_worker_dies_with_its_supervisor(void **state)
{
    (void)state;
    struct child child = orphan_a_leaf("supervisor-of-mortals");
    char word;
    struct fault fault = {0};
    assert_false(channel_receive(child.channel, &word, 1, NULL, soon(), &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
    (void)close(child.channel);
}

static void without_a_death_signal_it_lives_on(void **state)
{
    (void)state;
    struct child child = orphan_a_leaf("supervisor");
    char word = 0;
    struct fault fault = {0};
    assert_true(channel_send(child.channel, "q", 1, -1, soon(), &fault));
    assert_true(channel_receive(child.channel, &word, 1, NULL, soon(), &fault));
    assert_int_equal(word, 'z');
    assert_false(channel_receive(child.channel, &word, 1, NULL, soon(), &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
    (void)close(child.channel);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    if (strcmp(part, "reporter") == 0)
        return play_reporter();
    if (strcmp(part, "hardened") == 0)
        return play_hardened();
    if (strcmp(part, "leaf") == 0)
        return play_leaf();
    if (strcmp(part, "supervisor") == 0)
        return play_supervisor(0);
    if (strcmp(part, "supervisor-of-mortals") == 0)
        return play_supervisor(SIGKILL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_gets_exactly_what_is_named),
        cmocka_unit_test(numbers_may_cross),
        cmocka_unit_test(standard_error_can_be_replaced),
        cmocka_unit_test(works_without_standard_streams),
        cmocka_unit_test(signals_start_afresh),
        cmocka_unit_test(a_program_that_cannot_start_is_told),
        cmocka_unit_test(impossible_options_are_refused),
        cmocka_unit_test(a_hardened_process_leaves_no_core_and_minds_no_pipe),
        cmocka_unit_test(a_worker_dies_with_its_supervisor),
        cmocka_unit_test(without_a_death_signal_it_lives_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
