/* printer.h -- one bitmap to one printer, and how sure it is that it was printed.
 *
 * Printed is a fact with a level. When the first byte of a job has gone out and its end was not seen, the answer is
 * PRINTER_UNKNOWN, and nothing here ever sends a job a second time: a printer that ran out of paper prints what it
 * holds as soon as somebody gives it more.
 *
 * Owner    the caller closes the printer
 * Threads  one printer belongs to one thread
 * Secrets  the job shows the label's passwords; our buffers are wiped. Over "tcp:" and "ipp:" it travels in the clear:
 *          use a cable of its own
 * Layer    station/label/ may include base/ and jigs/ only
 */
#pragma once

#include "base/clock.h"
#include "jigs/jig.h"
#include "station/label/bitmap.h"

struct printer;

/* In the order of enum store_print_level. */
enum print_level {
    PRINT_SENT,    /* the printer took the bytes */
    PRINT_CLAIMED, /* it says that it is done (IPP); for a PNG: the file is on the disk */
    PRINT_COUNTED, /* its counter went up by exactly one, and nothing waits in it */
};

/* Looks at the jig's entry only; connects to nothing. ZPL: "tcp:host:port" or "unix:/path"; PNG: a directory; IPP:
 * "ipp://host:port/path", and with a uuid no other printer is taken for it.
 *
 * Faults: CONFIG_VALUE, PRINTER_AWAY when the directory is not there, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool printer_open(const struct jig_printer *is, struct printer **ret_printer,
                                             struct fault *fault);
void printer_close(struct printer *printer);
DEFINE_CLEANUP(struct printer *, printer_close)

/* True when a job would be printed now.
 *
 * Faults: PRINTER_AWAY when it cannot be reached or is silent; PRINTER_PAPER, PRINTER_RIBBON,
 * PRINTER_HEAD, PRINTER_PAUSED, PRINTER_HOLDS, PRINTER_HOT, PRINTER_CUTTER, PRINTER_UNTAKEN, and PRINTER_NOT_READY for
 * an error that has no number of its own; the text has all that the printer said. PRINTER_OTHER and PRINTER_UNFIT (IPP)
 * when it is not the jig's printer, or cannot take such labels.
 */
NODISCARD NONNULL(1, 3) bool printer_status(struct printer *printer, struct deadline deadline, struct fault *fault);

/* Takes back what an earlier worker left in the printer: over IPP the jobs of this machine, over ZPL all. What is taken
 * back was never known to be printed, and its password is dead. A ZPL printer in an error is told, and cannot say
 * whether it heard. Faults: PRINTER_AWAY, PRINTER_OTHER, PRINTER_HOLDS. */
NODISCARD NONNULL(1, 3) bool printer_clear(struct printer *printer, struct deadline deadline, struct fault *fault);

/* Waits while the label before still hangs in a printer that peels: that is a state and no fault, until the deadline.
 * True at once for every other printer, and for one with another trouble, which printer_print() tells.
 *
 * Faults: PRINTER_UNTAKEN: nothing was sent.
 */
NODISCARD NONNULL(1, 3) bool printer_await_taken(struct printer *printer, struct deadline deadline,
                                                 struct fault *fault);

/* Prints one label. `name` is the label's id: 1 to 16 of 0-9 and A-Z.
 *
 * Faults: those of printer_status(): nothing was sent. PRINTER_UNKNOWN: the job may have been printed, or may still be.
 * PRINTER_TWICE: it surely was, more than once. FILE, LABEL_VALUE, NO_MEMORY, INTERNAL: nothing was sent.
 */
NODISCARD NONNULL(1, 2, 3, 5, 6) bool printer_print(struct printer *printer, const char *name,
                                                    const struct label_bitmap *bitmap, struct deadline deadline,
                                                    enum print_level *ret_level, struct fault *fault);
