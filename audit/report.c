#include "audit/report.h"

#include <inttypes.h>

void report_finding(void *context, const struct audit_finding *finding)
{
    struct report *report = context;
    if (++report->told > REPORT_MOST)
        return;
    (void)fprintf(report->file, "%-10s  leaf %" PRIu64, audit_kind_name(finding->kind), finding->first);
    if (finding->last != finding->first)
        (void)fprintf(report->file, " to %" PRIu64, finding->last);
    (void)fputs(": ", report->file);
    for (const char *at = finding->text; *at; at++)
        (void)fputc(*at >= ' ' && *at <= '~' ? *at : '?', report->file);
    (void)fputc('\n', report->file);
}

bool report_sum(struct report *report, const struct audit_sum *sum, const char *origin, uint64_t waiting)
{
    FILE *file = report->file;
    if (report->told > REPORT_MOST)
        (void)fprintf(file, "and %" PRIu64 " more\n", report->told - REPORT_MOST);
    (void)fprintf(file, "%s: %" PRIu64 " leaves, %" PRIu64 " findings\n", origin, sum->leaves, sum->findings);
    (void)fprintf(file,
                  "heads of the record that hold: %" PRIu64 "; given heads that hold: %" PRIu64 " of %" PRIu64 "\n",
                  sum->own_heads, sum->held, sum->exported_heads);
    if (sum->exported_heads == 0)
        (void)fputs(
            "not shown: that the log was never cut or put back. Only a head that was kept elsewhere shows it.\n", file);
    else
        (void)fprintf(file, "not shown: what was cut off behind leaf %" PRIu64 ", where the last given head ends.\n",
                      sum->covered > 0 ? sum->covered - 1 : 0);
    if (waiting > 0)
        (void)fprintf(file, "not shown: anything about %" PRIu64 " steps that are in no leaf yet.\n", waiting);
    return sum->findings == 0;
}
