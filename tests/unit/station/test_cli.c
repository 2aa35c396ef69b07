/* The program from outside: what it prints, where, and with which exit code. */
#include "base/fault.h"
#include "tests/support/command.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 10

struct use {
    const char *words[WORDS_MAX];
    enum fault_exit exit;
};

static int run(const char *const words[WORDS_MAX], char *ret_output, size_t size)
{
    const char *argv[WORDS_MAX + 2] = {KOKUIN};
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
        argv[i + 1] = words[i];
    ret_output[0] = '\0';
    return command_read(argv, ret_output, size);
}

static const struct use wrong_uses[] = {
    {{NULL}, FAULT_EXIT_USAGE},
    {{"frobnicate"}, FAULT_EXIT_USAGE},
    {{"unit"}, FAULT_EXIT_USAGE},
    {{"unit", "eat"}, FAULT_EXIT_USAGE},
    {{"unit", "show"}, FAULT_EXIT_USAGE},
    {{"unit", "show", "KR0000000011"}, FAULT_EXIT_USAGE}, /* wrong check character */
    {{"unit", "list", "more"}, FAULT_EXIT_USAGE},
    {{"unit", "list", "--limit", "ten"}, FAULT_EXIT_USAGE},
    {{"unit", "list", "--limit"}, FAULT_EXIT_USAGE},
    {{"unit", "list", "--limit", "1", "--limit", "2"}, FAULT_EXIT_USAGE},
    {{"unit", "list", "--quantity", "1"}, FAULT_EXIT_USAGE},
    {{"unit", "list", "--no-such-option"}, FAULT_EXIT_USAGE},
    {{"version", "--language", "de"}, FAULT_EXIT_USAGE},
    {{"version", "--json=yes"}, FAULT_EXIT_USAGE},
    {{"order", "open", "A-1"}, FAULT_EXIT_USAGE},
    {{"order", "open", "A-1", "--product", "x.yaml", "--quantity", "0"}, FAULT_EXIT_USAGE},
    {{"order", "open", "A-1", "--product", "x.yaml", "--quantity", "-1"}, FAULT_EXIT_USAGE},
    {{"order", "open", "A-1", "--product", "x.yaml", "--quantity", "99999999999999999999"}, FAULT_EXIT_USAGE},
    {{"order", "open", "A-1", "--product", "/no/such/file.yaml", "--quantity", "1"}, FAULT_EXIT_NOT_FOUND},
    {{"schema", "grant", "janitor", "smith"}, FAULT_EXIT_USAGE},
    {{"schema", "grant", "station", "a", "--slots", "17"}, FAULT_EXIT_USAGE},
    {{"schema", "grant", "auditor", "a", "--slots", "4"}, FAULT_EXIT_USAGE},
    {{"schema", "numbers", "letters", "--first", "1", "--count", "1"}, FAULT_EXIT_USAGE},
    {{"schema", "numbers", "mac", "--first", "02:4b:00:00:00", "--count", "32"}, FAULT_EXIT_USAGE},
    {{"schema", "numbers", "mac", "--first", "02:4b:00:00:00:0g", "--count", "32"}, FAULT_EXIT_USAGE},
    {{"schema", "numbers", "serial", "--first", "1", "--count", "0"}, FAULT_EXIT_USAGE},
    {{"schema", "status", "--record", "host=/nonexistent dbname=x"}, FAULT_EXIT_RECORD},
    {{"record", "summary", "--record", "host=/nonexistent dbname=x"}, FAULT_EXIT_RECORD},
    {{"station", "run", "jig.yaml"}, FAULT_EXIT_USAGE},
    {{"station", "run", "jig.yaml", "--order", "A-1", "--badge", "has a blank"}, FAULT_EXIT_USAGE},
    {{"station", "run", "/no/such/jig.yaml", "--order", "A-1"}, FAULT_EXIT_NOT_FOUND},
    {{"jig", "check", "/no/such/jig.yaml"}, FAULT_EXIT_NOT_FOUND},
    {{"doctor", "/no/such/jig.yaml"}, FAULT_EXIT_NOT_FOUND},
    {{"hsm", "ceremony", "/no/such/file.yaml"}, FAULT_EXIT_NOT_FOUND},
    {{"fault", "show", "99"}, FAULT_EXIT_NOT_FOUND},
    {{"label", "show", "7ZK3"}, FAULT_EXIT_USAGE},
    {{"label", "show", "7ZK3M9Q2W8XAI"}, FAULT_EXIT_USAGE}, /* no I in base 32 */
    {{"label", "show", "7ZK3M9Q2W8XAB", "--record", "host=/nonexistent dbname=x"}, FAULT_EXIT_RECORD},
    {{"label", "reconcile", "WO-1"}, FAULT_EXIT_USAGE},
    {{"label", "reconcile", "--record", "host=/nonexistent dbname=x"}, FAULT_EXIT_RECORD},
    {{"label", "check"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--product", "x.yaml"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--width", "70", "--dpi", "203"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--width", "70", "--height", "40"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--width", "70.", "--height", "40", "--dpi", "203"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--width", "70,5", "--height", "40", "--dpi", "203"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--width", "7000", "--height", "40", "--dpi", "203"}, FAULT_EXIT_USAGE},
    {{"label", "check", "x.svg", "--width", "70", "--height", "40", "--dpi", "200"}, FAULT_EXIT_USAGE},
    {{"label", "check", "/no/such.svg", "--width", "70", "--height", "40", "--dpi", "203"}, FAULT_EXIT_NOT_FOUND},
    {{"label", "check", "--product", "x.yaml", "--width", "70"}, FAULT_EXIT_USAGE},
    {{"label", "check", "--product", "/no/such.yaml"}, FAULT_EXIT_NOT_FOUND},
    {{"label", "preview", "--product", "x.yaml", "--dpi", "203"}, FAULT_EXIT_USAGE},
    {{"label", "preview", "--product", "x.yaml", "--dpi", "204", "--output", "x.png"}, FAULT_EXIT_USAGE},
    {{"label", "preview", "--product", "/no/such.yaml", "--dpi", "203", "--output", "x.png"}, FAULT_EXIT_NOT_FOUND},
};

