/* Does the finished label say what it should, to people and to readers that share nothing with its maker? */
#include "base/uuid.h"
#include "station/label/png.h"
#include "station/label/verify.h"
#include "station/label/zpl.h"
#include "tests/unit/label/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STATIC_TEXT(y, words)                                                                                          \
    "<text id=\"t\" x=\"3\" y=\"" y "\" font-family=\"JetBrains Mono\" font-size=\"1.6\">" words "</text>"

static struct desk desk;

static struct label_bitmap *render(const struct label_request *request)
{
    struct label_bitmap *bitmap = NULL;
    struct fault fault = {0};
    if (!label_render(request, &bitmap, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    return bitmap;
}

static struct label_bitmap *render_body(const char *body)
{
    desk_write_template(&desk, body);
    struct label_request request = desk_request(&desk);
    return render(&request);
}

static size_t count_different(const struct label_bitmap *a, const struct label_bitmap *b)
{
    size_t count = 0;
    for (uint32_t y = 0; y < a->height; y++)
        for (uint32_t x = 0; x < a->width; x++)
            count += label_bitmap_dot(a, x, y) != label_bitmap_dot(b, x, y);
    return count;
}

static void prints_markup_as_it_stands(void **state)
{
    (void)state;
    struct desk before = desk;
    desk_set(&desk, "model", "</text><b>&amp;{{serial}}\"'&");
    CLEANUP(label_bitmap_freep)
    struct label_bitmap *filled = render_body("<text id=\"t\" x=\"3\" y=\"8\" font-size=\"2.2\">{{model}}</text>");
    CLEANUP(label_bitmap_freep)
    struct label_bitmap *written = render_body(
        "<text id=\"t\" x=\"3\" y=\"8\" font-size=\"2.2\">&lt;/text>&lt;b>&amp;amp;{<tspan>{serial}}</tspan>\"'&amp;"
        "</text>");
    desk = before;
    assert_int_equal(count_different(filled, written), 0);
}

/* At one point a dot and a threshold in the middle, "D26-0000000" came out as "D26 0000000". */
static void keeps_hyphens_at_203_dpi(void **state)
{
    (void)state;
    static const struct {
        const char *with, *without;
    } pairs[] = {
        {STATIC_TEXT("8", "D26-0000000"), STATIC_TEXT("8", "D26 0000000")},
        {STATIC_TEXT("8.03", "D26-0000000"), STATIC_TEXT("8.03", "D26 0000000")},
        {STATIC_TEXT("8.06", "D26-0000000"), STATIC_TEXT("8.06", "D26 0000000")},
        {STATIC_TEXT("8.09", "D26-0000000"), STATIC_TEXT("8.09", "D26 0000000")},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        CLEANUP(label_bitmap_freep) struct label_bitmap *with = render_body(pairs[i].with);
        CLEANUP(label_bitmap_freep) struct label_bitmap *without = render_body(pairs[i].without);
        assert_true(count_different(with, without) >= 3);
    }
}

static void draws_the_same_twice(void **state)
{
    (void)state;
    const struct label_request request = desk_router(&desk, 300);
    CLEANUP(label_bitmap_freep) struct label_bitmap *first = render(&request);
    CLEANUP(label_bitmap_freep) struct label_bitmap *second = render(&request);
    assert_int_equal(count_different(first, second), 0);
}

static const char *random_word(char *ret_word, size_t size, const char *letters)
{
    uint8_t bytes[64];
    struct fault fault;
    assert_true(system_random(bytes, sizeof bytes, &fault));
    size_t length = 1 + bytes[0] % (size - 1);
    for (size_t i = 0; i < length; i++)
        ret_word[i] = letters[bytes[1 + i] % strlen(letters)];
    ret_word[length] = '\0';
    return ret_word;
}

/* A label is printed part by part onto what was drawn before its values came. With `twice` it is drawn in one piece
 * too, and refused when a single dot differs. */
static void prints_parts_as_it_prints_the_whole(void **state)
{
    (void)state;
    static const unsigned heads[] = {203, 300, 203, 300, 600};
    static const char words[] = "ABCXYZabcijlxyz 0123456789-_.,;:<&>\"'/|";
    for (size_t i = 0; i < 30; i++) {
        char model[13], name[31], ssid[17], copy[4];
        struct desk before = desk;
        desk_set(&desk, "model", random_word(model, sizeof model, words));
        desk_set(&desk, "name", random_word(name, sizeof name, words));
        desk_set(&desk, "ssid", random_word(ssid, sizeof ssid, "kokuin-0123456789ABCXYZ"));
        desk_set(&desk, "copy", random_word(copy, sizeof copy, "R 9"));
        struct label_request request = desk_router(&desk, heads[i % ARRAY_SIZE(heads)]);
        request.twice = true;
        struct fault fault = {0};
        CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
        if (!label_render(&request, &bitmap, &fault))
            fail_msg("'%s' '%s' '%s' '%s': %s", model, name, ssid, copy, fault.text);
        desk = before;
    }
}

static void shows_the_copy(void **state)
{
    (void)state;
    const struct label_request request = desk_router(&desk, 203);
    CLEANUP(label_bitmap_freep) struct label_bitmap *first = render(&request);
    struct desk before = desk;
    desk_set(&desk, "copy", NULL);
    CLEANUP(label_bitmap_freep) struct label_bitmap *unnamed = render(&request);
    desk = before;
    desk_set(&desk, "copy", "R2");
    CLEANUP(label_bitmap_freep) struct label_bitmap *second = render(&request);
    desk = before;
    assert_int_equal(count_different(first, unnamed), 0);
    assert_true(count_different(first, second) > 20);
}

static void write_picture(const struct label_bitmap *bitmap, unsigned dpi, const char *name)
{
    struct fault fault;
    if (!png_write(bitmap, dpi, desk.directory, name, &fault))
        fail_msg("%s", fault.text);
}

/* What zbarimg must say of one router, with its line end. */
static void wifi_line(char *ret_line, size_t size, const char *ssid, const char *key)
{
    (void)snprintf(ret_line, size, "WIFI:T:WPA;S:%s;P:%s;;\n", ssid, key);
}

static void reads_back_with_other_programs(void **state)
{
    (void)state;
    const unsigned heads[] = {203, 300, 600};
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        const struct label_request request = desk_router(&desk, heads[i]);
        CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = render(&request);
        char name[32], output[1024], wanted[256];
        (void)snprintf(name, sizeof name, "head-%u.png", heads[i]);
        write_picture(bitmap, heads[i], name);
        struct stat info;
        const char *path = desk_path(&desk, name);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);

        desk_run((const char *const[]){"zbarimg", "--quiet", "--raw", path, NULL}, output, sizeof output);
        wifi_line(wanted, sizeof wanted, "kokuin-00012X", "M4T8XW3K7QRZ52HVNCJP");
        assert_string_equal(output, wanted);
        desk_run((const char *const[]){"dmtxread", "-n", "-N1", "-G29", path, NULL}, output, sizeof output);
        (void)snprintf(wanted, sizeof wanted,
                       "\x1d"
                       "01%s21%s\x1d"
                       "91%s\n",
                       DESK_GTIN, desk.serial, DESK_LABEL);
        assert_string_equal(output, wanted);
    }
}

