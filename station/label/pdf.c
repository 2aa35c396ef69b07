#include "station/label/pdf.h"

#include <stdio.h>
#include <string.h>

#define OBJECTS 5
#define DICTIONARY_SIZE 256
#define LENGTH_SIZE 16

/* Where each object begins; a reader finds them by that. */
struct document {
    struct wiped *buffer;
    size_t begins[OBJECTS];
    size_t count;
};

/* Thousandths of a point, of which an inch has 72. A head of "203 dpi" has exactly 8 dots to the millimetre. */
static unsigned long milli_points(uint32_t dots, unsigned dpi)
{
    return dpi == 203 ? dots * 720000ul / 2032 : dots * 72000ul / dpi;
}

/* In PDF's own notation, whatever the locale's. */
static void write_points(char ret_text[LENGTH_SIZE], uint32_t dots, unsigned dpi)
{
    const unsigned long length = milli_points(dots, dpi);
    (void)snprintf(ret_text, LENGTH_SIZE, "%lu.%03lu", length / 1000 % 1000000, length % 1000);
}

static bool append_object(struct document *document, const char *dictionary, struct fault *fault)
{
    char head[DICTIONARY_SIZE + 16];
    document->begins[document->count++] = document->buffer->size;
    (void)snprintf(head, sizeof head, "%zu 0 obj\n<<%s>>\n", document->count, dictionary);
    return wiped_append_text(document->buffer, head, fault);
}

static bool append_plain(struct document *document, const char *dictionary, struct fault *fault)
{
    return append_object(document, dictionary, fault) && wiped_append_text(document->buffer, "endobj\n", fault);
}

static bool append_stream(struct document *document, const char *dictionary, const void *bytes, size_t size,
                          struct fault *fault)
{
    return append_object(document, dictionary, fault) && wiped_append_text(document->buffer, "stream\n", fault) &&
           wiped_append(document->buffer, bytes, size, fault) &&
           wiped_append_text(document->buffer, "\nendstream\nendobj\n", fault);
}

static bool append_page(struct document *document, const struct label_bitmap *bitmap, unsigned dpi, struct fault *fault)
{
    char width[LENGTH_SIZE], height[LENGTH_SIZE], page[DICTIONARY_SIZE], drawing[DICTIONARY_SIZE];
    char length[DICTIONARY_SIZE];
    write_points(width, bitmap->width, dpi);
    write_points(height, bitmap->height, dpi);
    (void)snprintf(page, sizeof page,
                   "/Type/Page/Parent 2 0 R/MediaBox[0 0 %s %s]/Resources<</XObject<</Label 5 0 R>>>>/Contents 4 0 R",
                   width, height);
    (void)snprintf(drawing, sizeof drawing, "q %s 0 0 %s 0 0 cm /Label Do Q", width, height);
    (void)snprintf(length, sizeof length, "/Length %zu", strlen(drawing));
    /* At its true size, where a reader would otherwise fit the page to its paper. */
    return append_plain(document, "/Type/Catalog/Pages 2 0 R/ViewerPreferences<</PrintScaling/None>>", fault) &&
           append_plain(document, "/Type/Pages/Kids[3 0 R]/Count 1", fault) && append_plain(document, page, fault) &&
           append_stream(document, length, drawing, strlen(drawing), fault);
}

/* A set bit is ink, which "Decode" says. */
static bool append_picture(struct document *document, const struct label_bitmap *bitmap, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped packed = {0};
    char dictionary[DICTIONARY_SIZE];
    if (!wiped_deflate(&packed, bitmap->rows, label_bitmap_size(bitmap), fault))
        return false;
    (void)snprintf(dictionary, sizeof dictionary,
                   "/Type/XObject/Subtype/Image/Width %u/Height %u/ColorSpace/DeviceGray/BitsPerComponent 1/Decode[1 0]"
                   "/Interpolate false/Filter/FlateDecode/Length %zu",
                   bitmap->width, bitmap->height, packed.size);
    return append_stream(document, dictionary, packed.bytes, packed.size, fault);
}

static bool append_end(const struct document *document, struct fault *fault)
{
    char text[DICTIONARY_SIZE];
    const size_t table = document->buffer->size;
    (void)snprintf(text, sizeof text, "xref\n0 %zu\n0000000000 65535 f \n", document->count + 1);
    if (!wiped_append_text(document->buffer, text, fault))
        return false;
    for (size_t i = 0; i < document->count; i++) {
        (void)snprintf(text, sizeof text, "%010zu 00000 n \n", document->begins[i]);
        if (!wiped_append_text(document->buffer, text, fault))
            return false;
    }
    (void)snprintf(text, sizeof text, "trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
                   document->count + 1, table);
    return wiped_append_text(document->buffer, text, fault);
}

bool pdf_append(const struct label_bitmap *bitmap, unsigned dpi, struct wiped *buffer, struct fault *fault)
{
    struct document document = {.buffer = buffer};
    /* The second line tells whoever moves the file that it is not text. */
    return wiped_append_text(buffer, "%PDF-1.6\n%\xe2\xe3\xcf\xd3\n", fault) &&
           append_page(&document, bitmap, dpi, fault) && append_picture(&document, bitmap, fault) &&
           append_end(&document, fault);
}
