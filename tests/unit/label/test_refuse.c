/* Is every label that would be wrong refused, with the element or the field named, and no secret told? */
#include "tests/unit/label/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT "<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2.2\">"
#define CODE "<rect id=\"c\" x=\"3\" y=\"8\" width=\"20\" height=\"18\"><desc>"
#define ROOT(size, view)                                                                                               \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" " size " viewBox=\"" view "\"><title>x</title></svg>"

static struct desk desk;

static void expect_refused(enum fault_code code, const char *words)
{
    struct label_request request = desk_request(&desk);
    request.twice = true;
    struct label_bitmap *bitmap = NULL;
    struct fault fault = {0};
    assert_false(label_render(&request, &bitmap, &fault));
    assert_null(bitmap);
    if (fault.code != code || !strstr(fault.text, words))
        fail_msg("expected %s with '%s', got %s: %s", fault_name(code), words, fault_name(fault.code), fault.text);
    assert_null(strstr(fault.text, "7KQ4"));
    assert_null(strstr(fault.text, "M4T8X"));
}

static void accepts_the_frame_they_all_share(void **state)
{
    (void)state;
    desk_write_template(&desk, TEXT "{{serial}}</text>");
    struct label_request request = desk_request(&desk);
    request.twice = true;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct fault fault = {0};
    if (!label_render(&request, &bitmap, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(bitmap->width, 560);
    assert_int_equal(bitmap->height, 320);
}

static const struct {
    const char *body;
    enum fault_code code;
    const char *words;
} wrong_bodies[] = {
    {TEXT "{{colour}}</text>", FAULT_LABEL_TEMPLATE, "text 't': unknown field 'colour'"},
    {TEXT "{{serial|rot13}}</text>", FAULT_LABEL_TEMPLATE, "unknown filter 'rot13' of field 'serial'"},
    {TEXT "{{serial|}}</text>", FAULT_LABEL_TEMPLATE, "unknown filter ''"},
    {TEXT "{{serial|wifi}}</text>", FAULT_LABEL_TEMPLATE, "has no place in a text"},
    {TEXT "{{serial</text>", FAULT_LABEL_TEMPLATE, "never closed"},
    {"<script id=\"s\">1</script>", FAULT_LABEL_TEMPLATE, "script 's': not allowed"},
    {"<foreignObject id=\"f\"/>", FAULT_LABEL_TEMPLATE, "foreignObject 'f': not allowed"},
    {"<flowRoot id=\"f\"/>", FAULT_LABEL_TEMPLATE, "flowRoot 'f': not allowed"},
    {"<g><image id=\"i\"/></g>", FAULT_LABEL_TEMPLATE, "image 'i': not allowed"},
    {"<use id=\"u\"/>", FAULT_LABEL_TEMPLATE, "use 'u': not allowed"},
    {"<style id=\"s\">text{fill:#fff}</style>", FAULT_LABEL_TEMPLATE, "style 's': not allowed"},
    {"<a id=\"a\"/>", FAULT_LABEL_TEMPLATE, "a 'a': not allowed"},
    {"<svg id=\"n\"/>", FAULT_LABEL_TEMPLATE, "may not stand here"},
    {"<?php echo 1 ?>", FAULT_LABEL_TEMPLATE, "processing instructions"},
    {"<rect id=\"r\" xlink:href=\"file:///etc/passwd\"/>", FAULT_LABEL_TEMPLATE, "rect 'r': href refers"},
    {"<path id=\"p\" d=\"M1 1\" fill=\"url(http://x/#a)\"/>", FAULT_LABEL_TEMPLATE, "path 'p': fill refers"},
    {"<path id=\"p\" style=\"fill:u\\72l(x)\"/>", FAULT_LABEL_TEMPLATE, "path 'p': style refers"},
    {"<rect id=\"r\" onclick=\"1\"/>", FAULT_LABEL_TEMPLATE, "rect 'r': onclick has a script"},
    {"<rect id=\"r\" x=\"{{serial}}\"/>", FAULT_LABEL_TEMPLATE, "rect 'r': x has a field"},
    {"<title>{{serial}}</title>", FAULT_LABEL_TEMPLATE, "may not stand here"},
    {"<g id=\"g\" transform=\"scale(0.5)\"/>", FAULT_LABEL_TEMPLATE, "g 'g': transform may be moved"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"1.9\">{{serial}}</text>", FAULT_LABEL_TEMPLATE, "too small"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"1.4\">word</text>", FAULT_LABEL_TEMPLATE, "too small"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2.9\">{{admin}}</text>", FAULT_LABEL_TEMPLATE, "too small"},
    {"<text id=\"t\" x=\"3\" y=\"6\">word</text>", FAULT_LABEL_TEMPLATE, "needs a font-size"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"2em\">word</text>", FAULT_LABEL_TEMPLATE, "needs a font-size"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" font-weight=\"900\">word</text>", FAULT_LABEL_TEMPLATE,
     "font-weight"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" font-family=\"A, B\">word</text>", FAULT_LABEL_TEMPLATE,
     "exactly one font-family"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" font-family=\"NoSuchFont\">word</text>", FAULT_LABEL_FONT,
     "text 't': font 'NoSuchFont' is not installed"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" font-family=\"JetBrains Mono\">&#x65e5;</text>", FAULT_LABEL_FONT,
     "lacks U+65E5"},
    {"<text id=\"t\" x=\"60\" y=\"20\" font-size=\"3\">{{serial}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't' runs off the label"},
    {"<text id=\"t\" x=\"90\" y=\"20\" font-size=\"3\">{{serial}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't' draws nothing"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" fill=\"#fff\">word</text>", FAULT_LABEL_TEMPLATE,
     "text 't' draws nothing"},
    {"<text id=\"t\" x=\"50\" y=\"8\" font-size=\"3\">wordword</text>", FAULT_LABEL_TEMPLATE,
     "text 't' runs into code 'unit'"},
    {"<text id=\"t\" x=\"8\" y=\"31\" font-size=\"3\">over</text>", FAULT_LABEL_TEMPLATE,
     "text 't' overlaps text 'admin'"},
    {TEXT "word</text><path d=\"M1 5.5H30\" stroke=\"#000\" stroke-width=\"0.3\"/>", FAULT_LABEL_TEMPLATE,
     "text 't' touches a line"},
    {"<path d=\"M50 8H60\" stroke=\"#000\" stroke-width=\"0.3\"/>", FAULT_LABEL_TEMPLATE,
     "code 'unit' has something drawn"},
    {TEXT "word</text><rect x=\"1\" y=\"2\" width=\"20\" height=\"6\" fill=\"#fff\"/>", FAULT_LABEL_TEMPLATE,
     "label.svg: something is drawn over a text"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" fill=\"#bbb\">word</text>", FAULT_LABEL_TEMPLATE,
     "text 't' draws nothing"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" fill=\"#333\">{{serial}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't': a text with a field is black"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" style=\"fill:#000;stroke:#fff\">{{serial}}</text>",
     FAULT_LABEL_TEMPLATE, "text 't': a text with a field is black"},
    {"<g opacity=\"0.5\">" TEXT "{{serial}}</text></g>", FAULT_LABEL_TEMPLATE,
     "text 't': a text with a field is black"},
    {"<rect id=\"t\" x=\"3\" y=\"8\" width=\"9\" height=\"9\"/>" TEXT "a</text>", FAULT_LABEL_TEMPLATE,
     "the id 't' is there twice"},
    {TEXT "a</text><text id=\"t\" x=\"3\" y=\"12\" font-size=\"2.2\">b</text>", FAULT_LABEL_TEMPLATE,
     "the id 't' is there twice"},
    {TEXT "<rect/></text>", FAULT_LABEL_TEMPLATE, "only text and tspan"},
    {CODE "barcode=gs1dm value=[01]{{gtin}}[21]{{serial}}[91]{{label}}</desc></rect>", FAULT_LABEL_TEMPLATE,
     "one gs1dm code for the scan-back, not 2"},
    {CODE "barcode=gs1dm value=[21]{{serial}}</desc></rect>", FAULT_LABEL_TEMPLATE, "rect 'c': a gs1dm code must"},
    {CODE "barcode=aztec value=x</desc></rect>", FAULT_LABEL_TEMPLATE, "rect 'c': a code does not know"},
    {CODE "barcode=dm quiet=0 value=x</desc></rect>", FAULT_LABEL_TEMPLATE,
     "rect 'c': a quiet zone of 0 is too small, at least 1"},
    {"<rect id=\"c\" x=\"3\" y=\"8\" width=\"2\" height=\"2\"><desc>barcode=dm value=x</desc></rect>",
     FAULT_LABEL_TEMPLATE, "code 'c': 12 modules need a bigger place"},
    {CODE "barcode=qr ecc=Z value=x</desc></rect>", FAULT_LABEL_TEMPLATE, "does not know 'ecc=Z'"},
    {CODE "barcode=qr quiet=3 value=x</desc></rect>", FAULT_LABEL_TEMPLATE, "quiet zone of 3 is too small"},
    {CODE "barcode=qr</desc></rect>", FAULT_LABEL_TEMPLATE, "a code needs value="},
    {CODE "barcode=qr value={{serial|group4}}</desc></rect>", FAULT_LABEL_TEMPLATE, "has no place in a code"},
    {CODE "barcode=qr value=WIFI:T:WPA;S:{{ssid}};;</desc></rect>", FAULT_LABEL_TEMPLATE, "must be {{ssid|wifi}}"},
    {CODE "barcode=qr value=</desc></rect>", FAULT_LABEL_VALUE, "rect 'c': a code of nothing"},
    {"<animate id=\"a\"/>", FAULT_LABEL_TEMPLATE, "animate 'a': not allowed"},
    {"<g id=\"g\" style=\"filter:url(#f)\"/>", FAULT_LABEL_TEMPLATE, "g 'g': style refers"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\"><tspan id=\"s\" href=\"x\">{{serial}}</tspan></text>",
     FAULT_LABEL_TEMPLATE, "tspan 's': href refers"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\"><tspan font-size=\"1\">{{serial}}</tspan></text>",
     FAULT_LABEL_TEMPLATE, "1.00 mm is too small"},
    {"<text id=\"t\" x=\"3\" y=\"6\" font-size=\"3\" display=\"none\">{{serial}}</text>", FAULT_LABEL_TEMPLATE,
     "text 't' draws nothing"},
    {"<defs>" TEXT "{{serial}}</text></defs>", FAULT_LABEL_TEMPLATE, "text 't' draws nothing"},
    {CODE "barcode=qr value={{colour}}</desc></rect>", FAULT_LABEL_TEMPLATE, "rect 'c': unknown field 'colour'"},
    {CODE "barcode=qr value={{serial|rot13}}</desc></rect>", FAULT_LABEL_TEMPLATE, "rect 'c': unknown filter 'rot13'"},
    {"<rect x=\"3\" y=\"8\" width=\"9\" height=\"9\"><desc>barcode=qr value=x</desc></rect>", FAULT_LABEL_TEMPLATE,
     "a code needs an id"},
    {"<path id=\"p\" d=\"M1 1\"><desc>barcode=qr value=x</desc></path>", FAULT_LABEL_TEMPLATE,
     "a code's place is a rect"},
    {"<rect id=\"c\" x=\"3\" y=\"8\" width=\"6\" height=\"6\"><desc>barcode=qr value=x</desc></rect>",
     FAULT_LABEL_TEMPLATE, "code 'c': 29 modules need a bigger place"},
    {"<rect id=\"c\" x=\"60\" y=\"20\" width=\"16\" height=\"16\"><desc>barcode=qr value=x</desc></rect>",
     FAULT_LABEL_TEMPLATE, "code 'c' runs off the label"},
    {"<rect id=\"c\" x=\"50\" y=\"10\" width=\"16\" height=\"16\"><desc>barcode=qr value=x</desc></rect>",
     FAULT_LABEL_TEMPLATE, "code 'c' overlaps code 'unit'"},
    {CODE "barcode=code128 value=&#xff34;&#xff2b;</desc></rect>", FAULT_LABEL_VALUE, "code 'c': zint"},
    {"<g", FAULT_LABEL_TEMPLATE, "not XML from line 1"},
};

static void refuses_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong_bodies); i++) {
        desk_write_template(&desk, wrong_bodies[i].body);
        expect_refused(wrong_bodies[i].code, wrong_bodies[i].words);
    }
}

