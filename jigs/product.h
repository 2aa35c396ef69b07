/* product.h -- what is made: the model, its route, credentials, certificate, checks and label, as data.
 *
 * Owner    values; read by jigs/read.h and freed by product_free()
 * Threads  any
 * Secrets  none: known defaults are public knowledge
 * Layer    jigs/ may include base/ only
 */
#pragma once

#include "jigs/console.h"
#include "jigs/policy.h"
#include "jigs/profile.h"

#define PRODUCT_CODE_SIZE 3 /* two characters, the start of every serial */
#define PRODUCT_CREDENTIALS_MAX 4
#define PRODUCT_LIST_MAX 64

/* The three routes to "not a shared default password" (README of this room). */
enum auth_route { AUTH_UNIQUE, AUTH_FORCE, AUTH_NONE };

enum unit_driver { DRIVER_NATIVE, DRIVER_CONSOLE };

/* Where the unit's key is born. */
enum key_source {
    KEY_SOURCE_UNIT,    /* in the unit, which asks for its certificate */
    KEY_SOURCE_STATION, /* in the token, for a unit that cannot make one; it travels wrapped */
};

/* What becomes of a unit whose lock cannot be opened for rework. */
enum rework_rule { REWORK_REOPEN, REWORK_SCRAP };

struct product_credential {
    char kind[17]; /* "admin", "wifi": unique within the product, used as {{admin}} on the label */
    char user[33]; /* the log-in name; empty for a key without one */
    bool login;    /* a log-in that the station proves; false for a key such as Wi-Fi's */
    struct password_policy policy;
};

struct known_default {
    char user[33];
    char password[65];
};

struct product {
    char code[PRODUCT_CODE_SIZE]; /* "KR" */
    char model[33];               /* what the unit must say it is */
    char name[65];                /* for people */
    char gtin[15];                /* GTIN-14 */
    enum auth_route auth;
    enum unit_driver driver;
    enum rework_rule rework;
    enum key_source key;
    unsigned macs_per_unit; /* 1, 2, 4, 8, 16 or 32 */
    char ssid_prefix[17];   /* empty: no SSID. The rest is the serial's last six characters */

    struct product_credential credentials[PRODUCT_CREDENTIALS_MAX];
    size_t credential_count;

    struct profile profile; /* of the device certificate */
    char organization[65];  /* subject O of the device certificate */
    char hardware_type[65]; /* hwType of hardwareModuleName: an OID in dots; empty: not in the profile */
    char masa_url[129];     /* where vouchers are signed (RFC 8995); empty: not in the profile */
    uint16_t matter_vendor, matter_product; /* 0: not in the profile */

    char firmware_versions[PRODUCT_LIST_MAX][33]; /* accepted; empty: any, and the record says so */
    size_t firmware_count;
    char interfaces[PRODUCT_LIST_MAX][33]; /* allowed to be open, "tcp/443" */
    size_t interface_count;
    struct known_default known_defaults[PRODUCT_LIST_MAX]; /* every one must be refused */
    size_t known_default_count;
    uint8_t known_defaults_sha256[SHA256_SIZE]; /* of the list's bytes */
    char blocklist[PRODUCT_LIST_MAX][33];
    size_t blocklist_count;

    unsigned wrong_tries; /* wrong passwords to try; each must be refused */
    unsigned retry_limit; /* wrong tries after which the unit must slow down or lock; 0: not required */

    struct product_console console; /* with DRIVER_CONSOLE */

    char label_template[257]; /* path of the SVG, resolved against the product's file */
    double label_width_mm, label_height_mm;
    uint8_t label_sha256[SHA256_SIZE]; /* of the template's bytes */
    uint8_t sha256[SHA256_SIZE];       /* of the product file's bytes */
};

void product_free(struct product *product);
DEFINE_CLEANUP(struct product *, product_free)
