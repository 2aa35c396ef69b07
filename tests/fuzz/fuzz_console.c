/* fuzz_console.c -- what a console sends, through everything that reads it.
 *
 * Whatever the bytes are: what is left is text, a reader ends with values in their limits or with UNIT_GARBAGE, and a
 * filled command line has nothing in it that a shell could take for more than a word.
 */
#include "fixtures/console_proof.h"
#include "fixtures/console_text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX 32768

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void expect_done(bool done, const struct fault *fault)
{
    expect(done || fault->code == FAULT_UNIT_GARBAGE);
}

static void expect_text(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    expect(length < room);
    for (size_t i = 0; i < length; i++)
        expect(text[i] >= 0x20 && text[i] <= 0x7e);
}

static void read_values(const struct console_reply *reply)
{
    struct fault fault = {0};
    char word[33] = "";
    expect_done(console_read_line(reply, "a word", false, word, sizeof word, &fault), &fault);
    expect_text(word, sizeof word);

    uint8_t bytes[32];
    size_t size = 0;
    expect_done(console_read_hex(reply, "hex", bytes, sizeof bytes, &size, &fault), &fault);
    expect(size <= sizeof bytes);

    uint64_t mac = 0;
    unsigned count = 0;
    expect_done(console_read_mac(reply, &mac, &count, &fault), &fault);
    expect(mac >> 48 == 0 && count <= 32 && (mac == 0) == (count == 0));

    struct unit_interfaces interfaces = {0};
    expect_done(console_read_interfaces(reply, &interfaces, &fault), &fault);
    expect(interfaces.count <= UNIT_INTERFACES_MAX);
    for (size_t i = 0; i < interfaces.count; i++)
        expect_text(interfaces.names[i], sizeof interfaces.names[i]);

    static struct console_chain chain;
    uint8_t csr[UNIT_CSR_MAX];
    chain = (struct console_chain){0};
    expect_done(proof_read_chain(reply, &chain, &fault), &fault);
    expect(chain.own_size <= sizeof chain.own && chain.issuing_size <= sizeof chain.issuing);
    size = 1;
    expect_done(proof_read_csr(reply, csr, &size, &fault), &fault);
    expect(size >= 1 && size <= sizeof csr);
}

static void read_banner(const char *text)
{
    struct unit_identity identity = {0};
    struct fault fault = {0};
    expect_done(
        console_read_banner("{{model}} {{serial}} {{mac}} {{hardware_id}} {{firmware}}", text, &identity, &fault),
        &fault);
    expect_text(identity.model, sizeof identity.model);
    expect_text(identity.serial, sizeof identity.serial);
    expect_text(identity.firmware_version, sizeof identity.firmware_version);
    expect(identity.mac >> 48 == 0 && identity.hardware_id_size <= sizeof identity.hardware_id);
}

static void fill(const char *text)
{
    const struct console_values values = {.serial = text};
    struct fault fault = {0};
    char line[256];
    if (console_fill("echo {{serial}} > serial", &values, line, sizeof line, &fault))
        expect(strpbrk(line + 5, ";&|$`'\"\\(){}<\n\t*?![]#~") == NULL);
    else
        expect(fault.code == FAULT_UNIT_REFUSED || fault.code == FAULT_INTERNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BYTES_MAX + 1];
    struct console_reply reply;
    size = size < BYTES_MAX ? size : BYTES_MAX;
    size_t length = console_clean(data, size, text);
    expect(length <= size && strlen(text) == length);
    for (size_t i = 0; i < length; i++)
        expect((uint8_t)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t');

    (void)console_at_prompt(text, "login:");
    if (console_has_ended(text, 7, &reply)) {
        expect(console_has_begun(text, 7));
        expect(reply.output >= text && reply.output + reply.size <= text + length && reply.code <= 999);
        read_values(&reply);
    }
    reply = (struct console_reply){.output = text, .size = length};
    read_values(&reply);
    read_banner(text);
    fill(text);
    return 0;
}
