/* What a scanner sends, whatever it is: parsed or refused, never misread. */
#include "station/label/code.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct label_code code;
    struct fault fault;
    char text[LABEL_CODE_SIZE];
    if (!label_code_parse((const char *)bytes, size, &code, &fault))
        return 0;
    /* What was accepted is exactly what we would have written. */
    size_t identifier = size - LABEL_CODE_LENGTH;
    if (!label_code_compose(code.gtin, code.serial, code.label, text, &fault) || (identifier != 0 && identifier != 3) ||
        memcmp(bytes + identifier, text, LABEL_CODE_LENGTH) != 0)
        abort();
    return 0;
}
