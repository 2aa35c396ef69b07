/* The console section of the shipped gateway, and every way in which it is refused. */
#include "jigs/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/jigs/scratch.h"

#define AT(place, key) "products/p.yaml:" place ": console." key

static const struct bad bad_consoles[] = {
    /* What goes with the driver. */
    {"driver: console", "driver: native", FAULT_CONFIG_VALUE,
     "products/p.yaml:40:1: console: ", "expected none, because the driver is not console"},
    {"driver: console", "driver: telnet", FAULT_CONFIG_VALUE,
     "products/p.yaml:8:1: driver: ", "one of native, console, found 'telnet'"},
    {"auth: unique", "auth: force", FAULT_CONFIG_VALUE,
     "products/p.yaml:7:1: auth: ", "expected unique, because the driver is console"},
    {"rework: scrap", "rework: reopen", FAULT_CONFIG_VALUE, "products/p.yaml:9:1: rework: ", "expected scrap"},
    {"macs_per_unit: 2", "key: station\nmacs_per_unit: 2", FAULT_CONFIG_VALUE,
     "products/p.yaml:10:1: key: ", "plain text over a console"},

    /* Prompts and log-in. */
    {"  login_prompt: \"login:\"\n", "", FAULT_CONFIG_KEY, AT("40:1", "login_prompt: "), "missing key"},
    {"  password_prompt: \"Password:\"\n", "", FAULT_CONFIG_KEY, AT("40:1", "password_prompt: "), "missing key"},
    {"[\"#\", \"$\"]", "[]", FAULT_CONFIG_VALUE, AT("45:3", "shell_prompts: "), "at least 1 entries"},
    {"[\"#\", \"$\"]", "[a, b, c, d, e]", FAULT_CONFIG_VALUE, AT("45:3", "shell_prompts: "), "at most 4 entries"},
    {"[\"#\", \"$\"]", "[\"#\", \"login:\"]", FAULT_CONFIG_VALUE,
     "products/p.yaml:40:1: console: ", "end differently, found 'login:' and 'login:'"},
    {"\"Password:\"", "\"Login password for login:\"", FAULT_CONFIG_VALUE,
     "products/p.yaml:40:1: console: ", "expected prompts that end differently"},
    {"\"login:\"", "\"login: \"", FAULT_CONFIG_VALUE, AT("43:3", "login_prompt: "), "no space at either end"},
    {"  boot_command: boot\n", "", FAULT_CONFIG_KEY, AT("40:1", "boot_command: "), "go together"},
    {"  user: root\n  password: root", "  user: service\n  password: root", FAULT_CONFIG_VALUE, AT("41:3", "user: "),
     "the user of one of the credentials"},
    {"  password: root #", "  password: f4ct0ry #", FAULT_CONFIG_VALUE, AT("42:3", "password: "),
     "of the known defaults"},
    {"    user: root\n    login: true", "    user: r$t\n    login: true", FAULT_CONFIG_VALUE, AT("41:3", "user: "),
     "the user of one of the credentials"},
    {"    policy: ../policies/u32x16.yaml\n",
     "    policy: ../policies/u32x16.yaml\n  - {kind: other, user: a;b, login: true, policy: "
     "../policies/u32x16.yaml}\n",
     FAULT_CONFIG_VALUE, "products/p.yaml:41:1: console: ", "expected users of letters, digits, . _ - on a console"},
    {"ssid_prefix: kokuin-", "ssid_prefix: kokuin`", FAULT_CONFIG_VALUE,
     "products/p.yaml:40:1: console: ", "expected an ssid_prefix of letters"},
    {"boot_seconds: 120", "boot_seconds: 0", FAULT_CONFIG_VALUE, AT("49:3", "boot_seconds: "), "from 1 to 600"},
    {"answer_seconds: 20", "answer_seconds: 121", FAULT_CONFIG_VALUE, AT("50:3", "answer_seconds: "), "from 1 to 120"},

    /* The banner. */
    {"{{serial}} {{mac}} {{hardware_id}} {{firmware}}\"", "{{mac}} {{hardware_id}} {{firmware}}\"", FAULT_CONFIG_VALUE,
     AT("48:3", "banner: "), "expected {{serial}} in it"},
    {"{{hardware_id}} {{firmware}}", "{{hardware_id}} {{firmware", FAULT_CONFIG_VALUE, AT("48:3", "banner: "),
     "expected }} behind {{"},
    {"{{hardware_id}} {{firmware}}", "{{hardware_id}} {{firmware}} {{password}}", FAULT_CONFIG_VALUE,
     AT("48:3", "banner: "), "expected no {{password}}"},
    {"{{mac}} {{hardware_id}}", "{{mac}}{{hardware_id}}", FAULT_CONFIG_VALUE, AT("48:3", "banner: "),
     "a space between"},

    /* Commands. */
    {"    read_model: cat /factory/model\n", "", FAULT_CONFIG_KEY, AT("52:3", "commands.read_model: "), "missing key"},
    {"    lock: touch", "    wibble: 1\n    lock: touch", FAULT_CONFIG_KEY, AT("80:5", "commands.wibble: "),
     "unknown key"},
    {"/serialNumber={{serial}}", "/serialNumber=1", FAULT_CONFIG_VALUE, AT("63:5", "commands.make_csr: "),
     "expected {{serial}} in it"},
    {"echo {{ssid}} > /factory/ssid", "true", FAULT_CONFIG_VALUE, AT("52:3", "commands: "),
     "expected {{ssid}} in write_identity"},
    {"set_password: chpasswd && sync", "set_password: echo root:{{password}} | chpasswd", FAULT_CONFIG_VALUE,
     AT("73:5", "commands.set_password: "), "process list and history; the command reads it from standard input"},
    {"set_password: chpasswd && sync", "set_password: passwd {{user}}", FAULT_CONFIG_VALUE,
     AT("73:5", "commands.set_password: "), "because password_input is named"},
    {"password_input: named", "password_input: twice", FAULT_CONFIG_VALUE, AT("73:5", "commands.set_password: "),
     "expected {{user}} in it, because password_input is twice"},
    {"password_input: named", "password_input: argument", FAULT_CONFIG_VALUE, AT("51:3", "password_input: "),
     "one of named, twice"},
    {"    set_key: umask 077 && cat > /factory/{{kind}}.key && sync\n", "", FAULT_CONFIG_KEY, AT("52:3", "commands: "),
     "missing set_key or compare_key; credential wifi has no log-in"},
    {"cmp -s - /factory/{{kind}}.key", "cmp -s - /factory/wifi.key", FAULT_CONFIG_VALUE,
     AT("75:5", "commands.compare_key: "), "expected {{kind}} in it"},
    {"restart: reboot", "restart: reboot {{serial}}", FAULT_CONFIG_VALUE, AT("79:5", "commands.restart: "),
     "expected no placeholder {{serial}} here"},
    {"restart: reboot", "restart: \"reboot\\t\"", FAULT_CONFIG_SYNTAX, "products/p.yaml:79", ""},
};

