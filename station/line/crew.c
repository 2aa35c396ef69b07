#include "station/line/crew.h"

#include "base/channel.h"
#include "base/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 500
#define PAUSE_LAST_MS 30000
#define EARLY_NS 60000000000

static const char *const commands[] = {
    [CREW_SLOT] = "slot-worker", [CREW_PRINTER] = "printer-worker", [CREW_SCANNER] = "scanner-reader"};

bool crew_start(struct crew_member *member, const struct worker_options *options, int refusals, struct fault *fault)
{
    int ends[2];
    if (!channel_pair(ends, fault))
        return false;
    char index[12];
    (void)snprintf(index, sizeof index, "%u", member->index);
    const char *const argv[] = {"kokuin", "station", commands[member->kind], options->jig, "--index",
                                index,    "--order", options->order,         "--badge",    options->badge,
                                NULL};
    const struct process_descriptor descriptors[] = {{.ours = ends[1], .theirs = WORKER_CHANNEL},
                                                     {.ours = refusals, .theirs = WORKER_REFUSALS}};
    struct process_options process = {
        .argv = argv,
        .descriptors = descriptors,
        .descriptor_count = member->kind == CREW_SLOT ? 2 : 1,
        /* A slot worker must finish its unit when the supervisor is gone; its closed channel tells it. */
        .death_signal = member->kind == CREW_SLOT ? 0 : SIGTERM,
    };
    pid_t pid;
    bool started = process_start(&process, &pid, fault);
    (void)close(ends[1]);
    if (!started) {
        (void)close(ends[0]);
        return fault_within(fault, "start %s %u", commands[member->kind], member->index);
    }
    member->pid = pid;
    member->channel = ends[0];
    member->waiting = false;
    member->started_ns = clock_monotonic_ns();
    return true;
}

static void bury(struct crew_member *member)
{
    member->pid = 0;
    if (member->channel >= 0)
        (void)close(member->channel);
    member->channel = -1;
}

bool crew_has_ended(struct crew_member *member)
{
    int status;
    if (member->pid == 0 || waitpid(member->pid, &status, WNOHANG) != member->pid)
        return false;
    member->ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bury(member);
    return true;
}

void crew_start_later(struct crew_member *member, bool at_once)
{
    bool early = clock_monotonic_ns() - member->started_ns < EARLY_NS;
    member->deaths = at_once || !early ? 0 : member->deaths + 1;
    unsigned pause = at_once ? 0 : PAUSE_FIRST_MS;
    for (unsigned i = 1; i < member->deaths && pause < PAUSE_LAST_MS; i++)
        pause *= 2;
    member->waiting = true;
    member->again = deadline_in_ms(pause < PAUSE_LAST_MS ? pause : PAUSE_LAST_MS);
}

void crew_dismiss(struct crew_member *member, int signal_number)
{
    member->waiting = false;
    if (member->pid == 0)
        return;
    (void)kill(member->pid, signal_number);
    while (waitpid(member->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    bury(member);
}
