#include "station/label/field.h"

#include <string.h>

uint32_t field_next_character(const char **at, const char *end)
{
    if (*at == end)
        return 0;
    const uint8_t *bytes = (const uint8_t *)*at;
    size_t left = (size_t)(end - *at);
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    size_t more = bytes[0] < 0x80 ? 0 : bytes[0] >> 5 == 6 ? 1 : bytes[0] >> 4 == 14 ? 2 : bytes[0] >> 3 == 30 ? 3 : 4;
    if (more == 4 || more >= left)
        return 0;
    uint32_t character = more == 0 ? bytes[0] : bytes[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if (bytes[i] >> 6 != 2)
            return 0;
        character = character << 6 | (bytes[i] & 0x3fu);
    }
    if (character < smallest[more] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *at += more + 1;
    return character;
}

/* Characters that would leave no ink, or move the ink of others. */
static bool is_printable(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } refused[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},      {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfe00, 0xfe0f},    {0xfeff, 0xfeff},
        {0xfff0, 0xffff}, {0xe000, 0xf8ff}, {0xfdd0, 0xfdef}, {0xe0000, 0x10ffff},
    };
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        if (character >= refused[i].first && character <= refused[i].last)
            return false;
    return true;
}

static bool check_text(const struct field_value *value, struct fault *fault)
{
    if (value->length > LABEL_VALUE_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is longer than %d bytes", value->name,
                         LABEL_VALUE_MAX);
    const char *at = value->text, *end = value->text + value->length;
    while (at < end) {
        size_t place = (size_t)(at - value->text) + 1;
        uint32_t character = *at == '\0' ? 0 : field_next_character(&at, end);
        if (character == 0 && *at != '\0')
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is not UTF-8 at byte %zu", value->name, place);
        if (!is_printable(character))
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' has a character that does not print at byte %zu",
                             value->name, place);
    }
    return true;
}

static bool is_name(const char *name)
{
    size_t length = strnlen(name, LABEL_FIELD_NAME_SIZE);
    return length > 0 && length < LABEL_FIELD_NAME_SIZE && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

bool field_values_of(const struct label_field *fields, size_t field_count, struct field_values *ret_values,
                     struct fault *fault)
{
    static const char *const may_be_missing[] = {"copy", "slot"};
    struct field_values values = {0};
    if (field_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "%zu fields: at most %d", field_count, LABEL_FIELDS_MAX);
    for (size_t i = 0; i < field_count; i++) {
        const struct label_field *field = &fields[i];
        if (!field->name || !is_name(field->name))
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field %zu: a name is a-z, 0-9 and _, at most %d", i + 1,
                             LABEL_FIELD_NAME_SIZE - 1);
        if (field_find(&values, field->name, strlen(field->name)))
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is there twice", field->name);
        if (!field->value == !field->secret)
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' has no value, or two", field->name);
        struct field_value *value = &values.at[values.count++];
        value->name = field->name;
        value->secret = field->secret != NULL;
        value->text = field->secret ? (const char *)secret_read(field->secret) : field->value;
        value->length = field->secret ? secret_size(field->secret) : strnlen(field->value, LABEL_VALUE_MAX + 1);
        if (value->secret && value->length == 0)
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is an empty secret", field->name);
        if (!check_text(value, fault))
            return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(may_be_missing); i++)
        if (!field_find(&values, may_be_missing[i], strlen(may_be_missing[i])))
            values.at[values.count++] = (struct field_value){.name = may_be_missing[i], .text = ""};
    *ret_values = values;
    return true;
}

struct field_value *field_find(struct field_values *values, const char *name, size_t length)
{
    for (size_t i = 0; i < values->count; i++)
        if (strlen(values->at[i].name) == length && memcmp(values->at[i].name, name, length) == 0)
            return &values->at[i];
    return NULL;
}

static bool append_upper(const struct field_value *value, struct wiped *result, struct fault *fault)
{
    for (size_t i = 0; i < value->length; i++) {
        char letter = value->text[i];
        if (letter >= 'a' && letter <= 'z')
            letter = (char)(letter - 'a' + 'A');
        if (!wiped_append(result, &letter, 1, fault))
            return false;
    }
    return true;
}

