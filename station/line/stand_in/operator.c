/* operator.c -- `kokuin-operator`, a stand-in for the person at the line, for the demo and for tests.
 *
 * Reads what the station says on standard input (`kokuin station run --json`) and behaves as a person: puts boards in,
 * applies and scans labels, takes units out, puts one back in when the screen says so. It knows only what the screen,
 * the printer's paper and its own hands tell it.
 */
#include "base/bytes.h"
#include "station/line/stand_in/bench.h"
#include "station/line/stand_in/eye.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_MAX 16
#define TEXT_SIZE 128
#define STALL_MS 60000
#define PAPER_MS 15000
#define PUT_BACK_MAX 2
#define SCANS_MAX 3

struct slot {
    int number;
    char port[TEXT_SIZE];
    char board[33]; /* in the slot, or in hand for it; "" none */
    bool seated;    /* the board sits in the slot */
    int put_back;   /* how often this board was put in again */
    int scans;      /* of the label that waits */
    struct eye_paper paper;
};

struct person {
    const char *control, *scanner, *labels, *model, *misbehave;
    char prefix[17]; /* of every board's hardware id */
    int units;
    struct slot slots[SLOTS_MAX];
    size_t slot_count;
    struct bench bench;
    int begun, closed, rejected;
    struct fault fault; /* what ended it */
};

static void say(const struct person *person, const char *text, const struct slot *slot)
{
    (void)fprintf(stderr, "operator: slot %d: %s (%d of %d closed, %d rejected)\n", slot->number, text, person->closed,
                  person->units, person->rejected);
}

static bool scan(struct person *person, const char *text)
{
    return bench_do(&person->bench, &person->fault, "scan %s %s", person->scanner, text);
}

/* ---- what hands do ---- */

static bool put_in(struct person *person, struct slot *slot)
{
    bool again = slot->board[0] != '\0';
    if (!again && person->begun == person->units)
        return true;
    bool first = !again && person->begun == 0;
    if (!again)
        (void)snprintf(slot->board, sizeof slot->board, "%s%08x", person->prefix, (unsigned)person->begun++);
    slot->seated = true;
    say(person, again ? "puts the unit back in" : "puts a unit in", slot);
    return bench_do(&person->bench, &person->fault, "insert %s %s %s%s%s", slot->port, slot->board, person->model,
                    first && person->misbehave ? " " : "", first && person->misbehave ? person->misbehave : "");
}

/* A board that fell off its cable by itself is simply gone already. */
static void take_out(struct person *person, struct slot *slot)
{
    struct fault gone;
    slot->seated = false;
    if (!bench_do(&person->bench, &gone, "remove %s", slot->port))
        say(person, "the unit is out already", slot);
}

static bool apply_label(struct person *person, struct slot *slot, const char *serial, const char *label)
{
    if (!eye_find(person->labels, serial, label, deadline_in_ms(PAPER_MS), &slot->paper, &person->fault))
        return false;
    char tag[32];
    char text[8 + LABEL_CODE_SIZE];
    (void)snprintf(tag, sizeof tag, "KOKUIN-SLOT-%d", slot->number);
    (void)snprintf(text, sizeof text, "]d2%s", slot->paper.text);
    slot->scans++;
    say(person, "applies the label and scans it", slot);
    return scan(person, text) && scan(person, tag);
}

static bool keep_label(struct person *person, struct slot *slot, const char *serial)
{
    bool kept = slot->paper.path[0] == '\0' || eye_put_away(&slot->paper, person->labels, serial, &person->fault);
    slot->paper.path[0] = '\0';
    return kept;
}

/* The label of a failed attempt is dead: it goes where no unit can get it. */
static bool shred_label(struct person *person, struct slot *slot, const char *serial, const char *label)
{
    if (label[0] == '\0')
        return true;
    struct fault none;
    if (slot->paper.path[0] == '\0' && !eye_find(person->labels, serial, label, deadline_in_ms(0), &slot->paper, &none))
        return true;
    char directory[EYE_PATH_SIZE];
    (void)snprintf(directory, sizeof directory, "%.190s/void", person->labels);
    bool gone = eye_put_away(&slot->paper, directory, label, &person->fault);
    slot->paper.path[0] = '\0';
    return gone;
}

/* ---- what the screen says ---- */

