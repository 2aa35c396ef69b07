/* kokuin label check and preview from outside: every kind of refusal with its element, and pictures nobody can use. */
#include "station/label/specimen.h"
#include "tests/support/command.h"
#include "tests/unit/label/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct desk desk;

static int check_template(const char *dpi, char *ret_output, size_t size)
{
    const char *const argv[] = {KOKUIN,    "label", "check",    desk_path(&desk, "label.svg"),
                                "--width", "70",    "--height", "40",
                                "--dpi",   dpi,     "--json",   NULL};
    return command_read(argv, ret_output, size);
}

static const struct {
    const char *body;
    enum fault_code code;
    const char *words;
} wrong_bodies[] = {
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2.2\">{{colour}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't': unknown field 'colour'"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2.2\">{{serial|rot13}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't': unknown filter 'rot13'"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2.2\" font-family=\"NoSuchFont\">x</text>", FAULT_LABEL_FONT,
     "text 't': font 'NoSuchFont' is not installed"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2.2\" font-family=\"JetBrains Mono\">&#x65e5;</text>",
     FAULT_LABEL_FONT, "text 't': font 'JetBrains Mono' lacks U+65E5"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"1.9\">{{serial}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't': 1.90 mm is too small"},
    {"<text id=\"t\" x=\"8\" y=\"31\" font-size=\"3\">over</text>", FAULT_LABEL_TEMPLATE,
     "text 't' overlaps text 'admin'"},
    {"<text id=\"t\" x=\"60\" y=\"20\" font-size=\"3\">{{serial}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't' runs off the label"},
    {"<rect id=\"c\" x=\"3\" y=\"8\" width=\"20\" height=\"18\"><desc>barcode=qr quiet=3 value=x</desc></rect>",
     FAULT_LABEL_TEMPLATE, "rect 'c': a quiet zone of 3 is too small"},
    {"<rect id=\"c\" x=\"3\" y=\"8\" width=\"6\" height=\"6\"><desc>barcode=qr value=x</desc></rect>",
     FAULT_LABEL_TEMPLATE, "code 'c': 29 modules need a bigger place"},
    {"<script id=\"s\">1</script>", FAULT_LABEL_TEMPLATE, "script 's': not allowed"},
    {"<rect id=\"r\" xlink:href=\"file:///etc/passwd\"/>", FAULT_LABEL_TEMPLATE, "rect 'r': href refers"},
};

static void names_the_element_that_is_wrong(void **state)
{
    (void)state;
    char output[4096], number[32];
    for (size_t i = 0; i < ARRAY_SIZE(wrong_bodies); i++) {
        desk_write_template(&desk, wrong_bodies[i].body);
        int code = check_template("203", output, sizeof output);
        (void)snprintf(number, sizeof number, "\"fault\":%d,", (int)wrong_bodies[i].code);
        if (code != (int)fault_exit(wrong_bodies[i].code) || !strstr(output, wrong_bodies[i].words) ||
            !strstr(output, number) || !strstr(output, "\"good\":false"))
            fail_msg("case %zu: exit %d: %s", i, code, output);
    }
    desk_write_file(&desk, "<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
                           "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    assert_int_equal(check_template("203", output, sizeof output), fault_exit(FAULT_LABEL_TEMPLATE));
    assert_non_null(strstr(output, "DOCTYPE"));
}

/* 1.9 mm has enough dots on a finer head. */
static void judges_by_the_printers_dots(void **state)
{
    (void)state;
    char output[4096];
    desk_write_template(&desk, "<text id=\"t\" x=\"3\" y=\"6\" font-size=\"1.9\">{{serial}}</text>");
    assert_int_equal(check_template("203", output, sizeof output), fault_exit(FAULT_LABEL_TEMPLATE));
    assert_int_equal(check_template("300", output, sizeof output), FAULT_EXIT_OK);
    assert_non_null(strstr(output, "\"dpi\":300,\"good\":true}\n"));
}

static void checks_products_at_every_head(void **state)
{
    (void)state;
    char output[4096];
    const char *const all[] = {KOKUIN, "label", "check", "--product", DEMO_PRODUCTS "/router.yaml", "--json", NULL};
    assert_int_equal(command_read(all, output, sizeof output), FAULT_EXIT_OK);
    assert_non_null(strstr(output, "\"dpi\":203,\"good\":true"));
    assert_non_null(strstr(output, "\"dpi\":300,\"good\":true"));
    assert_non_null(strstr(output, "\"dpi\":600,\"good\":true"));
    /* In English alone. */
    const char *const english[] = {KOKUIN,   "label", "check", "--product", DEMO_PRODUCTS "/gateway.yaml",
                                   "--json", NULL};
    assert_int_equal(command_read(english, output, sizeof output), FAULT_EXIT_OK);
    assert_non_null(strstr(output, "\"dpi\":203,\"good\":true"));
    assert_null(strstr(output, "\"good\":false"));
    const char *const one[] = {KOKUIN,  "label", "check",  "--product", DEMO_PRODUCTS "/sensor.yaml",
                               "--dpi", "300",   "--json", NULL};
    assert_int_equal(command_read(one, output, sizeof output), FAULT_EXIT_OK);
    assert_null(strstr(output, "\"dpi\":203"));
    assert_non_null(strstr(output, "\"dpi\":300,\"good\":true"));
}

static int preview(const char *name, const char *path)
{
    char product[512];
    (void)snprintf(product, sizeof product, DEMO_PRODUCTS "/%s.yaml", name);
    return command_run((const char *const[]){KOKUIN, "label", "preview", "--product", product, "--dpi", "203",
                                             "--output", path, NULL});
}

static void writes_specimens(void **state)
{
    (void)state;
    const char *const products[] = {"router", "sensor", "gateway", "contact"};
    for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
        char path[DESK_PATH_SIZE], name[32];
        (void)snprintf(name, sizeof name, "%s.png", products[i]);
        (void)snprintf(path, sizeof path, "%s", desk_path(&desk, name));
        struct stat info;
        assert_int_equal(preview(products[i], path), FAULT_EXIT_OK);
        assert_int_equal(stat(path, &info), 0);
        assert_true(S_ISREG(info.st_mode) && info.st_size > 1000);
        /* What is there already may be somebody's label. */
        assert_int_equal(preview(products[i], path), fault_exit(FAULT_FILE));
    }
    assert_int_equal(preview("router", "/no/such/directory/x.png"), fault_exit(FAULT_FILE));
}

