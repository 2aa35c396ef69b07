#include "jigs/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "jigs/characters.h"

#define DEPTH_MAX 6   /* a list of credentials inside a product is 3 */
#define KEY_MAX 32    /* the longest key of any file is 20 */
#define TEXT_MAX 1024 /* the longest value of any file is 513 */

/* One mapping or list that is open at this point of the walk. */
struct level {
    bool is_list;
    bool wants_key;     /* a mapping: the next event is a key */
    unsigned entries;   /* a list: how many have begun */
    size_t path_length; /* of the path of this mapping or list itself */
};

struct walk {
    const char *name;
    struct places places;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    unsigned documents;
    char path[PLACE_PATH_SIZE]; /* of the value that is expected next */
    struct fault *fault;
};

static bool refuse(const struct walk *walk, yaml_mark_t mark, const char *what)
{
    return fault_set(walk->fault, FAULT_CONFIG_SYNTAX, 0, "%s:%zu:%zu: %s%s%s", walk->name, mark.line + 1,
                     mark.column + 1, walk->path, walk->path[0] ? ": " : "", what);
}

static bool remember(struct walk *walk, yaml_mark_t mark)
{
    struct places *places = &walk->places;
    if (places->count == PLACES_MAX)
        return refuse(walk, mark, "too many values in one file");
    if (places->count == places->room) {
        size_t room = places->room ? 2 * places->room : 64;
        struct place *list = reallocarray(places->list, room, sizeof *list);
        if (!list)
            return fault_set(walk->fault, FAULT_NO_MEMORY, 0, "%s: no memory to read it", walk->name);
        places->list = list;
        places->room = room;
    }
    struct place *place = &places->list[places->count++];
    *place = (struct place){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
    memcpy(place->path, walk->path, sizeof place->path);
    return true;
}

/* A value begins: in a list it is the next entry, in a mapping its key was already remembered. */
static bool begin_value(struct walk *walk, yaml_mark_t mark)
{
    if (walk->depth == 0)
        return true;
    struct level *level = &walk->levels[walk->depth - 1];
    if (!level->is_list)
        return level->wants_key ? refuse(walk, mark, "expected a key, found a list or a mapping") : true;
    (void)snprintf(walk->path + level->path_length, sizeof walk->path - level->path_length, "[%u]", ++level->entries);
    return remember(walk, mark);
}

static void end_value(struct walk *walk)
{
    if (walk->depth == 0)
        return;
    struct level *level = &walk->levels[walk->depth - 1];
    level->wants_key = !level->is_list;
    walk->path[level->path_length] = '\0';
}

static bool open_level(struct walk *walk, yaml_mark_t mark, bool is_list)
{
    if (!begin_value(walk, mark))
        return false;
    if (walk->depth == 0 && is_list)
        return refuse(walk, mark, "expected keys and values, found a list");
    if (walk->depth == DEPTH_MAX)
        return refuse(walk, mark, "nested too deeply");
    walk->levels[walk->depth++] =
        (struct level){.is_list = is_list, .wants_key = !is_list, .path_length = strlen(walk->path)};
    return true;
}

static bool close_level(struct walk *walk)
{
    walk->depth--;
    end_value(walk);
    return true;
}

/* libcyaml takes texts as C strings, and people see them in refusals, on labels and on screens. */
static bool check_text(const struct walk *walk, const yaml_event_t *event, size_t limit, const char *too_long)
{
    size_t length = event->data.scalar.length;
    if (length > limit)
        return refuse(walk, event->start_mark, too_long);
    const char *reason;
    if (characters_plain(event->data.scalar.value, length, false, &reason) < length)
        return refuse(walk, event->start_mark, "control character, line break or invisible character in a value");
    return true;
}

static bool read_key(struct walk *walk, const yaml_event_t *event)
{
    struct level *level = &walk->levels[walk->depth - 1];
    if (!check_text(walk, event, KEY_MAX, "key longer than 32 characters"))
        return false;
    if (event->data.scalar.length == 0)
        return refuse(walk, event->start_mark, "empty key");
    (void)snprintf(walk->path + level->path_length, sizeof walk->path - level->path_length, "%s%s",
                   level->path_length ? "." : "", (const char *)event->data.scalar.value);
    level->wants_key = false;
    return remember(walk, event->start_mark);
}

static bool read_scalar(struct walk *walk, const yaml_event_t *event)
{
    if (walk->depth == 0)
        return refuse(walk, event->start_mark, "expected keys and values, found a single value");
    if (walk->levels[walk->depth - 1].wants_key)
        return read_key(walk, event);
    if (!begin_value(walk, event->start_mark) ||
        !check_text(walk, event, TEXT_MAX, "value longer than 1024 characters"))
        return false;
    end_value(walk);
    return true;
}

static bool begin_document(struct walk *walk, const yaml_event_t *event)
{
    bool directives = event->data.document_start.version_directive ||
                      event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end;
    if (directives)
        return refuse(walk, event->start_mark, "YAML directives (%) are not allowed");
    if (walk->documents++ > 0)
        return refuse(walk, event->start_mark, "a second document (---) is not allowed");
    return true;
}

static bool is_marked(const yaml_char_t *anchor, const yaml_char_t *tag)
{
    return anchor || tag;
}

static bool take_event(struct walk *walk, const yaml_event_t *event)
{
    static const char marked[] = "anchors (&) and tags (!) are not allowed";
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return begin_document(walk, event);
    case YAML_ALIAS_EVENT:
        return refuse(walk, event->start_mark, "aliases (*) are not allowed");
    case YAML_SCALAR_EVENT:
        if (is_marked(event->data.scalar.anchor, event->data.scalar.tag))
            return refuse(walk, event->start_mark, marked);
        return read_scalar(walk, event);
    case YAML_SEQUENCE_START_EVENT:
        if (is_marked(event->data.sequence_start.anchor, event->data.sequence_start.tag))
            return refuse(walk, event->start_mark, marked);
        return open_level(walk, event->start_mark, true);
    case YAML_MAPPING_START_EVENT:
        if (is_marked(event->data.mapping_start.anchor, event->data.mapping_start.tag))
            return refuse(walk, event->start_mark, marked);
        return open_level(walk, event->start_mark, false);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_level(walk);
    default:
        return true;
    }
}

