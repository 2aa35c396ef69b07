/* jig_texts.h -- a jig file as texts, and the readers of its tokens, slots, printers and scanners.
 *
 * Owner    the texts belong to their document
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private to the jig's two files
 */
#pragma once

#include "jigs/jig.h"
#include "jigs/token_texts.h"

struct jig_token_texts {
    struct token_texts token;
    char *issuing, *station;
};

struct jig_certificate_texts {
    char *root, *recovery, *spare_recovery, *fingerprint;
};

struct printer_texts {
    char *name, *kind, *path, *dpi, *mode, *uuid;
};

struct slot_texts {
    char *number, *kind, *path, *baud, *vendor_id, *product_id, *interface, *printer;
};

struct scanner_texts {
    char *name, *kind, *path, *slot;
};

struct jig_texts {
    char *station, *record, *state_directory;
    struct jig_token_texts *tokens;
    unsigned tokens_count;
    struct jig_certificate_texts certificates;
    struct printer_texts *printers;
    unsigned printers_count;
    struct slot_texts *slots;
    unsigned slots_count;
    struct scanner_texts *scanners;
    unsigned scanners_count;
    char **products;
    unsigned products_count;
};

/* In this order: slots name printers, scanners name slots. Faults: CONFIG_KEY, CONFIG_VALUE. */
NODISCARD bool jig_read_tokens(const struct spot *top, const struct jig_texts *texts, struct jig *jig);
NODISCARD bool jig_read_printers(const struct spot *top, const struct jig_texts *texts, struct jig *jig);
NODISCARD bool jig_read_slots(const struct spot *top, const struct jig_texts *texts, struct jig *jig);
NODISCARD bool jig_read_scanners(const struct spot *top, const struct jig_texts *texts, struct jig *jig);