/* A PDF is a specimen too, and its passwords are not there as text either. */
static void writes_specimens_as_pdf(void **state)
{
    (void)state;
    char path[DESK_PATH_SIZE], output[64];
    (void)snprintf(path, sizeof path, "%s", desk_path(&desk, "router.pdf"));
    assert_int_equal(preview("router", path), FAULT_EXIT_OK);
    assert_int_equal(preview("router", path), fault_exit(FAULT_FILE));
    assert_int_equal(command_read((const char *const[]){"pdftotext", path, "-", NULL}, output, sizeof output), 0);
    assert_string_equal(output, "\f");
    static const char *const others[] = {"router", "router.ps", "router.pdf.txt", "pdf"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct stat info;
        (void)snprintf(path, sizeof path, "%s", desk_path(&desk, others[i]));
        assert_int_equal(preview("router", path), FAULT_EXIT_USAGE);
        assert_int_equal(stat(path, &info), -1);
    }
}

/* Large, from corner to corner, and undone by doing it again: nothing under it is lost. */
static void marks_from_corner_to_corner(void **state)
{
    (void)state;
    const struct {
        uint32_t width, height;
    } sizes[] = {{560, 320}, {827, 472}, {320, 560}, {80, 80}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct fault fault;
        CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
        assert_true(label_bitmap_new(sizes[i].width, sizes[i].height, &bitmap, &fault));
        specimen_mark(bitmap);
        size_t count = 0;
        bool lower_left = false, upper_right = false;
        for (uint32_t y = 0; y < bitmap->height; y++) {
            for (uint32_t x = 0; x < bitmap->width; x++) {
                bool dot = label_bitmap_dot(bitmap, x, y);
                count += dot;
                lower_left |= dot && x < bitmap->width / 5 && y > bitmap->height * 4 / 5;
                upper_right |= dot && x > bitmap->width * 4 / 5 && y < bitmap->height / 5;
            }
        }
        assert_true(lower_left && upper_right);
        assert_true(count * 25 > (size_t)bitmap->width * bitmap->height);
        specimen_mark(bitmap);
        for (size_t at = 0; at < label_bitmap_size(bitmap); at++)
            assert_int_equal(bitmap->rows[at], 0);
    }
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
        cmocka_unit_test(names_the_element_that_is_wrong), cmocka_unit_test(judges_by_the_printers_dots),
        cmocka_unit_test(checks_products_at_every_head),   cmocka_unit_test(writes_specimens),
        cmocka_unit_test(writes_specimens_as_pdf),         cmocka_unit_test(marks_from_corner_to_corner),
    };
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
