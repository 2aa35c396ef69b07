#include "schema/store_inside.h"

#include <stdlib.h>

bool store_order_get(struct store *store, const char *number, struct store_order *ret_order, struct fault *fault)
{
    enum { NUMBER, PRODUCT_CODE, MODEL, QUANTITY, RESERVED, CLOSED, SCRAPPED, OPEN };
    static const struct column columns[] = {
        [NUMBER] = {"number", COLUMN_TEXT},        [PRODUCT_CODE] = {"product_code", COLUMN_TEXT},
        [MODEL] = {"model", COLUMN_TEXT},          [QUANTITY] = {"quantity", COLUMN_INTEGER},
        [RESERVED] = {"reserved", COLUMN_INTEGER}, [CLOSED] = {"closed", COLUMN_BIGINT},
        [SCRAPPED] = {"scrapped", COLUMN_BIGINT},  [OPEN] = {"open", COLUMN_BOOL},
    };
    static const struct request request = {
        .sql = "SELECT number, product_code, model, quantity, reserved, closed, scrapped, open FROM api.order_get($1)",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_text(&parameters, number);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    struct store_order order = {0};
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault) ||
        !answer_text(answer, 0, NUMBER, order.number, sizeof order.number, fault) ||
        !answer_text(answer, 0, PRODUCT_CODE, order.product_code, sizeof order.product_code, fault) ||
        !answer_text(answer, 0, MODEL, order.model, sizeof order.model, fault) ||
        !answer_unsigned(answer, 0, QUANTITY, &order.quantity, fault) ||
        !answer_unsigned(answer, 0, RESERVED, &order.reserved, fault) ||
        !answer_unsigned(answer, 0, CLOSED, &order.closed, fault) ||
        !answer_unsigned(answer, 0, SCRAPPED, &order.scrapped, fault))
        return fault_within(fault, "order %s", number);
    order.open = answer_bool(answer, 0, OPEN);
    *ret_order = order;
    return true;
}

bool store_order_open(struct store *store, const struct store_order_new *order, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, order->number);
    parameter_text(&parameters, order->product_code);
    parameter_text(&parameters, order->model);
    parameter_text(&parameters, order->gtin);
    parameter_number(&parameters, order->quantity);
    parameter_number(&parameters, order->macs_per_unit);
    parameter_text(&parameters, order->route);
    parameter_text(&parameters, order->credential_kinds);
    parameter_text(&parameters, order->required_evidence);
    return store_do(store, "open order", "SELECT FROM api.order_open($1, $2, $3, $4, $5, $6, $7, $8, $9)", &parameters,
                    fault);
}

bool store_order_close(struct store *store, const char *number, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, number);
    return store_do(store, "close order", "SELECT FROM api.order_close($1)", &parameters, fault);
}

/* The columns of api.unit_list, in its order. */
enum { SERIAL, MODEL, ORDER, STATE, STATION, SLOT, MAC, MAC_COUNT, ATTEMPTS, CREATED, CHANGED, UNIT_FAULT };

static bool read_unit(const PGresult *answer, int row, struct store_unit *ret_unit, struct fault *fault)
{
    struct store_unit unit = {0};
    if (!answer_text(answer, row, SERIAL, unit.serial, sizeof unit.serial, fault) ||
        !answer_text(answer, row, MODEL, unit.model, sizeof unit.model, fault) ||
        !answer_text(answer, row, ORDER, unit.order, sizeof unit.order, fault) ||
        !answer_text(answer, row, STATE, unit.state, sizeof unit.state, fault) ||
        !answer_text(answer, row, STATION, unit.station, sizeof unit.station, fault) ||
        !answer_unsigned(answer, row, SLOT, &unit.slot, fault) ||
        !answer_number(answer, row, MAC, &unit.mac, (UINT64_C(1) << 48) - 1, fault) ||
        !answer_unsigned(answer, row, MAC_COUNT, &unit.mac_count, fault) ||
        !answer_unsigned(answer, row, ATTEMPTS, &unit.attempts, fault) ||
        !answer_text(answer, row, CREATED, unit.created, sizeof unit.created, fault) ||
        !answer_text(answer, row, CHANGED, unit.changed, sizeof unit.changed, fault) ||
        !answer_unsigned(answer, row, UNIT_FAULT, &unit.fault, fault))
        return false;
    *ret_unit = unit;
    return true;
}

bool store_unit_list(struct store *store, const struct store_unit_filter *filter, struct store_units *ret_units,
                     struct fault *fault)
{
    static const struct column columns[] = {
        [SERIAL] = {"serial", COLUMN_TEXT},
        [MODEL] = {"model", COLUMN_TEXT},
        [ORDER] = {"order_number", COLUMN_TEXT},
        [STATE] = {"state", COLUMN_TEXT},
        [STATION] = {"station", COLUMN_TEXT},
        [SLOT] = {"slot", COLUMN_INTEGER},
        [MAC] = {"mac", COLUMN_BIGINT},
        [MAC_COUNT] = {"mac_count", COLUMN_INTEGER},
        [ATTEMPTS] = {"attempts", COLUMN_INTEGER},
        [CREATED] = {"created", COLUMN_TEXT},
        [CHANGED] = {"changed", COLUMN_TEXT},
        [UNIT_FAULT] = {"fault", COLUMN_INTEGER},
    };
    static const struct request request = {
        .sql = "SELECT serial, model, order_number, state, station, slot, mac, mac_count, attempts, created, changed,"
               " fault FROM api.unit_list($1, $2, $3, $4)",
        .any_rows = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_text(&parameters, filter->order);
    parameter_text(&parameters, filter->state);
    parameter_text(&parameters, filter->station);
    parameter_number(&parameters, filter->limit > 0 ? filter->limit : 1000);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault))
        return fault_within(fault, "list units");

    size_t count = (size_t)PQntuples(answer);
    CLEANUP(store_units_free) struct store_units units = {.units = calloc(count + 1, sizeof *units.units)};
    if (!units.units)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "list units");
    for (; units.count < count; units.count++)
        if (!read_unit(answer, (int)units.count, &units.units[units.count], fault))
            return fault_within(fault, "list units");
    *ret_units = (struct store_units){.count = units.count, .units = TAKE(units.units)};
    return true;
}

void store_units_free(struct store_units *units)
{
    free(units->units);
    *units = (struct store_units){0};
}

bool store_unit_show(struct store *store, const char *serial, char **ret_json, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, serial);
    return store_read_text(store, "show unit", "SELECT document FROM api.unit_show($1) AS document", &parameters,
                           ret_json, fault);
}

bool store_summary(struct store *store, char **ret_json, struct fault *fault)
{
    struct parameters none = {0};
    return store_read_text(store, "summary", "SELECT document FROM api.summary() AS document", &none, ret_json, fault);
}

bool store_chain_check(struct store *store, uint64_t *ret_broken, struct fault *fault)
{
    static const struct column columns[] = {{"broken", COLUMN_BIGINT}};
    static const struct request request = {
        .sql = "SELECT broken FROM api.chain_check() AS broken",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    return (connection_ask(store->connection, &request, NULL, &answer, fault) &&
            answer_number(answer, 0, 0, ret_broken, INT64_MAX, fault)) ||
           fault_within(fault, "check chain");
}
