#include "jigs/console.h"

#include <stdio.h>
#include <string.h>

#include "jigs/console_texts.h"
#include "jigs/value.h"

/* Characters that mean nothing to any shell, so that what fills a placeholder needs no quoting. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

#define COMMAND(key) DOCUMENT_TEXT(#key, struct command_texts, key)
#define COMMAND_OPTIONAL(key) DOCUMENT_TEXT_OPTIONAL(#key, struct command_texts, key)

static const struct cyaml_schema_field command_fields[] = {
    COMMAND_OPTIONAL(prepare),
    COMMAND(read_model),
    COMMAND(read_hardware_id),
    COMMAND(read_firmware),
    COMMAND(read_firmware_sha256),
    COMMAND(read_serial),
    COMMAND(read_mac),
    COMMAND(read_certificate),
    COMMAND(read_start),
    COMMAND(read_lock),
    COMMAND(make_csr),
    COMMAND(sign),
    COMMAND(write_identity),
    COMMAND(write_certificate),
    COMMAND(set_password),
    COMMAND_OPTIONAL(set_key),
    COMMAND_OPTIONAL(compare_key),
    COMMAND(list_interfaces),
    COMMAND(restart),
    COMMAND(lock),
    COMMAND_OPTIONAL(open_debug),
    CYAML_FIELD_END,
};

const struct cyaml_schema_field console_fields[] = {
    DOCUMENT_TEXT("user", struct console_texts, user),
    DOCUMENT_TEXT("password", struct console_texts, password),
    DOCUMENT_TEXT("login_prompt", struct console_texts, login_prompt),
    DOCUMENT_TEXT("password_prompt", struct console_texts, password_prompt),
    CYAML_FIELD_SEQUENCE("shell_prompts", CYAML_FLAG_POINTER, struct console_texts, shell_prompts, &document_text_entry,
                         1, CONSOLE_PROMPTS_MAX),
    DOCUMENT_TEXT_OPTIONAL("locked_out", struct console_texts, locked_out),
    DOCUMENT_TEXT_OPTIONAL("boot_prompt", struct console_texts, boot_prompt),
    DOCUMENT_TEXT_OPTIONAL("boot_command", struct console_texts, boot_command),
    DOCUMENT_TEXT("banner", struct console_texts, banner),
    DOCUMENT_TEXT("boot_seconds", struct console_texts, boot_seconds),
    DOCUMENT_TEXT("answer_seconds", struct console_texts, answer_seconds),
    DOCUMENT_TEXT("password_input", struct console_texts, password_input),
    CYAML_FIELD_MAPPING("commands", CYAML_FLAG_DEFAULT, struct console_texts, commands, command_fields),
    CYAML_FIELD_END,
};

/* What the station fills in. */
enum placeholder {
    HOLDS_SERIAL = 1 << 0,
    HOLDS_MAC = 1 << 1,
    HOLDS_MAC_COUNT = 1 << 2,
    HOLDS_SSID = 1 << 3,
    HOLDS_USER = 1 << 4,
    HOLDS_KIND = 1 << 5,
    HOLDS_MODEL = 1 << 6,
    HOLDS_HARDWARE_ID = 1 << 7,
    HOLDS_FIRMWARE = 1 << 8,
};

static const struct {
    const char *name;
    enum placeholder is;
} placeholders[] = {
    {"serial", HOLDS_SERIAL}, {"mac", HOLDS_MAC},           {"mac_count", HOLDS_MAC_COUNT},
    {"ssid", HOLDS_SSID},     {"user", HOLDS_USER},         {"kind", HOLDS_KIND},
    {"model", HOLDS_MODEL},   {"firmware", HOLDS_FIRMWARE}, {"hardware_id", HOLDS_HARDWARE_ID},
};

struct command_rule {
    const char *name;
    size_t text; /* where in struct command_texts */
    unsigned must, may;
};

#define RULE(key, ...)                                                                                                 \
    {                                                                                                                  \
        .name = #key, .text = offsetof(struct command_texts, key), __VA_ARGS__                                         \
    }

