/* `kokuin station run` as processes: supervisor, slot worker, printer worker and scanner reader, with a unit behind a
 * unix socket and this test as the scanner and the operator. */
#include "base/clock.h"
#include "base/process.h"
#include "base/secret.h"
#include "station/label/code.h"
#include "tests/support/command.h"
#include "tests/unit/station/plant.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
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

#define PATIENCE_MS 60000

static struct plant plant;

struct station {
    pid_t pid;
    int output;
    int listening; /* the scanner's cable */
    int scanner;
    char buffer[65536];
    size_t size;
};

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_in_range(length, 1, sizeof address.sun_path - 1);
    (void)unlink(path);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 4), 0);
    return listening;
}

static void station_start(struct station *station)
{
    char path[160];
    int ends[2];
    struct fault fault;
    *station = (struct station){.scanner = -1};
    (void)snprintf(path, sizeof path, "%s/scanner.sock", plant.softhsm.directory);
    station->listening = listen_at(path);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = {"kokuin", "station", "run", plant.jig, "--order", "A-1", "--json", NULL};
    struct process_descriptor output = {.ours = ends[1], .theirs = STDOUT_FILENO};
    struct process_options options = {
        .path = KOKUIN, .argv = argv, .descriptors = &output, .descriptor_count = 1, .death_signal = SIGTERM};
    if (!process_start(&options, &station->pid, &fault))
        fail_msg("%s", fault.text);
    (void)close(ends[1]);
    station->output = ends[0];
}

/* The next event, or NULL at the end of the output. */
static json_t *next_event(struct station *station)
{
    struct deadline deadline = deadline_in_ms(PATIENCE_MS);
    char *end;
    while (!(end = memchr(station->buffer, '\n', station->size))) {
        struct pollfd ready = {.fd = station->output, .events = POLLIN};
        if (poll(&ready, 1, deadline_left_ms(deadline)) <= 0)
            fail_msg("the station has said nothing for %d s", PATIENCE_MS / 1000);
        ssize_t count = read(station->output, station->buffer + station->size, sizeof station->buffer - station->size);
        if (count <= 0)
            return NULL;
        station->size += (size_t)count;
    }
    size_t line = (size_t)(end - station->buffer);
    json_t *event = json_loadb(station->buffer, line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(event);
    station->size -= line + 1;
    memmove(station->buffer, end + 1, station->size);
    return event;
}

static bool is(const json_t *event, const char *key, const char *value)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text && strcmp(text, value) == 0;
}

/* Passes over events until the one named; the caller frees it. */
static json_t *await(struct station *station, const char *name, const char *key, const char *value)
{
    for (;;) {
        json_t *event = next_event(station);
        if (!event)
            fail_msg("the station ended before '%s' '%s'", name, value);
        if (is(event, "event", name) && (!key || is(event, key, value)))
            return event;
        json_decref(event);
    }
}

static void pass(struct station *station, const char *name, const char *key, const char *value)
{
    json_decref(await(station, name, key, value));
}

/* The station connects to its scanner, perhaps again after a look at whether it is there. */
static void scan(struct station *station, const char *text)
{
    struct pollfd ready = {.fd = station->listening, .events = POLLIN};
    while (poll(&ready, 1, station->scanner < 0 ? PATIENCE_MS : 0) > 0) {
        if (station->scanner >= 0)
            (void)close(station->scanner);
        station->scanner = accept(station->listening, NULL, NULL);
        assert_true(station->scanner >= 0);
    }
    char line[128];
    int size = snprintf(line, sizeof line, "%s\r\n", text);
    assert_int_equal(send(station->scanner, line, (size_t)size, MSG_NOSIGNAL), size);
}

static void scan_label(struct station *station, const json_t *event)
{
    char code[LABEL_CODE_SIZE];
    char text[LABEL_CODE_SIZE + 3];
    struct fault fault;
    if (!label_code_compose(plant.rooms->product->gtin, json_string_value(json_object_get(event, "serial")),
                            json_string_value(json_object_get(event, "label")), code, &fault))
        fail_msg("%s", fault.text);
    (void)snprintf(text, sizeof text, "]d2%s", code);
    scan(station, text);
}

