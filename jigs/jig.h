/* jig.h -- what stands on a floor: one station's slots, printers, scanners, tokens and record store, as data.
 *
 * Owner    values; read by jigs/read.h and freed by jig_free()
 * Threads  any
 * Secrets  none: PINs are named by files, never written here
 * Layer    jigs/ may include base/ only
 */
#pragma once

#include "jigs/product.h"

#define JIG_SLOTS_MAX 16
#define JIG_PRINTERS_MAX 4
#define JIG_SCANNERS_MAX 16
#define JIG_PATH_SIZE 257
#define JIG_PRODUCTS_MAX 16
#define JIG_TOKENS_MAX 4

enum port_kind { PORT_SERIAL, PORT_USB, PORT_STREAM, PORT_KEYBOARD };

struct jig_slot {
    unsigned number; /* 1 to 16, as painted on the jig */
    enum port_kind kind;
    char path[JIG_PATH_SIZE]; /* topology: "usb-1.2:1.0" style by-path name or sysfs port chain; "unix:..." "tcp:..." */
    unsigned baud;            /* serial, and stream where it is given; else 0 */
    uint16_t vendor_id, product_id; /* usb, and serial where given: what must be plugged in here; 0: any */
    uint8_t interface;              /* usb only */
    unsigned printer;               /* index into printers */
};

enum printer_kind { PRINTER_ZPL, PRINTER_PNG, PRINTER_IPP };

/* How a label leaves the printer. */
enum printer_mode {
    PRINTER_TEARS, /* the operator tears it off */
    PRINTER_PEELS, /* it hangs at the bar without its liner, and the next one waits until it is taken */
    PRINTER_CUTS,  /* a cutter cuts each one off */
};

#define JIG_UUID_SIZE 46 /* "urn:uuid:" and 36 more */

struct jig_printer {
    char name[33];
    enum printer_kind kind;
    char path[JIG_PATH_SIZE]; /* "tcp:127.0.0.1:9100", "unix:/run/..."; a directory for png; "ipp://HOST:PORT/PATH" */
    unsigned dpi;             /* 203, 300 or 600 */
    enum printer_mode mode;   /* zpl only; the others tear, as far as is known here */
    char uuid[JIG_UUID_SIZE]; /* ipp only: the printer that must answer, "urn:uuid:..." in lower case; empty: any */
};

struct jig_scanner {
    char name[33];
    enum port_kind kind; /* serial, stream or keyboard */
    char path[JIG_PATH_SIZE];
    unsigned slot; /* the slot it belongs to; 0: shared, every label scan is followed by a slot tag's */
};

/* One production token, with the certificates of its own two keys. */
struct jig_token {
    char module[JIG_PATH_SIZE]; /* a module's path, or "unix:/path" of a p11-kit server */
    char uri[JIG_PATH_SIZE];    /* RFC 7512 */
    char pin_file[JIG_PATH_SIZE];
    char issuing_certificate[JIG_PATH_SIZE]; /* PEM */
    char station_certificate[JIG_PATH_SIZE]; /* PEM, the TLS server towards units */
};

struct jig {
    char station[33];                        /* the station's name in the record */
    struct jig_token tokens[JIG_TOKENS_MAX]; /* best first: the others are its spares */
    size_t token_count;
    char root_certificate[JIG_PATH_SIZE];         /* PEM */
    char recovery_certificates[2][JIG_PATH_SIZE]; /* PEM; the second, a spare, may be empty */
    char fingerprint_check[JIG_PATH_SIZE];        /* the check value that every token's fingerprint key must have */
    char record[JIG_PATH_SIZE * 2];               /* libpq conninfo, without a password */
    char state_directory[JIG_PATH_SIZE];
    struct jig_slot slots[JIG_SLOTS_MAX];
    size_t slot_count;
    struct jig_printer printers[JIG_PRINTERS_MAX];
    size_t printer_count;
    struct jig_scanner scanners[JIG_SCANNERS_MAX];
    size_t scanner_count;
    char products[JIG_PRODUCTS_MAX][JIG_PATH_SIZE]; /* product files this station may make */
    size_t product_count;
};

void jig_free(struct jig *jig);
DEFINE_CLEANUP(struct jig *, jig_free)
