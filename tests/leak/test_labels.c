/* Is a password of very many labels found anywhere but on paper, when printers and renderers die over some of them?
 *
 * test_leak_labels zpl|ipp COUNT: each label is made by a `kokuin station render` of its own and sent to the stand-in
 * printer. Everything that any of them could write goes to one directory: home, temporary files, working directory with
 * core files allowed, standard error, arguments and environments. KOKUIN_SEED=N makes the same labels again. */
#include "base/process.h"
#include "base/uuid.h"
#include "station/label/cable.h"
#include "station/label/printer.h"
#include "tests/leak/watcher.h"
#include "tests/support/needles.h"
#include "tests/unit/label/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ENOUGH_MS 60000
#define PAPER_OUT_MS 600 /* how long a label that cannot come is waited for */
#define LIFE 25          /* labels between two deaths of the printer */
#define DYING_EVERY 10   /* every tenth renderer dies over its label */
#define CANARY "PLANTEDCANARY23456789"

static enum printer_kind kind;
static unsigned long label_count;
static struct desk desk;
static struct needles *passwords;
static char place[] = "/tmp/kokuin-leak-XXXXXX";

static char *path_in_place(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", place, name);
    return path;
}

/* ---- random units ---- */

static uint64_t random_state;

static unsigned next_random(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % below);
}

static void random_letters(char *ret_text, size_t count, const char *alphabet)
{
    for (size_t i = 0; i < count; i++)
        ret_text[i] = alphabet[next_random((unsigned)strlen(alphabet))];
    ret_text[count] = '\0';
}

struct unit {
    char serial[SERIAL_SIZE], label[LABEL_ID_SIZE], admin[17], wifi[21];
};

static struct unit random_unit(void)
{
    static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", unlike[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    struct unit unit = {.serial = "KR"};
    random_letters(unit.serial + 2, 9, base32);
    unit.serial[11] = serial_check_character(unit.serial, 11);
    random_letters(unit.label, LABEL_ID_LENGTH, base32);
    random_letters(unit.admin, 16, unlike);
    random_letters(unit.wifi, 20, unlike);
    needles_add(passwords, unit.admin);
    needles_add(passwords, unit.wifi);
    return unit;
}

/* ---- the printer, which dies now and then ---- */

struct stand_in {
    pid_t pid;
    struct printer *printer;
    unsigned printed;   /* in this life */
    unsigned paper_for; /* labels until it runs out, in this life */
};

static void start_printer(struct stand_in *stand_in)
{
    int ends[2];
    struct fault fault;
    char misbehaviour[32];
    static char paper[256];
    (void)snprintf(paper, sizeof paper, "%s/paper", place);
    stand_in->printed = 0;
    stand_in->paper_for = next_random(LIFE - 2);
    (void)snprintf(misbehaviour, sizeof misbehaviour, "paper-out-after=%u", stand_in->paper_for);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = {
        "kokuin-printer", "--listen", kind == PRINTER_IPP ? "ipp:127.0.0.1:0" : "tcp:127.0.0.1:0",
        "--paper",        paper,      "--misbehave",
        misbehaviour,     NULL};
    const struct process_descriptor out = {ends[1], STDOUT_FILENO};
    const struct process_options options = {
        .path = PRINTER_PROGRAM, .argv = argv, .descriptors = &out, .descriptor_count = 1, .death_signal = SIGKILL};
    struct jig_printer is = {.kind = kind, .dpi = 203};
    assert_true(process_start(&options, &stand_in->pid, &fault));
    (void)close(ends[1]);
    FILE *words = fdopen(ends[0], "r");
    assert_non_null(words);
    assert_int_equal(fscanf(words, "listening %255s", is.path), 1);
    (void)fclose(words);
    if (!printer_open(&is, &stand_in->printer, &fault))
        fail_msg("%s", fault.text);
}

static void end_printer(struct stand_in *stand_in)
{
    printer_close(stand_in->printer);
    (void)kill(stand_in->pid, SIGKILL);
    assert_int_equal(waitpid(stand_in->pid, NULL, 0), stand_in->pid);
    *stand_in = (struct stand_in){0};
}

