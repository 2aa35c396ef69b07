#include "hsm/capability.h"

#include "hsm/carry.h"

#include <stdio.h>
#include <string.h>

/* PKCS#11 pads its texts with blanks and does not end them. */
static void copy_padded(char *ret_text, const CK_UTF8CHAR *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == ' ')
        size--;
    memcpy(ret_text, bytes, size);
    ret_text[size] = '\0';
}

/* Not through token_draw(), which asks in pieces: these bytes are used for nothing. */
static size_t try_random(struct token *token)
{
    static uint8_t bytes[CAPABILITY_RANDOM_MOST];
    static const size_t sizes[] = {64, 256, 1024, 4096, 16384, CAPABILITY_RANDOM_MOST};
    struct fault ignored;
    size_t most = 0;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (!call_random(&token->session, bytes, sizes[i], &ignored))
            break;
        most = sizes[i];
    }
    explicit_bzero(bytes, sizeof bytes);
    return most;
}

bool capability_probe(struct token *token, struct capability *ret_capability, struct fault *fault)
{
    struct capability found = {0};
    CK_TOKEN_INFO info;
    bool present;
    if (!call_token_info(&token->session.module, token->session.slot, &info, &present, fault))
        return false;
    if (!present)
        return fault_set(fault, FAULT_HSM_CALL, 0, "token '%s' was pulled out", token->label);
    copy_padded(found.label, info.label, sizeof info.label);
    copy_padded(found.serial, info.serialNumber, sizeof info.serialNumber);
    copy_padded(found.manufacturer, info.manufacturerID, sizeof info.manufacturerID);
    copy_padded(found.model, info.model, sizeof info.model);
    (void)snprintf(found.firmware, sizeof found.firmware, "%u.%u", info.firmwareVersion.major,
                   info.firmwareVersion.minor);
    found.session_objects = attack_probe(token, found.wraps);
    found.agrees = carry_agrees(token);
    found.random_max = try_random(token);
    *ret_capability = found;
    return true;
}
