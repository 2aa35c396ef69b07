/* flow.h -- the journey of one unit, from blank to closed, as straight-line code over the rooms.
 *
 * Each act in the world is committed to the record before it is done. Every failure ends in the record too, with its
 * fault and with the evidence gathered so far. What the flow cannot do itself (show, print, wait for a scan) it asks
 * of a small struct of callbacks, so that it runs in a test without any other process.
 *
 * Owner    everything in struct flow_station is borrowed for the call
 * Threads  one journey belongs to one thread
 * Secrets  passwords live from their drawing until the label was scanned or the unit is let go, in `struct secret`, so
 *          that a spoilt label can be printed again; and in the bitmap between rendering and printing, which is wiped
 * Layer    station/flow/ may include jigs/, hsm/, fixtures/, schema/, station/policy/, station/label/ and base/
 */
#pragma once

#include "fixtures/unit_driver.h"
#include "hsm/keyring.h"
#include "hsm/seal.h"
#include "jigs/product.h"
#include "schema/store.h"
#include "station/label/label.h"

/* The issuing CAs that the record was told of, from one unit to the next: each is told once. */
struct flow_issuers {
    uint8_t sha256[KEYRING_PLACES_MAX][32];
    size_t count;
};

/* What a slot worker opens once and keeps. */
struct flow_station {
    struct keyring *keyring;
    struct flow_issuers *issuers;
    struct sealer *sealer;
    struct store *store;
    const char *record_head;  /* the file that keeps the head of this station's chain (station/flow/head.h) */
    struct unit_options unit; /* the slot's port and whose units come here; the keyring gives the station's own key */
    const struct product *product;
    struct label_child render; /* how the program starts its own label child */
    const char *order;
    const char *printer;        /* its name, for the record */
    unsigned dpi;               /* the printer's */
    unsigned slot;              /* as painted on the jig */
    const char *operator_badge; /* not empty */
};

enum flow_step {
    FLOW_IDENTIFY = 1,
    FLOW_RESERVE,
    FLOW_ISSUE,
    FLOW_INJECT,
    FLOW_RESTART,
    FLOW_PROVE,
    FLOW_LOCK,
    FLOW_PRINT,
    FLOW_SCAN,
    FLOW_STEPS = FLOW_SCAN,
};

/* "identify", "print": one fixed word. */
NODISCARD const char *flow_step_name(enum flow_step step);

/* What is known of the unit so far; texts are empty until they are. */
struct flow_progress {
    enum flow_step step;
    char serial[SERIAL_SIZE];
    char model[33];
    char label[17];
    enum fault_code doubt; /* at SCAN: PRINTER_UNKNOWN while nobody knows whether the label came out; else NONE */
};

/* What the operator says with a scan. */
enum flow_wish {
    FLOW_APPLIED, /* the label sits on the unit */
    FLOW_SPOILT,  /* this label, in hand, is to be void and printed again */
    FLOW_MISSING, /* the label is not to be found; nothing was scanned */
};

/* One complete label scan; `gtin` is "" where the code carried none. All texts are empty with FLOW_MISSING. */
struct flow_scan {
    enum flow_wish wish;
    char gtin[15];
    char serial[SERIAL_SIZE];
    char label[17];
};

struct flow_world {
    void *context;

    void (*show)(void *context, const struct flow_progress *progress);

    /* Prints one bitmap and says how far that is known. Faults: PRINTER_AWAY, PRINTER_NOT_READY and its kin (614 to
     * 623) when surely nothing came out, PRINTER_TWICE, PRINTER_UNKNOWN, CHANNEL. */
    bool (*print)(void *context, const char *label, const struct label_bitmap *bitmap,
                  enum store_print_level *ret_level, struct fault *fault);

    /* Waits until the label was scanned for this slot, or is said to be missing. Faults: UNIT_UNPLUGGED; INTERRUPTED
     * when the station stops. */
    bool (*await_scan)(void *context, struct flow_scan *ret_scan, struct fault *fault);

    /* The answer to that scan: NULL when it is the right label on the right unit, or the wish is granted. */
    void (*answer_scan)(void *context, const struct fault *why);
};

enum flow_end {
    FLOW_CLOSED, /* provisioned, proven, labelled, scanned */
    FLOW_FAILED, /* the attempt has failed, or the unit never had one: take it out */
    FLOW_LEFT,   /* the attempt is left as it stands and goes on when the same board comes back */
    FLOW_HELD,   /* the station must not go on until a person has mended something */
};

struct flow_result {
    enum flow_end end;
    struct fault fault;            /* unless CLOSED */
    struct flow_progress progress; /* as far as it came */
    struct fault record;           /* why the failure itself could not be recorded; FAULT_NONE where it was */
    unsigned attempt;              /* number of the attempt; more than 1 is rework; 0: none was begun */
    bool interrupted;              /* an earlier attempt was found unfinished and was failed */
};

/* Takes the unit that sits in the slot through its journey. */
NONNULL(1, 2, 3)
void flow_run(const struct flow_station *station, const struct flow_world *world, struct flow_result *ret_result);

/* What stands on a label. Templates may name gtin, serial, label, copy ("" on the first one, then "R2", "R3"), model,
 * name, mac, ssid, and for each credential its kind (the password) and "<kind>_user". */
struct flow_label {
    const struct product *product;
    const char *serial;
    const char *label;
    unsigned copy;
    uint64_t mac;
    const char *ssid;                                        /* "" for none */
    const struct secret *passwords[PRODUCT_CREDENTIALS_MAX]; /* in the order of the product's credentials */
    unsigned dpi;
};

/* Draws it in a child process. Faults: those of label_render_in_child(). */
NODISCARD NONNULL(1, 2, 3, 4) bool flow_draw_label(const struct label_child *child, const struct flow_label *label,
                                                   struct label_bitmap **ret_bitmap, struct fault *fault);

/* Draws a label of this product with made-up values, as a unit's would be, and throws it away: a template that cannot
 * be drawn must be found before the first unit. Faults: those of flow_draw_label(). */
NODISCARD NONNULL(1, 2, 4) bool flow_check_label(const struct label_child *child, const struct product *product,
                                                 unsigned dpi, struct fault *fault);