static bool walk_events(struct walk *walk, yaml_parser_t *parser)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            yaml_mark_t mark =
                parser->problem_mark.line > 0 || parser->problem_mark.column > 0 ? parser->problem_mark : parser->mark;
            return refuse(walk, mark, parser->problem ? parser->problem : "not YAML");
        }
        bool good = take_event(walk, &event);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (!good)
            return false;
    }
    if (walk->documents == 0)
        return refuse(walk, (yaml_mark_t){0}, "the file says nothing: expected keys and values");
    return true;
}

bool places_find(const uint8_t *bytes, size_t size, const char *name, struct places *ret_places, struct fault *fault)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s: no memory to read it", name);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, bytes, size);

    struct walk walk = {.name = name, .fault = fault};
    bool good = walk_events(&walk, &parser);
    yaml_parser_delete(&parser);
    if (!good) {
        places_free(&walk.places);
        return false;
    }
    *ret_places = walk.places;
    return true;
}

void places_free(struct places *places)
{
    free(places->list);
    *places = (struct places){0};
}

struct place places_of(const struct places *places, const char *path)
{
    char wanted[PLACE_PATH_SIZE];
    (void)snprintf(wanted, sizeof wanted, "%s", path);
    while (wanted[0] != '\0') {
        for (size_t i = places->count; i > 0; i--)
            if (strcmp(places->list[i - 1].path, wanted) == 0)
                return places->list[i - 1];
        char *dot = strrchr(wanted, '.');
        char *bracket = strrchr(wanted, '[');
        char *end = dot > bracket ? dot : bracket;
        (end ? end : wanted)[0] = '\0';
    }
    return (struct place){.line = 1, .column = 1};
}
