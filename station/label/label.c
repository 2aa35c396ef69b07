#include "station/label/label.h"

#include "station/label/check.h"
#include "station/label/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MM_MIN 10.0
#define LABEL_MM_MAX 160.0

static void free_symbol(struct symbol **symbol)
{
    free(*symbol);
}

/* A module must be whole dots, at least two, and big enough for a hand scanner. */
#define MODULE_DOTS_MIN 2
#define SQUARE_MODULE_MM_MIN 0.25
#define BAR_MODULE_MM_MIN 0.19

static bool check_request(const struct label_request *request, struct fault *fault)
{
    if (request->dpi != 203 && request->dpi != 300 && request->dpi != 600)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "%u dpi: a printer has 203, 300 or 600", request->dpi);
    if (!(request->width_mm >= LABEL_MM_MIN && request->width_mm <= LABEL_MM_MAX &&
          request->height_mm >= LABEL_MM_MIN && request->height_mm <= LABEL_MM_MAX))
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "a label of %g x %g mm: %g to %g each", request->width_mm,
                         request->height_mm, LABEL_MM_MIN, LABEL_MM_MAX);
    return true;
}

static bool copy_value(struct field_values *values, const char *name, char *ret_text, size_t size, struct fault *fault)
{
    const struct field_value *value = field_find(values, name, strlen(name));
    if (!value || value->secret || value->length >= size)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is not there, or not as it must be", name);
    memcpy(ret_text, value->text, value->length);
    ret_text[value->length] = '\0';
    return true;
}

/* Made from the values alone: what the finished label's square code must say does not depend on the template. */
static bool compose_unit_code(struct field_values *values, char ret_text[LABEL_CODE_SIZE], struct fault *fault)
{
    struct label_code code = {0};
    return copy_value(values, "gtin", code.gtin, sizeof code.gtin, fault) &&
           copy_value(values, "serial", code.serial, sizeof code.serial, fault) &&
           copy_value(values, "label", code.label, sizeof code.label, fault) &&
           label_code_compose(code.gtin, code.serial, code.label, ret_text, fault);
}

/* Whole dots per module, in the middle of its place. */
static bool put_symbol(struct label_bitmap *bitmap, const struct template_symbol *wanted, const struct symbol *symbol,
                       struct box place, unsigned dpi, struct fault *fault)
{
    const bool bars = symbol->height == 1;
    const unsigned quiet = wanted->options.quiet;
    const unsigned width = (unsigned)(place.right - place.left), height = (unsigned)(place.bottom - place.top);
    unsigned dots = width / (symbol->width + 2 * quiet);
    if (!bars && height / (symbol->height + 2 * quiet) < dots)
        dots = height / (symbol->height + 2 * quiet);
    const double least = dots_of_mm(bars ? BAR_MODULE_MM_MIN : SQUARE_MODULE_MM_MIN, dpi);
    if (dots < MODULE_DOTS_MIN || dots + 1e-9 < least)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "code '%s': %u modules need a bigger place than %u x %u dots",
                         wanted->id, symbol->width + 2 * quiet, width, height);
    const unsigned left = (unsigned)place.left + (width - dots * symbol->width) / 2;
    const unsigned top = (unsigned)place.top + (bars ? 0 : (height - dots * symbol->height) / 2);
    const unsigned drawn_height = bars ? height : dots * symbol->height;
    for (unsigned y = 0; y < drawn_height; y++)
        for (unsigned x = 0; x < dots * symbol->width; x++)
            if (symbol->modules[(bars ? 0 : y / dots) * symbol->width + x / dots])
                label_bitmap_ink(bitmap, left + x, top + y);
    return true;
}

static bool put_symbols(struct label_bitmap *bitmap, const struct template *template, const struct box *places,
                        unsigned dpi, struct fault *fault)
{
    CLEANUP(free_symbol) struct symbol *symbol = malloc(sizeof *symbol);
    if (!symbol)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a code");
    bool put = true;
    for (size_t i = 0; put && i < template->symbol_count; i++) {
        const struct template_symbol *wanted = &template->symbols[i];
        if (!symbol_make(&wanted->options, wanted->value.bytes, wanted->value.size, symbol, fault))
            put = fault_within(fault, "code '%s'", wanted->id);
        else
            put = put_symbol(bitmap, wanted, symbol, places[i], dpi, fault);
    }
    explicit_bzero(symbol, sizeof *symbol);
    return put;
}

