/* An exported log from anywhere, through the whole pass: lines, entries, heads. */
#include "audit/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint64_t told;

static void tell(void *context, const struct audit_finding *finding)
{
    (void)context;
    if (finding->first > finding->last || finding->kind >= AUDIT_KINDS ||
        !memchr(finding->text, 0, sizeof finding->text))
        abort();
    told++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct checkpoint_keys *keys;
    struct fault fault = {0};
    if (!keys && !checkpoint_keys_read(CERTIFICATE, &keys, &fault))
        abort();
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)bytes, size, "r") : NULL;
    if (!file)
        return 0;
    CLEANUP(audit_freep) struct audit *audit = NULL;
    struct audit_sum sum = {0};
    uint64_t waiting;
    told = 0;
    if (!audit_begin(keys, tell, NULL, &audit, &fault))
        abort();
    if (export_read(file, audit, &waiting, &fault)) {
        audit_end(audit, &sum);
        /* Nothing here is signed, so a log with leaves is never said to be good. */
        if (sum.findings != told || sum.own_heads != 0 || (sum.leaves > 0 && sum.findings == 0))
            abort();
    } else if (fault.code != FAULT_BAD_BYTES && fault.code != FAULT_LOG_HEAD) {
        abort();
    }
    (void)fclose(file);
    return 0;
}
