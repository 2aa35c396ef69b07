#include "station/line/supervisor.h"

#include "base/log.h"
#include "hsm/refusals.h"
#include "jigs/read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_MS 1000

static bool take_lock(struct supervisor *supervisor, struct fault *fault)
{
    const char *directory = supervisor->jig->state_directory;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "make '%s': %s", directory, strerror(errno));
    char path[JIG_PATH_SIZE + sizeof "/station.lock"];
    (void)snprintf(path, sizeof path, "%s/station.lock", directory);
    supervisor->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (supervisor->lock < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open '%s': %s", path, strerror(errno));
    if (flock(supervisor->lock, LOCK_EX | LOCK_NB) != 0)
        return fault_set(fault, FAULT_ALREADY_RUNNING, (unsigned long)errno, "another station holds '%s'", path);
    return true;
}

static bool take_signals(struct supervisor *supervisor, struct fault *fault)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervisor->signals >= 0 ||
           fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "signalfd: %s", strerror(errno));
}

static void enlist(struct supervisor *supervisor, enum crew_kind kind, size_t count)
{
    for (size_t i = 0; i < count; i++)
        supervisor->crew[supervisor->crew_count++] =
            (struct crew_member){.kind = kind, .index = (unsigned)i, .channel = -1};
}

static bool start(struct supervisor *supervisor, struct crew_member *member, struct fault *fault)
{
    struct worker_options options = {.jig = supervisor->options->jig,
                                     .index = member->index,
                                     .order = supervisor->options->order,
                                     .badge = supervisor->badge};
    if (member->kind == CREW_SLOT) {
        supervisor->heard[member->index] = false;
        supervisor->watch[member->index] = watch_start();
    }
    if (!crew_start(member, &options, supervisor->refusals, fault))
        return false;
    if (member->kind == CREW_SLOT)
        supervisor_greet_slot(supervisor, member->index);
    return true;
}

static void fail(struct supervisor *supervisor, const struct fault *why)
{
    supervisor->failed = true;
    supervisor->stopping = true;
    supervisor->why = *why;
}

/* Only one worker opens the token at first: a wrong PIN must be tried once, not once for each slot. */
static void start_the_others(struct supervisor *supervisor)
{
    struct fault fault;
    for (size_t i = 1; i < supervisor->crew_count; i++)
        if (!start(supervisor, &supervisor->crew[i], &fault))
            fail(supervisor, &fault);
}

static void say_when_ready(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->jig->slot_count; i++)
        if (!supervisor->heard[i])
            return;
    supervisor->ready = true;
    report_ready(&supervisor->report, supervisor->jig, supervisor->options->order);
    supervisor_show_token(supervisor);
    for (size_t i = 0; i < supervisor->jig->slot_count; i++)
        report_slot(&supervisor->report, &supervisor->slots[i]);
}

static void look_at_first(struct supervisor *supervisor)
{
    const struct slot_message *first = &supervisor->slots[0];
    enum fault_code code = (enum fault_code)first->fault;
    bool own_port = code == FAULT_PORT_NOT_FOUND || code == FAULT_PORT_BUSY || code == FAULT_PORT_FAILED;
    if (first->view == SLOT_HOLD && !own_port) {
        struct fault why;
        (void)fault_set(&why, code, 0, "%s", first->text);
        fail(supervisor, &why);
        return;
    }
    supervisor->opened = true;
    start_the_others(supervisor);
}

/* A refused PIN is never tried again by itself, and one that takes a person is not the next slot's to try either. */
static void look_for_refused_pin(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->jig->slot_count && !supervisor->stopping; i++) {
        const struct slot_message *slot = &supervisor->slots[i];
        if (slot->view != SLOT_HOLD || slot->fault != FAULT_HSM_PIN)
            continue;
        struct fault why;
        (void)fault_set(&why, FAULT_HSM_PIN, 0, "slot %u: %s", slot->slot, slot->text);
        fail(supervisor, &why);
    }
}

static void take_ended(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->crew_count; i++) {
        struct crew_member *member = &supervisor->crew[i];
        if (!crew_has_ended(member) || supervisor->stopping)
            continue;
        if (member->kind == CREW_SLOT && supervisor->stuck[member->index]) {
            supervisor_show_stuck(supervisor, member->index);
            continue;
        }
        if (!supervisor->opened) {
            struct fault why;
            (void)fault_set(&why, FAULT_CHANNEL, 0,
                            "the first slot's worker ended before it had opened token and record");
            fail(supervisor, &why);
            return;
        }
        bool resumed = member->kind == CREW_SLOT && member->ended_well;
        if (member->kind == CREW_SLOT && !resumed)
            supervisor_show_death(supervisor, member->index);
        struct log_line line;
        log_begin(&line, resumed ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "worker.ended");
        log_number(&line, "kind", member->kind);
        log_number(&line, "index", member->index);
        log_end(&line);
        crew_start_later(member, resumed);
    }
}

/* One slot after the other opens the token again: what its PIN meets is known before the next one tries. */
static bool may_start(const struct supervisor *supervisor, const struct crew_member *member)
{
    if (!member->waiting)
        return false;
    for (size_t i = 0; member->kind == CREW_SLOT && i < supervisor->jig->slot_count; i++)
        if (supervisor->crew[i].pid > 0 && !supervisor->heard[i])
            return false;
    return true;
}