static void reads_bar_codes(void **state)
{
    (void)state;
    char output[512];
    CLEANUP(label_bitmap_freep)
    struct label_bitmap *bitmap =
        render_body("<rect id=\"c\" x=\"2\" y=\"18\" width=\"66\" height=\"8\"><desc>barcode=code128 "
                    "value={{serial}}-{{copy}}</desc></rect>");
    (void)unlink(desk_path(&desk, "bars.png"));
    write_picture(bitmap, 203, "bars.png");
    desk_run((const char *const[]){"zbarimg", "--quiet", "--raw", desk_path(&desk, "bars.png"), NULL}, output,
             sizeof output);
    assert_memory_equal(output, desk.serial, SERIAL_LENGTH);
    assert_string_equal(output + SERIAL_LENGTH, "-\n");
}

/* A plain one beside the unit's GS1 one: markup in a value is letters there too. */
static void reads_plain_datamatrix_codes(void **state)
{
    (void)state;
    static const char *const values[] = {"KR-1000", "</desc><b>&amp;{{x}}", "12345678", "]d2\"'&<a;b,c:d>"};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char output[512], wanted[128];
        struct desk before = desk;
        desk_set(&desk, "model", values[i]);
        CLEANUP(label_bitmap_freep)
        struct label_bitmap *bitmap = render_body("<rect id=\"c\" x=\"3\" y=\"3\" width=\"14\" height=\"14\">"
                                                  "<desc>barcode=dm value=M:{{model}}</desc></rect>");
        desk = before;
        (void)unlink(desk_path(&desk, "matrix.png"));
        write_picture(bitmap, 203, "matrix.png");
        desk_run((const char *const[]){"dmtxread", "-n", "-G29", desk_path(&desk, "matrix.png"), NULL}, output,
                 sizeof output);
        (void)snprintf(wanted, sizeof wanted, "M:%s\n", values[i]);
        assert_non_null(strstr(output, wanted));
        assert_non_null(strstr(output, DESK_LABEL "\n"));
        /* A GS1 code says something else than a plain one with the same letters. */
        const struct box place = {.left = 24, .top = 24, .right = 136, .bottom = 136};
        struct fault fault;
        wanted[strlen(wanted) - 1] = '\0';
        const uint8_t *value = (const uint8_t *)wanted;
        assert_true(verify_symbol(bitmap, place, SYMBOL_DATAMATRIX, value, strlen(wanted), &fault));
        assert_false(verify_symbol(bitmap, place, SYMBOL_GS1_DATAMATRIX, value, strlen(wanted), &fault));
        assert_int_equal(fault.code, FAULT_LABEL_UNREADABLE);
    }
}