static int station_stop(struct station *station)
{
    assert_int_equal(kill(station->pid, SIGTERM), 0);
    json_t *event;
    bool stopped = false;
    while ((event = next_event(station))) {
        stopped = is(event, "event", "stopped");
        json_decref(event);
    }
    int status;
    assert_int_equal(waitpid(station->pid, &status, 0), station->pid);
    assert_true(stopped);
    (void)close(station->output);
    (void)close(station->listening);
    if (station->scanner >= 0)
        (void)close(station->scanner);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned papers(void)
{
    unsigned count = 0;
    DIR *directory = opendir(plant.softhsm.directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strstr(entry->d_name, ".png") != NULL;
    (void)closedir(directory);
    return count;
}

static void test_unit_goes_through(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "ready", "station", "A");
    pass(&station, "slot", "view", "empty");

    scan(&station, "KOKUIN-BADGE-4711");
    pass(&station, "operator", "badge", "4711");
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "scan", "fault_name", "SCAN_NOT_EXPECTED");
    scan(&station, "WIFI:T:WPA;S:x;P:canary;;");
    pass(&station, "scan", "fault_name", "SCAN_UNKNOWN");

    plant_insert(&plant, "a1000001", "KR-1000", NULL);
    pass(&station, "slot", "step_name", "prove");
    json_t *label = await(&station, "slot", "view", "label");
    assert_int_equal(papers(), 1);
    scan_label(&station, label);
    json_decref(label);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "scan", "fault_name", "");
    json_decref(await(&station, "slot", "view", "ok"));
    plant_remove(&plant);
    pass(&station, "slot", "view", "empty");
    assert_int_equal(station_stop(&station), 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE state = 'closed' AND badge = '4711'"),
                     1);
}

/* A spoilt label by card, label and tag; then a lost one by card and tag, which costs the unit its password. */
static void test_labels_that_went_wrong(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "slot", "view", "empty");
    plant_insert(&plant, "a100000a", "KR-1000", NULL);
    json_t *first = await(&station, "slot", "view", "label");
    scan(&station, "KOKUIN-REPRINT");
    pass(&station, "scan", "kind", "reprint");
    scan_label(&station, first);
    scan(&station, "KOKUIN-SLOT-1");
    json_t *second = await(&station, "slot", "view", "label");
    assert_false(is(second, "label", json_string_value(json_object_get(first, "label"))));
    assert_true(is(second, "serial", json_string_value(json_object_get(first, "serial"))));
    scan_label(&station, first);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "scan", "fault_name", "SCAN_DEAD_LABEL");
    scan(&station, "KOKUIN-REKEY");
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "fault_name", "LABEL_GIVEN_UP");
    plant_remove(&plant);
    pass(&station, "slot", "view", "empty");
    plant_insert(&plant, "a100000a", "KR-1000", NULL);
    json_t *third = await(&station, "slot", "view", "label");
    scan_label(&station, third);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "view", "ok");
    json_decref(first);
    json_decref(second);
    json_decref(third);
    plant_remove(&plant);
    assert_int_equal(station_stop(&station), 0);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label_fate WHERE fate = 'voided'"), 1);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label_fate WHERE fate = 'dead'"), 1);
}

/* Stopped while a label waits: the next station goes on with the same label. */
static void test_stop_leaves_a_label_that_waits(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "slot", "view", "empty");
    plant_insert(&plant, "a1000002", "KR-1000", NULL);
    json_t *label = await(&station, "slot", "view", "label");
    assert_int_equal(station_stop(&station), 0);

    station_start(&station);
    json_t *again = await(&station, "slot", "view", "label");
    assert_true(is(again, "label", json_string_value(json_object_get(label, "label"))));
    scan_label(&station, again);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "view", "ok");
    json_decref(label);
    json_decref(again);
    plant_remove(&plant);
    assert_int_equal(station_stop(&station), 0);
}

static void test_pause_starts_no_unit(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "slot", "view", "empty");
    scan(&station, "KOKUIN-PAUSE");
    pass(&station, "paused", NULL, NULL);
    plant_insert(&plant, "a1000004", "KR-1000", NULL);
    scan(&station, "KOKUIN-SLOT-1"); /* an answer shows that the station has gone on listening meanwhile */
    json_t *event = next_event(&station);
    assert_true(is(event, "fault_name", "SCAN_NOT_EXPECTED"));
    json_decref(event);
    scan(&station, "KOKUIN-RESUME");
    event = next_event(&station);
    assert_true(is(event, "event", "resumed"));
    json_decref(event);
    pass(&station, "slot", "view", "working");
    json_t *label = await(&station, "slot", "view", "label");
    scan_label(&station, label);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "view", "ok");
    json_decref(label);
    plant_remove(&plant);
    assert_int_equal(station_stop(&station), 0);
}

