#include "station/line/report.h"

#include "station/flow/json.h"
#include "station/label/code.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096

static const char *const view_names[] = {
    [SLOT_EMPTY] = "empty", [SLOT_WORKING] = "working", [SLOT_LABEL] = "label",
    [SLOT_OK] = "ok",       [SLOT_NG] = "ng",           [SLOT_HOLD] = "hold",
};
static const char *const view_words[][2] = {
    [SLOT_EMPTY] = {"waiting for a unit", "ユニット待ち"},
    [SLOT_WORKING] = {"working", "処理中"},
    [SLOT_LABEL] = {"apply the label and scan it", "ラベルを貼って読み取ってください"},
    [SLOT_OK] = {"OK: take the unit out", "OK: ユニットを外してください"},
    [SLOT_NG] = {"NG: take the unit out", "NG: ユニットを外してください"},
    [SLOT_HOLD] = {"HOLD", "停止中"},
};
static const char *const kind_names[] = {
    [SCAN_LABEL] = "label",   [SCAN_SLOT_TAG] = "slot-tag", [SCAN_BADGE] = "badge",     [SCAN_PAUSE] = "pause",
    [SCAN_RESUME] = "resume", [SCAN_REFUSED] = "refused",   [SCAN_REPRINT] = "reprint", [SCAN_REKEY] = "rekey",
};

static const char *const token_names[] = {
    [SLOT_TOKEN_UNKNOWN] = "unknown",
    [SLOT_TOKEN_UP] = "up",
    [SLOT_TOKEN_DEGRADED] = "degraded",
    [SLOT_TOKEN_DOWN] = "down",
};
static const char *const token_words[][2] = {
    [SLOT_TOKEN_UNKNOWN] = {"token: not known yet", "HSM: 未確認"},
    [SLOT_TOKEN_UP] = {"token: up", "HSM: 正常"},
    [SLOT_TOKEN_DEGRADED] = {"token: DEGRADED, on a spare; production goes on, have the first token mended",
                             "HSM: 予備で稼働中。生産は続行できます。主HSMの修理を依頼してください"},
    [SLOT_TOKEN_DOWN] = {"token: DOWN", "HSM: 停止"},
};

const char *slot_token_name(uint32_t token)
{
    return token < ARRAY_SIZE(token_names) ? token_names[token] : "unknown";
}

const char *slot_view_name(uint32_t view)
{
    return view < ARRAY_SIZE(view_names) ? view_names[view] : "unknown";
}

const char *scan_kind_name(uint32_t kind)
{
    return kind < ARRAY_SIZE(kind_names) && kind_names[kind] ? kind_names[kind] : "unknown";
}

/* A reader that is gone must not stop the line: what is said is said once, and lost. */
static void put_line(const struct report *report, const char *line, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = write(report->out, line + at, size - at);
        if (count <= 0)
            return;
        at += (size_t)count;
    }
}

static void put_json(const struct report *report, struct json *json)
{
    json_close(json, '}');
    if (json->failed || json->at + 1 >= json->size)
        return;
    json->text[json->at++] = '\n';
    put_line(report, json->text, json->at);
}

/* Texts come from units and scanners: what could steer a terminal is replaced. */
PRINTF(2, 3) static void put_words(const struct report *report, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (length < 0)
        return;
    size_t size = strlen(line);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[size++] = '\n';
    put_line(report, line, size);
}

static struct json begin(char *buffer, const char *event)
{
    struct json json = json_over(buffer, LINE_SIZE);
    json_open(&json, NULL, '{');
    json_text(&json, "event", event);
    return json;
}

static void put_fault(struct json *json, uint32_t fault)
{
    json_number(json, "fault", fault);
    json_text(json, "fault_name", fault ? fault_name((enum fault_code)fault) : "");
}

static bool is_japanese(const struct report *report)
{
    return report->language == FAULT_JAPANESE;
}

