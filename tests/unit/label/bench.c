#include "tests/unit/label/bench.h"

#include "base/process.h"
#include "station/label/cable.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void start_program(struct bench *bench, const struct desk *desk, const char *listen, const char *misbehaviour)
{
    int ends[2];
    struct fault fault;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *argv[] = {"kokuin-printer", "--listen", listen, "--paper", desk->directory, NULL, NULL, NULL};
    if (misbehaviour) {
        argv[5] = "--misbehave";
        argv[6] = misbehaviour;
    }
    const struct process_descriptor out = {ends[1], STDOUT_FILENO};
    const struct process_options options = {
        .path = PRINTER_PROGRAM, .argv = argv, .descriptors = &out, .descriptor_count = 1, .death_signal = SIGKILL};
    assert_true(process_start(&options, &bench->pid, &fault));
    (void)close(ends[1]);
    FILE *words = fdopen(ends[0], "r");
    assert_non_null(words);
    assert_int_equal(fscanf(words, "listening %255s", bench->is.path), 1);
    (void)fclose(words);
}

void bench_start(struct bench *bench, const struct desk *desk, const struct label_bitmap *bitmap, const char *listen,
                 const char *misbehaviour, const struct jig_printer *like)
{
    struct fault fault;
    *bench = (struct bench){.bitmap = bitmap};
    if (like)
        bench->is = *like;
    bench->is.kind = strncmp(listen, "ipp:", 4) == 0 ? PRINTER_IPP : PRINTER_ZPL;
    bench->is.dpi = 203;
    start_program(bench, desk, listen, misbehaviour);
    if (!printer_open(&bench->is, &bench->printer, &fault))
        fail_msg("%s", fault.text);
}

void bench_stop(struct bench *bench)
{
    int status;
    printer_close(bench->printer);
    assert_int_equal(kill(bench->pid, SIGTERM), 0);
    assert_int_equal(waitpid(bench->pid, &status, 0), bench->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void bench_mend(const struct bench *bench)
{
    assert_int_equal(kill(bench->pid, SIGUSR1), 0);
}

void expect_print(struct bench *bench, const char *name)
{
    enum print_level level = PRINT_SENT;
    struct fault fault = {0};
    if (!printer_print(bench->printer, name, bench->bitmap, deadline_in_ms(BENCH_ENOUGH_MS), &level, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_int_equal(level, bench->is.kind == PRINTER_IPP ? PRINT_CLAIMED : PRINT_COUNTED);
}

void expect_no_print(struct bench *bench, unsigned milliseconds, enum fault_code code, const char *words)
{
    enum print_level level = PRINT_SENT;
    struct fault fault = {0};
    assert_false(
        printer_print(bench->printer, DESK_LABEL, bench->bitmap, deadline_in_ms(milliseconds), &level, &fault));
    if (fault.code != code || !strstr(fault.text, words))
        fail_msg("expected %s with '%s', got %s: %s", fault_name(code), words, fault_name(fault.code), fault.text);
    assert_int_equal(level, PRINT_SENT);
}

void expect_status(struct bench *bench, enum fault_code code, const char *words)
{
    struct fault fault = {0};
    bool ready = printer_status(bench->printer, deadline_in_ms(BENCH_ENOUGH_MS), &fault);
    if (fault.code != code || !strstr(fault.text, words))
        fail_msg("expected %s with '%s', got %s: %s", fault_name(code), words, fault_name(fault.code), fault.text);
    assert_int_equal(ready, code == FAULT_NONE);
}

void wait_ready(struct bench *bench)
{
    struct deadline deadline = deadline_in_ms(BENCH_ENOUGH_MS);
    struct fault fault;
    while (!printer_status(bench->printer, deadline, &fault)) {
        if (deadline_passed(deadline))
            fail_msg("never ready: %s", fault.text);
        cable_pause(20, deadline);
    }
}

size_t count_labels(const struct desk *desk)
{
    size_t count = 0;
    DIR *directory = opendir(desk->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strncmp(entry->d_name, "label-", 6) == 0;
    (void)closedir(directory);
    return count;
}
