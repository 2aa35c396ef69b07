#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

bool process_harden(struct fault *fault)
{
    const struct rlimit no_core = {0, 0};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "forbid core files: %s", strerror(errno));
    if (!WATCHED_BY_SANITIZER && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "forbid ptrace: %s", strerror(errno));
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "ignore SIGPIPE: %s", strerror(errno));
    return true;
}

/* What the child tells its parent when it cannot become the program. `step` is a literal: the parent is the same
 * program, so the pointer means the same text there. */
struct stillborn {
    const char *step;
    int error;
};

static void die(int report, const char *step)
{
    const struct stillborn news = {.step = step, .error = errno};
    (void)!write(report, &news, sizeof news);
    _exit(127);
}

static int highest_number(const struct process_options *options)
{
    int highest = STDERR_FILENO;
    for (size_t i = 0; i < options->descriptor_count; i++)
        if (options->descriptors[i].theirs > highest)
            highest = options->descriptors[i].theirs;
    return highest;
}

static bool is_named(const struct process_options *options, int theirs)
{
    for (size_t i = 0; i < options->descriptor_count; i++)
        if (options->descriptors[i].theirs == theirs)
            return true;
    return false;
}

/* Between fork and exec: only what signal-safety(7) allows, and no fault text.
 *
 * Every descriptor first moves above all the numbers that are wanted, so that none is overwritten before it is used,
 * whatever the numbers are. Returns where the report went. */
static int arrange_descriptors(const struct process_options *options, int report)
{
    const int above = highest_number(options) + 1;
    int moved_report = fcntl(report, F_DUPFD_CLOEXEC, above);
    if (moved_report < 0)
        die(report, "move report");
    report = moved_report;

    int moved[PROCESS_DESCRIPTORS_MAX];
    for (size_t i = 0; i < options->descriptor_count; i++) {
        moved[i] = fcntl(options->descriptors[i].ours, F_DUPFD_CLOEXEC, above);
        if (moved[i] < 0)
            die(report, "take descriptor");
    }

    /* A program without standard streams gives their numbers to the next file it opens, and prints into that. Here too
     * number 2 may be such a file, even our own pipe; then it is close-on-exec, which a real standard error never is.
     */
    int error_flags = fcntl(STDERR_FILENO, F_GETFD);
    bool deaf = error_flags < 0 || (error_flags & FD_CLOEXEC) != 0;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int high_nothing = nothing < 0 ? -1 : fcntl(nothing, F_DUPFD_CLOEXEC, above);
    if (high_nothing < 0)
        die(report, "open /dev/null");
    if (dup2(high_nothing, STDIN_FILENO) < 0 || dup2(high_nothing, STDOUT_FILENO) < 0 ||
        (deaf && dup2(high_nothing, STDERR_FILENO) < 0))
        die(report, "close standard streams");

    for (size_t i = 0; i < options->descriptor_count; i++)
        if (dup2(moved[i], options->descriptors[i].theirs) < 0)
            die(report, "place descriptor");

    int from = STDERR_FILENO + 1;
    for (int number = from; number < above; number++) {
        if (!is_named(options, number))
            continue;
        if (number > from && close_range((unsigned)from, (unsigned)number - 1, CLOSE_RANGE_CLOEXEC) != 0)
            die(report, "close descriptors");
        from = number + 1;
    }
    if (close_range((unsigned)from, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        die(report, "close descriptors");
    return report;
}

/* Ignored signals and the signal mask would outlive exec. */
static void forget_signals(int report)
{
    struct sigaction ordinary = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &ordinary, NULL); /* SIGKILL, SIGSTOP and the C library's own two refuse: rightly */
    sigset_t none;
    (void)sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        die(report, "unblock signals");
}

static void become(const struct process_options *options, pid_t parent, int report)
{
    report = arrange_descriptors(options, report);
    forget_signals(report);
    if (options->death_signal != 0) {
        if (prctl(PR_SET_PDEATHSIG, options->death_signal, 0, 0, 0) != 0)
            die(report, "follow the parent");
        if (getppid() != parent)
            _exit(127); /* it died before it could be followed */
    }
    (void)execv(options->path ? options->path : "/proc/self/exe", (char *const *)options->argv);
    die(report, "exec");
}

static bool options_make_sense(const struct process_options *options, struct fault *fault)
{
    if (!options->argv || !options->argv[0])
        return fault_set(fault, FAULT_USAGE, 0, "start process: no argv[0]");
    if (options->descriptor_count > PROCESS_DESCRIPTORS_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "start process: more than %d descriptors", PROCESS_DESCRIPTORS_MAX);
    for (size_t i = 0; i < options->descriptor_count; i++) {
        int theirs = options->descriptors[i].theirs;
        if (fcntl(options->descriptors[i].ours, F_GETFD) < 0)
            return fault_set(fault, FAULT_USAGE, 0, "start process: descriptor %d is not open",
                             options->descriptors[i].ours);
        if (theirs < 0 || theirs >= PROCESS_DESCRIPTOR_LIMIT)
            return fault_set(fault, FAULT_USAGE, 0, "start process: descriptor as number %d", theirs);
        for (size_t j = 0; j < i; j++)
            if (options->descriptors[j].theirs == theirs)
                return fault_set(fault, FAULT_USAGE, 0, "start process: descriptor %d is named twice", theirs);
    }
    return true;
}

/* True when the child became the program: exec closed its end of the pipe without a word. */
static bool hear_of_birth(int pipe_end, pid_t pid, struct fault *fault)
{
    struct stillborn news;
    ssize_t count;
    do
        count = read(pipe_end, &news, sizeof news);
    while (count < 0 && errno == EINTR);
    if (count == 0)
        return true;

    int error = count == (ssize_t)sizeof news ? news.error : errno;
    const char *step = count == (ssize_t)sizeof news ? news.step : "hear of the child";
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return fault_set(fault, FAULT_SYSTEM, (unsigned long)error, "start process: %s: %s", step, strerror(error));
}

bool process_start(const struct process_options *options, pid_t *ret_pid, struct fault *fault)
{
    if (!options_make_sense(options, fault))
        return false;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "start process: pipe: %s", strerror(errno));

    /* Blocked, because a handler of ours must not run in the child. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    int error = errno;
    if (pid == 0)
        become(options, parent, ends[1]);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);

    (void)close(ends[1]);
    bool alive = pid > 0
                     ? hear_of_birth(ends[0], pid, fault)
                     : fault_set(fault, FAULT_SYSTEM, (unsigned long)error, "start process: fork: %s", strerror(error));
    (void)close(ends[0]);
    if (alive)
        *ret_pid = pid;
    return alive;
}