void report_ready(const struct report *report, const struct jig *jig, const char *order)
{
    if (!report->json) {
        put_words(report,
                  is_japanese(report) ? "%s: 準備完了 (作業指示 %s、スロット %zu)" : "%s: ready (order %s, %zu slots)",
                  jig->station, order, jig->slot_count);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, "ready");
    json_text(&json, "station", jig->station);
    json_text(&json, "order", order);
    json_open(&json, "slots", '[');
    for (size_t i = 0; i < jig->slot_count; i++)
        json_number(&json, NULL, jig->slots[i].number);
    json_close(&json, ']');
    put_json(report, &json);
}

static void put_slot_words(const struct report *report, const struct slot_message *slot)
{
    uint32_t view = slot->view < ARRAY_SIZE(view_words) ? slot->view : SLOT_HOLD;
    const char *word = view_words[view][is_japanese(report)];
    if (slot->fault != 0) {
        enum fault_code code = (enum fault_code)slot->fault;
        put_words(report, "[%u] %-12s %s  %u %s: %s %s (%s)", slot->slot, slot->serial, word, slot->fault,
                  fault_name(code), fault_title(code, report->language), fault_todo(code, report->language),
                  slot->text);
    } else if (view == SLOT_WORKING) {
        put_words(report, "[%u] %-12s %s %u/%u %s", slot->slot, slot->serial, word, slot->step, slot->steps,
                  slot->step_name);
    } else {
        put_words(report, "[%u] %-12s %s", slot->slot, slot->serial, word);
    }
}

void report_slot(const struct report *report, const struct slot_message *slot)
{
    if (!report->json) {
        put_slot_words(report, slot);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, "slot");
    json_number(&json, "slot", slot->slot);
    json_text(&json, "view", slot_view_name(slot->view));
    json_number(&json, "step", slot->step);
    json_number(&json, "steps", slot->steps);
    json_text(&json, "step_name", slot->step_name);
    json_number(&json, "attempt", slot->attempt);
    json_text(&json, "serial", slot->serial);
    json_text(&json, "model", slot->model);
    json_text(&json, "label", slot->label);
    put_fault(&json, slot->fault);
    json_text(&json, "text", slot->text);
    json_text(&json, "token", slot_token_name(slot->token));
    json_text(&json, "token_label", slot->token_label);
    put_json(report, &json);
}

void report_token(const struct report *report, enum slot_token token, const char *label)
{
    if (!report->json) {
        put_words(report, "%s (%s)", token_words[token][is_japanese(report)], label);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, "token");
    json_text(&json, "state", slot_token_name(token));
    json_text(&json, "label", label);
    put_json(report, &json);
}

void report_scan(const struct report *report, const struct scan_message *scan, const char *scanner)
{
    enum fault_code code = (enum fault_code)scan->fault;
    if (!report->json) {
        if (code != FAULT_NONE)
            put_words(report, "%s: %u %s: %s %s", scanner, scan->fault, fault_name(code),
                      fault_title(code, report->language), fault_todo(code, report->language));
        else
            put_words(report, "%s: %s %s", scanner, scan_kind_name(scan->kind), scan->serial);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, "scan");
    json_text(&json, "scanner", scanner);
    json_text(&json, "kind", scan_kind_name(scan->kind));
    json_number(&json, "slot", scan->slot);
    json_text(&json, "serial", scan->serial);
    json_text(&json, "label", scan->label);
    json_number(&json, "copy", label_id_copy(scan->label));
    put_fault(&json, scan->fault);
    put_json(report, &json);
}

void report_operator(const struct report *report, const char *badge)
{
    if (!report->json) {
        put_words(report, is_japanese(report) ? "作業者 %s" : "operator %s", badge);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, "operator");
    json_text(&json, "badge", badge);
    put_json(report, &json);
}

void report_event(const struct report *report, const char *event)
{
    if (!report->json) {
        put_words(report, "%s", event);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, event);
    put_json(report, &json);
}

void report_held(const struct report *report, enum fault_code code, const char *text)
{
    if (!report->json) {
        put_words(report, "%s  %d %s: %s %s (%s)", view_words[SLOT_HOLD][is_japanese(report)], (int)code,
                  fault_name(code), fault_title(code, report->language), fault_todo(code, report->language), text);
        return;
    }
    char buffer[LINE_SIZE];
    struct json json = begin(buffer, "held");
    put_fault(&json, (uint32_t)code);
    json_text(&json, "text", text);
    put_json(report, &json);
}