static void refuses_whole_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } wrong[] = {
        {"", "not XML"},
        {"<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
         "DOCTYPE"},
        {"<?xml-stylesheet href=\"x.css\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", "processing instructions"},
        {"<html/>", "outermost element must be svg"},
        {"<svg width=\"70mm\"/>", "outermost element must be svg"},
        {ROOT("width=\"70mm\" height=\"41mm\"", "0 0 70 40"), "must be 70mm and 40mm"},
        {ROOT("width=\"70\" height=\"40\"", "0 0 70 40"), "must be 70mm and 40mm"},
        {ROOT("width=\"70mm\" height=\"40mm\"", "0 0 700 400"), "viewBox"},
        {ROOT("width=\"70mm\" height=\"40mm\"", "0 0 70 40"), "one gs1dm code for the scan-back, not 0"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        desk_write_file(&desk, wrong[i].text);
        expect_refused(FAULT_LABEL_TEMPLATE, wrong[i].words);
    }
    char *big = malloc(300000);
    assert_non_null(big);
    memset(big, ' ', 299999);
    big[299999] = '\0';
    desk_write_file(&desk, big);
    free(big);
    expect_refused(FAULT_LABEL_TEMPLATE, "longer than");
}

static void refuses_missing_and_changed_files(void **state)
{
    (void)state;
    struct label_bitmap *bitmap = NULL;
    struct fault fault;
    struct label_request request = desk_request(&desk);
    request.template_path = "/nonexistent/label.svg";
    assert_false(label_render(&request, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_FILE);

    const uint8_t another[LABEL_SHA256_SIZE] = {1};
    desk_write_template(&desk, "");
    request = desk_request(&desk);
    request.template_sha256 = another;
    assert_false(label_render(&request, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_TEMPLATE);
    assert_non_null(strstr(fault.text, "has changed"));
    request = desk_request(&desk);
    request.dpi = 200;
    assert_false(label_render(&request, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    request = desk_request(&desk);
    request.width_mm = 500;
    assert_false(label_render(&request, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
}

static void refuses_a_password_that_is_not_shown(void **state)
{
    (void)state;
    desk_write_file(&desk,
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"70mm\" height=\"40mm\" viewBox=\"0 0 70 40\">"
                    "<rect id=\"unit\" x=\"54\" y=\"2\" width=\"12\" height=\"12\"><desc>barcode=gs1dm "
                    "value=[01]{{gtin}}[21]{{serial}}[91]{{label}}</desc></rect></svg>");
    expect_refused(FAULT_LABEL_TEMPLATE, "the password 'admin' is not on the label");
}

static void refuses_values(void **state)
{
    (void)state;
    char long_value[LABEL_VALUE_MAX + 2];
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    const struct {
        const char *field, *value, *words;
        enum fault_code code;
    } wrong[] = {
        {"model", "a\nb", "field 'model' has a character that does not print at byte 2", FAULT_LABEL_VALUE},
        {"model", "a\x1b[0m", "does not print at byte 2", FAULT_LABEL_VALUE},
        {"model", "\x7f", "does not print", FAULT_LABEL_VALUE},
        {"model", "\xc2\x85", "does not print", FAULT_LABEL_VALUE},
        {"model", "ab\xff", "field 'model' is not UTF-8 at byte 3", FAULT_LABEL_VALUE},
        {"model", "\xc0\xaf", "not UTF-8", FAULT_LABEL_VALUE},
        {"model", "\xed\xa0\x80", "not UTF-8", FAULT_LABEL_VALUE},
        {"model", "\xe2\x82", "not UTF-8", FAULT_LABEL_VALUE},
        {"model",
         "x\xe2\x80\xae"
         "y",
         "does not print at byte 2", FAULT_LABEL_VALUE}, /* U+202E */
        {"model",
         "x\xe2\x81\xa6"
         "y",
         "does not print at byte 2", FAULT_LABEL_VALUE}, /* U+2066 */
        {"model",
         "x\xe2\x80\x8b"
         "y",
         "does not print at byte 2", FAULT_LABEL_VALUE}, /* U+200B */
        {"model", long_value, "longer than 255", FAULT_LABEL_VALUE},
        {"model", "\xf0\x9f\x98\x80", "lacks U+1F600", FAULT_LABEL_FONT},
        {"gtin", "04912345000018", "GTIN", FAULT_LABEL_VALUE},
        {"gtin", NULL, "field 'gtin' is not there", FAULT_LABEL_VALUE},
        {"serial", "KR0000000120", "serial", FAULT_LABEL_VALUE},
        {"serial", NULL, "field 'serial' is not there", FAULT_LABEL_VALUE},
        {"label", "R2", "label id", FAULT_LABEL_VALUE},
        {"label", NULL, "field 'label' is not there", FAULT_LABEL_VALUE},
        {"model", NULL, "unknown field 'model'", FAULT_LABEL_TEMPLATE},
        {"ssid", "caf\xc3\xa9", "field 'ssid' in a Wi-Fi code", FAULT_LABEL_VALUE},
        {"ssid", "a;b", "field 'ssid' in a Wi-Fi code", FAULT_LABEL_VALUE},
        {"ssid", "", "field 'ssid' in a Wi-Fi code is empty", FAULT_LABEL_VALUE},
    };
    desk_write_template(&desk, TEXT "{{model}}</text>" CODE "barcode=qr value=WIFI:S:{{ssid|wifi}};;</desc></rect>");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct desk before = desk;
        desk_set(&desk, wrong[i].field, wrong[i].value);
        expect_refused(wrong[i].code, wrong[i].words);
        desk = before;
    }
}

static void refuses_fields(void **state)
{
    (void)state;
    struct desk before = desk;
    const struct {
        struct label_field field;
        const char *words;
    } wrong[] = {
        {{.name = "serial", .value = "x"}, "field 'serial' is there twice"},
        {{.name = "Bad", .value = "x"}, "a name is a-z"},
        {{.name = "", .value = "x"}, "a name is a-z"},
        {{.name = "seventeen_letters", .value = "x"}, "a name is a-z"},
        {{.name = "nothing"}, "field 'nothing' has no value, or two"},
        {{.name = "both", .value = "x", .secret = desk.admin}, "field 'both' has no value, or two"},
    };
    desk_write_template(&desk, "");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        desk.fields[DESK_FIELDS - 1] = wrong[i].field;
        expect_refused(FAULT_LABEL_VALUE, wrong[i].words);
    }
    CLEANUP(secret_freep)
    struct secret *bad = desk_secret("a\x01"
                                     "b");
    desk.fields[DESK_FIELDS - 1] = (struct label_field){.name = "other", .secret = bad};
    expect_refused(FAULT_LABEL_VALUE, "field 'other' has a character that does not print");
    desk = before;
}

/* A password with a character that turns the line around, or that its font lacks, is told by its field alone. */
static void refuses_passwords_that_do_not_print(void **state)
{
    (void)state;
    static const struct {
        const char *password;
        enum fault_code code;
        const char *words;
    } wrong[] = {
        {"7KQ4\xe2\x80\xaeMX2W", FAULT_LABEL_VALUE, "field 'admin' has a character that does not print at byte 5"},
        {"7KQ4\xe2\x81\xa7MX2W", FAULT_LABEL_VALUE, "field 'admin' has a character that does not print at byte 5"},
        {"7KQ4\tMX2W", FAULT_LABEL_VALUE, "field 'admin' has a character that does not print at byte 5"},
        {"7KQ4\xff", FAULT_LABEL_VALUE, "field 'admin' is not UTF-8 at byte 5"},
        {"7KQ4\xe6\x97\xa5", FAULT_LABEL_FONT, "text 'admin': font 'JetBrains Mono' lacks a character of a password"},
    };
    desk_write_template(&desk, "");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct desk before = desk;
        CLEANUP(secret_freep) struct secret *password = desk_secret(wrong[i].password);
        for (size_t at = 0; at < DESK_FIELDS; at++)
            if (strcmp(desk.fields[at].name, "admin") == 0)
                desk.fields[at].secret = password;
        expect_refused(wrong[i].code, wrong[i].words);
        desk = before;
    }
}

static void checks_the_demo_templates(void **state)
{
    (void)state;
    const struct label_sample samples[] = {
        {"model", "KR-1000", false},         {"name", "Kokuin climate sensor", false},
        {"mac", "00:00:00:00:00:00", false}, {"ssid", "kokuin-000000", false},
        {"admin_user", "admin", false},      {"copy", "R9", false},
        {"admin", "WWWWWWWWWWWWWWWW", true}, {"wifi", "WWWWWWWWWWWWWWWWWWWW", true},
    };
    const unsigned heads[] = {203, 300, 600};
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        struct fault fault = {0};
        const struct label_trial router = {DEMO_LABELS "/router.svg", 70, 40, heads[i], samples, ARRAY_SIZE(samples)};
        const struct label_trial sensor = {DEMO_LABELS "/sensor.svg", 50, 30, heads[i], samples, 6};
        if (!label_check(NULL, &router, deadline_in_ms(60000), &fault) ||
            !label_check(NULL, &sensor, deadline_in_ms(60000), &fault))
            fail_msg("%u dpi: %s", heads[i], fault.text);
        /* The same label with a password that is too long for it. */
        struct label_sample longer[ARRAY_SIZE(samples)];
        memcpy(longer, samples, sizeof samples);
        longer[7].widest = "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW";
        struct label_trial wide = router;
        wide.samples = longer;
        assert_false(label_check(NULL, &wide, deadline_in_ms(60000), &fault));
        assert_int_equal(fault.code, FAULT_LABEL_TEMPLATE);
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
        cmocka_unit_test(accepts_the_frame_they_all_share),
        cmocka_unit_test(refuses_templates),
        cmocka_unit_test(refuses_whole_files),
        cmocka_unit_test(refuses_missing_and_changed_files),
        cmocka_unit_test(refuses_a_password_that_is_not_shown),
        cmocka_unit_test(refuses_values),
        cmocka_unit_test(refuses_fields),
        cmocka_unit_test(refuses_passwords_that_do_not_print),
        cmocka_unit_test(checks_the_demo_templates),
    };
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
