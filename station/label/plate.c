#include "station/label/plate.h"

#include "station/label/check.h"
#include "station/label/verify.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_MM_MIN 10.0
#define LABEL_MM_MAX 160.0

struct label_plate {
    bool twice;
    struct template template;
    struct font_book fonts;
    struct canvas canvas;
    struct canvas letters; /* for texts with fields, which are black */
    struct layout layout;
    struct box rows[TEMPLATE_TEXTS_MAX];  /* in which each text lies */
    struct box texts[TEMPLATE_TEXTS_MAX]; /* of those without fields */
    struct label_bitmap *bitmap;          /* the art and the texts without fields */
};

void label_plate_free(struct label_plate *plate)
{
    if (!plate)
        return;
    template_clear(&plate->template);
    font_book_clear(&plate->fonts);
    canvas_clear(&plate->canvas);
    canvas_clear(&plate->letters);
    layout_clear(&plate->layout);
    label_bitmap_free(plate->bitmap);
    free(plate);
}

/* ---- what is the same on every label ---- */

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

static bool open_drawing(const struct label_plate *plate, const struct wiped *svg, struct canvas *canvas,
                         struct drawing **ret_drawing, struct fault *fault)
{
    const struct template *template = &plate->template;
    return drawing_open(svg, template->width_mm, template->height_mm, template->dpi, canvas, ret_drawing, fault);
}

static bool print_text(const struct label_plate *plate, const struct drawing *drawing, size_t at, struct box *boxes,
                       struct label_bitmap *bitmap, struct fault *fault)
{
    CLEANUP(ink_clear) struct ink ink = {0};
    if (!drawing_ink(drawing, plate->template.texts[at].id, plate->rows[at], &ink, fault) ||
        !layout_check_text(&plate->layout, &plate->template, at, &ink, boxes, fault))
        return false;
    ink_print(&ink, bitmap);
    return true;
}

static bool print_art_and_words(struct label_plate *plate, const struct drawing *drawing, struct fault *fault)
{
    unsigned width = 0, height = 0;
    drawing_size(drawing, &width, &height);
    if (!label_bitmap_new(width, height, &plate->bitmap, fault))
        return false;
    ink_print(&plate->layout.art, plate->bitmap);
    for (size_t i = 0; i < plate->template.text_count; i++) {
        const struct template_text *text = &plate->template.texts[i];
        if (!drawing_rows(drawing, text->id, &plate->rows[i], fault))
            return false;
        if (!text->has_fields && !text->blank && !print_text(plate, drawing, i, plate->texts, plate->bitmap, fault))
            return false;
    }
    return true;
}

bool label_plate_make(const struct label_request *request, struct label_plate **ret_plate, struct fault *fault)
{
    if (!check_request(request, fault))
        return false;
    CLEANUP(label_plate_freep) struct label_plate *plate = calloc(1, sizeof *plate);
    if (!plate)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a label");
    plate->twice = request->twice;
    plate->letters.black = true;
    CLEANUP(wiped_clear) struct wiped svg = {0};
    CLEANUP(wiped_clear) struct wiped art_svg = {0};
    CLEANUP(drawing_freep) struct drawing *drawing = NULL;
    CLEANUP(drawing_freep) struct drawing *art = NULL;
    if (!template_open(request, &plate->fonts, &plate->template, fault) ||
        !template_svg(&plate->template, true, &svg, fault) ||
        !open_drawing(plate, &svg, &plate->canvas, &drawing, fault) ||
        !template_svg(&plate->template, false, &art_svg, fault) ||
        !open_drawing(plate, &art_svg, &plate->canvas, &art, fault) ||
        !layout_open(&plate->template, drawing, art, &plate->layout, fault) ||
        !print_art_and_words(plate, drawing, fault))
        return false;
    *ret_plate = TAKE(plate);
    return true;
}

/* ---- what is the unit's own ---- */

static void free_symbol(struct symbol **symbol)
{
    free(*symbol);
}

/* A module must be whole dots, at least two, and big enough for a hand scanner. */
#define MODULE_DOTS_MIN 2
#define SQUARE_MODULE_MM_MIN 0.25
#define BAR_MODULE_MM_MIN 0.19

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

static bool put_symbols(const struct label_plate *plate, const struct template_filling *filling,
                        struct label_bitmap *bitmap, struct fault *fault)
{
    CLEANUP(free_symbol) struct symbol *symbol = malloc(sizeof *symbol);
    if (!symbol)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a code");
    bool put = true;
    for (size_t i = 0; put && i < plate->template.symbol_count; i++) {
        const struct template_symbol *wanted = &plate->template.symbols[i];
        const struct wiped *value = &filling->codes[i];
        if (!symbol_make(&wanted->options, value->bytes, value->size, symbol, fault))
            put = fault_within(fault, "code '%s'", wanted->id);
        else
            put = put_symbol(bitmap, wanted, symbol, plate->layout.places[i], plate->template.dpi, fault);
    }
    explicit_bzero(symbol, sizeof *symbol);
    return put;
}

