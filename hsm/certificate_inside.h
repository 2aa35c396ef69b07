/* certificate_inside.h -- an issuing CA as the rest of this room sees it.
 *
 * Owner    certificate.c makes and frees it
 * Threads  as the token's
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/key.h"

#define CERTIFICATE_PLANT_KEYS_MAX 32

struct certificate_issuer {
    struct token *token;
    struct key key;
    X509 *issuing, *root;
    X509_STORE *trusts_root, *trusts_issuing;
    unsigned char *name; /* DER of the issuing certificate's subject */
    int name_size;
    struct certificate own;
    uint8_t plant[CERTIFICATE_PLANT_KEYS_MAX][POINT_SIZE]; /* public keys that no unit may have */
    size_t plant_count;
};
