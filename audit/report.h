/* report.h -- what a pass found, in words: the same from every program.
 *
 * Owner    values
 * Threads  one
 * Secrets  none
 * Layer    audit/
 */
#pragma once

#include "audit/verify.h"

#include <stdio.h>

#define REPORT_MOST 1000 /* findings that are printed; all are counted */

struct report {
    FILE *file;
    uint64_t told;
};

/* For audit_begin(): `context` is a struct report. Characters that a terminal would obey are written as '?'. */
void report_finding(void *context, const struct audit_finding *finding);

/* What was compared, and what that cannot show. True when nothing was found. */
NONNULL(1, 2, 3)
bool report_sum(struct report *report, const struct audit_sum *sum, const char *origin, uint64_t waiting);
