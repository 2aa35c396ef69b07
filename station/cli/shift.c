/* The end of a shift at a station: where each of its labels is. */
#include "station/cli/cli.h"

#include "schema/store.h"
#include "station/flow/json.h"

#include <stdio.h>
#include <string.h>

static bool open_record(const struct cli *cli, struct store **ret_store, struct fault *fault)
{
    struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin shift"};
    return store_open(&options, ret_store, fault);
}

static const char *todo_of(const char *finding, enum fault_language language)
{
    static const struct {
        const char *finding, *words[2];
    } all[] = {
        {"unfinished",
         {"its unit waits: put it in and scan the label, or scan KOKUIN-REKEY for it",
          "ユニットを入れてラベルを読み取るか、KOKUIN-REKEYを読み取る"}},
        {"unconfirmed",
         {"may have come out: look for it and shred it; put its unit in again, or scrap it (kokuin unit scrap)",
          "印刷された可能性あり: 探して破棄し、ユニットを入れ直すか廃棄 (kokuin unit scrap)"}},
        {"dead",
         {"came out, and its unit failed: shred it; put the unit in again, or scrap it (kokuin unit scrap)",
          "印刷後に不良: 破棄し、ユニットを入れ直すか廃棄 (kokuin unit scrap)"}},
        {"contradiction", {"its events contradict its state: call support", "記録に矛盾あり: 担当者を呼ぶ"}},
        {"unlabelled",
         {"closed without one live label that was scanned: call support",
          "有効な読取済みラベルなしで完了: 担当者を呼ぶ"}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strcmp(all[i].finding, finding) == 0)
            return all[i].words[language == FAULT_JAPANESE];
    return finding;
}

static void print_findings(const struct cli *cli, const struct store_label_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct store_label_finding *found = &findings->each[i];
        const char *todo = todo_of(found->finding, cli->language);
        if (!cli->json) {
            (void)printf("%-12s  %-13s  %-13s  %.19s  %s\n", found->serial, found->label[0] ? found->label : "-",
                         found->finding, found->at, todo);
            continue;
        }
        char text[1024];
        struct json json = json_over(text, sizeof text);
        json_open(&json, NULL, '{');
        json_text(&json, "finding", found->finding);
        json_text(&json, "serial", found->serial);
        json_text(&json, "label", found->label);
        json_number(&json, "copy", found->copy);
        json_text(&json, "at", found->at);
        json_text(&json, "todo", todo);
        json_close(&json, '}');
        (void)puts(text);
    }
}

int command_shift_show(struct cli *cli)
{
    struct fault fault;
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(store_label_findings_free) struct store_label_findings findings = {0};
    if (!open_record(cli, &store, &fault) || !store_shift_findings(store, cli->arguments[0], &findings, &fault))
        return cli_fail(cli, &fault, "nothing was written", "shift show");
    print_findings(cli, &findings);
    cli_say(cli, "labels at large: %zu\n", findings.count);
    return findings.count == 0 ? FAULT_EXIT_OK : FAULT_EXIT_CHECK_FAILED;
}

static void print_count(const struct cli *cli, const struct store_label_count *count, bool again)
{
    if (!cli->json) {
        (void)printf("printed %u = %u live + %u voided + %u dead\n"
                     "made    %u = %u printed + %u not sent + %u unconfirmed\n",
                     count->printed, count->live, count->voided, count->dead, count->made, count->printed,
                     count->not_sent, count->unconfirmed);
        return;
    }
    char text[512];
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_text(&json, "station", cli->arguments[0]);
    json_number(&json, "made", count->made);
    json_number(&json, "printed", count->printed);
    json_number(&json, "live", count->live);
    json_number(&json, "voided", count->voided);
    json_number(&json, "dead", count->dead);
    json_number(&json, "not_sent", count->not_sent);
    json_number(&json, "unconfirmed", count->unconfirmed);
    json_bool(&json, "again", again);
    json_close(&json, '}');
    (void)puts(text);
}

int command_shift_close(struct cli *cli)
{
    struct fault fault;
    struct store_label_count count;
    bool again = false;
    const char *station = cli->arguments[0];
    if (!cli->values[OPTION_BADGE])
        return cli_misused(cli, "--badge is missing: whose shift ends?");
    CLEANUP(store_closep) struct store *store = NULL;
    if (!open_record(cli, &store, &fault))
        return cli_fail(cli, &fault, "the shift stays open", "shift close");
    if (!store_shift_close(store, station, cli->values[OPTION_BADGE], &count, &again, &fault)) {
        struct fault unlisted;
        CLEANUP(store_label_findings_free) struct store_label_findings findings = {0};
        if (fault.code == FAULT_SHIFT_OPEN && store_shift_findings(store, station, &findings, &unlisted))
            print_findings(cli, &findings);
        return cli_fail(cli, &fault, "the shift stays open", "shift close");
    }
    print_count(cli, &count, again);
    cli_say(cli,
            again ? "the shift of station %s was closed before, and no label was made since: nothing was written\n"
                  : "the shift of station %s is closed\n",
            station);
    return FAULT_EXIT_OK;
}