/* Pulls the plug some time in the next label. */
static pid_t start_killer(pid_t victim)
{
    const unsigned moment = next_random(60);
    const pid_t killer = fork();
    assert_true(killer >= 0);
    if (killer == 0) {
        cable_pause(moment, deadline_in_ms(ENOUGH_MS));
        _exit(kill(victim, SIGKILL) == 0 ? 0 : 1);
    }
    return killer;
}

/* ---- one label ---- */

struct tally {
    unsigned printed, unknown, away, paper, unrendered;
};

static void set_secret(const char *name, const struct secret *secret)
{
    desk_set(&desk, name, "");
    for (size_t i = 0; i < DESK_FIELDS; i++)
        if (strcmp(desk.fields[i].name, name) == 0)
            desk.fields[i] = (struct label_field){.name = name, .secret = secret};
}

/* A line of log, as a worker would write it. */
static void log_fault(const struct unit *unit, const struct fault *fault)
{
    (void)fprintf(stderr, "label=%s fault=%s text=\"%s\"\n", unit->label, fault_name(fault->code), fault->text);
}

static bool render(const struct unit *unit, bool dying, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    static const char *const lives[] = {"kokuin", "station", "render", NULL};
    char moment[16];
    (void)snprintf(moment, sizeof moment, "%u", 1 + next_random(120));
    const char *const dies[] = {"test", "--die-in", moment, NULL};
    /* As a station does: drafted before the passwords are there, when the child lives. */
    CLEANUP(label_draft_freep) struct label_draft *draft = NULL;
    const struct label_child child = {
        .path = dying ? NULL : KOKUIN, .argv = dying ? dies : lives, .draft = dying ? NULL : &draft};
    const struct desk before = desk;
    CLEANUP(secret_freep) struct secret *admin = desk_secret(unit->admin);
    CLEANUP(secret_freep) struct secret *wifi = desk_secret(unit->wifi);
    desk_set(&desk, "serial", unit->serial);
    desk_set(&desk, "label", unit->label);
    set_secret("admin", admin);
    set_secret("wifi", wifi);
    const struct label_request request = desk_router(&desk, 203);
    if (!dying && !label_draft_start(&child, &request, &draft, fault))
        fail_msg("%s: %s", fault_name(fault->code), fault->text);
    const bool made = label_render_in_child(&child, &request, deadline_in_ms(ENOUGH_MS), ret_bitmap, fault);
    desk = before;
    return made;
}

static void count_fault(const struct fault *fault, struct tally *tally)
{
    switch (fault->code) {
    case FAULT_PRINTER_UNKNOWN:
        tally->unknown++;
        break;
    case FAULT_PRINTER_AWAY:
        tally->away++;
        break;
    case FAULT_PRINTER_PAPER:
        tally->paper++;
        break;
    default:
        fail_msg("%s: %s", fault_name(fault->code), fault->text);
    }
}

static void remember(const struct unit *unit)
{
    FILE *list = fopen(path_in_place("printed"), "ae");
    assert_non_null(list);
    assert_true(fprintf(list, "%s\n", unit->label) > 0);
    assert_int_equal(fclose(list), 0);
}

/* The fault of a printer without paper is answered as an operator would: more paper, for the next unit. */
static void print(struct stand_in *stand_in, const struct unit *unit, const struct label_bitmap *bitmap,
                  struct tally *tally)
{
    struct fault fault = {0};
    enum print_level level = PRINT_SENT;
    const bool last = stand_in->printed + 1 == LIFE;
    const bool without = stand_in->printed++ == stand_in->paper_for;
    const pid_t killer = last ? start_killer(stand_in->pid) : 0;
    if (printer_print(stand_in->printer, unit->label, bitmap,
                      deadline_in_ms(without || last ? PAPER_OUT_MS : ENOUGH_MS), &level, &fault)) {
        tally->printed++;
        remember(unit);
    } else {
        log_fault(unit, &fault);
        count_fault(&fault, tally);
    }
    if (without)
        assert_int_equal(kill(stand_in->pid, SIGUSR1), 0);
    if (last) {
        assert_int_equal(waitpid(killer, NULL, 0), killer);
        end_printer(stand_in);
        start_printer(stand_in);
    }
}

