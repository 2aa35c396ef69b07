/* fuzz_cbor.c -- the CBOR reader under a random sequence of reads, and the writer as its mirror.
 *
 * An item that the reader accepts has one encoding only, so writing what was read must give the same bytes.
 */
#include "fixtures/wire/cbor.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Copies one accepted item by reading and writing it; the reader has shown already that it is not too deep. */
static void copy_item(struct cbor_reader *reader, struct cbor_writer *writer)
{
    size_t size;
    size_t count;
    const void *bytes;
    switch (reader->bytes[reader->at] >> 5) {
    case 0:
        cbor_write_uint(writer, cbor_read_uint(reader, UINT64_MAX));
        return;
    case 2:
        bytes = cbor_read_bytes(reader, 0, SIZE_MAX, &size);
        cbor_write_bytes(writer, bytes, size);
        return;
    case 3:
        bytes = cbor_read_text(reader, 0, SIZE_MAX, &size);
        cbor_write_text(writer, bytes, size);
        return;
    case 4:
        count = cbor_read_array(reader, SIZE_MAX);
        cbor_write_array(writer, count);
        break;
    case 5:
        count = cbor_read_map(reader, SIZE_MAX);
        cbor_write_map(writer, count);
        count *= 2;
        break;
    default:
        cbor_write_bool(writer, cbor_read_bool(reader));
        return;
    }
    for (size_t i = 0; i < count; i++)
        copy_item(reader, writer);
}

/* Reads in an order that has nothing to do with what is there: nothing but a failure may come of it. */
static void read_at_random(const uint8_t *orders, size_t order_count, const uint8_t *data, size_t size)
{
    struct cbor_reader reader;
    size_t length;
    cbor_read_start(&reader, data, size);
    for (size_t i = 0; i < order_count; i++) {
        bool failed = reader.failed;
        switch (orders[i] % 8) {
        case 0:
            expect(cbor_read_uint(&reader, 1000) <= 1000);
            break;
        case 1:
            (void)cbor_read_bool(&reader);
            break;
        case 2:
            expect(!cbor_read_bytes(&reader, 1, 40, &length) || (length >= 1 && length <= 40));
            break;
        case 3:
            expect(!cbor_read_text(&reader, 0, 32, &length) || length <= 32);
            break;
        case 4:
            expect(cbor_read_array(&reader, 9) <= 9);
            break;
        case 5:
            expect(cbor_read_map(&reader, 9) <= 9);
            break;
        case 6:
            cbor_read_key(&reader, orders[i] >> 3);
            break;
        default:
            expect(!cbor_read_item(&reader, &length) || length > 0);
            break;
        }
        expect(reader.at <= size && (!failed || reader.failed));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cbor_reader reader;
    size_t item_size;
    cbor_read_start(&reader, data, size);
    if (cbor_read_item(&reader, &item_size)) {
        uint8_t *copy = malloc(item_size);
        struct cbor_writer writer;
        expect(copy != NULL && item_size <= size);
        cbor_read_start(&reader, data, item_size);
        cbor_write_start(&writer, copy, item_size);
        copy_item(&reader, &writer);
        expect(cbor_read_end(&reader) && cbor_write_end(&writer) && writer.at == item_size);
        expect(memcmp(copy, data, item_size) == 0);
        free(copy);
    }
    if (size > 8)
        read_at_random(data, 8, data + 8, size - 8);
    return 0;
}