/* Every one is refused with its own exit code, and nothing stands on standard output but a doctor's finding. */
static void test_wrong_use(void **state)
{
    (void)state;
    char output[4096];
    for (size_t i = 0; i < ARRAY_SIZE(wrong_uses); i++) {
        int code = run(wrong_uses[i].words, output, sizeof output);
        const char *first = wrong_uses[i].words[0] ? wrong_uses[i].words[0] : "";
        if (code != (int)wrong_uses[i].exit)
            fail_msg("use %zu ('%s'): exit %d, expected %d", i, first, code, (int)wrong_uses[i].exit);
        if (output[0] != '\0' && strcmp(first, "doctor") != 0)
            fail_msg("use %zu: on standard output: %s", i, output);
    }
}

static void test_help_names_every_command(void **state)
{
    (void)state;
    char output[8192];
    assert_int_equal(run((const char *const[WORDS_MAX]){"--help"}, output, sizeof output), 0);
    static const char *const commands[] = {"station run",    "unit show",      "unit list",      "order open",
                                           "order close",    "order show",     "schema migrate", "schema status",
                                           "schema grant",   "schema numbers", "hsm ceremony",   "jig check",
                                           "label check",    "label preview",  "label show",     "label reconcile",
                                           "record summary", "fault show",     "doctor",         "version"};
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        assert_non_null(strstr(output, commands[i]));
    assert_null(strstr(output, "worker")); /* what the supervisor starts is nobody else's */
    assert_int_equal(run((const char *const[WORDS_MAX]){"order", "--help"}, output, sizeof output), 0);
    assert_non_null(strstr(output, "order close"));
    assert_int_equal(run((const char *const[WORDS_MAX]){"order", "open", "--help"}, output, sizeof output), 0);
    assert_non_null(strstr(output, "--quantity N"));
    assert_non_null(strstr(output, "examples:"));
}

static void test_faults_in_both_languages(void **state)
{
    (void)state;
    char output[4096];
    assert_int_equal(run((const char *const[WORDS_MAX]){"fault", "show", "604"}, output, sizeof output), 0);
    assert_non_null(strstr(output, fault_todo(FAULT_PRINTER_AWAY, FAULT_ENGLISH)));
    const char *const words[WORDS_MAX] = {"fault", "show", "PRINTER_AWAY", "--language", "ja", "--json"};
    assert_int_equal(run(words, output, sizeof output), 0);
    json_t *json = json_loads(output, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_int_equal(json_integer_value(json_object_get(json, "number")), FAULT_PRINTER_AWAY);
    assert_string_equal(json_string_value(json_object_get(json, "todo")),
                        fault_todo(FAULT_PRINTER_AWAY, FAULT_JAPANESE));
    json_decref(json);
}

/* One JSON object a line, as many as there are faults. */
static void test_fault_list_is_json_lines(void **state)
{
    (void)state;
    static char output[65536];
    assert_int_equal(run((const char *const[WORDS_MAX]){"fault", "list", "--json"}, output, sizeof output), 0);
    enum fault_code code;
    char *at = output;
    for (size_t i = 0; fault_at(i, &code); i++) {
        char *end = strchr(at, '\n');
        assert_non_null(end);
        json_t *json = json_loadb(at, (size_t)(end - at), 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(json, "number")), code);
        json_decref(json);
        at = end + 1;
    }
    assert_int_equal(*at, '\0');
}

static void test_jig_check(void **state)
{
    (void)state;
    char output[4096];
    assert_int_equal(
        run((const char *const[WORDS_MAX]){"jig", "check", SHIPPED "/jig.yaml", "--json"}, output, sizeof output), 0);
    assert_string_equal(output, "{\"good\":true}\n");
}

/* What ships is made from the same table: the shell takes the completion, and both name the last command. */
static void test_generated_files(void **state)
{
    (void)state;
    static char output[65536];
    assert_int_equal(run((const char *const[WORDS_MAX]){"generate", "completion"}, output, sizeof output), 0);
    assert_non_null(strstr(output, "2:schema:*) words=\"migrate status grant numbers\""));
    static char script[70000];
    (void)snprintf(script, sizeof script,
                   "%s\nCOMP_WORDS=(kokuin order op) COMP_CWORD=2 && _kokuin && echo \"${COMPREPLY[*]}\"", output);
    const char *const bash[] = {"/bin/bash", "-c", script, NULL};
    assert_int_equal(command_read(bash, output, sizeof output), 0);
    assert_string_equal(output, "open\n");
    assert_int_equal(run((const char *const[WORDS_MAX]){"generate", "man"}, output, sizeof output), 0);
    assert_non_null(strstr(output, "*kokuin doctor* JIG"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_help_names_every_command),
        cmocka_unit_test(test_faults_in_both_languages),
        cmocka_unit_test(test_fault_list_is_json_lines),
        cmocka_unit_test(test_jig_check),
        cmocka_unit_test(test_generated_files),
    };
    return cmocka_run_group_tests_name("station/cli", tests, NULL, NULL);
}
