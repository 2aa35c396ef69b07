/* ipp.h -- one label to a printer that speaks IPP, straight to it, and what it says became of it.
 *
 * Never through a print server, which would keep the label on its disk. The label goes in one Print-Job, whole: a job
 * that is made first and filled later stays behind when its maker dies between the two, and such a printer answers
 * "busy" to everybody.
 *
 * Every question has a connection of its own, so that no late answer is taken for another's. A job is known by its
 * number, its name and the printer's uuid, and by the time since when the printer is up: after a restart it counts its
 * jobs from 1 again, and has forgotten what became of ours.
 *
 * Owner    a link is a value
 * Threads  one link belongs to one thread
 * Secrets  the document shows the label's passwords: it lies in wiped memory and goes to the socket from there. It
 *          travels in the clear: to this machine, or over a cable of its own
 * Layer    station/label/
 * Spec     RFC 8011: Get-Printer-Attributes, Print-Job, Get-Job-Attributes, Get-Jobs, Cancel-Job
 */
#pragma once

#include "base/clock.h"
#include "station/label/ipp_message.h"

struct ipp_link {
    struct ipp_parties parties;
    char address[IPP_URI_SIZE + 8]; /* "tcp:HOST:PORT" */
    char path[IPP_URI_SIZE];
    char uuid[IPP_UUID_SIZE]; /* the printer that must answer; empty: any */
    unsigned dpi;
};

/* "ipp://HOST:PORT/PATH"; connects to nothing. `uuid` may be empty. Faults: CONFIG_VALUE. */
NODISCARD NONNULL(1, 2, 4, 5) bool ipp_link_open(const char *uri, const char *uuid, unsigned dpi,
                                                 struct ipp_link *ret_link, struct fault *fault);

/* True when a label would be printed now.
 *
 * Faults: PRINTER_AWAY when it cannot be reached, is silent or answers what is no IPP; PRINTER_OTHER when its uuid is
 * not the jig's; PRINTER_UNFIT when it cannot take such labels; PRINTER_PAPER and its kin by its state reasons;
 * PRINTER_HOLDS while any job is in it.
 */
NODISCARD NONNULL(1, 3) bool ipp_status(const struct ipp_link *link, struct deadline deadline, struct fault *fault);

/* Cancels every job that this machine left in it, and waits until they are gone. Nothing left is success.
 *
 * Faults: PRINTER_AWAY, PRINTER_OTHER, PRINTER_HOLDS when one stays.
 */
NODISCARD NONNULL(1, 3) bool ipp_cancel_own(const struct ipp_link *link, struct deadline deadline, struct fault *fault);

/* Cancels what is left of ours, prints the label, and waits until the printer says that it is done. When the deadline
 * comes first the job is cancelled, which takes a second more; whether it was printed is unknown all the same.
 *
 * Faults: those of ipp_status(): nothing was sent. PRINTER_TWICE: it came out more than once. PRINTER_UNKNOWN: sent,
 * and everything else.
 */
NODISCARD NONNULL(1, 2, 3, 5) bool ipp_print(const struct ipp_link *link, const char *name,
                                             const struct label_bitmap *bitmap, struct deadline deadline,
                                             struct fault *fault);
