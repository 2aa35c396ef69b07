#include "station/label/stand_in/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 16
#define LABEL_MS 30
#define SLOW_LABEL_MS 3000

struct engine {
    struct paper *paper;
    enum misbehaviour misbehaviour;
    unsigned count;
    bool ran_out; /* noticed only when a label is to be fed, as a printer does */
    bool mute;
    bool untaken;       /* a label hangs at the peel-off bar, and no other is fed */
    char mode;          /* of the label that came last: T, P or C */
    uint64_t forgotten; /* labels of its counter, over restarts */
    struct job waiting[WAITING_MAX];
    size_t waiting_count;
    unsigned copies_done; /* of the first that waits */
    struct deadline due;
};

bool engine_new(struct paper *paper, enum misbehaviour misbehaviour, unsigned count, struct engine **ret_engine,
                struct fault *fault)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a printer");
    *engine = (struct engine){.paper = paper, .misbehaviour = misbehaviour, .count = count, .mode = 'T'};
    *ret_engine = engine;
    return true;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < engine->waiting_count; i++)
        job_clear(&engine->waiting[i]);
    free(engine);
}

static bool is_out_of_paper(const struct engine *engine)
{
    return engine->misbehaviour == PAPER_OUT && engine->ran_out;
}

/* The bits of ~HQES, group 1. */
static unsigned error_bits(const struct engine *engine)
{
    static const unsigned bits[] = {
        [RIBBON_OUT] = 2, [HEAD_OPEN] = 4, [CUTTER_STUCK] = 8, [TOO_HOT] = 16, [JAMMED] = 64};
    if (is_out_of_paper(engine))
        return 1;
    return engine->misbehaviour < ARRAY_SIZE(bits) ? bits[engine->misbehaviour] : 0;
}

static bool can_print(const struct engine *engine)
{
    return engine->misbehaviour != SILENT && engine->misbehaviour != PAUSED && !engine->untaken &&
           error_bits(engine) == 0;
}

static void start_label(struct engine *engine)
{
    engine->due = deadline_in_ms(engine->misbehaviour == SLOW ? SLOW_LABEL_MS : LABEL_MS);
}

void engine_mend(struct engine *engine)
{
    engine->misbehaviour = BEHAVES;
    engine->mute = false;
    start_label(engine);
}

void engine_take_label(struct engine *engine)
{
    engine->untaken = false;
    start_label(engine);
}

bool engine_is_mute(const struct engine *engine)
{
    return engine->mute || engine->misbehaviour == SILENT;
}

bool engine_strike(struct engine *engine, size_t bytes, struct fault *fault)
{
    if (bytes < engine->count)
        return true;
    if (engine->misbehaviour == HANGS_UP)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "hung up over %zu bytes of a job", bytes);
    if (engine->misbehaviour == PAPER_OUT_AT) {
        engine->misbehaviour = PAPER_OUT;
        engine->count = 0;
        engine->ran_out = true;
    } else if (engine->misbehaviour == SILENT_AT) {
        engine->mute = true;
    }
    return true;
}

int engine_wait_ms(const struct engine *engine)
{
    if (engine->waiting_count == 0 || !can_print(engine))
        return -1;
    return deadline_left_ms(engine->due);
}

static void remove_job(struct engine *engine, size_t at)
{
    job_clear(&engine->waiting[at]);
    engine->waiting_count--;
    memmove(&engine->waiting[at], &engine->waiting[at + 1], (engine->waiting_count - at) * sizeof engine->waiting[0]);
    if (at == 0)
        engine->copies_done = 0;
}

bool engine_turn(struct engine *engine, struct fault *fault)
{
    if (engine->waiting_count == 0 || !can_print(engine) || !deadline_passed(engine->due))
        return true;
    engine->ran_out = engine->count == 0;
    if (is_out_of_paper(engine))
        return true;
    if (!paper_print(engine->paper, &engine->waiting[0], fault))
        return false;
    if (engine->misbehaviour == PAPER_OUT)
        engine->count--;
    engine->copies_done++;
    engine->mode = engine->waiting[0].mode;
    engine->untaken = engine->mode == 'P';
    start_label(engine);
    if (engine->copies_done < engine->waiting[0].copies * (engine->misbehaviour == PRINT_TWICE ? 2 : 1))
        return true;
    remove_job(engine, 0);
    return true;
}

bool engine_take(struct engine *engine, struct job *job, struct fault *fault)
{
    if (engine->misbehaviour == SILENT) {
        job_clear(job);
        return true;
    }
    if (engine->waiting_count == WAITING_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "more than %d jobs wait", WAITING_MAX);
    if (engine->waiting_count == 0)
        start_label(engine);
    engine->waiting[engine->waiting_count++] = *job;
    *job = (struct job){0};
    return true;
}

static size_t find_waiting(const struct engine *engine, unsigned number)
{
    size_t at = 0;
    while (at < engine->waiting_count && engine->waiting[at].number != number)
        at++;
    return at;
}

bool engine_holds(const struct engine *engine, unsigned number, bool *ret_first)
{
    size_t at = find_waiting(engine, number);
    *ret_first = at == 0;
    return at < engine->waiting_count;
}

