/* fuzz_session.c -- one end of a session against whatever the other end may say, the station's as well as the unit's.
 *
 * The input is a list of steps: raw bytes, frames that are whole but say what they like, time that passes, and what the
 * end itself writes and reads. Whatever comes, the session keeps to its limits, sends nothing but whole frames of its
 * own, and gives out no more than it was sent.
 */
#include "fixtures/wire/session.h"

#include <stdlib.h>
#include <string.h>

#define GREETING_SIZE 3 /* RESET and HELLO */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t take(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static const uint8_t *take_bytes(struct input *input, size_t size)
{
    const uint8_t *bytes = input->at;
    input->at += size;
    input->left -= size;
    return bytes;
}

static size_t take_size(struct input *input, size_t most)
{
    size_t size = (size_t)take(input) << 1;
    size = size < most ? size : most;
    return size < input->left ? size : input->left;
}

static void expect_limits(const struct session *session)
{
    expect(session->state <= SESSION_DEAD && session->count <= SESSION_WINDOW_MAX);
    expect(session->reached <= session->count && session->sent <= session->count);
    expect(session->first_slot < SESSION_WINDOW_MAX && session->inbox_size <= sizeof session->inbox);
    if (session->state != SESSION_OPEN)
        return;
    expect(session->payload >= SESSION_PAYLOAD_MIN && session->payload <= session->payload_max);
    expect(session->window >= 1 && session->window <= session->window_max);
    expect(session_room(session) <= (size_t)session->window * session->payload);
}

/* All that is due; each time one whole frame of this session, and an end to it: a window holds no more. */
static void send_due(struct session *session, uint32_t now_ms)
{
    uint8_t bytes[SESSION_OUTPUT_MAX];
    size_t size;
    for (unsigned frames = 0; (size = session_output(session, bytes, now_ms)) > 0; frames++) {
        struct frame_decoder decoder;
        struct frame frame;
        bool whole = false;
        expect(size <= sizeof bytes && frames < SESSION_WINDOW_MAX + 3);
        frame_decoder_start(&decoder);
        for (size_t i = 0; i < size; i++) {
            expect(!whole);
            whole = frame_decode(&decoder, bytes[i], &frame);
        }
        expect(whole && frame.session == session->id);
        expect(frame.type != FRAME_DATA || frame.payload_size <= session->payload);
    }
}

/* A frame that is whole, of this session or of any other. */
static void feed_frame(struct session *session, struct input *input, uint32_t now_ms)
{
    static const enum frame_type types[] = {FRAME_RESET, FRAME_HELLO, FRAME_DATA, FRAME_ACK};
    const uint8_t head = take(input);
    struct frame frame = {.type = types[head & 3], .sequence = take(input), .session = session->id};
    if (head & 4)
        frame.session = (uint16_t)(take(input) << 8 | take(input));
    if (head & 8)
        frame.sequence = session->expected;
    const bool greeting = head & 16 && input->left >= GREETING_SIZE;
    frame.payload_size = greeting ? GREETING_SIZE : take_size(input, FRAME_PAYLOAD_MAX);
    frame.payload = take_bytes(input, frame.payload_size);
    uint8_t bytes[FRAME_ENCODED_MAX];
    session_feed(session, bytes, frame_encode(&frame, bytes), now_ms);
}

static void step(struct session *session, struct input *input, uint32_t *now_ms)
{
    uint8_t bytes[FRAME_PAYLOAD_MAX];
    size_t size;
    switch (take(input) & 7) {
    case 0:
        size = take_size(input, SIZE_MAX);
        session_feed(session, take_bytes(input, size), size, *now_ms);
        break;
    case 1:
    case 2:
    case 3:
        feed_frame(session, input, *now_ms);
        break;
    case 4:
        *now_ms += (uint32_t)take(input) * 8;
        break;
    case 5:
        size = take_size(input, SIZE_MAX);
        expect(session_write(session, take_bytes(input, size), size) <= size);
        break;
    case 6:
        size = session->inbox_size;
        expect(session_read(session, bytes, sizeof bytes) == (size < sizeof bytes ? size : sizeof bytes));
        break;
    case 7:
        if (session->side == SESSION_STATION)
            session_reset(session, (uint16_t)(take(input) << 8 | take(input)), *now_ms);
        (void)session_take_reset(session);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session session;
    struct input input = {.at = data, .left = size};
    const uint8_t head = take(&input);
    uint32_t now_ms = UINT32_MAX - 2000; /* it wraps */
    session_start(&session, head & 1 ? SESSION_UNIT : SESSION_STATION,
                  (uint16_t)(SESSION_PAYLOAD_MIN << (head >> 1 & 3)), (uint8_t)(1 + (head >> 3 & 7)));
    if (session.side == SESSION_STATION)
        session_reset(&session, 0x4b4b, now_ms);
    while (input.left > 0) {
        step(&session, &input, &now_ms);
        expect_limits(&session);
        send_due(&session, now_ms);
        expect_limits(&session);
        (void)session_wait_ms(&session, now_ms);
    }
    return 0;
}