static char good[SCRATCH_TEXT_MAX];

static bool read_product(const char *path, struct fault *fault)
{
    struct product *product = NULL;
    bool done = product_read(path, &product, fault);
    assert_true(done == (product != NULL));
    product_free(product);
    return done;
}

static void reads_the_gateway(void **state)
{
    (void)state;
    char path[SCRATCH_PATH_SIZE];
    scratch_path("products/gateway.yaml", path);
    struct fault fault = {0};
    CLEANUP(product_freep) struct product *product = NULL;
    if (!product_read(path, &product, &fault))
        fail_msg("%s", fault.text);
    const struct product_console *console = &product->console;
    assert_int_equal(product->driver, DRIVER_CONSOLE);
    assert_string_equal(console->user, "root");
    assert_string_equal(console->login_prompt, "login:");
    assert_int_equal(console->shell_prompt_count, 2);
    assert_string_equal(console->shell_prompts[1], "$");
    assert_string_equal(console->locked_out, "");
    assert_string_equal(console->boot_prompt, "=>");
    assert_int_equal(console->boot_seconds, 120);
    assert_int_equal(console->answer_seconds, 20);
    assert_int_equal(console->password_input, PASSWORD_INPUT_NAMED);
    assert_string_equal(console->commands[PRODUCT_READ_MODEL], "cat /factory/model");
    assert_string_equal(console->commands[PRODUCT_RESTART], "reboot");
    assert_string_equal(product_command_name(PRODUCT_OPEN_DEBUG), "open_debug");
    assert_non_null(strstr(console->commands[PRODUCT_MAKE_CSR], "umask 077 && openssl ecparam"));
}

static void refuses_bad_consoles(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_consoles); i++)
        if (!scratch_refuses(&bad_consoles[i], good, "products/p.yaml", read_product))
            wrong++;
    assert_int_equal(wrong, 0);
}

static void demands_the_section(void **state)
{
    (void)state;
    char text[SCRATCH_TEXT_MAX], path[SCRATCH_PATH_SIZE];
    memcpy(text, good, sizeof text);
    *strstr(text, "console:\n  user") = '\0';
    scratch_write("products/p.yaml", text, strlen(text), path);
    struct fault fault = {0};
    assert_false(read_product(path, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG_KEY);
    assert_non_null(strstr(fault.text, "console: missing key; the driver is console"));
}

static int open_scratch(void **state)
{
    (void)state;
    static const char *const copied[] = {"known-defaults.yaml", "policies/u32x16.yaml", "policies/psk-u32x20.yaml",
                                         "profiles/idevid-8021ar.yaml", "products/gateway.yaml"};
    scratch_open();
    for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
        scratch_copy(SHIPPED, copied[i]);
    scratch_write_text("labels/gateway.svg", "<svg/>");
    FILE *file = fopen(SHIPPED "/products/gateway.yaml", "rb");
    assert_non_null(file);
    good[fread(good, 1, sizeof good - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return 0;
}

static int close_scratch(void **state)
{
    (void)state;
    scratch_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_gateway),
        cmocka_unit_test(refuses_bad_consoles),
        cmocka_unit_test(demands_the_section),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