size_t engine_waiting(const struct engine *engine)
{
    return engine->waiting_count;
}

void engine_cancel(struct engine *engine, unsigned number)
{
    size_t at = find_waiting(engine, number);
    if (at < engine->waiting_count)
        remove_job(engine, at);
}

enum misbehaviour engine_trouble(const struct engine *engine)
{
    if (is_out_of_paper(engine))
        return PAPER_OUT;
    return engine->misbehaviour == PAUSED || error_bits(engine) != 0 ? engine->misbehaviour : BEHAVES;
}

/* A job that a printer cannot make sense of is dropped without a word to its sender. */
static bool take_job(struct engine *engine, const uint8_t *bytes, size_t size, struct fault *fault)
{
    struct fault refused;
    CLEANUP(job_clear) struct job job = {0};
    if (!job_read(bytes, size, &job, &refused)) {
        (void)fprintf(stderr, "refused: %s\n", refused.text);
        return true;
    }
    if (!engine_take(engine, &job, fault))
        return false;
    if (engine->misbehaviour != RESTARTS)
        return true;
    engine->forgotten = paper_counter(engine->paper);
    return fault_set(fault, FAULT_BAD_BYTES, 0, "restarted over a job");
}

static bool answer_status(struct engine *engine, struct wiped *output, struct fault *fault)
{
    char text[256];
    const char print_mode = engine->mode == 'P' ? '1' : engine->mode == 'C' ? '3' : '2';
    /* In an error a printer does not answer this one. */
    if (error_bits(engine) != 0)
        return true;
    (void)snprintf(text, sizeof text,
                   "\x02"
                   "030,0,%d,0320,%03zu,0,0,0,000,0,0,0\x03\r\n"
                   "\x02"
                   "001,0,0,0,1,%c,4,%d,%08u,1,000\x03\r\n"
                   "\x02"
                   "1234,0\x03\r\n",
                   engine->misbehaviour == PAUSED, engine->waiting_count, print_mode, engine->untaken,
                   engine->waiting_count > 0 ? 1u : 0u);
    return wiped_append_text(output, text, fault);
}

static bool answer_errors(struct engine *engine, struct wiped *output, struct fault *fault)
{
    char text[256];
    const unsigned errors = error_bits(engine);
    (void)snprintf(text, sizeof text,
                   "\x02\r\n\r\n  PRINTER STATUS                          \r\n"
                   "   ERRORS:         %u 00000000 %08X    \r\n   WARNINGS:       0 00000000 00000000     \r\n\x03",
                   errors != 0, errors);
    return wiped_append_text(output, text, fault);
}

static bool answer_counter(struct engine *engine, struct wiped *output, struct fault *fault)
{
    char text[32];
    (void)snprintf(text, sizeof text, "\"%" PRIu64 "\"", paper_counter(engine->paper) - engine->forgotten);
    return wiped_append_text(output, text, fault);
}

/* The label that is being printed comes out nevertheless. */
static bool cancel_all(struct engine *engine, struct wiped *output, struct fault *fault)
{
    (void)output;
    (void)fault;
    const size_t under_way = can_print(engine) && engine->waiting_count > 0;
    while (engine->waiting_count > under_way)
        remove_job(engine, engine->waiting_count - 1);
    return true;
}

static const struct command {
    const char *text;
    bool (*answer)(struct engine *engine, struct wiped *output, struct fault *fault);
} commands[] = {
    {"~HS", answer_status},
    {"~HQES", answer_errors},
    {"~JA", cancel_all},
    {"! U1 getvar \"odometer.total_label_count\"", answer_counter},
};

static bool starts_with(const struct wiped *input, const char *text)
{
    size_t length = strlen(text);
    return memcmp(input->bytes, text, input->size < length ? input->size : length) == 0;
}

static bool obey_job(struct engine *engine, struct wiped *input, struct fault *fault)
{
    const uint8_t *end = memmem(input->bytes, input->size, "^XZ", 3);
    if (!end && input->size > JOB_SIZE_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "a job of more than %d bytes", JOB_SIZE_MAX);
    if (!engine_strike(engine, end ? (size_t)(end - input->bytes) + 3 : input->size, fault) || !end)
        return false;
    size_t size = (size_t)(end - input->bytes) + 3;
    bool taken = take_job(engine, input->bytes, size, fault);
    wiped_drop(input, size);
    return taken;
}

bool engine_obey(struct engine *engine, struct wiped *input, struct wiped *output, struct fault *fault)
{
    while (input->size > 0 && strchr(" \t\r\n", input->bytes[0]) && input->bytes[0])
        wiped_drop(input, 1);
    if (input->size == 0)
        return false;
    if (starts_with(input, "^XA"))
        return input->size >= 3 && obey_job(engine, input, fault);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        size_t length = strlen(commands[i].text);
        if (!starts_with(input, commands[i].text))
            continue;
        if (input->size < length)
            return false;
        wiped_drop(input, length);
        return engine_is_mute(engine) || commands[i].answer(engine, output, fault);
    }
    return fault_set(fault, FAULT_BAD_BYTES, 0, "not a command of this printer");
}
