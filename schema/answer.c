#include "schema/answer.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Faults that the database's own functions raise by number (prov.refuse). */
static const enum fault_code raised[] = {
    FAULT_RECORD_REFUSED,   FAULT_RECORD_ROLE,     FAULT_ORDER_USED_UP,   FAULT_ORDER_UNKNOWN,  FAULT_ORDER_EXISTS,
    FAULT_ORDER_UNFINISHED, FAULT_NUMBERS_USED_UP, FAULT_UNIT_UNKNOWN,    FAULT_UNIT_CLOSED,    FAULT_UNIT_SCRAPPED,
    FAULT_UNIT_ELSEWHERE,   FAULT_SLOT_OCCUPIED,   FAULT_UNIT_MODEL,      FAULT_POLICY_EXPIRED, FAULT_LABEL_UNKNOWN,
    FAULT_CRL_BACKWARDS,    FAULT_SHIFT_OPEN,      FAULT_STATION_UNKNOWN, FAULT_LOG_BUSY,
};

/* What PostgreSQL's own errors mean here, by SQLSTATE or its first letters; the longest match is the first. */
static const struct meaning {
    const char *state;
    enum fault_code code;
    const char *text;
} meanings[] = {
    {"23505", FAULT_RECORD_DUPLICATE, "the record holds this already"},
    {"23P01", FAULT_RECORD_DUPLICATE, "the record holds an overlapping one"},
    {"23", FAULT_RECORD_REFUSED, "a rule of the record forbids it"},
    {"42501", FAULT_RECORD_ROLE, "not permitted"},
    {"25006", FAULT_RECORD_AWAY, "the server is a read-only standby"},
    {"3F000", FAULT_RECORD_VERSION, "the schema is not there"},
    {"42883", FAULT_RECORD_VERSION, "the function is not there"},
    {"40", FAULT_RECORD_UNKNOWN, "two requests stood in each other's way and this one was rolled back: repeat it"},
    {"53", FAULT_RECORD_AWAY, "the server has no room left; nothing was kept"},
};

static bool constraint_fault(const PGresult *error, const char *state, enum fault_code code, const char *text,
                             struct fault *fault)
{
    const char *constraint = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
    const char *table = PQresultErrorField(error, PG_DIAG_TABLE_NAME);
    /* Of all that may not be there twice, a unit's public key is the one that the unit brought along. */
    if (constraint && code == FAULT_RECORD_DUPLICATE && strcmp(constraint, "certificate_key_unique") == 0)
        return fault_set(fault, FAULT_UNIT_KEY_REUSED, strtoul(state, NULL, 36), "the unit's key is in the record");
    if (constraint)
        return fault_set(fault, code, strtoul(state, NULL, 36), "%s (%s.%s)", text, table ? table : "", constraint);
    /* Our triggers' words and PostgreSQL's own hold names, no values; those of class 22 quote what they were given. */
    const char *primary = strncmp(state, "22", 2) == 0 ? NULL : PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
    return fault_set(fault, code, strtoul(state, NULL, 36), "%s: SQLSTATE %s%s%s", text, state, primary ? ": " : "",
                     primary ? primary : "");
}

bool answer_fault(const PGresult *error, bool writes, struct fault *fault)
{
    const char *state = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    /* Connection exceptions and shutdowns: the transaction may have ended either way. */
    if (!state || strlen(state) != 5 || strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0)
        return fault_set(fault, writes ? FAULT_RECORD_UNKNOWN : FAULT_RECORD_AWAY, state ? strtoul(state, NULL, 36) : 0,
                         "the server ended the connection%s", writes ? "; whether it was kept is not known" : "");

    if (strncmp(state, "KK", 2) == 0) {
        const char *why = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
        unsigned long number = strtoul(state + 2, NULL, 10);
        for (size_t i = 0; i < ARRAY_SIZE(raised); i++)
            if ((unsigned long)raised[i] == number)
                return fault_set(fault, raised[i], strtoul(state, NULL, 36), "%s", why ? why : state);
    }
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return constraint_fault(error, state, meanings[i].code, meanings[i].text, fault);
    return constraint_fault(error, state, FAULT_RECORD_REFUSED, "the request failed and nothing was kept", fault);
}

bool answer_check(const PGresult *answer, const struct request *request, struct fault *fault)
{
    int columns = PQnfields(answer);
    if (PQresultStatus(answer) != PGRES_TUPLES_OK || columns != (int)request->column_count)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "expected %zu columns and got %d", request->column_count,
                         columns);
    for (int i = 0; i < columns; i++)
        if (strcmp(PQfname(answer, i), request->columns[i].name) != 0 ||
            PQftype(answer, i) != (Oid)request->columns[i].type || PQfformat(answer, i) != 0)
            return fault_set(fault, FAULT_RECORD_SHAPE, 0, "expected column %s of type %d and got %s of type %u",
                             request->columns[i].name, (int)request->columns[i].type, PQfname(answer, i),
                             PQftype(answer, i));
    int rows = PQntuples(answer);
    if (!request->any_rows && rows != 1)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "expected one row and got %d", rows);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            if (PQgetisnull(answer, row, column))
                return fault_set(fault, FAULT_RECORD_SHAPE, 0, "column %s is null", PQfname(answer, column));
    return true;
}

bool answer_text(const PGresult *answer, int row, int column, char *ret_text, size_t size, struct fault *fault)
{
    const char *value = PQgetvalue(answer, row, column);
    if (strlen(value) >= size)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "column %s is longer than %zu characters",
                         PQfname(answer, column), size - 1);
    memcpy(ret_text, value, strlen(value) + 1);
    return true;
}

bool answer_number(const PGresult *answer, int row, int column, uint64_t *ret_value, uint64_t most, struct fault *fault)
{
    const char *value = PQgetvalue(answer, row, column);
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || *value == '-' || number > most)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "column %s is not a number up to %llu", PQfname(answer, column),
                         (unsigned long long)most);
    *ret_value = number;
    return true;
}

bool answer_unsigned(const PGresult *answer, int row, int column, unsigned *ret_value, struct fault *fault)
{
    uint64_t value = 0;
    if (!answer_number(answer, row, column, &value, UINT32_MAX, fault))
        return false;
    *ret_value = (unsigned)value;
    return true;
}

bool answer_bool(const PGresult *answer, int row, int column)
{
    return PQgetvalue(answer, row, column)[0] == 't';
}

char *answer_copy(const PGresult *answer, int row, int column)
{
    return strdup(PQgetvalue(answer, row, column));
}