static bool read_back(const struct label_bitmap *bitmap, const struct template *template, const struct box *places,
                      const char *unit_code, struct fault *fault)
{
    for (size_t i = 0; i < template->symbol_count; i++) {
        const struct template_symbol *symbol = &template->symbols[i];
        bool unit = symbol->options.kind == SYMBOL_GS1_DATAMATRIX;
        const uint8_t *wanted = unit ? (const uint8_t *)unit_code : symbol->value.bytes;
        size_t size = unit ? strlen(unit_code) : symbol->value.size;
        if (!verify_symbol(bitmap, places[i], symbol->options.kind, wanted, size, fault))
            return fault_within(fault, "code '%s'", symbol->id);
    }
    return true;
}

static bool place_symbols(const struct drawing *drawing, const struct template *template, struct box *ret_places,
                          struct fault *fault)
{
    for (size_t i = 0; i < template->symbol_count; i++)
        if (!drawing_place(drawing, template->symbols[i].id, &ret_places[i], fault))
            return false;
    return true;
}

static bool make_bitmap(const struct template *template, unsigned dpi, const char *unit_code,
                        struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(drawing_freep) struct drawing *drawing = NULL;
    CLEANUP(drawing_freep) struct drawing *art = NULL;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct box places[TEMPLATE_SYMBOLS_MAX] = {0};
    unsigned width = 0, height = 0;
    if (!drawing_open(&template->svg, template->width_mm, template->height_mm, dpi, &drawing, fault) ||
        !drawing_open(&template->art, template->width_mm, template->height_mm, dpi, &art, fault))
        return false;
    drawing_size(drawing, &width, &height);
    if (!place_symbols(drawing, template, places, fault) || !check_layout(template, drawing, art, places, fault) ||
        !label_bitmap_new(width, height, &bitmap, fault) || !drawing_print(drawing, bitmap, fault) ||
        !put_symbols(bitmap, template, places, dpi, fault) || !read_back(bitmap, template, places, unit_code, fault))
        return false;
    *ret_bitmap = TAKE(bitmap);
    return true;
}

bool label_render(const struct label_request *request, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    struct field_values values = {0};
    char unit_code[LABEL_CODE_SIZE];
    CLEANUP(template_clear) struct template template = {0};
    return check_request(request, fault) && field_values_of(request, &values, fault) &&
           compose_unit_code(&values, unit_code, fault) && template_fill(request, &values, &template, fault) &&
           make_bitmap(&template, request->dpi, unit_code, ret_bitmap, fault);
}

static bool has_sample(const struct label_sample *samples, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(samples[i].name, name) == 0)
            return true;
    return false;
}

static bool secret_of_sample(const char *text, struct secret **ret_secret, struct fault *fault)
{
    size_t size = strlen(text);
    struct secret *secret = secret_new(size);
    if (!secret)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no memory for a sample secret");
    memcpy(secret_write(secret), text, size);
    *ret_secret = secret;
    return true;
}

static void free_secrets(struct secret *(*secrets)[LABEL_FIELDS_MAX])
{
    for (size_t i = 0; i < LABEL_FIELDS_MAX; i++)
        secret_free((*secrets)[i]);
}

bool label_check(const struct label_child *child, const struct label_trial *trial, struct deadline deadline,
                 struct fault *fault)
{
    static const struct label_sample made_up[] = {
        {"gtin", "04912345678904", false}, {"serial", NULL, false}, {"label", "WWWWWWWWWWWWW", false}};
    CLEANUP(free_secrets) struct secret *secrets[LABEL_FIELDS_MAX] = {0};
    struct label_field fields[LABEL_FIELDS_MAX + ARRAY_SIZE(made_up)] = {0};
    size_t count = 0;
    if (trial->sample_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "%zu samples: at most %d", trial->sample_count, LABEL_FIELDS_MAX);
    for (size_t i = 0; i < trial->sample_count; i++) {
        const struct label_sample *sample = &trial->samples[i];
        fields[count] = (struct label_field){.name = sample->name};
        if (!sample->secret)
            fields[count].value = sample->widest;
        else if (!secret_of_sample(sample->widest, &secrets[i], fault))
            return false;
        fields[count++].secret = secrets[i];
    }
    char serial[SERIAL_SIZE];
    (void)snprintf(serial, sizeof serial, "WW000000WWW%c", serial_check_character("WW000000WWW", SERIAL_LENGTH - 1));
    for (size_t i = 0; i < ARRAY_SIZE(made_up); i++)
        if (!has_sample(trial->samples, trial->sample_count, made_up[i].name))
            fields[count++] =
                (struct label_field){.name = made_up[i].name, .value = made_up[i].widest ? made_up[i].widest : serial};
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    const struct label_request request = {.template_path = trial->template_path,
                                          .width_mm = trial->width_mm,
                                          .height_mm = trial->height_mm,
                                          .dpi = trial->dpi,
                                          .fields = fields,
                                          .field_count = count};
    return child ? label_render_in_child(child, &request, deadline, &bitmap, fault)
                 : label_render(&request, &bitmap, fault);
}
