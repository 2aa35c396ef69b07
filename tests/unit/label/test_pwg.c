/* Are the bytes of a page what PWG raster says? Read by libcups, and the replies of printers read from every cut. */
#include "station/label/http.h"
#include "station/label/ipp_message.h"
#include "station/label/pwg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cups/raster.h>

struct source {
    const uint8_t *bytes;
    size_t size, at;
};

static ssize_t read_source(void *context, unsigned char *ret_bytes, size_t size)
{
    struct source *source = context;
    size_t left = source->size - source->at;
    size_t count = size < left ? size : left;
    memcpy(ret_bytes, source->bytes + source->at, count);
    source->at += count;
    return (ssize_t)count;
}

/* The same picture for the same seed: lines that repeat, runs, and noise. */
static struct label_bitmap *draw(uint32_t width, uint32_t height, unsigned seed)
{
    struct label_bitmap *bitmap = NULL;
    struct fault fault;
    assert_true(label_bitmap_new(width, height, &bitmap, &fault));
    unsigned noise = seed;
    for (uint32_t y = 0; y < height; y++) {
        bool plain = (y / 7 + seed) % 3 == 0;
        for (uint32_t x = 0; x < width; x++) {
            noise = noise * 1103515245 + 12345;
            bool ink = plain ? x / 40 % 2 == 0 : (noise >> 16 & 3) == 0;
            if (ink)
                label_bitmap_ink(bitmap, x, y);
        }
    }
    return bitmap;
}

static void expect_page(const struct label_bitmap *bitmap, unsigned dpi, enum pwg_type type)
{
    CLEANUP(wiped_clear) struct wiped page = {0};
    struct fault fault;
    cups_page_header2_t header;
    uint8_t line[LABEL_DOTS_MAX];
    assert_true(pwg_append_page(bitmap, dpi, type, &page, &fault));
    struct source source = {.bytes = page.bytes, .size = page.size};
    cups_raster_t *raster = cupsRasterOpenIO(read_source, &source, CUPS_RASTER_READ);
    assert_non_null(raster);
    assert_int_equal(cupsRasterReadHeader2(raster, &header), 1);
    assert_string_equal(header.MediaClass, "PwgRaster");
    assert_int_equal(header.HWResolution[0], dpi);
    assert_int_equal(header.HWResolution[1], dpi);
    assert_int_equal(header.cupsWidth, bitmap->width);
    assert_int_equal(header.cupsHeight, bitmap->height);
    assert_int_equal(header.NumCopies, 1);
    assert_int_equal(header.cupsNumColors, 1);
    assert_int_equal(header.cupsInteger[0], 1); /* pages */
    assert_int_equal(header.cupsBitsPerPixel, type == PWG_BLACK_1 ? 1 : 8);
    assert_int_equal(header.cupsColorSpace, type == PWG_BLACK_1 ? CUPS_CSPACE_K : CUPS_CSPACE_SW);
    assert_true(abs((int)header.PageSize[0] - (int)(bitmap->width * 72 / dpi)) <= 1);
    for (uint32_t y = 0; y < bitmap->height; y++) {
        assert_int_equal(cupsRasterReadPixels(raster, line, header.cupsBytesPerLine), header.cupsBytesPerLine);
        for (uint32_t x = 0; x < bitmap->width; x++) {
            bool ink = type == PWG_BLACK_1 ? (line[x / 8] >> (7 - x % 8) & 1) != 0 : line[x] == 0;
            assert_int_equal(ink, label_bitmap_dot(bitmap, x, y));
        }
    }
    assert_int_equal(cupsRasterReadHeader2(raster, &header), 0);
    assert_int_equal(source.at, source.size);
    cupsRasterClose(raster);
}

