#include "jigs/characters.h"

#include "base/utf8.h"

#include <string.h>

static uint32_t decode(const uint8_t *bytes, size_t length)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t character = bytes[0] & first_bits[length];
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (bytes[i] & 0x3f);
    return character;
}

static bool hides(uint32_t character)
{
    return (character >= 0x200b && character <= 0x200f) || (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

size_t characters_plain(const uint8_t *bytes, size_t size, bool lines, const char **ret_reason)
{
    for (size_t at = 0; at < size;) {
        /* A copy with a terminator, because the bytes have none. */
        char next[5] = {0};
        memcpy(next, bytes + at, size - at < 4 ? size - at : 4);
        size_t length = next[0] == '\0' ? 1 : utf8_size(next);
        const char *reason = NULL;
        if (length == 0)
            reason = "not UTF-8";
        else if (utf8_is_control(next) && !(lines && next[0] == '\n'))
            reason = "control character";
        else if (hides(decode(bytes + at, length)))
            reason = "invisible character";
        if (reason) {
            *ret_reason = reason;
            return at;
        }
        at += length;
    }
    return size;
}