static void make_label(struct stand_in *stand_in, bool dying, struct tally *tally)
{
    struct fault fault = {0};
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    const struct unit unit = random_unit();
    if (render(&unit, dying, &bitmap, &fault)) {
        print(stand_in, &unit, bitmap, tally);
        return;
    }
    log_fault(&unit, &fault);
    if (!dying || fault.code != FAULT_WORKER_DIED)
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    tally->unrendered++;
}

/* ---- what is left ---- */

static void plant_file(const char *folder, size_t number, const uint8_t *bytes, size_t size)
{
    char path[320];
    (void)snprintf(path, sizeof path, "%s/%s/%zu", place, folder, number);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite("before ", 1, 7, file), 7);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fputs(" after", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static size_t count_seen(const struct needles *needles)
{
    struct needles_sum sum;
    needles_search(needles, path_in_place("seen"), NULL, &sum);
    return sum.found;
}

/* A child that shows the canary as an argument and in its environment, until the watcher has seen both. */
static void plant_process(const struct needles *canary)
{
    int ends[2];
    pid_t child;
    struct fault fault;
    const struct deadline deadline = deadline_in_ms(ENOUGH_MS);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(setenv("KOKUIN_PLANTED", CANARY, 1), 0);
    const char *const argv[] = {"sh", "-c", "read -r word", CANARY, NULL};
    const struct process_descriptor in = {ends[0], STDIN_FILENO};
    const struct process_options options = {
        .path = "/bin/sh", .argv = argv, .descriptors = &in, .descriptor_count = 1, .death_signal = SIGKILL};
    assert_true(process_start(&options, &child, &fault));
    assert_int_equal(unsetenv("KOKUIN_PLANTED"), 0);
    while (count_seen(canary) < 2) {
        assert_false(deadline_passed(deadline));
        cable_pause(10, deadline);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Every form in a file of its own, one as a file's name, one on a command line and in an environment: all are found. */
static void plant_canary(void)
{
    struct needles_sum sum;
    CLEANUP(needles_freep) struct needles *canary = needles_new();
    needles_add(canary, CANARY);
    assert_int_equal(mkdir(path_in_place("planted"), 0700), 0);
    const size_t forms = needles_forms(canary);
    for (size_t i = 0; i < forms; i++) {
        size_t size;
        const uint8_t *form = needles_form(canary, i, &size);
        plant_file("planted", i, form, size);
    }
    needles_search(canary, place, NULL, &sum);
    assert_int_equal(sum.found, forms);
    assert_int_equal(rename(path_in_place("planted"), desk_path(&desk, "planted")), 0);
    needles_search(canary, place, NULL, &sum);
    assert_int_equal(sum.found, 0);
    assert_int_equal(mkdir(path_in_place("job-" CANARY ".pwg"), 0700), 0);
    needles_search(canary, place, NULL, &sum);
    assert_int_equal(sum.found, 1);
    assert_int_equal(rmdir(path_in_place("job-" CANARY ".pwg")), 0);
    plant_process(canary);
}

/* Whoever is called printed is on paper, once. */
static void expect_paper(unsigned printed)
{
    char output[256], command[1024];
    (void)snprintf(command, sizeof command,
                   "cut -d' ' -f2 '%1$s/paper/index' | sort | uniq -d | wc -l; "
                   "cut -d' ' -f2 '%1$s/paper/index' | sort | comm -23 <(sort '%1$s/printed') - | wc -l; "
                   "wc -l <'%1$s/printed'; tr '\\0' ' ' <'%1$s/seen/children' | grep -c 'station render'",
                   place);
    desk_run((const char *const[]){"bash", "-c", command, NULL}, output, sizeof output);
    unsigned twice = 1, missing = 1, listed = 0, renderers = 0;
    assert_int_equal(sscanf(output, "%u %u %u %u", &twice, &missing, &listed, &renderers), 4);
    assert_int_equal(twice, 0);
    assert_int_equal(missing, 0);
    assert_int_equal(listed, printed);
    assert_true(renderers > 0);
}

static void expect_nothing_left(void)
{
    struct needles_sum sum, paper;
    needles_search(passwords, place, "paper", &sum);
    needles_search(passwords, path_in_place("paper"), NULL, &paper);
    print_message(
        "%lu labels: %zu files, %zu bytes beside the paper: %zu passwords, %zu pictures; on paper as text: %zu\n",
        label_count, sum.files, sum.bytes, sum.found, sum.pictures, paper.found);
    if (sum.found > 0 || sum.pictures > 0 || paper.found > 0)
        fail_msg("left in %s", sum.where[0] ? sum.where : paper.where);
    assert_true(paper.pictures > label_count / 2);
}

static void no_password_is_left(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct stand_in stand_in = {0};
    const int words = dup(STDERR_FILENO);
    const int log = open(path_in_place("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(words >= 0 && log >= 0 && dup2(log, STDERR_FILENO) >= 0);
    const pid_t watcher = watcher_start(path_in_place("seen/children"));
    plant_canary();
    start_printer(&stand_in);
    for (unsigned long i = 0; i < label_count; i++)
        make_label(&stand_in, i % DYING_EVERY == DYING_EVERY - 1, &tally);
    end_printer(&stand_in);
    watcher_stop(watcher);
    assert_true(dup2(words, STDERR_FILENO) >= 0);
    (void)close(words);
    (void)close(log);
    print_message("%u printed, %u unknown, %u without paper, %u without printer, %u renderers died\n", tally.printed,
                  tally.unknown, tally.paper, tally.away, tally.unrendered);
    assert_true(tally.unknown > 0 && tally.unrendered > 0);
    expect_paper(tally.printed);
    expect_nothing_left();
}

static int make_place(void **state)
{
    (void)state;
    struct fault fault;
    uint64_t seed;
    const char *given = getenv("KOKUIN_SEED");
    const struct rlimit cores = {RLIM_INFINITY, RLIM_INFINITY};
    desk_open(&desk);
    passwords = needles_new();
    if (given)
        seed = strtoull(given, NULL, 10);
    else
        assert_true(system_random(&seed, sizeof seed, &fault));
    print_message("KOKUIN_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed;
    assert_non_null(mkdtemp(place));
    static const char *const folders[] = {"home", "temporary", "here", "paper", "seen"};
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        assert_int_equal(mkdir(path_in_place(folders[i]), 0700), 0);
    assert_int_equal(setenv("HOME", path_in_place("home"), 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", path_in_place("home"), 1), 0);
    assert_int_equal(setenv("TMPDIR", path_in_place("temporary"), 1), 0);
    assert_int_equal(chdir(path_in_place("here")), 0);
    /* As much as this user may: a program that keeps its core files does so by itself. */
    return setrlimit(RLIMIT_CORE, &cores) == 0 || errno == EPERM ? 0 : 1;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static int remove_place(void **state)
{
    (void)state;
    needles_free(passwords);
    (void)nftw(desk_path(&desk, "planted"), remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    desk_close(&desk);
    return chdir("/") == 0 && nftw(place, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : 1;
}

/* The child's main(), with an end of its own somewhere in it: by a signal that leaves a core file where it may. */
static void die(int signal_number)
{
    (void)signal_number;
    abort();
}

static int die_in(unsigned long milliseconds)
{
    struct fault fault;
    const struct itimerval moment = {.it_value.tv_usec = (suseconds_t)(milliseconds * 1000)};
    if (!secret_arena_open(65536, &fault) || signal(SIGALRM, die) == SIG_ERR ||
        setitimer(ITIMER_REAL, &moment, NULL) != 0)
        return 2;
    return label_render_main(STDIN_FILENO, STDOUT_FILENO);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_password_is_left)};
    if (argc != 3)
        return 2;
    const unsigned long number = strtoul(argv[2], NULL, 10);
    if (strcmp(argv[1], "--die-in") == 0)
        return die_in(number);
    kind = strcmp(argv[1], "ipp") == 0 ? PRINTER_IPP : PRINTER_ZPL;
    label_count = number;
    return number == 0 ? 2 : cmocka_run_group_tests(tests, make_place, remove_place);
}