static bool read_back(const struct label_plate *plate, const struct template_filling *filling,
                      const struct label_bitmap *bitmap, const char *unit_code, struct fault *fault)
{
    for (size_t i = 0; i < plate->template.symbol_count; i++) {
        const struct template_symbol *symbol = &plate->template.symbols[i];
        bool unit = symbol->options.kind == SYMBOL_GS1_DATAMATRIX;
        const uint8_t *wanted = unit ? (const uint8_t *)unit_code : filling->codes[i].bytes;
        size_t size = unit ? strlen(unit_code) : filling->codes[i].size;
        if (!verify_symbol(bitmap, plate->layout.places[i], symbol->options.kind, wanted, size, fault))
            return fault_within(fault, "code '%s'", symbol->id);
    }
    return true;
}

/* ---- what takes long the first time ---- */

static bool warm_codes(const struct label_plate *plate, struct template_filling *filling, struct fault *fault)
{
    static const char made[] = "[01]00000000000000[21]0[91]0", read[] = "0100000000000000210\x1d"
                                                                        "910";
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    for (size_t i = 0; i < plate->template.symbol_count; i++) {
        bool unit = plate->template.symbols[i].options.kind == SYMBOL_GS1_DATAMATRIX;
        if (!wiped_append_text(&filling->codes[i], unit ? made : "0", fault))
            return false;
    }
    return label_bitmap_new(plate->bitmap->width, plate->bitmap->height, &bitmap, fault) &&
           put_symbols(plate, filling, bitmap, fault) && read_back(plate, filling, bitmap, read, fault);
}

bool label_plate_warm(struct label_plate *plate, struct fault *fault)
{
    CLEANUP(template_filling_clear) struct template_filling filling = {0};
    CLEANUP(drawing_freep) struct drawing *drawing = NULL;
    if (!template_fill(&plate->template, &plate->fonts, NULL, false, &filling, fault) ||
        !open_drawing(plate, &filling.svg, &plate->letters, &drawing, fault))
        return false;
    for (size_t i = 0; i < plate->template.text_count; i++) {
        CLEANUP(ink_clear) struct ink letters = {0};
        if (plate->template.texts[i].has_fields &&
            !drawing_ink(drawing, plate->template.texts[i].id, plate->rows[i], &letters, fault))
            return false;
    }
    return warm_codes(plate, &filling, fault);
}

/* ---- one label ---- */

static bool print_texts(struct label_plate *plate, const struct template_filling *filling, struct label_bitmap *bitmap,
                        struct fault *fault)
{
    CLEANUP(drawing_freep) struct drawing *drawing = NULL;
    struct box boxes[TEMPLATE_TEXTS_MAX];
    memcpy(boxes, plate->texts, sizeof boxes);
    if (!open_drawing(plate, &filling->svg, &plate->letters, &drawing, fault))
        return false;
    for (size_t i = 0; i < plate->template.text_count; i++)
        if (plate->template.texts[i].has_fields && !filling->blank[i] &&
            !print_text(plate, drawing, i, boxes, bitmap, fault))
            return false;
    return true;
}

/* That the parts, drawn one by one, are the template as any other program draws it. */
static bool compare_with_whole(struct label_plate *plate, struct field_values *values,
                               const struct label_bitmap *bitmap, struct fault *fault)
{
    CLEANUP(template_filling_clear) struct template_filling filling = {0};
    CLEANUP(drawing_freep) struct drawing *drawing = NULL;
    CLEANUP(ink_clear) struct ink ink = {0};
    CLEANUP(label_bitmap_freep) struct label_bitmap *whole = NULL;
    if (!template_fill(&plate->template, &plate->fonts, values, true, &filling, fault) ||
        !open_drawing(plate, &filling.svg, &plate->canvas, &drawing, fault) || !drawing_all_ink(drawing, &ink, fault) ||
        !label_bitmap_new(bitmap->width, bitmap->height, &whole, fault))
        return false;
    ink_print(&ink, whole);
    if (memcmp(whole->rows, bitmap->rows, label_bitmap_size(bitmap)) != 0)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "%s: something is drawn over a text", plate->template.name);
    return true;
}

bool label_plate_print(struct label_plate *plate, const struct label_field *fields, size_t field_count,
                       struct label_bitmap **ret_bitmap, struct fault *fault)
{
    struct field_values values = {0};
    char unit_code[LABEL_CODE_SIZE];
    CLEANUP(template_filling_clear) struct template_filling filling = {0};
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    if (!field_values_of(fields, field_count, &values, fault) || !compose_unit_code(&values, unit_code, fault) ||
        !template_fill(&plate->template, &plate->fonts, &values, false, &filling, fault) ||
        !label_bitmap_new(plate->bitmap->width, plate->bitmap->height, &bitmap, fault))
        return false;
    memcpy(bitmap->rows, plate->bitmap->rows, label_bitmap_size(bitmap));
    if (!print_texts(plate, &filling, bitmap, fault) ||
        (plate->twice && !compare_with_whole(plate, &values, bitmap, fault)) ||
        !put_symbols(plate, &filling, bitmap, fault) || !read_back(plate, &filling, bitmap, unit_code, fault))
        return false;
    *ret_bitmap = TAKE(bitmap);
    return true;
}
