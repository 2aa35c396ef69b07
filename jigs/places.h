/* places.h -- where in a YAML file each key and each list entry stands.
 *
 * libcyaml fills structures but forgets where a value came from, and it lets through what this house refuses: a second
 * document, anchors, tags, and texts with a zero byte, which it cuts without a word. So the file's events are walked
 * once before libcyaml sees them: the walk refuses those and remembers the places.
 *
 * A place's path is "slots[2].number"; entries count from 1.
 *
 * Owner    the caller ends it with places_free()
 * Threads  one
 * Secrets  none
 * Layer    jigs/, private; the only user of libyaml, which libcyaml itself stands on
 * Spec     YAML 1.1
 */
#pragma once

#include "base/fault.h"

#define PLACE_PATH_SIZE 128
#define PLACES_MAX 2048

struct place {
    char path[PLACE_PATH_SIZE];
    unsigned line, column; /* from 1 */
};

struct places {
    struct place *list; /* in the file's order */
    size_t count, room;
};

/* `name` is what refusals call the file.
 *
 * Faults: CONFIG_SYNTAX, NO_MEMORY.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool places_find(const uint8_t *bytes, size_t size, const char *name,
                                               struct places *ret_places, struct fault *fault);
void places_free(struct places *places);

/* The last place with this path (of a doubled key: the second); without one, the place of what it would be in. */
NODISCARD struct place places_of(const struct places *places, const char *path);
