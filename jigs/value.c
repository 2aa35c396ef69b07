#include "jigs/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_PATH_MAX 107 /* sun_path of sockaddr_un, without its terminator */

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_letter_of(enum value_letters letters, char letter, bool first)
{
    bool lower = letter >= 'a' && letter <= 'z', upper = letter >= 'A' && letter <= 'Z';
    switch (letters) {
    case VALUE_WORDS:
        return true; /* the whole file was checked for hidden characters */
    case VALUE_MODEL:
        return letter >= ' ' && letter <= '~';
    case VALUE_GRAPH:
        return letter > ' ' && letter <= '~';
    case VALUE_NAME:
        return lower || upper || is_digit(letter) || letter == '.' || letter == '_' || letter == '-';
    case VALUE_SIMPLE:
        return lower || (!first && (is_digit(letter) || letter == '_'));
    }
    return false;
}

static const char *describe_letters(enum value_letters letters)
{
    static const char *const words[] = {
        [VALUE_WORDS] = "no space at either end",
        [VALUE_MODEL] = "printable ASCII, no space at either end",
        [VALUE_GRAPH] = "printable ASCII without spaces",
        [VALUE_NAME] = "letters, digits, . _ -",
        [VALUE_SIMPLE] = "lower-case letters, digits, _, a letter first",
    };
    return words[letters];
}

bool value_read_text(const struct spot *spot, const char *key, const char *text, enum value_letters letters,
                     char *ret_text, size_t size)
{
    if (!text)
        return true;
    size_t length = strlen(text);
    if (length < 1 || length >= size)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected 1 to %zu characters, found %zu", size - 1,
                               length);
    bool good = text[0] != ' ' && text[length - 1] != ' ';
    for (size_t i = 0; good && i < length; i++)
        good = is_letter_of(letters, text[i], i == 0);
    if (!good)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected %s, found '%.40s'", describe_letters(letters),
                               text);
    memcpy(ret_text, text, length + 1);
    return true;
}

bool value_read_number(const struct spot *spot, const char *key, const char *text, unsigned least, unsigned most,
                       unsigned *ret_number)
{
    if (!text)
        return true;
    size_t length = strlen(text);
    bool good = length > 0 && length <= 9 && strspn(text, "0123456789") == length && (length == 1 || text[0] != '0');
    unsigned long number = good ? strtoul(text, NULL, 10) : 0;
    if (!good || number < least || number > most)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected a number from %u to %u, found '%.40s'", least,
                               most, text);
    *ret_number = (unsigned)number;
    return true;
}

bool value_read_hex16(const struct spot *spot, const char *key, const char *text, uint16_t *ret_number)
{
    if (!text)
        return true;
    bool good = strlen(text) == 6 && strncmp(text, "0x", 2) == 0 && strspn(text + 2, "0123456789abcdefABCDEF") == 4;
    unsigned long number = good ? strtoul(text + 2, NULL, 16) : 0;
    if (number == 0)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected 0x0001 to 0xffff, found '%.40s'", text);
    *ret_number = (uint16_t)number;
    return true;
}

bool value_read_decimal(const struct spot *spot, const char *key, const char *text, double least, double most,
                        double *ret_number)
{
    if (!text)
        return true;
    /* Counted by hand, because strtod() takes hex, infinities and, in some locales, a comma. */
    size_t whole = strspn(text, "0123456789");
    size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    size_t length = whole + (decimals ? decimals + 1 : 0);
    bool good = whole >= 1 && whole <= 6 && decimals <= 3 && text[length] == '\0' && (whole == 1 || text[0] != '0');
    double number = 0;
    for (size_t i = 0; good && i < length; i++)
        if (text[i] != '.')
            number = 10 * number + (text[i] - '0');
    static const double scale[] = {1, 10, 100, 1000}; /* one division, so that 79.95 is the double nearest to it */
    number /= good ? scale[decimals] : 1;
    if (!good || number < least || number > most)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected a number from %g to %g, found '%.40s'", least,
                               most, text);
    *ret_number = number;
    return true;
}

bool value_read_bool(const struct spot *spot, const char *key, const char *text, bool *ret_bool)
{
    static const struct value_choice choices[] = {{"true", 1}, {"false", 0}};
    int value = *ret_bool;
    if (!value_read_choice(spot, key, text, choices, ARRAY_SIZE(choices), &value))
        return false;
    *ret_bool = value != 0;
    return true;
}

