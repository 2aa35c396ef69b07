#include "station/label/printer.h"

#include "station/label/cable.h"
#include "station/label/ipp.h"
#include "station/label/png.h"
#include "station/label/zpl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long one question waits: a printer that is out of paper or open answers some of them never. */
#define ANSWER_MS 1000
#define POLL_MS 50
#define TAKEN_POLL_MS 200
#define CONNECT_MS 3000
#define CANCEL_MS 1000
/* Connected, and all three questions: a last look is not cut short by the deadline of a wait. */
#define LOOK_MS 6000

struct printer {
    enum printer_kind kind;
    unsigned dpi;
    enum printer_mode mode;
    char path[JIG_PATH_SIZE];
    struct ipp_link link;
};

/* What a ZPL printer said just now. */
struct report {
    unsigned errors;
    struct zpl_status status;
    uint64_t counter;
};

bool printer_open(const struct jig_printer *is, struct printer **ret_printer, struct fault *fault)
{
    const char *path = is->path;
    struct stat info;
    if (strnlen(path, JIG_PATH_SIZE) == JIG_PATH_SIZE || (is->dpi != 203 && is->dpi != 300 && is->dpi != 600))
        return fault_set(fault, FAULT_CONFIG_VALUE, 0, "printer: path too long, or %u dpi", is->dpi);
    if (is->kind == PRINTER_PNG && (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)))
        return fault_set(fault, FAULT_PRINTER_AWAY, (unsigned long)errno, "printer %s is not a directory", path);
    if (is->kind == PRINTER_ZPL && !cable_address_check(path, fault))
        return false;
    CLEANUP(printer_closep) struct printer *printer = calloc(1, sizeof *printer);
    if (!printer)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a printer");
    if (is->kind == PRINTER_IPP && !ipp_link_open(path, is->uuid, is->dpi, &printer->link, fault))
        return false;
    printer->kind = is->kind;
    printer->dpi = is->dpi;
    printer->mode = is->mode;
    memcpy(printer->path, path, strlen(path) + 1);
    *ret_printer = TAKE(printer);
    return true;
}

void printer_close(struct printer *printer)
{
    free(printer);
}

/* ---- ZPL ---- */

static bool understand_errors(const uint8_t *bytes, size_t size, struct report *report, size_t *ret_taken)
{
    return zpl_read_errors(bytes, size, &report->errors, ret_taken);
}

static bool understand_status(const uint8_t *bytes, size_t size, struct report *report, size_t *ret_taken)
{
    return zpl_read_status(bytes, size, &report->status, ret_taken);
}

static bool understand_counter(const uint8_t *bytes, size_t size, struct report *report, size_t *ret_taken)
{
    return zpl_read_counter(bytes, size, &report->counter, ret_taken);
}

static const struct question {
    const char *name;
    const char *text;
    bool (*understand)(const uint8_t *bytes, size_t size, struct report *report, size_t *ret_taken);
} ask_errors = {"~HQES", ZPL_ASK_ERRORS, understand_errors}, ask_status = {"~HS", ZPL_ASK_STATUS, understand_status},
  ask_counter = {"the odometer", ZPL_ASK_COUNTER, understand_counter};

/* Faults: PRINTER_AWAY. */
static bool ask(struct cable *cable, const struct question *question, struct deadline deadline, struct report *report,
                struct fault *fault)
{
    struct deadline answer_by = deadline_sooner(deadline, deadline_in_ms(ANSWER_MS));
    CLEANUP(wiped_clear) struct wiped answer = {0};
    if (!cable_send(cable, question->text, strlen(question->text), answer_by, fault))
        return false;
    for (;;) {
        size_t taken = 0;
        if (answer.size > 0 && !question->understand(answer.bytes, answer.size, report, &taken))
            return fault_set(fault, FAULT_PRINTER_AWAY, 0, "the printer's answer to %s is none", question->name);
        if (taken > 0)
            return true;
        if (!cable_receive(cable, &answer, answer_by, fault))
            return fault_within(fault, "%s", question->name);
    }
}

/* Asks for the error word first: in an error the printer does not answer the others. */
static bool look(struct cable *cable, struct deadline deadline, struct report *ret_report, struct fault *fault)
{
    struct report report = {0};
    if (!ask(cable, &ask_errors, deadline, &report, fault))
        return false;
    if (report.errors == 0 &&
        (!ask(cable, &ask_status, deadline, &report, fault) || !ask(cable, &ask_counter, deadline, &report, fault)))
        return false;
    *ret_report = report;
    return true;
}