static void writes_what_libcups_reads(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height;
        unsigned dpi;
    } pages[] = {{1, 1, 203},     {7, 3, 203},      {8, 1, 300},       {9, 600, 300},   {559, 320, 203},
                 {827, 472, 300}, {1654, 945, 600}, {1024, 1024, 600}, {129, 257, 203}, {4096, 20, 600}};
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
        for (unsigned seed = 0; seed < 3; seed++) {
            CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = draw(pages[i].width, pages[i].height, seed);
            expect_page(bitmap, pages[i].dpi, PWG_BLACK_1);
            expect_page(bitmap, pages[i].dpi, PWG_SGRAY_8);
        }
}

static void writes_blank_labels(void **state)
{
    (void)state;
    struct fault fault;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    assert_true(label_bitmap_new(559, 2000, &bitmap, &fault));
    expect_page(bitmap, 203, PWG_BLACK_1);
    expect_page(bitmap, 203, PWG_SGRAY_8);
}

/* Feeds the reply cut in two at `cut`. */
static bool feed(const char *text, size_t cut, struct http_reply *reply, struct fault *fault)
{
    const uint8_t *bytes = (const uint8_t *)text;
    return http_reply_feed(reply, bytes, cut, fault) && http_reply_feed(reply, bytes + cut, strlen(text) - cut, fault);
}

static void reads_replies_at_every_cut(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5 \r\n\r\nhelloHTTP/1.1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.0 200\nContent-Length: 5\n\nhello",
    };
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
        for (size_t cut = 0; cut <= strlen(replies[i]); cut++) {
            CLEANUP(http_reply_clear) struct http_reply reply = {0};
            struct fault fault = {0};
            if (!feed(replies[i], cut, &reply, &fault))
                fail_msg("%s at %zu: %s", replies[i], cut, fault.text);
            assert_int_equal(reply.stage, HTTP_COMPLETE);
            assert_int_equal(reply.status, 200);
            assert_int_equal(reply.body.size, 5);
            assert_memory_equal(reply.body.bytes, "hello", 5);
        }
}

