/* A proof from anywhere, held against heads that no file can have made: nothing may hold. */
#include "audit/proof.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint64_t told;

static void tell(void *context, const char *line)
{
    (void)context;
    if (strncmp(line, "leaf", 4) == 0)
        abort();
    told += strncmp(line, "refused", 7) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* The roots are no hashes of anything: all their bytes are one value. */
    struct proof_heads heads = {.count = 2,
                                .each = {{.checkpoint = {.origin = "kokuin-log/x", .size = 3}, .name = "first"},
                                         {.checkpoint = {.origin = "kokuin-log/x", .size = 8}, .name = "last"}}};
    struct proof_sum sum = {0};
    struct fault fault = {0};
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)bytes, size, "r") : NULL;
    if (!file)
        return 0;
    memset(heads.each[0].checkpoint.root.bytes, 1, MERKLE_SIZE);
    memset(heads.each[1].checkpoint.root.bytes, 2, MERKLE_SIZE);
    told = 0;
    if (proof_verify(file, &heads, tell, NULL, &sum, &fault)) {
        /* The smaller head is never shown to be the beginning of the other. */
        if (sum.held != 0 || sum.findings != told || sum.findings == 0)
            abort();
    } else if (fault.code == FAULT_NONE) {
        abort();
    }
    (void)fclose(file);
    return 0;
}
