/* line.h -- a whole station: one supervisor, and the workers it starts from this same program.
 *
 *   supervisor ── slot worker × slots     one unit at a time; own port, own token session, own record connection
 *              ├─ printer worker × printers
 *              └─ scanner reader × scanners
 *
 * Owner    each process owns what it opens
 * Threads  one in each process
 * Secrets  none in the supervisor and in the scanner readers; slot workers hold the passwords of the unit in work,
 *          printer workers the bitmap of the label in work
 * Layer    station/line/ may include every room and the other parts of station/
 */
#pragma once

#include "base/fault.h"
#include "station/label/label.h"

struct line_options {
    const char *jig;   /* path of the jig file */
    const char *order; /* number of the open order */
    const char *badge; /* the operator's, until another one is scanned; "" for none */
    bool json;         /* one JSON object a line on standard output, instead of text for people */
    enum fault_language language;
};

/* Runs the station until SIGTERM or SIGINT: then each slot finishes its unit, or leaves one that waits for its scan.
 * A second signal ends the workers at once, which the record survives.
 *
 * Faults: those of the jig's reader; ALREADY_RUNNING when another station has the state directory; what kept the first
 * slot worker from opening its rooms (tokens, record, keys, label template); HSM_PIN when a slot that starts again
 * finds that the token refuses the PIN now; CHANNEL when the first worker ended without a word; FILE, SYSTEM.
 */
NODISCARD NONNULL(1, 2) bool line_run(const struct line_options *options, struct fault *fault);

/* What the supervisor starts: `kokuin station slot-worker ...` and its like. Each speaks on WORKER_CHANNEL and ends
 * when its other end is gone; each returns the process's exit code. A slot worker ends with 0 only to be started
 * afresh. */
#define WORKER_CHANNEL 3
#define WORKER_REFUSALS 4 /* slot workers: the PINs that were refused (hsm/refusals.h) */

struct worker_options {
    const char *jig;
    unsigned index; /* of the slot, printer or scanner in the jig */
    const char *order;
    const char *badge;
};

NODISCARD NONNULL(1) int slot_worker_run(const struct worker_options *options);
NODISCARD NONNULL(1) int printer_worker_run(const struct worker_options *options);
NODISCARD NONNULL(1) int scanner_reader_run(const struct worker_options *options);
/* Draws one label and ends: standard input and output are those of whoever started it (station/label/label.h). */
NODISCARD int label_child_run(void);
/* How this program starts that. */
extern const struct label_child line_label_child;

/* Locked memory for secrets in each process that holds some. */
#define SECRET_ARENA_BYTES (1 << 16)
