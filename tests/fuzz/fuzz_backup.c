/* The file of a fingerprint key's backup: what is read is written again to the letter. */
#include "hsm/backup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct backup backup;
    struct fault fault = {0};
    char *text = NULL;
    if (!backup_read((const char *)bytes, size, &backup, &fault)) {
        if (fault.code != FAULT_BAD_BYTES)
            abort();
        return 0;
    }
    if (!backup_write(&backup, &text, &fault) || strlen(text) != size || memcmp(text, bytes, size) != 0)
        abort();
    free(text);
    return 0;
}