static void sees_codes_that_are_wrong_or_gone(void **state)
{
    (void)state;
    struct fault fault;
    const struct label_request request = desk_router(&desk, 203);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = render(&request);
    const struct box unit = {.left = 432, .top = 16, .right = 524, .bottom = 108};
    const struct box wifi = {.left = 413, .top = 128, .right = 544, .bottom = 258};
    char text[LABEL_CODE_SIZE];
    assert_true(label_code_compose(DESK_GTIN, desk.serial, DESK_LABEL, text, &fault));
    assert_true(verify_symbol(bitmap, unit, SYMBOL_GS1_DATAMATRIX, (const uint8_t *)text, strlen(text), &fault));
    text[LABEL_CODE_LENGTH - 1] ^= 1;
    assert_false(verify_symbol(bitmap, unit, SYMBOL_GS1_DATAMATRIX, (const uint8_t *)text, strlen(text), &fault));
    assert_int_equal(fault.code, FAULT_LABEL_UNREADABLE);
    assert_false(verify_symbol(bitmap, wifi, SYMBOL_QR, (const uint8_t *)text, strlen(text), &fault));
    assert_int_equal(fault.code, FAULT_LABEL_UNREADABLE);
    memset(bitmap->rows, 0, label_bitmap_size(bitmap));
    assert_false(verify_symbol(bitmap, unit, SYMBOL_GS1_DATAMATRIX, (const uint8_t *)text, strlen(text), &fault));
    assert_int_equal(fault.code, FAULT_LABEL_UNREADABLE);
    assert_false(verify_symbol(bitmap, wifi, SYMBOL_QR, (const uint8_t *)text, strlen(text), &fault));
    assert_int_equal(fault.code, FAULT_LABEL_UNREADABLE);
    assert_false(verify_symbol(bitmap, wifi, SYMBOL_CODE128, (const uint8_t *)text, strlen(text), &fault));
    assert_int_equal(fault.code, FAULT_LABEL_UNREADABLE);
}

/* ---- ZPL ---- */

/* Opens a job with Python's own base64, zlib and CRC, and writes the rows to the second path. */
static const char open_job[] =
    "import sys, re, base64, zlib, binascii\n"
    "job = open(sys.argv[1], 'rb').read()\n"
    "m = "
    "re.fullmatch(rb'\\^XA\\^FX(\\w+)\\^FS\\^JZN\\^MMT,N\\^PW(\\d+)\\^LL(\\d+)\\^LH0,0\\^FO0,0\\^GFA,(\\d+),(\\d+),("
    "\\d+),'\n"
    "                 rb':Z64:([A-Za-z0-9+/=]+):([0-9A-F]{4})\\^FS\\^PQ1,0,1,N\\^XZ\\r\\n', job)\n"
    "assert m and binascii.crc_hqx(m[7], 0) == int(m[8], 16)\n"
    "rows = zlib.decompress(base64.b64decode(m[7], validate=True))\n"
    "assert len(rows) == int(m[4]) == int(m[5]) == int(m[6]) * int(m[3])\n"
    "open(sys.argv[2], 'wb').write(rows)\n"
    "print(m[1].decode(), int(m[2]), int(m[3]))\n";

