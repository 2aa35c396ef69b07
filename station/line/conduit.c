#include "station/line/conduit.h"

#include "base/bytes.h"
#include "base/channel.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 5000

static size_t piece_size(size_t whole, size_t at)
{
    return whole - at < PRINT_PIECE ? whole - at : PRINT_PIECE;
}

static bool send_job(int conduit, const char *label, const struct label_bitmap *bitmap, struct deadline deadline,
                     struct fault *fault)
{
    struct print_job job = {
        .version = MESSAGE_VERSION, .width = bitmap->width, .height = bitmap->height, .stride = bitmap->stride};
    if (!text_copy(job.label, sizeof job.label, label, "label id", fault) ||
        !channel_send(conduit, &job, sizeof job, -1, deadline, fault))
        return false;
    size_t whole = label_bitmap_size(bitmap);
    for (size_t at = 0; at < whole; at += PRINT_PIECE)
        if (!channel_send(conduit, bitmap->rows + at, piece_size(whole, at), -1, deadline, fault))
            return false;
    return true;
}

static bool take_outcome(int conduit, struct deadline deadline, struct print_outcome *ret_outcome, struct fault *fault)
{
    if (!channel_receive(conduit, ret_outcome, sizeof *ret_outcome, NULL, deadline, fault))
        return false;
    ret_outcome->text[sizeof ret_outcome->text - 1] = '\0';
    if (ret_outcome->version != MESSAGE_VERSION || ret_outcome->level > STORE_PRINT_COUNTED)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "outcome of version %u, level %u", ret_outcome->version,
                         ret_outcome->level);
    return true;
}

bool conduit_print(int conduit, const char *label, const struct label_bitmap *bitmap, struct deadline deadline,
                   enum store_print_level *ret_level, struct fault *fault)
{
    struct fault why;
    struct print_outcome outcome;
    /* Nothing is printed before the job is whole. */
    if (!send_job(conduit, label, bitmap, deadline, &why))
        return fault_set(fault, FAULT_PRINTER_AWAY, why.native, "printer worker: %s", why.text);
    if (!take_outcome(conduit, deadline, &outcome, &why))
        return fault_set(fault, FAULT_PRINTER_UNKNOWN, why.native, "printer worker: %s", why.text);
    if (outcome.fault != 0)
        return fault_set(fault, (enum fault_code)outcome.fault, 0, "%s", outcome.text);
    *ret_level = (enum store_print_level)outcome.level;
    return true;
}

bool conduit_take(int conduit, struct print_job *ret_job, struct label_bitmap **ret_bitmap, struct deadline deadline,
                  struct fault *fault)
{
    struct print_job job;
    if (!channel_receive(conduit, &job, sizeof job, NULL, deadline, fault))
        return false;
    if (job.version != MESSAGE_VERSION || memchr(job.label, '\0', sizeof job.label) == NULL)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "print job of version %u", job.version);

    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    if (!label_bitmap_new(job.width, job.height, &bitmap, fault))
        return fault_within(fault, "print job");
    if (bitmap->stride != job.stride)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "print job of %u bytes a row, not %u", job.stride, bitmap->stride);
    size_t whole = label_bitmap_size(bitmap);
    for (size_t at = 0; at < whole; at += PRINT_PIECE)
        if (!channel_receive(conduit, bitmap->rows + at, piece_size(whole, at), NULL, deadline, fault))
            return fault_within(fault, "print job");
    label_bitmap_trim(bitmap);
    *ret_job = job;
    *ret_bitmap = TAKE(bitmap);
    return true;
}

bool conduit_is_heard(int conduit, struct fault *fault)
{
    struct pollfd wait = {.fd = conduit};
    if (poll(&wait, 1, 0) > 0 && wait.revents & (POLLHUP | POLLERR | POLLNVAL))
        return fault_set(fault, FAULT_CHANNEL, 0, "the slot no longer waits for this label");
    return true;
}

bool conduit_answer(int conduit, enum store_print_level level, const struct fault *why, struct fault *fault)
{
    struct print_outcome outcome = {.version = MESSAGE_VERSION, .level = level};
    if (why) {
        outcome.fault = (uint32_t)why->code;
        (void)snprintf(outcome.text, sizeof outcome.text, "%s", why->text);
    }
    return channel_send(conduit, &outcome, sizeof outcome, -1, deadline_in_ms(ANSWER_MS), fault);
}
