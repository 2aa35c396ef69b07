/* fuzz_reply.c -- a unit's decoded responses, through every parser of the driver.
 *
 * Whatever the bytes are, a parser ends with values in their limits or with UNIT_GARBAGE.
 */
#include "fixtures/reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Terminated and printable: it goes into records and onto screens. */
static void expect_text(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    expect(length < room);
    for (size_t i = 0; i < length; i++)
        expect(text[i] >= 0x20 && text[i] <= 0x7e);
}

static void expect_identity(const struct unit_identity *identity)
{
    expect_text(identity->model, sizeof identity->model);
    expect_text(identity->firmware_version, sizeof identity->firmware_version);
    expect_text(identity->serial, sizeof identity->serial);
    expect(identity->model[0] != '\0' && identity->hardware_id_size >= 1);
    expect(identity->hardware_id_size <= sizeof identity->hardware_id && identity->state <= UNIT_STATE_PARTIAL);
    expect(identity->mac >> 48 == 0 && !identity->used_certificate && !identity->link_secure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply reply;
    struct fault fault = {0};
    if (!reply_open(data, size, 7, &reply, &fault)) {
        expect(fault.code == FAULT_UNIT_GARBAGE);
        return 0;
    }
    expect(reply.status <= REPLY_STORAGE && reply_status_text(reply.status)[0] != '\0');

    struct unit_identity identity;
    struct unit_login_result login;
    struct unit_interfaces interfaces;
    uint8_t csr[UNIT_CSR_MAX];
    uint8_t receipt[32];
    uint8_t point[UNIT_POINT_SIZE];
    size_t csr_size;
    bool equal;
    unsigned accepted = 0;
    if (reply_nothing(&reply, &fault))
        accepted++;
    if (reply_identity(&reply, &identity, &fault)) {
        accepted++;
        expect_identity(&identity);
    }
    if (reply_csr(&reply, csr, &csr_size, &fault)) {
        accepted++;
        expect(csr_size >= 1 && csr_size <= sizeof csr);
    }
    if (reply_receipt(&reply, receipt, &fault))
        expect(accepted == 1); /* 32 bytes may be a request, too */
    if (reply_point(&reply, point, &fault))
        expect(accepted == 1 && csr_size == sizeof point);
    if (reply_login(&reply, &login, &fault)) {
        accepted++;
        expect(login.outcome <= UNIT_LOGIN_NONE);
    }
    if (reply_equal(&reply, &equal, &fault))
        accepted++;
    if (reply_interfaces(&reply, &interfaces, &fault)) {
        accepted++;
        expect(interfaces.count <= UNIT_INTERFACES_MAX);
        for (size_t i = 0; i < interfaces.count; i++)
            expect_text(interfaces.names[i], sizeof interfaces.names[i]);
    }
    /* No two operations have results of the same form, but for the one above. */
    expect(accepted <= 1);
    return 0;
}
