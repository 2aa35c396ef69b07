/* kokuin hsm status: each production token of a jig, step by step, and the state that a station would start in. */
#include "station/cli/cli.h"

#include "hsm/figures.h"
#include "jigs/read.h"
#include "station/cli/token_check.h"
#include "station/flow/json.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_SIZE 8192
#define NS_PER_US 1000

struct status {
    const struct cli *cli;
    const struct jig *jig;
    const struct token_checks *checks;
};

static const char *pin_words(const struct token_look *look)
{
    if (look->pin_locked)
        return "locked";
    if (look->pin_final_try)
        return "final try";
    return look->pin_count_low ? "count low" : "";
}

static void put_step_json(const struct status *status, struct json *json, size_t index, enum inspect_step step)
{
    const struct inspection *inspection = &status->checks->each[index];
    const struct fault *fault = &inspection->faults[step];
    bool failed = fault->code != FAULT_NONE;
    json_open(json, NULL, '{');
    json_text(json, "check", token_check_name(step));
    json_bool(json, "tried", inspection->tried[step]);
    json_bool(json, "good", inspection->tried[step] && !failed);
    json_number(json, "took_us", inspection->took_ns[step] / NS_PER_US);
    json_number(json, "fault", fault->code);
    json_text(json, "fault_name", failed ? fault_name(fault->code) : "");
    json_text(json, "text", failed ? fault->text : "");
    json_text(json, "todo",
              failed ? token_check_advice(&status->jig->tokens[index], fault, step, status->cli->language) : "");
    json_close(json, '}');
}

static void put_token_json(const struct status *status, size_t index)
{
    const struct inspection *inspection = &status->checks->each[index];
    const struct token_look *look = &inspection->look;
    char text[TEXT_SIZE];
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_number(&json, "token", (int64_t)index + 1);
    json_text(&json, "module", status->jig->tokens[index].module);
    json_text(&json, "uri", status->jig->tokens[index].uri);
    json_text(&json, "label", look->label);
    json_text(&json, "serial", look->serial);
    json_text(&json, "maker", look->maker);
    json_text(&json, "model", look->model);
    json_text(&json, "pin", inspection->found ? pin_words(look) : "");
    json_bool(&json, "good", inspection->good);
    json_open(&json, "checks", '[');
    for (size_t i = 0; i < INSPECT_STEPS; i++)
        put_step_json(status, &json, index, (enum inspect_step)i);
    json_close(&json, ']');
    json_close(&json, '}');
    (void)puts(text);
}

static void put_state_json(const struct status *status)
{
    const struct token_checks *checks = status->checks;
    bool down = checks->state == KEYRING_DOWN;
    char text[TEXT_SIZE];
    struct json json = json_over(text, sizeof text);
    struct figures figures;
    json_open(&json, NULL, '{');
    json_text(&json, "state", keyring_state_name(checks->state));
    json_number(&json, "in_use", down ? 0 : (int64_t)checks->in_use + 1);
    json_text(&json, "label", down ? "" : checks->each[checks->in_use].look.label);
    json_bool(&json, "all_good", checks->all_good);
    json_open(&json, "calls", '[');
    for (size_t i = 0; figures_at(i, &figures); i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "function", figures.function);
        json_number(&json, "calls", (int64_t)figures.calls);
        json_number(&json, "mean_us", figures.total_ns / (int64_t)figures.calls / NS_PER_US);
        json_number(&json, "largest_us", figures.largest_ns / NS_PER_US);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    (void)puts(text);
}

static void put_step_words(const struct status *status, size_t index, enum inspect_step step)
{
    const struct inspection *inspection = &status->checks->each[index];
    const struct fault *fault = &inspection->faults[step];
    const char *name = token_check_name(step);
    if (!inspection->tried[step])
        (void)printf("  not tried  %s\n", name);
    else if (fault->code == FAULT_NONE)
        (void)printf("  ok         %-28s %6" PRId64 " us\n", name, inspection->took_ns[step] / NS_PER_US);
    else
        (void)printf("  failed     %s: %s (%d %s)\n             %s\n", name, fault->text, (int)fault->code,
                     fault_name(fault->code),
                     token_check_advice(&status->jig->tokens[index], fault, step, status->cli->language));
}

static void put_token_words(const struct status *status, size_t index)
{
    const struct inspection *inspection = &status->checks->each[index];
    const struct token_look *look = &inspection->look;
    (void)printf("token %zu: %s\n", index + 1, status->jig->tokens[index].module);
    if (inspection->found) {
        (void)printf("  label %s, serial %s, %s %s\n", look->label, look->serial, look->maker, look->model);
        if (pin_words(look)[0] != '\0')
            (void)printf("  the token says of its PIN: %s\n", pin_words(look));
    }
    for (size_t i = 0; i < INSPECT_STEPS; i++)
        put_step_words(status, index, (enum inspect_step)i);
}

static void put_state_words(const struct status *status)
{
    const struct token_checks *checks = status->checks;
    struct figures figures;
    for (size_t i = 0; figures_at(i, &figures); i++)
        (void)printf("%-20s %5" PRIu64 " calls, mean %" PRId64 " us, largest %" PRId64 " us\n", figures.function,
                     figures.calls, figures.total_ns / (int64_t)figures.calls / NS_PER_US,
                     figures.largest_ns / NS_PER_US);
    if (checks->state == KEYRING_DOWN)
        (void)printf("state: down\n");
    else
        (void)printf("state: %s, token %zu (%s)%s\n", keyring_state_name(checks->state), checks->in_use + 1,
                     checks->each[checks->in_use].look.label,
                     checks->state == KEYRING_UP && !checks->all_good ? "; a spare does not work" : "");
}

/* A spare that does not work is told before it is needed. */
static int exit_of(const struct token_checks *checks)
{
    if (checks->state == KEYRING_DOWN)
        return FAULT_EXIT_HARDWARE;
    return checks->all_good ? FAULT_EXIT_OK : FAULT_EXIT_CHECK_FAILED;
}

int command_hsm_status(struct cli *cli)
{
    struct fault fault;
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(cli->arguments[0], &jig, &fault))
        return cli_fail(cli, &fault, "no token was asked", "hsm status");
    struct token_checks checks;
    token_check_all(jig, &checks);
    const struct status status = {.cli = cli, .jig = jig, .checks = &checks};
    for (size_t i = 0; i < checks.count; i++)
        (cli->json ? put_token_json : put_token_words)(&status, i);
    (cli->json ? put_state_json : put_state_words)(&status);
    return exit_of(&checks);
}