static bool is_slot_worker(pid_t pid)
{
    char path[64];
    char words[256] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? 0 : read(file, words, sizeof words);
    if (file >= 0)
        (void)close(file);
    return size > 0 && memmem(words, (size_t)size, "slot-worker", 11);
}

/* The only child of the station that is a slot worker. */
static pid_t slot_worker_of(const struct station *station)
{
    char path[64];
    char children[256] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)station->pid, (int)station->pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(children, sizeof children, file));
    (void)fclose(file);
    char *end = children;
    for (long pid = strtol(children, &end, 10); pid > 0; pid = strtol(end, &end, 10))
        if (is_slot_worker((pid_t)pid))
            return (pid_t)pid;
    fail_msg("no slot worker among '%s'", children);
    return 0;
}

/* Killed with a unit in work: its attempt is found unfinished, and the unit is reworked with the same serial. */
static void expect_rework(const char *board, const char *step)
{
    static struct station station;
    station_start(&station);
    pass(&station, "slot", "view", "empty");
    plant_insert(&plant, board, "KR-1000", NULL);
    json_t *first = await(&station, "slot", "step_name", step);
    assert_int_equal(kill(slot_worker_of(&station), SIGKILL), 0);
    pass(&station, "slot", "fault_name", "WORKER_DIED");
    json_t *label = await(&station, "slot", "view", "label");
    assert_true(is(label, "serial", json_string_value(json_object_get(first, "serial"))));
    scan_label(&station, label);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "view", "ok");
    json_decref(first);
    json_decref(label);
    plant_remove(&plant);
    assert_int_equal(station_stop(&station), 0);
}

static void test_dead_worker_is_started_again(void **state)
{
    (void)state;
    expect_rework("a1000003", "inject");
    expect_rework("a1000005", "restart");
    expect_rework("a1000006", "print");
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.attempt WHERE interrupted"), 3);
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM prov.label JOIN prov.attempt USING (attempt)"
                                         " WHERE label.live AND attempt.state <> 'closed'"),
                     0);
}

/* Killed while the label waits for its scan: the unit goes on with that label. */
static void test_labelled_unit_outlives_its_worker(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "slot", "view", "empty");
    plant_insert(&plant, "a1000007", "KR-1000", NULL);
    json_t *label = await(&station, "slot", "view", "label");
    assert_int_equal(kill(slot_worker_of(&station), SIGKILL), 0);
    pass(&station, "slot", "fault_name", "WORKER_DIED");
    json_t *again = await(&station, "slot", "view", "label");
    assert_true(is(again, "label", json_string_value(json_object_get(label, "label"))));
    scan_label(&station, again);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "view", "ok");
    json_decref(label);
    json_decref(again);
    plant_remove(&plant);
    assert_int_equal(station_stop(&station), 0);
}

/* The unit in work goes on, the station says once that it is on the spare, and the resume card returns to the first. */
static void test_spare_takes_over_and_resume_returns(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    json_t *token = await(&station, "token", "state", "up");
    assert_true(is(token, "label", "production"));
    json_decref(token);
    pass(&station, "slot", "view", "empty");
    softhsm_kill_server(&plant.softhsm);
    plant_insert(&plant, "a1000008", "KR-1000", NULL);
    token = await(&station, "token", "state", "degraded");
    assert_true(is(token, "label", "production-2"));
    json_decref(token);
    json_t *label = await(&station, "slot", "view", "label");
    assert_true(is(label, "token", "degraded"));
    assert_true(is(label, "token_label", "production-2"));
    scan_label(&station, label);
    scan(&station, "KOKUIN-SLOT-1");
    json_decref(label);
    pass(&station, "slot", "view", "ok");
    plant_remove(&plant);
    pass(&station, "slot", "view", "empty");

    plant_serve(&plant);
    scan(&station, "KOKUIN-RESUME");
    pass(&station, "resumed", NULL, NULL);
    json_t *event = next_event(&station);
    assert_true(is(event, "event", "token") && is(event, "state", "up") && is(event, "label", "production"));
    json_decref(event);
    assert_int_equal(station_stop(&station), 0);
}