bool value_read_choice(const struct spot *spot, const char *key, const char *text, const struct value_choice *choices,
                       size_t count, int *ret_value)
{
    if (!text)
        return true;
    char words[128] = "";
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, choices[i].word) == 0) {
            *ret_value = choices[i].value;
            return true;
        }
        int length = snprintf(words + at, sizeof words - at, "%s%s", at ? ", " : "", choices[i].word);
        at += length > 0 && (size_t)length < sizeof words - at ? (size_t)length : 0;
    }
    return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected one of %s, found '%.40s'", words, text);
}

bool value_is_date(const char *text)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strnlen(text, DATE_SIZE) != DATE_SIZE - 1 || text[4] != '-' || text[7] != '-')
        return false;
    unsigned parts[3] = {0}; /* year, month, day */
    for (size_t i = 0, part = 0; i < DATE_SIZE - 1; i++) {
        if (i == 4 || i == 7)
            part++;
        else if (is_digit(text[i]))
            parts[part] = 10 * parts[part] + (unsigned)(text[i] - '0');
        else
            return false;
    }
    unsigned year = parts[0], month = parts[1], day = parts[2];
    if (year < 2000 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (leap && month == 2);
}

bool value_read_date(const struct spot *spot, const char *key, const char *text, char ret_date[DATE_SIZE])
{
    if (!text)
        return true;
    if (!value_is_date(text))
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected a date as 2026-11-23, found '%.40s'", text);
    memcpy(ret_date, text, DATE_SIZE);
    return true;
}

bool value_read_path(const struct spot *spot, const char *key, const char *text, char *ret_path, size_t size)
{
    if (!text)
        return true;
    char path[1024 + 1];
    if (text[0] == '\0' || text[0] == '~' || strchr(text, '$'))
        return document_refuse(spot, key, FAULT_CONFIG_VALUE,
                               "expected a path; ~ and $ are not expanded, found '%.40s'", text);
    if (!file_beside(spot->document->path, text, path, sizeof path) || strlen(path) >= size)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE,
                               "expected a path of at most %zu characters with its directory", size - 1);
    memcpy(ret_path, path, strlen(path) + 1);
    return true;
}

bool value_read_path_inside(const struct spot *spot, const char *key, const char *text, char *ret_path, size_t size)
{
    if (text && text[0] == '/')
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected a path relative to this file, found '%.40s'",
                               text);
    return value_read_path(spot, key, text, ret_path, size);
}

static bool is_tcp(const char *address)
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address || (size_t)(colon - address) > 253)
        return false;
    for (const char *at = address; at < colon; at++)
        if (!is_letter_of(VALUE_NAME, *at, false) && !strchr("[]:", *at))
            return false;
    const char *port = colon + 1;
    size_t length = strlen(port);
    return length >= 1 && length <= 5 && port[0] != '0' && strspn(port, "0123456789") == length &&
           strtoul(port, NULL, 10) <= 65535;
}

bool value_read_stream(const struct spot *spot, const char *key, const char *text, char *ret_path, size_t size)
{
    if (!text)
        return true;
    size_t length = strlen(text);
    bool is_unix = strncmp(text, "unix:/", 6) == 0 && length > 6 && length - 5 <= UNIX_PATH_MAX;
    bool good = is_unix || (strncmp(text, "tcp:", 4) == 0 && is_tcp(text + 4));
    if (!good || length >= size)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected tcp:HOST:PORT or unix:/PATH, found '%.40s'",
                               text);
    memcpy(ret_path, text, length + 1);
    return true;
}

bool value_read_ipp(const struct spot *spot, const char *key, const char *text, char *ret_uri, size_t size)
{
    static const char scheme[] = "ipp://";
    char host_and_port[260];
    if (!text)
        return true;
    const char *host = text + sizeof scheme - 1;
    bool good = strlen(text) < size && strncmp(text, scheme, sizeof scheme - 1) == 0;
    const char *path = good ? strchr(host, '/') : NULL;
    good = path && (size_t)(path - host) < sizeof host_and_port;
    if (good) {
        memcpy(host_and_port, host, (size_t)(path - host));
        host_and_port[path - host] = '\0';
        good = is_tcp(host_and_port);
    }
    for (const char *at = path; good && *at; at++)
        good = *at == '/' || is_letter_of(VALUE_NAME, *at, false);
    if (!good)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected ipp://HOST:PORT/PATH, found '%.40s'", text);
    memcpy(ret_uri, text, strlen(text) + 1);
    return true;
}
