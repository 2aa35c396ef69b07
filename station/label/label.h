/* label.h -- a label template and a unit's values in, one checked bitmap out.
 *
 * A template is an SVG file, drawn in millimetres (README of this room has its grammar). Every label is checked as it
 * is made: fonts and every single character are there, nothing is too small, off the label or over something else,
 * every password stands on it, and every code on the finished bitmap was decoded and says what it should.
 *
 * librsvg, Pango, cairo, libxml2 and zint keep copies of what they draw and do not wipe them. So a label with secrets
 * is made in a child process of its own (label_render_in_child), whose memory dies with it.
 *
 * Owner    the caller frees the bitmap; a request only points to the caller's values
 * Threads  the main thread
 * Secrets  values may be secrets; none reaches a fault's text, a file, an argument or the environment
 * Layer    station/label/ may include base/ and jigs/ only; only this room includes librsvg, libxml2, zint and the like
 */
#pragma once

#include "base/clock.h"
#include "base/secret.h"
#include "station/label/bitmap.h"
#include "station/label/code.h"

#define LABEL_FIELDS_MAX 24
#define LABEL_FIELD_NAME_SIZE 17 /* a-z, 0-9 and _, a letter first */
#define LABEL_VALUE_MAX 255      /* bytes of UTF-8 */
#define LABEL_PATH_SIZE 513
#define LABEL_SHA256_SIZE 32

struct label_field {
    const char *name;            /* "serial" is {{serial}} in the template */
    const char *value;           /* UTF-8; may be empty; NULL where there is a secret */
    const struct secret *secret; /* without a terminator; or NULL */
};

struct label_request {
    const char *template_path;
    const uint8_t *template_sha256; /* LABEL_SHA256_SIZE bytes the file must have; NULL: any */
    double width_mm, height_mm;     /* must be those of the template */
    unsigned dpi;                   /* 203, 300 or 600 */
    bool twice; /* draw it in one piece too, and compare: for trying a template, not for each label */
    const struct label_field *fields;
    size_t field_count;
};

/* The label itself. Fields "gtin", "serial" and "label" must be there: the square code is made of them. "copy" and
 * "slot" may be left out, and are empty then.
 *
 * A field that the template does not use is no mistake, unless it is a secret.
 *
 * Faults: LABEL_TEMPLATE naming the element, LABEL_VALUE naming the field, LABEL_FONT, LABEL_UNREADABLE, FILE,
 * NO_MEMORY, SECRET_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool label_render(const struct label_request *request, struct label_bitmap **ret_bitmap,
                                             struct fault *fault);

/* One field as a template's check knows it: what the widest value looks like, and whether it will be a secret. */
struct label_sample {
    const char *name;
    const char *widest;
    bool secret;
};

/* How to start a child that calls label_render_main() with standard input and standard output. */
struct label_child {
    const char *path;           /* NULL: this program itself */
    const char *const *argv;    /* { "kokuin", "station", "render", NULL } */
    struct label_draft **draft; /* where a draft may be that was started ahead; or NULL */
};

/* A child that was started before a unit's values are known: it has loaded the libraries and fonts, has drawn all that
 * is the same for every unit, and waits. It makes one label, as any other child, and is gone with it. */
struct label_draft;

/* Takes all of the request but its fields. Returns at once; what is wrong with the template is told by
 * label_draft_ready(). Faults: LABEL_TEMPLATE, SYSTEM, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4) bool label_draft_start(const struct label_child *child,
                                                     const struct label_request *request,
                                                     struct label_draft **ret_draft, struct fault *fault);
/* Waits until nothing is missing but the values.
 * Faults: those of label_render() but for values; TIMED_OUT, WORKER_DIED, BAD_BYTES, SYSTEM. */
NODISCARD NONNULL(1, 3) bool label_draft_ready(struct label_draft *draft, struct deadline deadline,
                                               struct fault *fault);
/* Ends the child, whatever it is doing. */
void label_draft_free(struct label_draft *draft);
DEFINE_CLEANUP(struct label_draft *, label_draft_free)

/* label_render() in a child process, which is gone when this returns, whatever it returns. A draft of the same
 * template, size and dpi is taken; one that is no good is replaced.
 *
 * Faults: those of label_render(), TIMED_OUT, WORKER_DIED when the child ended without an answer, BAD_BYTES, SYSTEM.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool label_render_in_child(const struct label_child *child,
                                                         const struct label_request *request, struct deadline deadline,
                                                         struct label_bitmap **ret_bitmap, struct fault *fault);

/* A template and the values to try it with, before the first unit comes. */
struct label_trial {
    const char *template_path;
    double width_mm, height_mm;
    unsigned dpi;
    const struct label_sample *samples; /* without one of them, "gtin", "serial" and "label" get made-up values */
    size_t sample_count;
};

/* Whether the template is good for such values: makes the label and throws it away.
 *
 * Without a child it is made in this process. Faults: as label_render() and label_render_in_child().
 */
NODISCARD NONNULL(2, 4) bool label_check(const struct label_child *child, const struct label_trial *trial,
                                         struct deadline deadline, struct fault *fault);

/* The child's whole main(), after the secret arena was opened: reads one request (wire.h), answers with one bitmap or
 * one fault. Hardens the process and forbids it to write any file. Returns the exit code. */
NODISCARD int label_render_main(int in, int out);