static const struct command_rule rules[PRODUCT_COMMANDS] = {
    [PRODUCT_PREPARE] = RULE(prepare, .may = 0),
    [PRODUCT_READ_MODEL] = RULE(read_model, .may = 0),
    [PRODUCT_READ_HARDWARE_ID] = RULE(read_hardware_id, .may = 0),
    [PRODUCT_READ_FIRMWARE] = RULE(read_firmware, .may = 0),
    [PRODUCT_READ_FIRMWARE_SHA256] = RULE(read_firmware_sha256, .may = 0),
    [PRODUCT_READ_SERIAL] = RULE(read_serial, .may = 0),
    [PRODUCT_READ_MAC] = RULE(read_mac, .may = 0),
    [PRODUCT_READ_CERTIFICATE] = RULE(read_certificate, .may = 0),
    [PRODUCT_READ_START] = RULE(read_start, .may = 0),
    [PRODUCT_READ_LOCK] = RULE(read_lock, .may = 0),
    [PRODUCT_MAKE_CSR] = RULE(make_csr, .must = HOLDS_SERIAL),
    [PRODUCT_SIGN] = RULE(sign, .may = 0),
    [PRODUCT_WRITE_IDENTITY] =
        RULE(write_identity, .must = HOLDS_SERIAL | HOLDS_MAC, .may = HOLDS_MAC_COUNT | HOLDS_SSID),
    [PRODUCT_WRITE_CERTIFICATE] = RULE(write_certificate, .may = 0),
    [PRODUCT_SET_PASSWORD] = RULE(set_password, .may = HOLDS_USER),
    [PRODUCT_SET_KEY] = RULE(set_key, .must = HOLDS_KIND),
    [PRODUCT_COMPARE_KEY] = RULE(compare_key, .must = HOLDS_KIND),
    [PRODUCT_LIST_INTERFACES] = RULE(list_interfaces, .may = 0),
    [PRODUCT_RESTART] = RULE(restart, .may = 0),
    [PRODUCT_LOCK] = RULE(lock, .may = 0),
    [PRODUCT_OPEN_DEBUG] = RULE(open_debug, .may = 0),
};

const char *product_command_name(enum product_command command)
{
    return rules[command].name;
}

static const char *placeholder_name(unsigned holds)
{
    for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
        if (placeholders[i].is & holds)
            return placeholders[i].name;
    return "";
}

static bool refuse_placeholder(const struct spot *spot, const char *key, const char *name, size_t length)
{
    if (length == strlen("password") && strncmp(name, "password", length) == 0)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE,
                               "expected no {{password}}: in a command line it would stand in the unit's process list "
                               "and history; the command reads it from standard input");
    return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected no placeholder {{%.*s}} here",
                           (int)(length < 32 ? length : 32), name);
}

/* Every {{name}} of a text is one that it may have, and none that it must have is missing. */
static bool check_placeholders(const struct spot *spot, const char *key, const char *text, unsigned must, unsigned may)
{
    unsigned found = 0;
    for (const char *at = strstr(text, "{{"); at; at = strstr(at, "{{")) {
        const char *name = at + 2;
        const char *end = strstr(name, "}}");
        if (!end)
            return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected }} behind {{");
        size_t length = (size_t)(end - name);
        unsigned holds = 0;
        for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
            if (strlen(placeholders[i].name) == length && strncmp(placeholders[i].name, name, length) == 0)
                holds = placeholders[i].is;
        if (!(holds & (must | may)))
            return refuse_placeholder(spot, key, name, length);
        found |= holds;
        at = end + 2;
    }
    return (found & must) == must ||
           document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected {{%s}} in it", placeholder_name(must & ~found));
}

static bool read_commands(const struct spot *top, const struct command_texts *texts, struct product_console *console)
{
    const struct spot spot = {.document = top->document, .under = "console.commands", .fault = top->fault};
    for (enum product_command i = 0; i < PRODUCT_COMMANDS; i++) {
        const struct command_rule *rule = &rules[i];
        const char *text;
        memcpy(&text, (const char *)texts + rule->text, sizeof text);
        if (!value_read_text(&spot, rule->name, text, VALUE_MODEL, console->commands[i], sizeof console->commands[i]) ||
            !check_placeholders(&spot, rule->name, console->commands[i], text ? rule->must : 0, rule->may))
            return false;
    }
    return true;
}