static bool check_ready(const struct report *report, struct fault *fault)
{
    char words[ZPL_WORDS_SIZE];
    enum fault_code code = zpl_fault(&report->status, report->errors);
    if (code == FAULT_NONE)
        return true;
    zpl_words(&report->status, report->errors, words);
    return fault_set(fault, code, report->errors, "the printer says: %s", words);
}

static bool look_ready(struct cable *cable, struct deadline deadline, struct report *ret_report, struct fault *fault)
{
    return look(cable, deadline, ret_report, fault) && check_ready(ret_report, fault);
}

static bool open_cable(const struct printer *printer, struct deadline deadline, struct cable **ret_cable,
                       struct fault *fault)
{
    return cable_open(printer->path, deadline_sooner(deadline, deadline_in_ms(CONNECT_MS)), ret_cable, fault);
}

/* A label whose fate is unknown has a dead password: what of it still waits for paper must not come out. Over a new
 * connection, because the old one may be full of it. Nothing is known by it: a printer does not answer this. */
static const char *cancel_rest(const struct printer *printer)
{
    struct fault unheard;
    struct deadline deadline = deadline_in_ms(CANCEL_MS);
    CLEANUP(cable_closep) struct cable *cable = NULL;
    bool told = open_cable(printer, deadline, &cable, &unheard) &&
                cable_send(cable, ZPL_CANCEL_ALL, strlen(ZPL_CANCEL_ALL), deadline, &unheard);
    return told ? "; it was told to cancel the rest" : "";
}

/* One look after another until the label is counted. A look that fails proves nothing: the next one may succeed, over
 * a new connection, in which no late answer can be taken for another's. */
static bool wait_counted(const struct printer *printer, struct cable **cable, uint64_t before, struct deadline deadline,
                         struct fault *fault)
{
    char words[ZPL_WORDS_SIZE] = "nothing";
    while (!deadline_passed(deadline)) {
        struct report report = {0};
        struct fault passing;
        if ((!*cable && !open_cable(printer, deadline, cable, &passing)) ||
            !look(*cable, deadline, &report, &passing)) {
            cable_closep(cable);
            *cable = NULL;
            cable_pause(POLL_MS, deadline);
            continue;
        }
        zpl_words(&report.status, report.errors, words);
        report.status.untaken = false; /* it is this label */
        bool idle = zpl_is_ready(&report.status, report.errors);
        if (report.errors == 0 && report.counter > before + 1)
            return fault_set(fault, FAULT_PRINTER_TWICE, 0, "the printer counted %llu labels for one",
                             (unsigned long long)(report.counter - before));
        if (idle && report.counter == before + 1)
            return true;
        if (idle && report.counter < before)
            return fault_set(fault, FAULT_PRINTER_UNKNOWN, 0, "the printer's counter went backwards");
        cable_pause(POLL_MS, deadline);
    }
    cable_closep(cable);
    *cable = NULL;
    return fault_set(fault, FAULT_PRINTER_UNKNOWN, 0, "sent, but not counted in time; the printer last said: %s%s",
                     words, cancel_rest(printer));
}

static bool print_zpl(const struct printer *printer, const char *name, const struct label_bitmap *bitmap,
                      struct deadline deadline, enum print_level *ret_level, struct fault *fault)
{
    CLEANUP(cable_closep) struct cable *cable = NULL;
    CLEANUP(wiped_clear) struct wiped job = {0};
    struct report before = {0};
    if (!zpl_append_job(bitmap, name, printer->mode, &job, fault) || !open_cable(printer, deadline, &cable, fault) ||
        !look_ready(cable, deadline, &before, fault))
        return false;
    struct fault sending;
    if (!cable_send(cable, job.bytes, job.size, deadline, &sending)) {
        cable_closep(&cable);
        cable = NULL;
        return fault_set(fault, FAULT_PRINTER_UNKNOWN, sending.native, "while the label was sent: %s%s", sending.text,
                         cancel_rest(printer));
    }
    if (!wait_counted(printer, &cable, before.counter, deadline, fault))
        return false;
    *ret_level = PRINT_COUNTED;
    return true;
}

/* ---- PNG ---- */

