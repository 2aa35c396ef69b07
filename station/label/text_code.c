#include "station/label/text_code.h"

#include "station/label/png.h"
#include "station/label/symbol.h"

#include <stdlib.h>
#include <string.h>

#define DPI 300
#define DOTS 6 /* to a module */
#define TEXT_MAX 1500

static void ink_module(struct label_bitmap *bitmap, uint32_t column, uint32_t row)
{
    for (uint32_t y = 0; y < DOTS; y++)
        for (uint32_t x = 0; x < DOTS; x++)
            label_bitmap_ink(bitmap, column * DOTS + x, row * DOTS + y);
}

static bool draw(const struct symbol *symbol, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    if (!label_bitmap_new(symbol->width * DOTS, symbol->height * DOTS, &bitmap, fault))
        return false;
    for (uint32_t row = 0; row < symbol->height; row++)
        for (uint32_t column = 0; column < symbol->width; column++)
            if (symbol->modules[row * symbol->width + column])
                ink_module(bitmap, column, row);
    *ret_bitmap = TAKE(bitmap);
    return true;
}

static void free_symbol(struct symbol **symbol)
{
    free(*symbol);
}

bool text_code_write(const char *text, const char *directory, const char *name, struct fault *fault)
{
    const struct symbol_options options = {.kind = SYMBOL_QR, .correction = 2, .quiet = symbol_least_quiet(SYMBOL_QR)};
    size_t size = strnlen(text, TEXT_MAX + 1);
    if (size == 0 || size > TEXT_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a text of %zu bytes as a QR code", size);
    CLEANUP(free_symbol) struct symbol *symbol = calloc(1, sizeof *symbol);
    if (!symbol)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "QR code");
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    return symbol_make(&options, (const uint8_t *)text, size, symbol, fault) && draw(symbol, &bitmap, fault) &&
           png_write(bitmap, DPI, directory, name, fault);
}
