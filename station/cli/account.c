/* Label accounting: one label's life, and whether all of them add up. */
#include "station/cli/cli.h"

#include "schema/store.h"
#include "station/flow/json.h"
#include "station/label/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool open_record(const struct cli *cli, struct store **ret_store, struct fault *fault)
{
    struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin label"};
    return store_open(&options, ret_store, fault);
}

int command_label_show(struct cli *cli)
{
    if (!label_id_is_valid(cli->arguments[0]))
        return cli_misused(cli, "'%s' is no label id: %d letters and digits", cli->arguments[0], LABEL_ID_LENGTH);
    struct fault fault;
    CLEANUP(store_closep) struct store *store = NULL;
    char *json = NULL;
    if (!open_record(cli, &store, &fault) || !store_label_show(store, cli->arguments[0], &json, &fault))
        return cli_fail(cli, &fault, "nothing was written", "label show");
    (void)puts(json);
    free(json);
    return FAULT_EXIT_OK;
}

static const char *finding_words(const char *finding, enum fault_language language)
{
    static const struct {
        const char *finding, *words[2];
    } all[] = {
        {"unconfirmed",
         {"may have been printed: look for it and shred it; rework or scrap its unit",
          "印刷された可能性あり: 探して破棄し、ユニットを再加工または廃棄"}},
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

/* The sums themselves: a label that is in none of the classes is missing from them. */
static bool adds_up(const struct store_label_count *count)
{
    return count->printed == count->live + count->voided + count->dead &&
           count->made == count->printed + count->in_work + count->not_sent + count->unconfirmed;
}

static void print_json(const struct store_label_count *count, const struct store_label_findings *findings, bool good)
{
    char text[1024];
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_bool(&json, "adds_up", good);
    json_number(&json, "made", count->made);
    json_number(&json, "printed", count->printed);
    json_number(&json, "live", count->live);
    json_number(&json, "voided", count->voided);
    json_number(&json, "dead", count->dead);
    json_number(&json, "in_work", count->in_work);
    json_number(&json, "not_sent", count->not_sent);
    json_number(&json, "unconfirmed", count->unconfirmed);
    json_number(&json, "findings", (int64_t)findings->count);
    json_close(&json, '}');
    (void)puts(text);
    for (size_t i = 0; i < findings->count; i++) {
        const struct store_label_finding *found = &findings->each[i];
        json = json_over(text, sizeof text);
        json_open(&json, NULL, '{');
        json_text(&json, "finding", found->finding);
        json_text(&json, "serial", found->serial);
        json_text(&json, "label", found->label);
        json_number(&json, "copy", found->copy);
        json_text(&json, "at", found->at);
        json_close(&json, '}');
        (void)puts(text);
    }
}

static void print_text(const struct cli *cli, const struct store_label_count *count,
                       const struct store_label_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct store_label_finding *found = &findings->each[i];
        (void)printf("%-12s  %-13s  %-13s  %.19s  %s\n", found->serial, found->label[0] ? found->label : "-",
                     found->finding, found->at, finding_words(found->finding, cli->language));
    }
    (void)printf("printed %u = %u live + %u voided + %u dead\n", count->printed, count->live, count->voided,
                 count->dead);
    (void)printf("made    %u = %u printed + %u in work + %u not sent + %u unconfirmed\n", count->made, count->printed,
                 count->in_work, count->not_sent, count->unconfirmed);
}

int command_label_reconcile(struct cli *cli)
{
    struct fault fault;
    const char *order = cli->values[OPTION_ORDER];
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(store_label_findings_free) struct store_label_findings findings = {0};
    struct store_label_count count = {0};
    if (!open_record(cli, &store, &fault) || !store_label_count(store, order, &count, &fault) ||
        !store_label_findings(store, order, &findings, &fault))
        return cli_fail(cli, &fault, "nothing was written", "label reconcile");
    bool good = adds_up(&count) && findings.count == 0;
    if (cli->json)
        print_json(&count, &findings, good);
    else
        print_text(cli, &count, &findings);
    if (!good)
        cli_say(cli, "the labels do not add up: %zu to look into\n", findings.count);
    return good ? FAULT_EXIT_OK : FAULT_EXIT_CHECK_FAILED;
}