/* A gap, never a hyphen: nobody can tell whether a hyphen belongs to the password. */
static bool append_groups(const struct field_value *value, size_t group, struct wiped *result, struct fault *fault)
{
    const char *at = value->text, *end = value->text + value->length;
    for (size_t count = 0; at < end; count++) {
        const char *begin = at;
        if (field_next_character(&at, end) == 0)
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is not UTF-8", value->name);
        if (count > 0 && count % group == 0 && !wiped_append_text(result, " ", fault))
            return false;
        if (!wiped_append(result, begin, (size_t)(at - begin), fault))
            return false;
    }
    return true;
}

static bool append_groups_of_4(const struct field_value *value, struct wiped *result, struct fault *fault)
{
    return append_groups(value, 4, result, fault);
}

static bool append_groups_of_5(const struct field_value *value, struct wiped *result, struct fault *fault)
{
    return append_groups(value, 5, result, fault);
}

/* Telephones do not agree on how to escape other characters. */
static bool append_wifi(const struct field_value *value, struct wiped *result, struct fault *fault)
{
    for (size_t i = 0; i < value->length; i++) {
        char letter = value->text[i];
        if (!((letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
              (letter >= 'a' && letter <= 'z') || letter == '-'))
            return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' in a Wi-Fi code: A-Z, a-z, 0-9 and - only",
                             value->name);
    }
    if (value->length == 0)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' in a Wi-Fi code is empty", value->name);
    return wiped_append(result, value->text, value->length, fault);
}

static bool append_value(const struct field_value *value, struct wiped *result, struct fault *fault)
{
    return wiped_append(result, value->text, value->length, fault);
}

static const struct filter {
    const char *name;
    bool (*append)(const struct field_value *value, struct wiped *result, struct fault *fault);
    bool in_text, in_codes, in_wifi_codes;
} filters[] = {
    {"", append_value, true, true, false},
    {"upper", append_upper, true, true, false},
    {"group4", append_groups_of_4, true, false, false},
    {"group5", append_groups_of_5, true, false, false},
    {"wifi", append_wifi, false, true, true},
};

static const struct filter *find_filter(const char *name, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
        if (strlen(filters[i].name) == length && memcmp(filters[i].name, name, length) == 0)
            return &filters[i];
    return NULL;
}

/* One field, from after its {{ to before its }}. */
static bool expand_one(const char *begin, const char *end, struct field_values *values, bool visible, bool wifi,
                       struct wiped *result, struct field_use *use, struct fault *fault)
{
    const char *bar = memchr(begin, '|', (size_t)(end - begin));
    size_t name_length = (size_t)((bar ? bar : end) - begin);
    const char *filter_name = bar ? bar + 1 : end;
    struct field_value *value = field_find(values, begin, name_length);
    if (!value)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "unknown field '%.*s'",
                         (int)(name_length > 40 ? 40 : name_length), begin);
    const struct filter *filter = find_filter(filter_name, (size_t)(end - filter_name));
    if (!filter || (bar && !*filter->name))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "unknown filter '%.*s' of field '%s'",
                         (int)(end - filter_name > 40 ? 40 : end - filter_name), filter_name, value->name);
    if (wifi && !filter->in_wifi_codes)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "field '%s' in a Wi-Fi code must be {{%s|wifi}}", value->name,
                         value->name);
    if (!(visible ? filter->in_text : filter->in_codes))
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "filter '%s' of field '%s' has no place in a %s", filter->name,
                         value->name, visible ? "text" : "code");
    use->any = true;
    use->secret |= value->secret;
    value->shown |= visible;
    return filter->append(value, result, fault);
}

bool field_expand(const char *text, struct field_values *values, bool visible, struct wiped *result,
                  struct field_use *ret_use, struct fault *fault)
{
    struct field_use use = {0};
    bool wifi = !visible && strncmp(text, "WIFI:", 5) == 0;
    while (*text) {
        const char *open = strstr(text, "{{");
        if (!open) {
            if (!wiped_append_text(result, text, fault))
                return false;
            break;
        }
        const char *close = strstr(open, "}}");
        if (!close)
            return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "a {{ is never closed");
        if (!wiped_append(result, text, (size_t)(open - text), fault) ||
            !expand_one(open + 2, close, values, visible, wifi, result, &use, fault))
            return false;
        text = close + 2;
    }
    *ret_use = use;
    return true;
}
