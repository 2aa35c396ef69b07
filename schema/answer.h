/* answer.h -- what an answer of the database means: a fault, a shape, a value.
 *
 * Owner    answers stay the caller's
 * Threads  any
 * Secrets  none; texts name constraints and tables, never the values of a refused row
 * Layer    inside schema/
 */
#pragma once

#include "schema/connection.h"

/* Fills the fault from an error's SQLSTATE. "KK408", raised by our own functions, is fault 408. `writes` decides what
 * a connection that ended means. The whole is false. */
NONNULL(1, 3) bool answer_fault(const PGresult *error, bool writes, struct fault *fault);

/* True when the answer has the request's shape. Faults: RECORD_SHAPE. */
NODISCARD NONNULL(1, 2, 3) bool answer_check(const PGresult *answer, const struct request *request,
                                             struct fault *fault);

/* Values of a checked answer. Faults: RECORD_SHAPE when a value does not fit. */
NODISCARD NONNULL(1, 4, 6) bool answer_text(const PGresult *answer, int row, int column, char *ret_text, size_t size,
                                            struct fault *fault);
NODISCARD NONNULL(1, 4, 6) bool answer_number(const PGresult *answer, int row, int column, uint64_t *ret_value,
                                              uint64_t most, struct fault *fault);
NODISCARD NONNULL(1, 4, 5) bool answer_unsigned(const PGresult *answer, int row, int column, unsigned *ret_value,
                                                struct fault *fault);
NODISCARD NONNULL(1) bool answer_bool(const PGresult *answer, int row, int column);
/* A copy that the caller frees; NULL without memory. */
NODISCARD NONNULL(1) char *answer_copy(const PGresult *answer, int row, int column);
