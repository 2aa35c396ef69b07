/* connection.h -- one connection to PostgreSQL, and one request on it: bound parameters, a declared answer, a deadline.
 *
 * A request is sent whole, and all of its answer is read up to the server's "ready": only then is its transaction
 * committed. A wait that ends early is never a cancel, because a commit that waits for its standby cannot be taken
 * back; a writing request whose end was not seen is RECORD_UNKNOWN, a reading one RECORD_AWAY. After either the
 * connection is not used again until connection_renew().
 *
 * Owner    the caller closes the connection and clears answers
 * Threads  one connection belongs to one thread
 * Secrets  none
 * Layer    inside schema/: libpq's types end here
 */
#pragma once

#include "base/clock.h"
#include "base/fault.h"
#include "base/uuid.h"

#include <libpq-fe.h>

struct connection;

/* `application` may be NULL. Faults: USAGE for a conninfo that cannot be read, RECORD_AWAY, RECORD_ROLE, NO_MEMORY. */
NODISCARD NONNULL(1, 4, 5) bool connection_open(const char *conninfo, const char *application, unsigned answer_ms,
                                                struct connection **ret_connection, struct fault *fault);
void connection_close(struct connection *connection);
DEFINE_CLEANUP(struct connection *, connection_close)

NODISCARD NONNULL(1, 2) bool connection_renew(struct connection *connection, struct fault *fault);

/* ---- parameters, always bound ---- */

#define PARAMETERS_MAX 16

struct parameters {
    int count;
    bool failed; /* no memory, or too many */
    const char *values[PARAMETERS_MAX];
    int sizes[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];
    char numbers[PARAMETERS_MAX][40]; /* room for numbers and UUIDs as text */
    char *allocated[PARAMETERS_MAX];
};

void parameters_free(struct parameters *parameters);

/* Texts and bytes are not copied. NULL is SQL's NULL. */
NONNULL(1) void parameter_text(struct parameters *parameters, const char *value);
NONNULL(1) void parameter_bytes(struct parameters *parameters, const uint8_t *bytes, size_t size);
NONNULL(1) void parameter_number(struct parameters *parameters, uint64_t value);
NONNULL(1) void parameter_decimal(struct parameters *parameters, double value);
NONNULL(1, 2) void parameter_uuid(struct parameters *parameters, const struct uuid *uuid);

/* An array, element by element; kept until parameters_free(). */
struct array {
    char *text;
    size_t size;
};
NODISCARD NONNULL(1) bool array_begin(struct array *array);
NONNULL(1, 2) void array_add_text(struct array *array, const char *value);
NONNULL(1) void array_add_bytes(struct array *array, const uint8_t *bytes, size_t size);
NONNULL(1) void array_add_number(struct array *array, unsigned value);
/* Ends the array and hands it to the parameters. */
NONNULL(1, 2) void parameter_array(struct parameters *parameters, struct array *array);

/* ---- requests and their answers ---- */

/* PostgreSQL's numbers for the types that requests answer with; they never change. */
enum column_type { COLUMN_BOOL = 16, COLUMN_BIGINT = 20, COLUMN_INTEGER = 23, COLUMN_TEXT = 25, COLUMN_UUID = 2950 };

struct column {
    const char *name;
    enum column_type type;
};

struct request {
    const char *sql;
    bool writes;
    bool any_rows; /* false: exactly one */
    const struct column *columns;
    size_t column_count;
};

/* Sends the request and checks the answer against its declared shape: names, types and number of columns, number of
 * rows, no NULL. `ret_answer` may be NULL when it has no columns.
 *
 * Faults: RECORD_AWAY, RECORD_UNKNOWN, RECORD_REFUSED, RECORD_DUPLICATE, RECORD_SHAPE, RECORD_ROLE, RECORD_VERSION,
 * NO_MEMORY, and what the database raises by number (answer.h).
 */
NODISCARD NONNULL(1, 2, 5) bool connection_ask(struct connection *connection, const struct request *request,
                                               const struct parameters *parameters, PGresult **ret_answer,
                                               struct fault *fault);

/* Runs statements without parameters: migrations and their transactions. Faults: as connection_ask(). */
NODISCARD NONNULL(1, 2, 3) bool connection_run(struct connection *connection, const char *statements,
                                               struct fault *fault);

static inline void answer_clearp(PGresult **answer)
{
    PQclear(*answer);
}
