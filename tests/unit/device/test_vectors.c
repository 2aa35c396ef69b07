/* The frames in PROTOCOL.md are what fixtures/wire puts on the cable. */
#include "base/bytes.h"
#include "fixtures/wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static size_t read_bytes(const char *text, uint8_t ret_bytes[512])
{
    struct fault fault;
    size_t size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    if (size > 0)
        assert_true(hex_read(text, ret_bytes, size, &fault));
    return size;
}

static void check_vector(unsigned type, unsigned sequence, unsigned session, const char *payload_text,
                         const char *cable_text)
{
    uint8_t payload[512], cable[512], encoded[FRAME_ENCODED_MAX];
    size_t payload_size = read_bytes(payload_text, payload), cable_size = read_bytes(cable_text, cable);
    struct frame frame = {(enum frame_type)type, (uint8_t)sequence, (uint16_t)session, payload, payload_size};
    assert_int_equal(frame_encode(&frame, encoded), cable_size);
    assert_memory_equal(encoded, cable, cable_size);

    struct frame_decoder decoder;
    struct frame got = {0};
    frame_decoder_start(&decoder);
    for (size_t i = 0; i < cable_size; i++)
        assert_int_equal(frame_decode(&decoder, cable[i], &got), i == cable_size - 1);
    assert_true(got.type == frame.type && got.sequence == frame.sequence && got.session == frame.session);
    assert_int_equal(got.payload_size, payload_size);
    if (payload_size > 0)
        assert_memory_equal(got.payload, payload, payload_size);
}

static void frames_of_the_document_are_ours(void **state)
{
    (void)state;
    FILE *document = fopen(PROTOCOL_DOCUMENT, "re");
    assert_non_null(document);
    unsigned vectors = 0;
    char line[1024];
    while (fgets(line, sizeof line, document)) {
        unsigned type, sequence, session;
        char payload[128], cable[128];
        if (sscanf(line, "| %*[A-Z] | %u | %u | %x | `%127[0-9a-f-]` | `%127[0-9a-f]` |", &type, &sequence, &session,
                   payload, cable) != 5)
            continue;
        check_vector(type, sequence, session, payload, cable);
        vectors++;
    }
    fclose(document);
    assert_int_equal(vectors, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_of_the_document_are_ours)};
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
