/* The check of a unit's certificate request, fed with whatever a unit might send. */
#include "hsm/certificate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t point[CERTIFICATE_POINT_SIZE] = {0};
    struct fault fault = {0};
    bool accepted = certificate_request_check(bytes, size, "KR000000001X", point, &fault);
    /* What is accepted has a point; what is refused has this one fault. */
    if (accepted ? point[0] != 0x04 : fault.code != FAULT_CSR_REFUSED)
        abort();
    return 0;
}