/* The password's way into set_password and the command itself must go together. */
static bool check_set_password(const struct spot *top, const struct product_console *console)
{
    const struct spot spot = {.document = top->document, .under = "console.commands", .fault = top->fault};
    bool names_user = strstr(console->commands[PRODUCT_SET_PASSWORD], "{{user}}") != NULL;
    if (console->password_input == PASSWORD_INPUT_TWICE && !names_user)
        return document_refuse(&spot, "set_password", FAULT_CONFIG_VALUE,
                               "expected {{user}} in it, because password_input is twice");
    if (console->password_input == PASSWORD_INPUT_NAMED && names_user)
        return document_refuse(&spot, "set_password", FAULT_CONFIG_VALUE,
                               "expected no {{user}}, because password_input is named");
    return true;
}

static bool read_prompts(const struct spot *spot, const struct console_texts *texts, struct product_console *console)
{
    const struct {
        const char *key, *text;
        char *into;
    } keys[] = {
        {"login_prompt", texts->login_prompt, console->login_prompt},
        {"password_prompt", texts->password_prompt, console->password_prompt},
        {"locked_out", texts->locked_out, console->locked_out},
        {"boot_prompt", texts->boot_prompt, console->boot_prompt},
        {"boot_command", texts->boot_command, console->boot_command},
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (!value_read_text(spot, keys[i].key, keys[i].text, VALUE_MODEL, keys[i].into, CONSOLE_TEXT_SIZE))
            return false;
    for (unsigned i = 0; i < texts->shell_prompts_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "shell_prompts", i);
        if (!value_read_text(spot, key, texts->shell_prompts[i], VALUE_MODEL, console->shell_prompts[i],
                             CONSOLE_TEXT_SIZE))
            return false;
    }
    console->shell_prompt_count = texts->shell_prompts_count;
    if (!texts->boot_prompt != !texts->boot_command)
        return document_refuse(spot, texts->boot_prompt ? "boot_command" : "boot_prompt", FAULT_CONFIG_KEY,
                               "missing key; boot_prompt and boot_command go together");
    return true;
}

/* A prompt that ends as another one does would be taken for it. */
static bool check_prompts(const struct spot *spot, const struct product_console *console)
{
    const char *prompts[3 + CONSOLE_PROMPTS_MAX] = {console->login_prompt, console->password_prompt};
    size_t count = 2;
    if (console->boot_prompt[0] != '\0')
        prompts[count++] = console->boot_prompt;
    for (size_t i = 0; i < console->shell_prompt_count; i++)
        prompts[count++] = console->shell_prompts[i];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            size_t whole = strlen(prompts[i]), tail = strlen(prompts[k]);
            if (i != k && whole >= tail && strcmp(prompts[i] + whole - tail, prompts[k]) == 0)
                return document_refuse(spot, "", FAULT_CONFIG_VALUE,
                                       "expected prompts that end differently, found '%s' and '%s'", prompts[i],
                                       prompts[k]);
        }
    return true;
}

static bool is_plain(const char *text)
{
    return text[strspn(text, PLAIN)] == '\0';
}

/* The factory's password is replaced by a label password, and known defaults are proven refused: so the old one is. */
static bool check_login(const struct spot *spot, const struct product *product)
{
    const struct product_console *console = &product->console;
    bool replaced = false, known = false;
    for (size_t i = 0; i < product->credential_count; i++)
        replaced =
            replaced || (product->credentials[i].login && strcmp(product->credentials[i].user, console->user) == 0);
    for (size_t i = 0; i < product->known_default_count; i++)
        known = known || (strcmp(product->known_defaults[i].user, console->user) == 0 &&
                          strcmp(product->known_defaults[i].password, console->password) == 0);
    if (!replaced)
        return document_refuse(spot, "user", FAULT_CONFIG_VALUE,
                               "expected the user of one of the credentials, whose password replaces the factory's");
    return known || document_refuse(spot, "password", FAULT_CONFIG_VALUE,
                                    "expected a user and password of the known defaults, so that both are proven dead");
}

