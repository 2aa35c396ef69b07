#include "hsm/health.h"

static enum health_verdict feed_one(struct health *health, uint8_t byte)
{
    health->repeated = health->repeated > 0 && byte == health->latest ? health->repeated + 1 : 1;
    health->latest = byte;
    if (health->repeated >= HEALTH_REPETITION_CUTOFF)
        return HEALTH_REPEATS;

    if (health->seen == HEALTH_WINDOW)
        health->seen = 0;
    if (health->seen == 0) {
        health->first = byte;
        health->equal = 0;
    }
    health->seen++;
    if (byte == health->first)
        health->equal++;
    return health->equal >= HEALTH_PROPORTION_CUTOFF ? HEALTH_UNEVEN : HEALTH_GOOD;
}

enum health_verdict health_feed(struct health *health, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && health->verdict == HEALTH_GOOD; i++)
        health->verdict = feed_one(health, bytes[i]);
    return health->verdict;
}

/* The numbers are those of the header. */
#define TEXT(number) #number
#define NUMBER(number) TEXT(number)

const char *health_words(enum health_verdict verdict)
{
    switch (verdict) {
    case HEALTH_GOOD:
        return "looks random";
    case HEALTH_REPEATS:
        return "the same byte " NUMBER(HEALTH_REPETITION_CUTOFF) " times in a row";
    case HEALTH_UNEVEN:
        return "the same byte " NUMBER(HEALTH_PROPORTION_CUTOFF) " times among " NUMBER(HEALTH_WINDOW);
    }
    return "not known";
}
