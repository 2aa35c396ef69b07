#include "base/utf8.h"

size_t utf8_size(const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    if (bytes[0] == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    /* The second byte's range keeps out overlong forms, surrogates and what lies above U+10FFFF. */
    uint8_t low = 0x80, high = 0xbf;
    size_t size;
    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
        size = 2;
    } else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
        size = 3;
        low = bytes[0] == 0xe0 ? 0xa0 : 0x80;
        high = bytes[0] == 0xed ? 0x9f : 0xbf;
    } else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
        size = 4;
        low = bytes[0] == 0xf0 ? 0x90 : 0x80;
        high = bytes[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (bytes[i] < 0x80 || bytes[i] > 0xbf)
            return 0;
    return size;
}

bool utf8_is_control(const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    return bytes[0] < 0x20 || bytes[0] == 0x7f || (bytes[0] == 0xc2 && bytes[1] < 0xa0);
}
