/* log.h -- one event, one line, to standard error, as logfmt with a journald priority in front.
 *
 *   <6>t=2026-11-23T19:45:00.123456Z event=unit.bound slot=3 serial=KR000000001X
 *
 * Only programs log; rooms never do. Keys are fixed words; values are escaped; there is no free text but detail=.
 *
 * Owner    the line is built in the caller's struct and written with one write(2)
 * Threads  any; lines do not mix
 * Secrets  none: `struct secret` has no door here (tests/lint)
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* A line never grows past its struct: the value that did not fit ends in "...", later keys are left out, and the line
 * ends in cut=1. */
struct log_line {
    size_t at;
    bool cut;
    char text[1024];
};

NONNULL(1, 3) void log_begin(struct log_line *line, enum log_level level, const char *event);
/* Values are quoted where they must be; quotes and backslashes get a backslash; control characters and broken UTF-8
 * become \xHH. */
NONNULL(1, 2, 3) void log_text(struct log_line *line, const char *key, const char *value);
NONNULL(1, 2) void log_number(struct log_line *line, const char *key, int64_t value);
/* fault=HSM_PIN number=203 native=0xa0 at=token.c:88 detail="..." */
NONNULL(1, 2) void log_fault(struct log_line *line, const struct fault *fault);
NONNULL(1) void log_end(struct log_line *line);

/* Where lines go: standard error unless a test or a worker says otherwise. */
void log_to(int fd);
