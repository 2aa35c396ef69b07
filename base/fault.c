#include "base/fault.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text may quote foreign bytes, or be cut within a character; the record store and the screen take UTF-8 only. */
static void keep_text(struct fault *fault, const char *text)
{
    size_t length = strnlen(text, sizeof fault->text - 1);
    memcpy(fault->text, text, length);
    fault->text[length] = '\0';
    for (char *at = fault->text; *at != '\0';) {
        size_t size = utf8_size(at);
        if (size > 0 && !utf8_is_control(at))
            at += size;
        else
            *at++ = '?';
    }
}

void fault_set_at(struct fault *fault, const char *file, int line, enum fault_code code, unsigned long native,
                  const char *format, ...)
{
    /* Built aside, because an argument may point into the fault that is about to be replaced. */
    char text[sizeof fault->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);

    *fault = (struct fault){.code = code, .native = native, .file = file, .line = line};
    keep_text(fault, text);
}

void fault_within_at(struct fault *fault, const char *format, ...)
{
    char step[128];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(step, sizeof step, format, args);
    va_end(args);

    char whole[sizeof step + sizeof ": " + sizeof fault->text];
    (void)snprintf(whole, sizeof whole, "%s: %s", step, fault->text);
    keep_text(fault, whole);
}

struct entry {
    enum fault_code code;
    enum fault_action action;
    enum fault_exit exit;
    const char *name;
    const char *title[2];
    const char *todo[2];
};

static const struct entry table[] = {
#define FAULT(name, number, action, exit, title_en, todo_en, title_ja, todo_ja)                                        \
    {FAULT_##name, FAULT_ACTION_##action, FAULT_EXIT_##exit, #name, {title_en, title_ja}, {todo_en, todo_ja}},
#include "base/fault.def"
#undef FAULT
};

/* What an unknown number, such as one from a newer program's record, is treated as. */
static const struct entry unknown = {
    .code = FAULT_NONE,
    .action = FAULT_ACTION_CALL_SUPPORT,
    .exit = FAULT_EXIT_CHECK_FAILED,
    .name = "UNKNOWN",
    .title = {"This program does not know the fault.", "このプログラムが知らない異常です。"},
    .todo = {"Call support with the number shown.", "表示の番号を担当者に伝えてください。"},
};

static const struct entry *find(enum fault_code code)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].code == code)
            return &table[i];
    return &unknown;
}

const char *fault_name(enum fault_code code)
{
    return find(code)->name;
}

enum fault_action fault_action(enum fault_code code)
{
    return find(code)->action;
}

enum fault_exit fault_exit(enum fault_code code)
{
    return find(code)->exit;
}

const char *fault_title(enum fault_code code, enum fault_language language)
{
    return find(code)->title[language == FAULT_JAPANESE];
}

const char *fault_todo(enum fault_code code, enum fault_language language)
{
    return find(code)->todo[language == FAULT_JAPANESE];
}

bool fault_at(size_t index, enum fault_code *ret_code)
{
    if (index >= ARRAY_SIZE(table))
        return false;
    *ret_code = table[index].code;
    return true;
}
