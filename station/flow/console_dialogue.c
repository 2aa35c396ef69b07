#include "station/flow/console_dialogue.h"

static const enum console_command commands[PRODUCT_COMMANDS] = {
    [PRODUCT_PREPARE] = CONSOLE_PREPARE,
    [PRODUCT_READ_MODEL] = CONSOLE_READ_MODEL,
    [PRODUCT_READ_HARDWARE_ID] = CONSOLE_READ_HARDWARE_ID,
    [PRODUCT_READ_FIRMWARE] = CONSOLE_READ_FIRMWARE,
    [PRODUCT_READ_FIRMWARE_SHA256] = CONSOLE_READ_FIRMWARE_SHA256,
    [PRODUCT_READ_SERIAL] = CONSOLE_READ_SERIAL,
    [PRODUCT_READ_MAC] = CONSOLE_READ_MAC,
    [PRODUCT_READ_CERTIFICATE] = CONSOLE_READ_CERTIFICATE,
    [PRODUCT_READ_START] = CONSOLE_READ_START,
    [PRODUCT_READ_LOCK] = CONSOLE_READ_LOCK,
    [PRODUCT_MAKE_CSR] = CONSOLE_MAKE_CSR,
    [PRODUCT_SIGN] = CONSOLE_SIGN,
    [PRODUCT_WRITE_IDENTITY] = CONSOLE_WRITE_IDENTITY,
    [PRODUCT_WRITE_CERTIFICATE] = CONSOLE_WRITE_CERTIFICATE,
    [PRODUCT_SET_PASSWORD] = CONSOLE_SET_PASSWORD,
    [PRODUCT_SET_KEY] = CONSOLE_SET_KEY,
    [PRODUCT_COMPARE_KEY] = CONSOLE_COMPARE_KEY,
    [PRODUCT_LIST_INTERFACES] = CONSOLE_LIST_INTERFACES,
    [PRODUCT_RESTART] = CONSOLE_RESTART,
    [PRODUCT_LOCK] = CONSOLE_LOCK,
    [PRODUCT_OPEN_DEBUG] = CONSOLE_OPEN_DEBUG,
};

static const char *text_of(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void console_dialogue_from(const struct product_console *console, struct console_dialogue *ret_dialogue)
{
    *ret_dialogue = (struct console_dialogue){
        .user = console->user,
        .password = console->password,
        .login_prompt = console->login_prompt,
        .password_prompt = console->password_prompt,
        .locked_out = text_of(console->locked_out),
        .boot_prompt = text_of(console->boot_prompt),
        .boot_command = text_of(console->boot_command),
        .banner = console->banner,
        .boot_ms = console->boot_seconds * 1000,
        .answer_ms = console->answer_seconds * 1000,
        .password_twice = console->password_input == PASSWORD_INPUT_TWICE,
    };
    for (size_t i = 0; i < console->shell_prompt_count && i < ARRAY_SIZE(ret_dialogue->shell_prompts); i++)
        ret_dialogue->shell_prompts[i] = console->shell_prompts[i];
    for (enum product_command i = 0; i < PRODUCT_COMMANDS; i++)
        ret_dialogue->commands[commands[i]] = text_of(console->commands[i]);
}