static void start_again(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->crew_count && !supervisor->stopping; i++) {
        struct crew_member *member = &supervisor->crew[i];
        struct fault fault;
        if (may_start(supervisor, member) && deadline_passed(member->again) && !start(supervisor, member, &fault))
            crew_start_later(member, false);
    }
}

/* A worker without a word for too long means that the token or a library hangs. It is ended, its unit is reworked like
 * after any other crash; what hangs would hang the next worker too, so a person looks first. */
static void watch_slots(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->jig->slot_count; i++) {
        if (supervisor->crew[i].pid <= 0 || !watch_is_overdue(&supervisor->watch[i]))
            continue;
        (void)kill(supervisor->crew[i].pid, SIGKILL);
        supervisor->watch[i].on = false;
        supervisor->stuck[i] = true;
    }
}

/* Told to end, each must come to its end or go on with its unit. */
static void order_stop(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->jig->slot_count; i++)
        if (!supervisor->watch[i].on)
            supervisor->watch[i] = watch_state(&supervisor->slots[i], true);
    supervisor_order_all(supervisor, SLOT_ORDER_STOP);
}

static void take_signal(struct supervisor *supervisor)
{
    struct signalfd_siginfo signal_info;
    while (read(supervisor->signals, &signal_info, sizeof signal_info) == (ssize_t)sizeof signal_info) {
        if (signal_info.ssi_signo == SIGCHLD)
            continue;
        supervisor->hurried = supervisor->stopping;
        supervisor->stopping = true;
        order_stop(supervisor);
    }
}

/* One round: waits for a word from anybody, and takes all there are. */
static void listen_once(struct supervisor *supervisor)
{
    struct pollfd watched[CREW_MAX + 1] = {{.fd = supervisor->signals, .events = POLLIN}};
    for (size_t i = 0; i < supervisor->crew_count; i++)
        watched[i + 1] = (struct pollfd){.fd = supervisor->crew[i].channel, .events = POLLIN};

    struct deadline until = deadline_in_ms(TICK_MS);
    struct deadline pair;
    if (route_deadline(&supervisor->routing, &pair))
        until = deadline_sooner(until, pair);
    for (size_t i = 0; i < supervisor->crew_count; i++)
        if (may_start(supervisor, &supervisor->crew[i]))
            until = deadline_sooner(until, supervisor->crew[i].again);

    if (poll(watched, supervisor->crew_count + 1, deadline_left_ms(until)) <= 0)
        return;
    for (size_t i = 0; i < supervisor->crew_count; i++) {
        struct crew_member *member = &supervisor->crew[i];
        if (watched[i + 1].revents != 0 && !supervisor_hear(supervisor, member)) {
            (void)close(member->channel);
            member->channel = -1;
        }
    }
    if (watched[0].revents != 0)
        take_signal(supervisor);
}

static bool slots_run(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->jig->slot_count; i++)
        if (supervisor->crew[i].pid > 0)
            return true;
    return false;
}

static void run(struct supervisor *supervisor)
{
    while (!supervisor->stopping) {
        listen_once(supervisor);
        if (supervisor->opened)
            look_for_refused_pin(supervisor);
        take_ended(supervisor);
        start_again(supervisor);
        watch_slots(supervisor);
        supervisor_forget_labels(supervisor);
        if (!supervisor->opened && supervisor->heard[0] && !supervisor->stopping)
            look_at_first(supervisor);
        if (supervisor->opened && !supervisor->ready && !supervisor->stopping)
            say_when_ready(supervisor);
    }
    order_stop(supervisor);
    while (slots_run(supervisor) && !supervisor->hurried) {
        listen_once(supervisor);
        take_ended(supervisor);
        watch_slots(supervisor);
    }
}

static void end(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->crew_count; i++)
        crew_dismiss(&supervisor->crew[i], SIGTERM);
    if (supervisor->ready)
        report_event(&supervisor->report, "stopped");
    if (supervisor->signals >= 0)
        (void)close(supervisor->signals);
    if (supervisor->refusals >= 0)
        (void)close(supervisor->refusals);
    if (supervisor->lock >= 0)
        (void)close(supervisor->lock);
}

bool line_run(const struct line_options *options, struct fault *fault)
{
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(options->jig, &jig, fault))
        return false;
    struct supervisor supervisor = {
        .options = options,
        .jig = jig,
        .report = {.out = STDOUT_FILENO, .json = options->json, .language = options->language},
        .lock = -1,
        .signals = -1,
        .refusals = -1,
        .routing = {.jig = jig},
    };
    (void)snprintf(supervisor.badge, sizeof supervisor.badge, "%s", options->badge);
    enlist(&supervisor, CREW_SLOT, jig->slot_count);
    enlist(&supervisor, CREW_PRINTER, jig->printer_count);
    enlist(&supervisor, CREW_SCANNER, jig->scanner_count);

    bool started = take_lock(&supervisor, fault) && take_signals(&supervisor, fault) &&
                   refusals_make(&supervisor.refusals, fault) && start(&supervisor, &supervisor.crew[0], fault);
    if (started)
        run(&supervisor);
    end(&supervisor);
    if (supervisor.failed)
        *fault = supervisor.why;
    return started && !supervisor.failed;
}
