/* desk.h -- what the label tests share: a scratch directory, templates, a unit's values, and pictures on the disk.
 *
 * Owner    one desk for each test program
 * Threads  one
 * Secrets  made up for the test
 * Layer    tests/
 */
#pragma once

#include "station/label/label.h"

#define DESK_FIELDS 11
#define DESK_PATH_SIZE 256

/* Two that are known to be whole: base/serial.h computes their check characters. */
#define DESK_GTIN "04912345000019"
#define DESK_LABEL "7ZK3M9Q2W8XAB"

struct desk {
    char directory[64];
    char serial[SERIAL_SIZE];
    struct label_field fields[DESK_FIELDS];
    struct secret *admin, *wifi;
};

/* Opens the secret arena, makes the directory and the fields of one router. Fails the test when it cannot. */
void desk_open(struct desk *desk);
/* Removes the directory and everything in it. */
void desk_close(struct desk *desk);

struct secret *desk_secret(const char *text);
/* Points the field of that name to another value; NULL takes it out of the next requests. */
void desk_set(struct desk *desk, const char *name, const char *value);

/* directory/name in a static buffer. */
const char *desk_path(const struct desk *desk, const char *name);
/* Writes a template of 70 x 40 mm around `body`, with the unit's code and the two passwords in it, to "label.svg". */
void desk_write_template(const struct desk *desk, const char *body);
/* Writes "label.svg" exactly so. */
void desk_write_file(const struct desk *desk, const char *text);

/* A request for "label.svg" at 203 dpi. */
struct label_request desk_request(const struct desk *desk);
/* A request for jigs/demo/labels/router.svg. */
struct label_request desk_router(const struct desk *desk, unsigned dpi);

/* The standard output of a program; its standard error is dropped. Fails the test when it does not end with 0. */
void desk_run(const char *const *argv, char *ret_output, size_t size);
