/* bench.h -- a stand-in printer that runs, a printer that is connected to it, and what is expected of the two.
 *
 * Owner    the test stops what it has started
 * Threads  one
 * Secrets  made up for the test
 * Layer    tests/
 */
#pragma once

#include "station/label/printer.h"
#include "tests/unit/label/desk.h"

#include <sys/types.h>

#define BENCH_ENOUGH_MS 30000

struct bench {
    pid_t pid;
    struct jig_printer is;
    struct printer *printer;
    const struct label_bitmap *bitmap; /* what is printed */
};

/* Starts it on the desk's own directory, and waits until it says where it listens: "unix:...", "tcp:127.0.0.1:0" or
 * "ipp:127.0.0.1:0". `misbehaviour` and `like` may be NULL; of the latter mode and uuid are taken. */
void bench_start(struct bench *bench, const struct desk *desk, const struct label_bitmap *bitmap, const char *listen,
                 const char *misbehaviour, const struct jig_printer *like);
/* It must end as it should. */
void bench_stop(struct bench *bench);
/* Puts in paper, closes the head. */
void bench_mend(const struct bench *bench);

/* Printed, as surely as its language can tell. */
void expect_print(struct bench *bench, const char *name);
void expect_no_print(struct bench *bench, unsigned milliseconds, enum fault_code code, const char *words);
void expect_status(struct bench *bench, enum fault_code code, const char *words);

/* Until it has printed all it holds. */
void wait_ready(struct bench *bench);
/* How many labels lie on the desk. */
size_t count_labels(const struct desk *desk);