static void refuses_replies_that_are_none(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "SSH-2.0-x\r\n",
        "HTTP/2 200\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 200OK\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        CLEANUP(http_reply_clear) struct http_reply reply = {0};
        struct fault fault = {0};
        if (feed(replies[i], strlen(replies[i]) / 2, &reply, &fault))
            fail_msg("was taken: %s", replies[i]);
        assert_int_equal(fault.code, FAULT_BAD_BYTES);
    }
    CLEANUP(http_reply_clear) struct http_reply reply = {0};
    struct fault fault;
    char line[HTTP_LINE_SIZE + 1];
    memset(line, 'x', sizeof line);
    assert_false(http_reply_feed(&reply, (const uint8_t *)line, sizeof line, &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
}

/* What a printer answers to one question, with a keyword more. */
static void append_answer(struct wiped *answer, unsigned status, const char *reason)
{
    struct fault fault;
    uint8_t head[8] = {2, 0, (uint8_t)(status >> 8), (uint8_t)status, 0, 0, 0, 1};
    static const uint8_t printer[] = {0x04};
    static const uint8_t end[] = {0x03};
    assert_true(wiped_append(answer, head, sizeof head, &fault));
    assert_true(wiped_append(answer, printer, 1, &fault));
    static const struct {
        uint8_t tag;
        const char *name, *value;
        uint8_t size;
    } values[] = {{0x23, "printer-state", "\0\0\0\3", 4},
                  {0x22, "printer-is-accepting-jobs", "\1", 1},
                  {0x21, "queued-job-count", "\0\0\0\0", 4},
                  {0x21, "printer-up-time", "\0\0\0\7", 4}};
    for (size_t i = 0; i <= ARRAY_SIZE(values); i++) {
        bool last = i == ARRAY_SIZE(values);
        const char *name = last ? "printer-state-reasons" : values[i].name;
        size_t size = last ? strlen(reason) : values[i].size;
        uint8_t lead[3] = {last ? 0x44 : values[i].tag, 0, (uint8_t)strlen(name)};
        uint8_t length[2] = {0, (uint8_t)size};
        assert_true(wiped_append(answer, lead, 3, &fault) && wiped_append_text(answer, name, &fault) &&
                    wiped_append(answer, length, 2, &fault) &&
                    wiped_append(answer, last ? reason : values[i].value, size, &fault));
    }
    assert_true(wiped_append(answer, end, 1, &fault));
}

static void knows_a_reason_by_its_stem(void **state)
{
    (void)state;
    static const struct {
        const char *stem;
        enum fault_code code;
    } reasons[] = {
        {"none", FAULT_NONE},
        {"media-empty", FAULT_PRINTER_PAPER},
        {"media-needed", FAULT_PRINTER_PAPER},
        {"input-tray-missing", FAULT_PRINTER_PAPER},
        {"marker-supply-empty", FAULT_PRINTER_RIBBON},
        {"toner-empty", FAULT_PRINTER_RIBBON},
        {"cover-open", FAULT_PRINTER_HEAD},
        {"door-open", FAULT_PRINTER_HEAD},
        {"interlock-open", FAULT_PRINTER_HEAD},
        {"trimmer-jam", FAULT_PRINTER_CUTTER},
        {"fuser-over-temp", FAULT_PRINTER_HOT},
        {"marker-over-temp", FAULT_PRINTER_HOT},
        {"media-jam", FAULT_PRINTER_NOT_READY},
        {"paused", FAULT_PRINTER_PAUSED},
        {"moving-to-paused", FAULT_PRINTER_PAUSED},
        {"media-low", FAULT_NONE},
        {"media-empty-soon", FAULT_NONE},
        {"xmedia-empty", FAULT_NONE},
    };
    static const char *const severities[] = {"", "-report", "-warning", "-error"};
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        for (size_t k = 0; k < ARRAY_SIZE(severities); k++) {
            CLEANUP(wiped_clear) struct wiped answer = {0};
            struct ipp_printer_says says;
            struct fault fault = {0};
            char reason[64];
            (void)snprintf(reason, sizeof reason, "%s%s", reasons[i].stem, severities[k]);
            append_answer(&answer, 0, reason);
            if (!ipp_read_printer(answer.bytes, answer.size, 203, &says, &fault))
                fail_msg("%s: %s", reason, fault.text);
            assert_int_equal(says.trouble, reasons[i].code);
            assert_string_equal(says.words, reason);
            assert_int_equal(says.up_seconds, 7);
        }
}

static void refuses_answers_that_are_none(void **state)
{
    (void)state;
    CLEANUP(wiped_clear) struct wiped answer = {0};
    struct ipp_printer_says says;
    struct fault fault;
    append_answer(&answer, 0, "none");
    for (size_t size = 0; size < answer.size; size++) {
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut, answer.bytes, size);
        assert_false(ipp_read_printer(cut, size, 203, &says, &fault));
        assert_int_equal(fault.code, FAULT_BAD_BYTES);
        free(cut);
    }
    answer.bytes[7] = 2; /* another question's */
    assert_false(ipp_read_printer(answer.bytes, answer.size, 203, &says, &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    static const struct {
        unsigned status;
        enum fault_code code;
    } refusals[] = {{0x0400, FAULT_PRINTER_NOT_READY},
                    {IPP_SAYS_NOT_FOUND, FAULT_PRINTER_NOT_READY},
                    {IPP_SAYS_BUSY, FAULT_PRINTER_HOLDS}};
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        CLEANUP(wiped_clear) struct wiped refusal = {0};
        append_answer(&refusal, refusals[i].status, "none");
        assert_false(ipp_read_done(refusal.bytes, refusal.size, &fault));
        assert_int_equal(fault.code, refusals[i].code);
        assert_int_equal(fault.native, refusals[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_libcups_reads),  cmocka_unit_test(writes_blank_labels),
        cmocka_unit_test(reads_replies_at_every_cut), cmocka_unit_test(refuses_replies_that_are_none),
        cmocka_unit_test(knows_a_reason_by_its_stem), cmocka_unit_test(refuses_answers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