static bool check_credentials(const struct spot *spot, const struct product *product)
{
    for (size_t i = 0; i < product->credential_count; i++) {
        const struct product_credential *credential = &product->credentials[i];
        if (!is_plain(credential->user))
            return document_refuse(spot, "", FAULT_CONFIG_VALUE,
                                   "expected users of letters, digits, . _ - on a console, found '%s'",
                                   credential->user);
        bool both = product->console.commands[PRODUCT_SET_KEY][0] != '\0' &&
                    product->console.commands[PRODUCT_COMPARE_KEY][0] != '\0';
        if (!credential->login && !both)
            return document_refuse(spot, "commands", FAULT_CONFIG_KEY,
                                   "missing set_key or compare_key; credential %s has no log-in", credential->kind);
    }
    if (!is_plain(product->ssid_prefix))
        return document_refuse(spot, "", FAULT_CONFIG_VALUE,
                               "expected an ssid_prefix of letters, digits, . _ - on a console, found '%s'",
                               product->ssid_prefix);
    if (product->ssid_prefix[0] != '\0' && !strstr(product->console.commands[PRODUCT_WRITE_IDENTITY], "{{ssid}}"))
        return document_refuse(spot, "commands", FAULT_CONFIG_VALUE,
                               "expected {{ssid}} in write_identity, because there is an ssid_prefix");
    return true;
}

/* Where one value ends and the next begins must be seen. */
static bool check_banner(const struct spot *spot, const char *banner)
{
    return !strstr(banner, "}}{{") ||
           document_refuse(spot, "banner", FAULT_CONFIG_VALUE, "expected a space between two placeholders");
}

/* What a console cannot do. */
static bool check_route(const struct spot *top, const struct product *product)
{
    if (product->auth != AUTH_UNIQUE)
        return document_refuse(top, "auth", FAULT_CONFIG_VALUE, "expected unique, because the driver is console");
    if (product->key != KEY_SOURCE_UNIT)
        return document_refuse(top, "key", FAULT_CONFIG_VALUE,
                               "expected unit, because a key would travel in plain text over a console");
    return product->rework == REWORK_SCRAP ||
           document_refuse(top, "rework", FAULT_CONFIG_VALUE,
                           "expected scrap, because a console cannot open a locked unit again");
}

static bool read_limits(const struct spot *spot, const struct console_texts *texts, struct product_console *console)
{
    static const struct value_choice inputs[] = {{"named", PASSWORD_INPUT_NAMED}, {"twice", PASSWORD_INPUT_TWICE}};
    int input = PASSWORD_INPUT_NAMED;
    if (!value_read_number(spot, "boot_seconds", texts->boot_seconds, 1, 600, &console->boot_seconds) ||
        !value_read_number(spot, "answer_seconds", texts->answer_seconds, 1, 120, &console->answer_seconds) ||
        !value_read_choice(spot, "password_input", texts->password_input, inputs, ARRAY_SIZE(inputs), &input))
        return false;
    console->password_input = (enum password_input)input;
    return true;
}

bool console_read(const struct spot *top, const struct console_texts *texts, struct product *product)
{
    if (!texts && product->driver != DRIVER_CONSOLE)
        return true;
    if (!texts)
        return document_refuse(top, "console", FAULT_CONFIG_KEY, "missing key; the driver is console");
    if (product->driver != DRIVER_CONSOLE)
        return document_refuse(top, "console", FAULT_CONFIG_VALUE, "expected none, because the driver is not console");
    struct product_console *console = &product->console;
    const struct spot spot = {.document = top->document, .under = "console", .fault = top->fault};
    return check_route(top, product) &&
           value_read_text(&spot, "user", texts->user, VALUE_NAME, console->user, sizeof console->user) &&
           value_read_text(&spot, "password", texts->password, VALUE_GRAPH, console->password,
                           sizeof console->password) &&
           read_prompts(&spot, texts, console) && check_prompts(&spot, console) &&
           value_read_text(&spot, "banner", texts->banner, VALUE_MODEL, console->banner, sizeof console->banner) &&
           check_placeholders(&spot, "banner", console->banner,
                              HOLDS_MODEL | HOLDS_SERIAL | HOLDS_MAC | HOLDS_HARDWARE_ID | HOLDS_FIRMWARE, 0) &&
           check_banner(&spot, console->banner) && read_limits(&spot, texts, console) &&
           read_commands(top, &texts->commands, console) && check_set_password(top, console) &&
           check_login(&spot, product) && check_credentials(&spot, product);
}
