#include "station/line/line.h"

#include "base/channel.h"
#include "base/log.h"
#include "jigs/read.h"
#include "station/label/printer.h"
#include "station/line/conduit.h"

#include <signal.h>
#include <unistd.h>

#define IDLE_MS 60000
/* All three together shorter than the slot worker's patience, so that it hears the reason. */
#define TAKE_MS 10000
#define PRINT_MS 45000
/* How long an operator may leave the label before in a printer that peels. */
#define TAKEN_MS 60000
#define CLEAR_MS 5000

static void log_label(const struct worker_options *options, const struct printer_order *order, bool printed,
                      const struct fault *why)
{
    struct log_line line;
    log_begin(&line, printed ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, printed ? "label.printed" : "label.failed");
    log_number(&line, "printer", options->index);
    log_number(&line, "slot", order->slot);
    log_text(&line, "label", order->label);
    if (!printed)
        log_fault(&line, why);
    log_end(&line);
}

/* One label. Whatever happens is answered over the conduit; a slot worker that is gone needs no answer. */
static void serve(const struct worker_options *options, struct printer *printer, const struct printer_order *order,
                  int conduit)
{
    struct fault fault;
    struct print_job job;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    enum print_level level = PRINT_SENT;
    bool printed = conduit_take(conduit, &job, &bitmap, deadline_in_ms(TAKE_MS), &fault) &&
                   printer_await_taken(printer, deadline_in_ms(TAKEN_MS), &fault) &&
                   conduit_is_heard(conduit, &fault) &&
                   printer_print(printer, job.label, bitmap, deadline_in_ms(PRINT_MS), &level, &fault);
    log_label(options, order, printed, &fault);
    struct fault unheard;
    if (!conduit_answer(conduit, (enum store_print_level)level, printed ? NULL : &fault, &unheard))
        log_label(options, order, false, &unheard);
}

static bool run(const struct worker_options *options, struct printer *printer, struct fault *fault)
{
    for (;;) {
        struct printer_order order;
        int conduit = -1;
        if (channel_receive(WORKER_CHANNEL, &order, sizeof order, &conduit, deadline_in_ms(IDLE_MS), fault)) {
            order.label[sizeof order.label - 1] = '\0';
            if (conduit >= 0) {
                serve(options, printer, &order, conduit);
                (void)close(conduit);
            }
        } else if (fault->code == FAULT_CHANNEL) {
            return true; /* the supervisor has ended */
        } else if (fault->code != FAULT_TIMED_OUT) {
            return false;
        }
    }
}

static bool open_printer(const struct worker_options *options, struct printer **ret_printer, struct fault *fault)
{
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(options->jig, &jig, fault))
        return false;
    if (options->index >= jig->printer_count)
        return fault_set(fault, FAULT_USAGE, 0, "the jig has no printer at index %u", options->index);
    const struct jig_printer *is = &jig->printers[options->index];
    return printer_open(is, ret_printer, fault);
}

/* A worker before this one may have died over a label. A printer that is switched off now is no reason not to start:
 * each label looks again. */
static void clear(const struct worker_options *options, struct printer *printer)
{
    struct fault fault;
    if (printer_clear(printer, deadline_in_ms(CLEAR_MS), &fault))
        return;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "printer.not_cleared");
    log_number(&line, "printer", options->index);
    log_fault(&line, &fault);
    log_end(&line);
}

int printer_worker_run(const struct worker_options *options)
{
    (void)signal(SIGINT, SIG_IGN);
    struct fault fault;
    CLEANUP(printer_closep) struct printer *printer = NULL;
    if (open_printer(options, &printer, &fault)) {
        clear(options, printer);
        if (run(options, printer, &fault))
            return FAULT_EXIT_OK;
    }
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "printer.failed");
    log_number(&line, "printer", options->index);
    log_fault(&line, &fault);
    log_end(&line);
    return (int)fault_exit(fault.code);
}
