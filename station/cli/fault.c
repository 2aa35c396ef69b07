#include "station/cli/cli.h"

#include "station/flow/json.h"

#include <stdio.h>
#include <string.h>

static const char *const action_names[] = {
    [FAULT_ACTION_RETRY] = "retry",
    [FAULT_ACTION_REJECT_UNIT] = "reject unit",
    [FAULT_ACTION_STOP_STATION] = "stop station",
    [FAULT_ACTION_CALL_SUPPORT] = "call support",
};

static void print_json(const struct cli *cli, enum fault_code code)
{
    char text[1024];
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_number(&json, "number", code);
    json_text(&json, "name", fault_name(code));
    json_text(&json, "action", action_names[fault_action(code)]);
    json_number(&json, "exit", fault_exit(code));
    json_text(&json, "title", fault_title(code, cli->language));
    json_text(&json, "todo", fault_todo(code, cli->language));
    json_close(&json, '}');
    (void)puts(text);
}

static void print_text(const struct cli *cli, enum fault_code code)
{
    bool japanese = cli->language == FAULT_JAPANESE;
    (void)printf("%d %s\n  %s\n  %s: %s\n", (int)code, fault_name(code), fault_title(code, cli->language),
                 japanese ? "対処" : "to do", fault_todo(code, cli->language));
}

static bool find(const char *text, enum fault_code *ret_code)
{
    enum fault_code code;
    for (size_t i = 0; fault_at(i, &code); i++) {
        char number[12];
        (void)snprintf(number, sizeof number, "%d", (int)code);
        if (strcmp(text, number) != 0 && strcmp(text, fault_name(code)) != 0)
            continue;
        *ret_code = code;
        return true;
    }
    return false;
}

int command_fault_show(struct cli *cli)
{
    enum fault_code code;
    if (!find(cli->arguments[0], &code)) {
        (void)fprintf(stderr, "kokuin: there is no fault '%s'\n  to do: kokuin fault list\n", cli->arguments[0]);
        return FAULT_EXIT_NOT_FOUND;
    }
    if (cli->json)
        print_json(cli, code);
    else
        print_text(cli, code);
    return FAULT_EXIT_OK;
}

int command_fault_list(struct cli *cli)
{
    enum fault_code code;
    for (size_t i = 0; fault_at(i, &code); i++) {
        if (cli->json)
            print_json(cli, code);
        else
            (void)printf("%d  %-24s %s\n", (int)code, fault_name(code), fault_title(code, cli->language));
    }
    return FAULT_EXIT_OK;
}

int command_version(struct cli *cli)
{
    (void)printf(cli->json ? "{\"version\":\"%s\"}\n" : "kokuin %s\n", KOKUIN_VERSION);
    return FAULT_EXIT_OK;
}
