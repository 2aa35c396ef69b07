#include "base/serial.h"

#include <stdio.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int value_of(char letter)
{
    const char *at = letter == '\0' ? NULL : strchr(alphabet, letter);
    return at ? (int)(at - alphabet) : -1;
}

char serial_check_character(const char *body, size_t length)
{
    int product = 36;
    for (size_t i = 0; i < length; i++) {
        int value = value_of(body[i]);
        if (value < 0)
            return '\0';
        int sum = (product + value) % 36;
        if (sum == 0)
            sum = 36;
        product = 2 * sum % 37;
    }
    return alphabet[(37 - product) % 36];
}

bool serial_is_valid(const char *text)
{
    if (strnlen(text, SERIAL_SIZE) != SERIAL_LENGTH)
        return false;
    char expected = serial_check_character(text, SERIAL_LENGTH - 1);
    return expected != '\0' && text[SERIAL_LENGTH - 1] == expected;
}

bool gtin14_is_valid(const char *text)
{
    if (strnlen(text, 15) != 14)
        return false;
    int sum = 0;
    for (size_t i = 0; i < 14; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum += (text[i] - '0') * (i % 2 == 0 ? 3 : 1);
    }
    return sum % 10 == 0;
}

void mac_text(uint64_t mac, char ret_text[MAC_TEXT_SIZE])
{
    (void)snprintf(ret_text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(mac >> 40 & 255),
                   (unsigned)(mac >> 32 & 255), (unsigned)(mac >> 24 & 255), (unsigned)(mac >> 16 & 255),
                   (unsigned)(mac >> 8 & 255), (unsigned)(mac & 255));
}
