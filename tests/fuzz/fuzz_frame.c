/* fuzz_frame.c -- what comes over the cable, fed to the decoder and to a session of either side.
 *
 * The first byte chooses the side and how the bytes are cut into pieces; between two pieces time passes and the session
 * is read, written and asked for output, as its users do.
 */
#include "fixtures/wire/session.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* A frame that was taken comes out again as it was when it is encoded. */
static void decode(const uint8_t *data, size_t size)
{
    static struct frame_decoder decoder;
    frame_decoder_start(&decoder);
    for (size_t i = 0; i < size; i++) {
        struct frame frame;
        if (!frame_decode(&decoder, data[i], &frame))
            continue;
        expect(frame.payload_size <= FRAME_PAYLOAD_MAX);
        expect(frame.payload >= decoder.bytes &&
               frame.payload + frame.payload_size <= decoder.bytes + sizeof decoder.bytes);
        uint8_t bytes[FRAME_ENCODED_MAX];
        uint8_t payload[FRAME_PAYLOAD_MAX];
        memcpy(payload, frame.payload, frame.payload_size);
        frame.payload = payload;
        expect(frame_encode(&frame, bytes) > 0);
    }
}

static void check_session(const struct session *session)
{
    expect(session->sent <= session->reached && session->reached <= session->count);
    expect(session->count <= SESSION_WINDOW_MAX && session->first_slot < SESSION_WINDOW_MAX);
    expect(session->inbox_size <= sizeof session->inbox);
    expect(session->payload <= session->payload_max && session->window <= session->window_max);
    expect(session->rounds <= SESSION_ROUNDS_MAX);
}

static void run_session(enum session_side side, const uint8_t *data, size_t size, size_t piece)
{
    static struct session session;
    uint8_t bytes[SESSION_OUTPUT_MAX];
    uint32_t now = UINT32_MAX - 1000;
    session_start(&session, side, 256, 4);
    if (side == SESSION_STATION)
        session_reset(&session, 0x1234, now);
    for (size_t at = 0; at < size; at += piece) {
        session_feed(&session, data + at, size - at < piece ? size - at : piece, now);
        check_session(&session);
        size_t room = session_room(&session);
        size_t taken = session_write(&session, data, size < 700 ? size : 700);
        expect(taken <= room);
        for (unsigned frames = 0; session_output(&session, bytes, now) > 0; frames++)
            expect(frames < 64);
        expect(session_wait_ms(&session, now) > 0);
        while (session_read(&session, bytes, sizeof bytes) > 0)
            expect(session.state != SESSION_IDLE);
        (void)session_take_reset(&session);
        check_session(&session);
        now += (uint32_t)piece * 40;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    decode(data + 1, size - 1);
    run_session(data[0] & 1 ? SESSION_STATION : SESSION_UNIT, data + 1, size - 1, 1 + (data[0] >> 1));
    return 0;
}
