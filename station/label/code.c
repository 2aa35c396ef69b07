#include "station/label/code.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define GROUP_SEPARATOR '\x1d'

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_serial_letter(char letter)
{
    return is_digit(letter) || (letter >= 'A' && letter <= 'Z');
}

static bool is_label_letter(char letter)
{
    return is_serial_letter(letter) && letter != 'I' && letter != 'L' && letter != 'O' && letter != 'U';
}

bool label_id_is_valid(const char *text)
{
    size_t length = strnlen(text, LABEL_ID_SIZE);
    for (size_t i = 0; i < length; i++)
        if (!is_label_letter(text[i]))
            return false;
    return length == LABEL_ID_LENGTH;
}

void label_id_write(uint64_t chance, unsigned copy, char ret_text[LABEL_ID_SIZE])
{
    base32_write(chance, LABEL_ID_LENGTH - 1, ret_text);
    base32_write(copy, 1, ret_text + LABEL_ID_LENGTH - 1);
}

unsigned label_id_copy(const char *text)
{
    if (!label_id_is_valid(text))
        return 0;
    for (unsigned copy = 1; copy <= LABEL_COPIES_MAX; copy++) {
        char letter[2];
        base32_write(copy, 1, letter);
        if (letter[0] == text[LABEL_ID_LENGTH - 1])
            return copy;
    }
    return 0;
}

bool label_code_compose(const char *gtin, const char *serial, const char *label, char ret_text[LABEL_CODE_SIZE],
                        struct fault *fault)
{
    if (!gtin14_is_valid(gtin))
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "the GTIN is not 14 digits with their check digit");
    if (!serial_is_valid(serial))
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "the serial is not one of ours");
    if (!label_id_is_valid(label))
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "the label id is not %d base-32 letters", LABEL_ID_LENGTH);
    (void)snprintf(ret_text, LABEL_CODE_SIZE, "01%s21%s%c91%s", gtin, serial, GROUP_SEPARATOR, label);
    return true;
}

/* A scan being compared with the form, from the left. Once it is over, the rest of the form is missing, not wrong. */
struct scan {
    const char *text;
    size_t size;
    size_t at;
    bool foreign;
    bool over;
};

static void expect_text(struct scan *scan, const char *text)
{
    for (; *text && !scan->foreign && !scan->over; text++) {
        if (scan->at == scan->size)
            scan->over = true;
        else if (scan->text[scan->at++] != *text)
            scan->foreign = true;
    }
}

static void expect_letters(struct scan *scan, bool (*belongs)(char letter), size_t count, char *ret_letters)
{
    for (size_t i = 0; i < count && !scan->foreign && !scan->over; i++) {
        if (scan->at == scan->size)
            scan->over = true;
        else if (!belongs(scan->text[scan->at]))
            scan->foreign = true;
        else
            ret_letters[i] = scan->text[scan->at++];
    }
}

bool label_code_parse(const char *text, size_t size, struct label_code *ret_code, struct fault *fault)
{
    struct scan scan = {.text = text, .size = size};
    struct label_code code = {0};
    if (size == 0)
        return fault_set(fault, FAULT_SCAN_TRUNCATED, 0, "the scan is empty");
    if (text[0] == ']')
        expect_text(&scan, "]d2");
    expect_text(&scan, "01");
    expect_letters(&scan, is_digit, sizeof code.gtin - 1, code.gtin);
    expect_text(&scan, "21");
    expect_letters(&scan, is_serial_letter, sizeof code.serial - 1, code.serial);
    expect_text(&scan, "\x1d"
                       "91");
    expect_letters(&scan, is_label_letter, sizeof code.label - 1, code.label);

    if (scan.foreign)
        return fault_set(fault, FAULT_SCAN_UNKNOWN, 0, "not a label of ours from character %zu on", scan.at + 1);
    if (scan.over)
        return fault_set(fault, FAULT_SCAN_TRUNCATED, 0, "the scan ends after %zu characters", size);
    if (scan.at != size)
        return fault_set(fault, FAULT_SCAN_UNKNOWN, 0, "%zu characters too many", size - scan.at);
    if (!gtin14_is_valid(code.gtin))
        return fault_set(fault, FAULT_SCAN_UNKNOWN, 0, "the check digit of the GTIN is wrong");
    if (!serial_is_valid(code.serial))
        return fault_set(fault, FAULT_SCAN_UNKNOWN, 0, "the check character of the serial is wrong");
    *ret_code = code;
    return true;
}