/* The faults whose words say "put it in again". */
static bool says_put_back(int fault)
{
    switch ((enum fault_code)fault) {
    case FAULT_UNIT_UNPLUGGED:
    case FAULT_UNIT_SILENT:
    case FAULT_UNIT_LINK:
    case FAULT_UNIT_RECEIPT:
    case FAULT_UNIT_SWAPPED:
    case FAULT_PASSWORD_NOT_ACCEPTED:
    case FAULT_PRINTER_UNKNOWN:
    case FAULT_INTERRUPTED:
    case FAULT_TIMED_OUT:
    case FAULT_WORKER_DIED:
        return true;
    default:
        return false;
    }
}

static bool see_good(struct person *person, struct slot *slot, const char *serial)
{
    person->closed++;
    say(person, "closed; takes the unit out", slot);
    take_out(person, slot);
    slot->board[0] = '\0';
    slot->put_back = 0;
    return keep_label(person, slot, serial);
}

static bool see_bad(struct person *person, struct slot *slot, const json_t *event, const char *serial,
                    const char *label)
{
    int fault = (int)json_integer_value(json_object_get(event, "fault"));
    (void)fprintf(stderr, "operator: slot %d: NG %d %s: %s\n", slot->number, fault, fault_name((enum fault_code)fault),
                  json_string_value(json_object_get(event, "text")));
    /* A label that only waits for its scan is still good when the same unit comes back. */
    bool waits = fault == FAULT_UNIT_UNPLUGGED && slot->paper.path[0] != '\0';
    take_out(person, slot);
    if (!waits && !shred_label(person, slot, serial, label))
        return false;
    if (says_put_back(fault) && slot->put_back < PUT_BACK_MAX) {
        slot->put_back++;
        return true;
    }
    person->rejected++;
    slot->board[0] = '\0';
    slot->put_back = 0;
    return true;
}

/* With a fault, nobody knows whether the label came out: where it did not, the unit goes out and comes back in. */
static bool see_label(struct person *person, struct slot *slot, const json_t *event, const char *serial,
                      const char *label)
{
    struct fault none;
    struct eye_paper paper;
    slot->scans = 0;
    if (json_integer_value(json_object_get(event, "fault")) == 0 ||
        eye_find(person->labels, serial, label, deadline_in_ms(0), &paper, &none))
        return apply_label(person, slot, serial, label);
    say(person, "no label came out; takes the unit out", slot);
    take_out(person, slot);
    return true;
}

