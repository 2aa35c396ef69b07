#include "station/flow/flow.h"

#include <stdio.h>
#include <string.h>

struct passwords {
    struct secret *each[PRODUCT_CREDENTIALS_MAX];
};

static void passwords_freep(struct passwords *passwords)
{
    for (size_t i = 0; i < ARRAY_SIZE(passwords->each); i++)
        secret_free(passwords->each[i]);
}

/* Each as long as its policy's, and of the same letters. */
static bool make_up_passwords(const struct product *product, struct passwords *passwords, struct fault *fault)
{
    for (size_t i = 0; i < product->credential_count; i++) {
        const struct password_policy *policy = &product->credentials[i].policy;
        passwords->each[i] = secret_new(policy->length);
        if (!passwords->each[i])
            return fault_set(fault, FAULT_NO_MEMORY, 0, "make up a password");
        for (unsigned j = 0; j < policy->length; j++)
            secret_write(passwords->each[i])[j] = (uint8_t)policy->alphabet[j % strlen(policy->alphabet)];
    }
    return true;
}

bool flow_check_label(const struct label_child *child, const struct product *product, unsigned dpi, struct fault *fault)
{
    char serial[SERIAL_SIZE];
    char ssid[64] = "";
    (void)snprintf(serial, sizeof serial, "%s000000000", product->code);
    serial[SERIAL_LENGTH - 1] = serial_check_character(serial, SERIAL_LENGTH - 1);
    if (product->ssid_prefix[0] != '\0')
        (void)snprintf(ssid, sizeof ssid, "%s%s", product->ssid_prefix, serial + SERIAL_LENGTH - 6);
    CLEANUP(passwords_freep) struct passwords passwords = {0};
    if (!make_up_passwords(product, &passwords, fault))
        return false;
    struct flow_label label = {.product = product,
                               .serial = serial,
                               .label = "0000000000000",
                               .mac = 0x024b00000000,
                               .ssid = ssid,
                               .dpi = dpi};
    for (size_t i = 0; i < product->credential_count; i++)
        label.passwords[i] = passwords.each[i];
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    return flow_draw_label(child, &label, &bitmap, fault);
}
