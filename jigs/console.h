/* console.h -- how a product without the unit protocol is spoken to: at the log-in prompt of its serial console.
 *
 * Owner    values, part of a struct product
 * Threads  any
 * Secrets  none: the factory's password is a known default, and a command line that would hold a password is refused
 * Layer    jigs/ may include base/ only
 */
#pragma once

#include "base/fault.h"

#define CONSOLE_TEXT_SIZE 65
#define CONSOLE_COMMAND_SIZE 513
#define CONSOLE_PROMPTS_MAX 4

/* What the station has a unit do, in the order of the file. */
enum product_command {
    PRODUCT_PREPARE, /* optional */
    PRODUCT_READ_MODEL,
    PRODUCT_READ_HARDWARE_ID,
    PRODUCT_READ_FIRMWARE,
    PRODUCT_READ_FIRMWARE_SHA256,
    PRODUCT_READ_SERIAL,
    PRODUCT_READ_MAC,
    PRODUCT_READ_CERTIFICATE,
    PRODUCT_READ_START,
    PRODUCT_READ_LOCK,
    PRODUCT_MAKE_CSR,
    PRODUCT_SIGN,
    PRODUCT_WRITE_IDENTITY,
    PRODUCT_WRITE_CERTIFICATE,
    PRODUCT_SET_PASSWORD,
    PRODUCT_SET_KEY,     /* optional, and the next: for credentials without a log-in */
    PRODUCT_COMPARE_KEY, /* reads the key as set_key does; exit code 0: equal, 1: not */
    PRODUCT_LIST_INTERFACES,
    PRODUCT_RESTART,
    PRODUCT_LOCK,
    PRODUCT_OPEN_DEBUG, /* optional */
    PRODUCT_COMMANDS,
};

/* How set_password takes a password from its standard input. */
enum password_input {
    PASSWORD_INPUT_NAMED, /* USER:PASSWORD, as chpasswd does */
    PASSWORD_INPUT_TWICE, /* PASSWORD on two lines, as passwd does; the user is in the command */
};

struct product_console {
    char user[33]; /* the factory's log-in: one of the product's credentials, whose password replaces the factory's */
    char password[CONSOLE_TEXT_SIZE]; /* one of the known defaults */
    char login_prompt[CONSOLE_TEXT_SIZE];
    char password_prompt[CONSOLE_TEXT_SIZE];
    char shell_prompts[CONSOLE_PROMPTS_MAX][CONSOLE_TEXT_SIZE];
    size_t shell_prompt_count;
    char locked_out[CONSOLE_TEXT_SIZE];  /* what the unit says to a user who is locked out; empty: nothing */
    char boot_prompt[CONSOLE_TEXT_SIZE]; /* of a boot loader that stopped; empty: none */
    char boot_command[CONSOLE_TEXT_SIZE];
    char banner[129]; /* what it shows to everybody, "{{model}} {{serial}} ..." */
    unsigned boot_seconds, answer_seconds;
    enum password_input password_input;
    char commands[PRODUCT_COMMANDS][CONSOLE_COMMAND_SIZE]; /* empty: none */
};

/* "read_model" */
NODISCARD const char *product_command_name(enum product_command command);