static void packs_jobs_that_others_open(void **state)
{
    (void)state;
    const unsigned heads[] = {203, 300};
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        struct fault fault;
        const struct label_request request = desk_router(&desk, heads[i]);
        CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = render(&request);
        CLEANUP(wiped_clear) struct wiped job = {0};
        assert_true(zpl_append_job(bitmap, DESK_LABEL, PRINTER_TEARS, &job, &fault));

        char job_path[DESK_PATH_SIZE], rows_path[DESK_PATH_SIZE], output[128], wanted[128];
        (void)snprintf(job_path, sizeof job_path, "%s/job.zpl", desk.directory);
        (void)snprintf(rows_path, sizeof rows_path, "%s/job.rows", desk.directory);
        FILE *file = fopen(job_path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(job.bytes, 1, job.size, file), job.size);
        assert_int_equal(fclose(file), 0);
        desk_run((const char *const[]){"python3", "-c", open_job, job_path, rows_path, NULL}, output, sizeof output);
        (void)snprintf(wanted, sizeof wanted, DESK_LABEL " %u %u\n", bitmap->width, bitmap->height);
        assert_string_equal(output, wanted);

        CLEANUP(wiped_clear) struct wiped rows = {0};
        char piece[4096];
        file = fopen(rows_path, "r");
        assert_non_null(file);
        for (size_t count; (count = fread(piece, 1, sizeof piece, file)) > 0;)
            assert_true(wiped_append(&rows, piece, count, &fault));
        assert_int_equal(fclose(file), 0);
        assert_int_equal(rows.size, label_bitmap_size(bitmap));
        assert_memory_equal(rows.bytes, bitmap->rows, rows.size);
    }
}

static void understands_what_a_printer_says(void **state)
{
    (void)state;
    static const char ready[] = "\x02"
                                "030,0,0,1245,000,0,0,0,000,0,0,0\x03\r\n"
                                "\x02"
                                "000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n"
                                "\x02"
                                "1234,0\x03\r\n";
    static const char troubled[] = "\x02"
                                   "030,1,1,1245,002,1,0,0,000,0,0,0\x03\r\n"
                                   "\x02"
                                   "000,0,1,1,0,2,4,0,00000003,1,000\x03\r\n"
                                   "\x02"
                                   "1234,0\x03\r\n";
    static const char errors[] = "\x02\r\n\r\n  PRINTER STATUS                          \r\n"
                                 "   ERRORS:         1 00000000 00000005    \r\n"
                                 "   WARNINGS:       0 00000000 00000000     \r\n\x03";
    struct zpl_status status;
    size_t taken;
    unsigned bits = 0;
    uint64_t counter = 0;
    char words[ZPL_WORDS_SIZE];
    for (size_t size = 0; size < sizeof ready - 3; size++) {
        assert_true(zpl_read_status((const uint8_t *)ready, size, &status, &taken));
        assert_int_equal(taken, 0);
    }
    assert_true(zpl_read_status((const uint8_t *)ready, sizeof ready - 1, &status, &taken));
    assert_true(taken >= sizeof ready - 3);
    assert_true(zpl_is_ready(&status, 0));
    zpl_words(&status, 0, words);
    assert_string_equal(words, "ready");

    assert_true(zpl_read_status((const uint8_t *)troubled, sizeof troubled - 1, &status, &taken));
    assert_int_equal(status.waiting, 2);
    assert_int_equal(status.remaining, 3);
    assert_false(zpl_is_ready(&status, 0));
    zpl_words(&status, 0, words);
    assert_string_equal(words, "media out, ribbon out, head open, paused, buffer full, another label waits in it");

    assert_true(zpl_read_errors((const uint8_t *)errors, sizeof errors - 1, &bits, &taken));
    assert_int_equal(bits, ZPL_MEDIA_OUT | ZPL_HEAD_OPEN);
    assert_true(zpl_read_counter((const uint8_t *)"\"4711\"", 6, &counter, &taken));
    assert_int_equal(counter, 4711);

    static const char *const nonsense[] = {"x",
                                           "\x02nothing\x03",
                                           "\"12x\"",
                                           "\"\"",
                                           "\"1234567890123456789012\"",
                                           "\x02"
                                           "030,0,0\x03",
                                           "\x02-1,0,0,1,0,0,0,0,0,0,0,0\x03"};
    for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
        const uint8_t *bytes = (const uint8_t *)nonsense[i];
        size_t size = strlen(nonsense[i]);
        assert_false(zpl_read_status(bytes, size, &status, &taken));
        assert_false(zpl_read_errors(bytes, size, &bits, &taken));
        assert_false(zpl_read_counter(bytes, size, &counter, &taken));
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
        cmocka_unit_test(prints_markup_as_it_stands),
        cmocka_unit_test(keeps_hyphens_at_203_dpi),
        cmocka_unit_test(draws_the_same_twice),
        cmocka_unit_test(prints_parts_as_it_prints_the_whole),
        cmocka_unit_test(shows_the_copy),
        cmocka_unit_test(reads_back_with_other_programs),
        cmocka_unit_test(reads_bar_codes),
        cmocka_unit_test(reads_plain_datamatrix_codes),
        cmocka_unit_test(sees_codes_that_are_wrong_or_gone),
        cmocka_unit_test(packs_jobs_that_others_open),
        cmocka_unit_test(understands_what_a_printer_says),
    };
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
