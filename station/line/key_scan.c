#include "station/line/key_scan.h"

#include <linux/input.h>
#include <string.h>

_Static_assert(sizeof(struct input_event) == KEY_EVENT_BYTES, "the kernel's event of a 64-bit machine");

#define GROUP_SEPARATOR '\x1d'
#define PRESSED 1
#define RELEASED 0

enum { HELD_LEFT_SHIFT = 1, HELD_RIGHT_SHIFT = 2, HELD_LEFT_CONTROL = 4, HELD_RIGHT_CONTROL = 8, HELD_OTHER = 16 };
#define HELD_SHIFT (HELD_LEFT_SHIFT | HELD_RIGHT_SHIFT)
#define HELD_CONTROL (HELD_LEFT_CONTROL | HELD_RIGHT_CONTROL)

struct key_face {
    char plain, shifted;
};

/* The US layout, by key code. */
static const struct key_face faces[] = {
    [KEY_1] = {'1', '!'},          [KEY_2] = {'2', '@'},           [KEY_3] = {'3', '#'},
    [KEY_4] = {'4', '$'},          [KEY_5] = {'5', '%'},           [KEY_6] = {'6', '^'},
    [KEY_7] = {'7', '&'},          [KEY_8] = {'8', '*'},           [KEY_9] = {'9', '('},
    [KEY_0] = {'0', ')'},          [KEY_MINUS] = {'-', '_'},       [KEY_EQUAL] = {'=', '+'},
    [KEY_Q] = {'q', 'Q'},          [KEY_W] = {'w', 'W'},           [KEY_E] = {'e', 'E'},
    [KEY_R] = {'r', 'R'},          [KEY_T] = {'t', 'T'},           [KEY_Y] = {'y', 'Y'},
    [KEY_U] = {'u', 'U'},          [KEY_I] = {'i', 'I'},           [KEY_O] = {'o', 'O'},
    [KEY_P] = {'p', 'P'},          [KEY_LEFTBRACE] = {'[', '{'},   [KEY_RIGHTBRACE] = {']', '}'},
    [KEY_A] = {'a', 'A'},          [KEY_S] = {'s', 'S'},           [KEY_D] = {'d', 'D'},
    [KEY_F] = {'f', 'F'},          [KEY_G] = {'g', 'G'},           [KEY_H] = {'h', 'H'},
    [KEY_J] = {'j', 'J'},          [KEY_K] = {'k', 'K'},           [KEY_L] = {'l', 'L'},
    [KEY_SEMICOLON] = {';', ':'},  [KEY_APOSTROPHE] = {'\'', '"'}, [KEY_GRAVE] = {'`', '~'},
    [KEY_BACKSLASH] = {'\\', '|'}, [KEY_Z] = {'z', 'Z'},           [KEY_X] = {'x', 'X'},
    [KEY_C] = {'c', 'C'},          [KEY_V] = {'v', 'V'},           [KEY_B] = {'b', 'B'},
    [KEY_N] = {'n', 'N'},          [KEY_M] = {'m', 'M'},           [KEY_COMMA] = {',', '<'},
    [KEY_DOT] = {'.', '>'},        [KEY_SLASH] = {'/', '?'},       [KEY_SPACE] = {' ', ' '},
};

struct key_event key_event_read(const uint8_t bytes[KEY_EVENT_BYTES])
{
    struct input_event event;
    memcpy(&event, bytes, sizeof event);
    struct key_event read = {
        .time_us = (uint64_t)event.input_event_sec * 1000000 + (uint64_t)event.input_event_usec,
        .type = event.type,
        .code = event.code,
        .value = event.value,
    };
    explicit_bzero(&event, sizeof event);
    return read;
}

