#include "station/label/symbol.h"

#include <limits.h>
#include <string.h>
#include <zint.h>

DEFINE_CLEANUP(struct zint_symbol *, ZBarcode_Delete)

static const struct {
    const char *name;
    int symbology;
    int input_mode;
    unsigned least_quiet;
} kinds[] = {
    [SYMBOL_QR] = {"qr", BARCODE_QRCODE, DATA_MODE, 4},
    [SYMBOL_DATAMATRIX] = {"dm", BARCODE_DATAMATRIX, DATA_MODE, 1},
    [SYMBOL_GS1_DATAMATRIX] = {"gs1dm", BARCODE_DATAMATRIX, GS1_MODE, 1},
    [SYMBOL_CODE128] = {"code128", BARCODE_CODE128, UNICODE_MODE, 10},
};

unsigned symbol_least_quiet(enum symbol_kind kind)
{
    return kinds[kind].least_quiet;
}

bool symbol_kind_of(const char *name, enum symbol_kind *ret_kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret_kind = (enum symbol_kind)i;
            return true;
        }
    }
    return false;
}

bool symbol_make(const struct symbol_options *options, const uint8_t *value, size_t size, struct symbol *ret_symbol,
                 struct fault *fault)
{
    const char *name = kinds[options->kind].name;
    if (size == 0 || size > INT_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a %s code of nothing", name);
    CLEANUP(ZBarcode_Deletep) struct zint_symbol *made = ZBarcode_Create();
    if (!made)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a code");
    made->symbology = kinds[options->kind].symbology;
    made->input_mode = kinds[options->kind].input_mode;
    if (options->kind == SYMBOL_QR)
        made->option_1 = (int)options->correction;
    if (options->kind == SYMBOL_DATAMATRIX || options->kind == SYMBOL_GS1_DATAMATRIX)
        made->option_3 = DM_SQUARE;
    /* zint's own words quote the value, which may be a password: only the number is told. */
    int result = ZBarcode_Encode(made, value, (int)size);
    if (result >= ZINT_WARN_INVALID_OPTION)
        return fault_set(fault, FAULT_LABEL_VALUE, (unsigned long)result, "zint cannot make a %s code of this: %d",
                         name, result);
    if (made->width < 1 || made->rows < 1 || made->width > SYMBOL_MODULES_MAX || made->rows > SYMBOL_MODULES_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a %s code of %d x %d modules is too big", name, made->width,
                         made->rows);
    ret_symbol->width = (unsigned)made->width;
    ret_symbol->height = (unsigned)made->rows;
    for (unsigned y = 0; y < ret_symbol->height; y++)
        for (unsigned x = 0; x < ret_symbol->width; x++)
            ret_symbol->modules[y * ret_symbol->width + x] = made->encoded_data[y][x / 8] >> (x % 8) & 1;
    return true;
}
