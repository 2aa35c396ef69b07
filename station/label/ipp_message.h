/* ipp_message.h -- what is asked of an IPP printer, and its answers as plain values.
 *
 * libcups encodes and decodes, in memory: none of its connections, settings or locales is used.
 *
 * A state reason is known by its stem: the same trouble comes as media-empty-error, -warning and -report from one
 * printer within a minute, so the severity behind it says nothing.
 *
 * Owner    the caller owns the buffers
 * Threads  any
 * Secrets  none: a message names a label's id; its document goes behind it (ipp.h)
 * Layer    station/label/; only the .c includes cups/ipp.h
 * Spec     RFC 8010 (encoding), RFC 8011 (model), PWG 5102.4 (raster attributes)
 */
#pragma once

#include "station/label/pwg.h"

#define IPP_URI_SIZE 257
#define IPP_USER_SIZE 64
#define IPP_UUID_SIZE 46
#define IPP_NAME_SIZE 33
#define IPP_WORDS_SIZE 128
#define IPP_JOBS_MAX 16

/* Status codes that mean more than "no". */
enum {
    IPP_SAYS_NOT_FOUND = 0x0406,
    IPP_SAYS_NOT_ACCEPTING = 0x0506,
    IPP_SAYS_BUSY = 0x0507,
};

enum ipp_job_state { IPP_JOB_UNDER_WAY, IPP_JOB_GIVEN_UP, IPP_JOB_DONE };

struct ipp_printer_says {
    bool accepting;             /* jobs */
    bool stopped;               /* printer-state */
    unsigned waiting;           /* queued-job-count */
    enum fault_code trouble;    /* what a person can mend; FAULT_NONE for nothing of that kind */
    char words[IPP_WORDS_SIZE]; /* its state reasons */
    char uuid[IPP_UUID_SIZE];   /* empty when it has none, or something else */
    uint32_t up_seconds;
    bool takes_raster;   /* image/pwg-raster */
    bool takes_dpi;      /* at the resolution asked about */
    bool takes_types[2]; /* by enum pwg_type */
};

struct ipp_job_says {
    uint32_t id;
    char name[IPP_NAME_SIZE]; /* cut, when it is longer than any of ours */
    enum ipp_job_state state;
    bool with_errors;     /* done, and not well */
    uint32_t impressions; /* 0 when it does not count */
    char words[IPP_WORDS_SIZE];
};

/* Who asks, and whom. */
struct ipp_parties {
    char uri[IPP_URI_SIZE];
    char user[IPP_USER_SIZE];
};

/* Each appends one request. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool ipp_append_ask_printer(const struct ipp_parties *parties, struct wiped *buffer,
                                                       struct fault *fault);
/* One copy, not scaled; the document must follow in the same request. */
NODISCARD NONNULL(1, 2, 3, 4) bool ipp_append_print(const struct ipp_parties *parties, const char *name,
                                                    struct wiped *buffer, struct fault *fault);
NODISCARD NONNULL(1, 3, 4) bool ipp_append_ask_job(const struct ipp_parties *parties, uint32_t id, struct wiped *buffer,
                                                   struct fault *fault);
/* The user's own jobs that are not done. */
NODISCARD NONNULL(1, 2, 3) bool ipp_append_ask_jobs(const struct ipp_parties *parties, struct wiped *buffer,
                                                    struct fault *fault);
NODISCARD NONNULL(1, 3, 4) bool ipp_append_cancel(const struct ipp_parties *parties, uint32_t id, struct wiped *buffer,
                                                  struct fault *fault);

/* Each reads one answer.
 *
 * Faults: BAD_BYTES for what is no such answer; PRINTER_NOT_READY, and PRINTER_HOLDS for IPP_SAYS_BUSY, when the
 * printer refuses: its status code is the fault's native number. NO_MEMORY.
 */
NODISCARD NONNULL(1, 4, 5) bool ipp_read_printer(const uint8_t *bytes, size_t size, unsigned dpi,
                                                 struct ipp_printer_says *ret_says, struct fault *fault);
NODISCARD NONNULL(1, 3, 4) bool ipp_read_job(const uint8_t *bytes, size_t size, struct ipp_job_says *ret_says,
                                             struct fault *fault);
/* At most IPP_JOBS_MAX of them. */
NODISCARD NONNULL(1, 3, 4, 5) bool ipp_read_jobs(const uint8_t *bytes, size_t size,
                                                 struct ipp_job_says ret_jobs[IPP_JOBS_MAX], size_t *ret_count,
                                                 struct fault *fault);
NODISCARD NONNULL(1, 3) bool ipp_read_done(const uint8_t *bytes, size_t size, struct fault *fault);