static unsigned modifier_of(uint16_t code)
{
    switch (code) {
    case KEY_LEFTSHIFT:
        return HELD_LEFT_SHIFT;
    case KEY_RIGHTSHIFT:
        return HELD_RIGHT_SHIFT;
    case KEY_LEFTCTRL:
        return HELD_LEFT_CONTROL;
    case KEY_RIGHTCTRL:
        return HELD_RIGHT_CONTROL;
    case KEY_LEFTALT:
    case KEY_RIGHTALT:
    case KEY_LEFTMETA:
    case KEY_RIGHTMETA:
        return HELD_OTHER;
    default:
        return 0;
    }
}

/* The character that this key types while those modifiers are held; 0 for none. */
static char character_of(uint16_t code, unsigned held)
{
    bool group_separator = held & HELD_CONTROL ? code == KEY_RIGHTBRACE : code == KEY_F8;
    if (group_separator && !(held & HELD_OTHER))
        return GROUP_SEPARATOR;
    if (held & ~(unsigned)HELD_SHIFT || code >= sizeof faces / sizeof *faces)
        return 0;
    return held & HELD_SHIFT ? faces[code].shifted : faces[code].plain;
}

static struct scan_message refuse(enum fault_code why)
{
    return (struct scan_message){.version = MESSAGE_VERSION, .kind = SCAN_REFUSED, .fault = (uint32_t)why};
}

/* A clock that goes backwards proves no speed. */
static bool is_by_hand(const struct key_collector *collector)
{
    return collector->last_us < collector->first_us ||
           (collector->keys > 1 &&
            (collector->last_us - collector->first_us) / (collector->keys - 1) > KEY_SCAN_MEAN_US);
}

/* Forgets the scan. A shift key that is still held stays so. */
static void forget(struct key_collector *collector)
{
    unsigned held = collector->held;
    explicit_bzero(collector, sizeof *collector);
    collector->held = held;
}

static bool end(struct key_collector *collector, bool with_enter, struct scan_message *ret_scan)
{
    bool begun = collector->keys > 0 || collector->lost;
    if (!begun)
        return false;
    if (collector->keys > 0 && is_by_hand(collector))
        *ret_scan = refuse(FAULT_SCAN_KEYED);
    else if (collector->lost || !with_enter)
        *ret_scan = refuse(FAULT_SCAN_TRUNCATED);
    else if (collector->foreign || collector->line.overrun || collector->line.line[0] != ']')
        *ret_scan = refuse(FAULT_SCAN_UNKNOWN);
    else
        scan_read(collector->line.line, collector->line.size, ret_scan);
    forget(collector);
    return true;
}

static void add(struct key_collector *collector, char character)
{
    if (character == 0)
        collector->foreign = true;
    else if (collector->line.size == SCAN_LINE_MAX)
        collector->line.overrun = true;
    else
        collector->line.line[collector->line.size++] = character;
}

static void take_modifier(struct key_collector *collector, unsigned modifier, int32_t value)
{
    if (value == RELEASED)
        collector->held &= ~modifier;
    else
        collector->held |= modifier;
}

bool key_collect(struct key_collector *collector, const struct key_event *event, struct scan_message *ret_scan)
{
    if (event->type == EV_SYN && event->code == SYN_DROPPED) {
        /* Whether a shift key is held now is among what was lost. */
        collector->lost = true;
        collector->held = 0;
    }
    if (event->type != EV_KEY)
        return false;
    unsigned modifier = modifier_of(event->code);
    if (modifier != 0) {
        take_modifier(collector, modifier, event->value);
        return false;
    }
    if (event->value != PRESSED)
        return false; /* released, or repeated by the kernel while it is held down */
    if (event->code == KEY_ENTER || event->code == KEY_KPENTER)
        return end(collector, true, ret_scan);
    if (collector->keys++ == 0)
        collector->first_us = event->time_us;
    collector->last_us = event->time_us;
    add(collector, character_of(event->code, collector->held));
    return false;
}

bool key_collect_end(struct key_collector *collector, struct scan_message *ret_scan)
{
    return end(collector, false, ret_scan);
}