static bool print_png(const struct printer *printer, const char *name, const struct label_bitmap *bitmap,
                      enum print_level *ret_level, struct fault *fault)
{
    char file[NAME_MAX];
    (void)snprintf(file, sizeof file, "%s.png", name);
    if (!png_write(bitmap, printer->dpi, printer->path, file, fault))
        return false;
    *ret_level = PRINT_CLAIMED;
    return true;
}

static bool check_directory(const struct printer *printer, struct fault *fault)
{
    if (access(printer->path, W_OK | X_OK) != 0)
        return fault_set(fault, FAULT_PRINTER_NOT_READY, (unsigned long)errno, "%s: %s", printer->path,
                         strerror(errno));
    return true;
}

/* Again and again, because what is being printed is not cancelled, and what stops over an error then waits again. In an
 * error a printer does not say what it holds: it is enough to have told it there. */
static bool clear_zpl(const struct printer *printer, struct deadline deadline, struct fault *fault)
{
    CLEANUP(cable_closep) struct cable *cable = NULL;
    struct report report = {0};
    if (!open_cable(printer, deadline, &cable, fault))
        return false;
    do {
        if (!cable_send(cable, ZPL_CANCEL_ALL, strlen(ZPL_CANCEL_ALL), deadline_in_ms(LOOK_MS), fault) ||
            !look(cable, deadline_in_ms(LOOK_MS), &report, fault))
            return false;
        const struct zpl_status *status = &report.status;
        if (report.errors != 0 || (status->waiting == 0 && status->remaining == 0 && !status->partial))
            return true;
        cable_pause(POLL_MS, deadline);
    } while (!deadline_passed(deadline));
    return check_ready(&report, fault);
}

static bool check_zpl(const struct printer *printer, struct deadline deadline, struct fault *fault)
{
    CLEANUP(cable_closep) struct cable *cable = NULL;
    struct report report = {0};
    return open_cable(printer, deadline, &cable, fault) && look_ready(cable, deadline, &report, fault);
}

bool printer_status(struct printer *printer, struct deadline deadline, struct fault *fault)
{
    switch (printer->kind) {
    case PRINTER_ZPL:
        return check_zpl(printer, deadline, fault);
    case PRINTER_PNG:
        return check_directory(printer, fault);
    case PRINTER_IPP:
        return ipp_status(&printer->link, deadline, fault);
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "a printer of no kind");
}

bool printer_clear(struct printer *printer, struct deadline deadline, struct fault *fault)
{
    switch (printer->kind) {
    case PRINTER_ZPL:
        return clear_zpl(printer, deadline, fault);
    case PRINTER_PNG:
        return true;
    case PRINTER_IPP:
        return ipp_cancel_own(&printer->link, deadline, fault);
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "a printer of no kind");
}

bool printer_await_taken(struct printer *printer, struct deadline deadline, struct fault *fault)
{
    while (printer->kind == PRINTER_ZPL && printer->mode == PRINTER_PEELS) {
        if (check_zpl(printer, deadline_in_ms(LOOK_MS), fault) || fault->code != FAULT_PRINTER_UNTAKEN)
            return true;
        if (deadline_passed(deadline))
            return false;
        cable_pause(TAKEN_POLL_MS, deadline);
    }
    return true;
}

static bool is_job_name(const char *name)
{
    size_t length = strnlen(name, 17);
    return length > 0 && length < 17 && strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == length;
}

static bool print_ipp(const struct printer *printer, const char *name, const struct label_bitmap *bitmap,
                      struct deadline deadline, enum print_level *ret_level, struct fault *fault)
{
    if (!ipp_print(&printer->link, name, bitmap, deadline, fault))
        return false;
    *ret_level = PRINT_CLAIMED;
    return true;
}

bool printer_print(struct printer *printer, const char *name, const struct label_bitmap *bitmap,
                   struct deadline deadline, enum print_level *ret_level, struct fault *fault)
{
    if (!is_job_name(name))
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a label's id is 1 to 16 of 0-9 and A-Z");
    switch (printer->kind) {
    case PRINTER_ZPL:
        return print_zpl(printer, name, bitmap, deadline, ret_level, fault);
    case PRINTER_PNG:
        return print_png(printer, name, bitmap, ret_level, fault);
    case PRINTER_IPP:
        return print_ipp(printer, name, bitmap, deadline, ret_level, fault);
    }
    return fault_set(fault, FAULT_INTERNAL, 0, "a printer of no kind");
}