static struct slot *find_slot(struct person *person, json_int_t number)
{
    for (size_t i = 0; i < person->slot_count; i++)
        if (person->slots[i].number == number)
            return &person->slots[i];
    return NULL;
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

static bool see_slot(struct person *person, const json_t *event)
{
    struct slot *slot = find_slot(person, json_integer_value(json_object_get(event, "slot")));
    const char *view = text_of(event, "view");
    const char *serial = text_of(event, "serial");
    const char *label = text_of(event, "label");
    if (!slot)
        return true;
    if (strcmp(view, "empty") == 0)
        return slot->seated || put_in(person, slot);
    if (strcmp(view, "label") == 0)
        return see_label(person, slot, event, serial, label);
    if (strcmp(view, "ok") == 0)
        return see_good(person, slot, serial);
    if (strcmp(view, "ng") == 0)
        return see_bad(person, slot, event, serial, label);
    if (strcmp(view, "hold") == 0)
        return fault_set(&person->fault, (enum fault_code)json_integer_value(json_object_get(event, "fault")), 0,
                         "slot %d is on hold: %s", slot->number, text_of(event, "text"));
    return true;
}

/* A scan that was refused is made again, a few times. */
static bool see_scan(struct person *person, const json_t *event)
{
    int fault = (int)json_integer_value(json_object_get(event, "fault"));
    struct slot *slot = find_slot(person, json_integer_value(json_object_get(event, "slot")));
    if (fault == 0 || !slot || slot->paper.path[0] == '\0')
        return true;
    say(person, fault_name((enum fault_code)fault), slot);
    return slot->scans >= SCANS_MAX || apply_label(person, slot, slot->paper.code.serial, slot->paper.code.label);
}

static bool see(struct person *person, const char *line, size_t size)
{
    json_error_t error;
    json_t *event = json_loadb(line, size, 0, &error);
    if (!event)
        return fault_set(&person->fault, FAULT_BAD_BYTES, 0, "the station says no JSON: %s", error.text);
    const char *name = text_of(event, "event");
    bool good = true;
    if (strcmp(name, "ready") == 0)
        good = scan(person, "KOKUIN-BADGE-4711");
    else if (strcmp(name, "slot") == 0)
        good = see_slot(person, event);
    else if (strcmp(name, "scan") == 0)
        good = see_scan(person, event);
    else if (strcmp(name, "held") == 0)
        good = fault_set(&person->fault, (enum fault_code)json_integer_value(json_object_get(event, "fault")), 0,
                         "the station holds: %s", text_of(event, "text"));
    json_decref(event);
    return good;
}

static bool is_done(const struct person *person)
{
    return person->closed + person->rejected >= person->units;
}

/* Reads the station's lines until all units are done; a minute without a word is a stall. */
static bool watch(struct person *person)
{
    static char buffer[65536];
    size_t size = 0;
    while (!is_done(person)) {
        struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
        int events = poll(&ready, 1, STALL_MS);
        if (events == 0)
            return fault_set(&person->fault, FAULT_TIMED_OUT, 0, "the station has said nothing for %d s",
                             STALL_MS / 1000);
        ssize_t count = events < 0 ? -1 : read(STDIN_FILENO, buffer + size, sizeof buffer - size);
        if (count <= 0)
            return fault_set(&person->fault, FAULT_CHANNEL, (unsigned long)errno, "the station has ended");
        size += (size_t)count;
        for (char *end; (end = memchr(buffer, '\n', size));) {
            size_t line = (size_t)(end - buffer);
            if (!see(person, buffer, line))
                return false;
            size -= line + 1;
            memmove(buffer, end + 1, size);
        }
        if (size == sizeof buffer)
            return fault_set(&person->fault, FAULT_BAD_BYTES, 0, "the station's line is too long");
    }
    return true;
}

/* ---- arguments ---- */

static const char usage_text[] =
    "usage: kokuin station run JIG --order N --json | kokuin-operator --control PATH --scanner PORT --labels DIR\n"
    "           --slot N=PORT... --units N --model MODEL [--boards-from HEX] [--misbehave NAME]\n";

/* A number from 1 to 9999 that ends at `end`. */
static bool read_number(const char *text, char end, int *ret_number)
{
    int number = 0;
    for (; *text >= '0' && *text <= '9' && number < 1000; text++)
        number = number * 10 + (*text - '0');
    *ret_number = number;
    return *text == end && number > 0;
}

static bool read_slot(struct person *person, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || person->slot_count == SLOTS_MAX)
        return false;
    struct slot *slot = &person->slots[person->slot_count++];
    (void)snprintf(slot->port, sizeof slot->port, "%s", equals + 1);
    return read_number(text, '=', &slot->number) && slot->port[0] != '\0';
}

static bool read_arguments(int argc, char **argv, struct person *person)
{
    static const struct option options[] = {
        {"control", required_argument, NULL, 'c'},
        {"slot", required_argument, NULL, 's'},
        {"scanner", required_argument, NULL, 'r'},
        {"labels", required_argument, NULL, 'l'},
        {"units", required_argument, NULL, 'u'},
        {"model", required_argument, NULL, 'm'},
        {"boards-from", required_argument, NULL, 'b'},
        {"misbehave", required_argument, NULL, 'x'},
        {0},
    };
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (found) {
        case 'c':
            person->control = optarg;
            break;
        case 's':
            if (!read_slot(person, optarg))
                return false;
            break;
        case 'r':
            person->scanner = optarg;
            break;
        case 'l':
            person->labels = optarg;
            break;
        case 'u':
            if (!read_number(optarg, '\0', &person->units))
                return false;
            break;
        case 'm':
            person->model = optarg;
            break;
        case 'b':
            (void)snprintf(person->prefix, sizeof person->prefix, "%s", optarg);
            break;
        case 'x':
            person->misbehave = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc && person->control && person->scanner && person->labels && person->model &&
           person->units > 0 && person->slot_count > 0;
}

int main(int argc, char **argv)
{
    struct person person = {.bench = {.socket = -1}};
    (void)signal(SIGPIPE, SIG_IGN);
    if (!read_arguments(argc, argv, &person)) {
        (void)fputs(usage_text, stderr);
        return FAULT_EXIT_USAGE;
    }
    if (person.prefix[0] == '\0')
        hex_write(person.model, strnlen(person.model, sizeof person.prefix / 2), person.prefix);
    bool good = bench_open(person.control, &person.bench, &person.fault) && watch(&person);
    bench_close(&person.bench);
    if (!good)
        (void)fprintf(stderr, "operator: %s (%d %s); %d of %d closed\n", person.fault.text, (int)person.fault.code,
                      fault_name(person.fault.code), person.closed, person.units);
    return good && person.closed == person.units ? FAULT_EXIT_OK : FAULT_EXIT_CHECK_FAILED;
}
