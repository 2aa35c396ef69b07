/* What a label printer answers, whatever it is: a part, one whole answer, or refused; never read past its end. */
#include "station/label/zpl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct zpl_status status;
    unsigned errors;
    uint64_t counter;
    size_t taken;
    if (zpl_read_status(bytes, size, &status, &taken) && taken > size)
        abort();
    if (zpl_read_errors(bytes, size, &errors, &taken) && taken > size)
        abort();
    if (zpl_read_counter(bytes, size, &counter, &taken) && taken > size)
        abort();
    return 0;
}
