#include "base/uuid.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

bool system_random(void *ret_bytes, size_t size, struct fault *fault)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = getrandom((uint8_t *)ret_bytes + done, size - done, 0);
        if (count < 0 && errno != EINTR)
            return fault_set(fault, FAULT_RANDOM, (unsigned long)errno, "getrandom: %s", strerror(errno));
        if (count > 0)
            done += (size_t)count;
    }
    return true;
}

bool uuid_make(struct uuid *ret_uuid, struct fault *fault)
{
    struct uuid uuid;
    if (!system_random(uuid.bytes, sizeof uuid.bytes, fault))
        return fault_within(fault, "make UUID");

    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (size_t i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(milliseconds >> 8 * (5 - i));
    uuid.bytes[6] = (uint8_t)(0x70 | (uuid.bytes[6] & 0x0f));
    uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3f));
    *ret_uuid = uuid;
    return true;
}

/* Where the five groups end, in bytes. */
static bool dash_after(size_t byte)
{
    return byte == 3 || byte == 5 || byte == 7 || byte == 9;
}

void uuid_text(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE])
{
    char *at = ret_text;
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        hex_write(&uuid->bytes[i], 1, at);
        at += 2;
        if (dash_after(i))
            *at++ = '-';
    }
    *at = '\0';
}

bool uuid_parse(const char *text, struct uuid *ret_uuid, struct fault *fault)
{
    if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "UUID: expected %d characters", UUID_TEXT_SIZE - 1);

    struct uuid uuid;
    const char *at = text;
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        char pair[3] = {at[0], at[1], '\0'};
        if (!hex_read(pair, &uuid.bytes[i], 1, fault))
            return fault_within(fault, "UUID");
        at += 2;
        if (dash_after(i) && *at++ != '-')
            return fault_set(fault, FAULT_BAD_BYTES, 0, "UUID: expected '-' after byte %zu", i + 1);
    }
    *ret_uuid = uuid;
    return true;
}
