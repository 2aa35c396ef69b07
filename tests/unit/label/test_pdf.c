/* Is a label's PDF dot for dot its bitmap, at its true size and without a letter of text? Asked of poppler's programs.
 */
#include "station/label/pdf.h"
#include "station/label/picture.h"
#include "tests/unit/label/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct desk desk;

/* The same picture for the same seed. */
static struct label_bitmap *draw_noise(uint32_t width, uint32_t height, unsigned seed)
{
    struct label_bitmap *bitmap = NULL;
    struct fault fault;
    assert_true(label_bitmap_new(width, height, &bitmap, &fault));
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            seed = seed * 1103515245 + 12345;
            if (seed >> 16 & 1)
                label_bitmap_ink(bitmap, x, y);
        }
    return bitmap;
}

static void write_pdf(const struct label_bitmap *bitmap, unsigned dpi)
{
    struct fault fault;
    CLEANUP(wiped_clear) struct wiped document = {0};
    (void)unlink(desk_path(&desk, "label.pdf"));
    assert_true(pdf_append(bitmap, dpi, &document, &fault));
    assert_true(picture_keep(&document, desk.directory, "label.pdf", &fault));
}

/* The picture as poppler takes it out of the file, where 1 is black. */
static void expect_dots(const struct label_bitmap *bitmap)
{
    char output[64], pdf[DESK_PATH_SIZE], picture[DESK_PATH_SIZE];
    unsigned width = 0, height = 0;
    (void)snprintf(pdf, sizeof pdf, "%s/label.pdf", desk.directory);
    (void)snprintf(picture, sizeof picture, "%s/drawn", desk.directory);
    desk_run((const char *const[]){"pdfimages", pdf, picture, NULL}, output, sizeof output);
    FILE *file = fopen(desk_path(&desk, "drawn-000.pbm"), "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "P4 %u %u", &width, &height), 2);
    assert_int_equal(fgetc(file), '\n');
    assert_int_equal(width, bitmap->width);
    assert_int_equal(height, bitmap->height);
    uint8_t *rows = malloc(label_bitmap_size(bitmap));
    assert_non_null(rows);
    assert_int_equal(fread(rows, 1, label_bitmap_size(bitmap), file), label_bitmap_size(bitmap));
    assert_memory_equal(rows, bitmap->rows, label_bitmap_size(bitmap));
    free(rows);
    assert_int_equal(fclose(file), 0);
}

static void expect_words(const char *program, const char *words)
{
    char output[2048], command[DESK_PATH_SIZE + 64];
    (void)snprintf(command, sizeof command, "%s '%s/label.pdf' %s 2>&1", program, desk.directory,
                   strcmp(program, "pdftotext") == 0 ? "-" : "");
    desk_run((const char *const[]){"sh", "-c", command, NULL}, output, sizeof output);
    if (!strstr(output, words) || strstr(output, "Error") || strstr(output, "Warning"))
        fail_msg("%s", output);
}

static void is_the_bitmap_dot_for_dot(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height;
        unsigned dpi;
        const char *page;
    } labels[] = {
        {560, 320, 203, "198.425 x 113.385 pts"},
        {561, 33, 203, "198.779 x 11.692 pts"},
        {827, 472, 300, "198.48 x 113.28 pts"},
        {1654, 945, 600, "198.48 x 113.4 pts"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        CLEANUP(label_bitmap_freep)
        struct label_bitmap *bitmap = draw_noise(labels[i].width, labels[i].height, (unsigned)i);
        write_pdf(bitmap, labels[i].dpi);
        expect_dots(bitmap);
        expect_words("pdfinfo", labels[i].page);
        expect_words("pdfinfo", "Pages:           1\n");
    }
}

static void holds_a_readable_label_and_no_text(void **state)
{
    (void)state;
    struct fault fault;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    char output[1024], wanted[256], pdf[DESK_PATH_SIZE], picture[DESK_PATH_SIZE];
    const struct label_request request = desk_router(&desk, 300);
    assert_true(label_render(&request, &bitmap, &fault));
    write_pdf(bitmap, 300);
    expect_words("pdftotext", "\f");
    desk_run((const char *const[]){"pdftotext", desk_path(&desk, "label.pdf"), "-", NULL}, output, sizeof output);
    assert_string_equal(output, "\f");
    /* At another resolution too, as an office printer has one. */
    (void)snprintf(pdf, sizeof pdf, "%s/label.pdf", desk.directory);
    (void)snprintf(picture, sizeof picture, "%s/drawn", desk.directory);
    desk_run((const char *const[]){"pdftoppm", "-png", "-r", "720", "-singlefile", pdf, picture, NULL}, output,
             sizeof output);
    desk_run((const char *const[]){"dmtxread", "-n", "-N1", desk_path(&desk, "drawn.png"), NULL}, output,
             sizeof output);
    (void)snprintf(wanted, sizeof wanted, "01%s21%s91%s\n", DESK_GTIN, desk.serial, DESK_LABEL);
    assert_string_equal(output, wanted);
}

static void keeps_no_half_and_writes_over_nothing(void **state)
{
    (void)state;
    struct fault fault;
    struct stat info;
    CLEANUP(wiped_clear) struct wiped bytes = {0};
    assert_true(wiped_append_text(&bytes, "first", &fault));
    assert_true(picture_keep(&bytes, desk.directory, "kept", &fault));
    assert_int_equal(stat(desk_path(&desk, "kept"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(wiped_append_text(&bytes, " and more", &fault));
    static const char *const names[] = {"kept", "../kept", "no/such"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_false(picture_keep(&bytes, desk.directory, names[i], &fault));
        assert_int_equal(fault.code, FAULT_FILE);
    }
    assert_false(picture_keep(&bytes, "/no/such/directory", "kept", &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_int_equal(stat(desk_path(&desk, "kept"), &info), 0);
    assert_int_equal(info.st_size, 5);
}

static int open_desk(void **state)
{
    (void)state;
    desk_open(&desk);
    return 0;
}

static int close_desk(void **state)
{
    (void)state;
    desk_close(&desk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_bitmap_dot_for_dot),
        cmocka_unit_test(holds_a_readable_label_and_no_text),
        cmocka_unit_test(keeps_no_half_and_writes_over_nothing),
    };
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