/* Tokens that never answer are no reason to wait for ever: the slot is put on hold, and goes on when a token does. */
static void test_hung_tokens_hold_the_station(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "slot", "view", "empty");
    assert_int_equal(kill(-plant.softhsm.server, SIGSTOP), 0);
    assert_int_equal(kill(-plant.spare.server, SIGSTOP), 0);
    plant_insert(&plant, "a1000009", "KR-1000", NULL);
    pass(&station, "token", "state", "down");
    json_t *hold = await(&station, "slot", "view", "hold");
    assert_true(is(hold, "fault_name", "HSM_DOWN"));
    assert_true(is(hold, "step_name", "identify"));
    assert_true(is(hold, "token", "down"));
    json_decref(hold);
    pass(&station, "held", "fault_name", "HSM_DOWN");

    assert_int_equal(kill(-plant.softhsm.server, SIGCONT), 0);
    assert_int_equal(kill(-plant.spare.server, SIGCONT), 0);
    scan(&station, "KOKUIN-RESUME");
    pass(&station, "resumed", NULL, NULL);
    pass(&station, "token", "state", "up");
    json_t *label = await(&station, "slot", "view", "label");
    scan_label(&station, label);
    scan(&station, "KOKUIN-SLOT-1");
    pass(&station, "slot", "view", "ok");
    json_decref(label);
    plant_remove(&plant);
    assert_int_equal(station_stop(&station), 0);
}

static int run_station(const char *jig, const char *order)
{
    const char *const argv[] = {KOKUIN, "station", "run", jig, "--order", order, "--json", NULL};
    return command_run(argv);
}

static void test_second_station_is_refused(void **state)
{
    (void)state;
    static struct station station;
    station_start(&station);
    pass(&station, "ready", NULL, NULL);
    assert_int_equal(run_station(plant.jig, "A-1"), fault_exit(FAULT_ALREADY_RUNNING));
    assert_int_equal(station_stop(&station), 0);
}

struct refusal {
    const char *from, *to, *order;
    enum fault_code code;
};

/* Each is told before any unit is touched, with the exit code of its fault. */
static void test_station_that_cannot_start(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"station: A", "station: A", "NO-SUCH-ORDER", FAULT_ORDER_UNKNOWN},
        {"pin_file: pin\n", "pin_file: jig.yaml\n", "A-1", FAULT_HSM_PIN},
        {"pin_file: pin\n", "pin_file: no-pin\n", "A-1", FAULT_FILE},
        {"ca/fingerprint.check", "ca/root.pem", "A-1", FAULT_FILE},
        {"ca/fingerprint.check", "other.check", "A-1", FAULT_HSM_KEY_WRONG},
        {"station: ca/station-1.pem", "station: ca/issuing-1.pem", "A-1", FAULT_HSM_KEY_WRONG},
        {"user=station_a", "user=nobody_here", "A-1", FAULT_RECORD_ROLE},
        {"slots:", "slotz:", "A-1", FAULT_CONFIG_KEY},
    };
    char other[160];
    (void)snprintf(other, sizeof other, "%s/other.check", plant.softhsm.directory);
    plant_write(other, "0123456789abcdef\n");
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        char jig[160];
        plant_change_jig(&plant, refusals[i].from, refusals[i].to, jig);
        int code = run_station(jig, refusals[i].order);
        if (code != (int)fault_exit(refusals[i].code))
            fail_msg("refusal %zu: exit %d, expected %d", i, code, (int)fault_exit(refusals[i].code));
    }
    softhsm_kill_server(&plant.softhsm);
    softhsm_kill_server(&plant.spare);
    assert_int_equal(run_station(plant.jig, "A-1"), fault_exit(FAULT_HSM_DOWN));
    plant_serve(&plant);
}

static int open_plant(void **state)
{
    (void)state;
    plant_open(&plant, "router.yaml", 10);
    return 0;
}

static int close_plant(void **state)
{
    plant_close(&plant);
    return postgres_stop(state);
}

int main(void)
{
    struct fault fault;
    if (!process_harden(&fault) || !secret_arena_open(1 << 16, &fault))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unit_goes_through),
        cmocka_unit_test(test_labels_that_went_wrong),
        cmocka_unit_test(test_stop_leaves_a_label_that_waits),
        cmocka_unit_test(test_pause_starts_no_unit),
        cmocka_unit_test(test_dead_worker_is_started_again),
        cmocka_unit_test(test_labelled_unit_outlives_its_worker),
        cmocka_unit_test(test_spare_takes_over_and_resume_returns),
        cmocka_unit_test(test_hung_tokens_hold_the_station),
        cmocka_unit_test(test_second_station_is_refused),
        cmocka_unit_test(test_station_that_cannot_start),
    };
    return cmocka_run_group_tests_name("station/line: processes", tests, open_plant, close_plant);
}
