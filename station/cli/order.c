#include "station/cli/cli.h"

#include "jigs/read.h"
#include "schema/store.h"
#include "station/flow/evidence.h"
#include "station/flow/json.h"

#include <limits.h>
#include <stdio.h>

static bool open_record(const struct cli *cli, struct store **ret_store, struct fault *fault)
{
    struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin order"};
    return store_open(&options, ret_store, fault);
}

/* What the units of an order must prove is the product's, and the flow's list of it is the only one. */
static bool open_order(struct store *store, const char *number, const struct product *product, unsigned quantity,
                       struct fault *fault)
{
    char kinds[CREDENTIAL_LIST_SIZE];
    char evidence[EVIDENCE_LIST_SIZE];
    credential_list(product, kinds);
    evidence_list(product, evidence);
    struct store_order_new order = {
        .number = number,
        .product_code = product->code,
        .model = product->model,
        .gtin = product->gtin,
        .quantity = quantity,
        .macs_per_unit = product->macs_per_unit,
        .route = route_name(product->auth),
        .credential_kinds = kinds,
        .required_evidence = evidence,
    };
    return store_order_open(store, &order, fault);
}

int command_order_open(struct cli *cli)
{
    struct fault fault;
    uint64_t quantity;
    if (!cli->values[OPTION_PRODUCT])
        return cli_misused(cli, "--product is missing");
    if (!cli_number(cli, OPTION_QUANTITY, &quantity, &fault))
        return cli_misused(cli, "%s", fault.text);
    if (quantity == 0 || quantity > INT_MAX)
        return cli_misused(cli, "--quantity is from 1 to %d", INT_MAX);
    CLEANUP(product_freep) struct product *product = NULL;
    CLEANUP(store_closep) struct store *store = NULL;
    if (!product_read(cli->values[OPTION_PRODUCT], &product, &fault) || !open_record(cli, &store, &fault) ||
        !open_order(store, cli->arguments[0], product, (unsigned)quantity, &fault))
        return cli_fail(cli, &fault, "no order was opened", "order open");
    cli_say(cli, "order %s: %u of %s authorised\n", cli->arguments[0], (unsigned)quantity, product->model);
    return FAULT_EXIT_OK;
}

int command_order_close(struct cli *cli)
{
    struct fault fault;
    CLEANUP(store_closep) struct store *store = NULL;
    if (!open_record(cli, &store, &fault) || (!store_order_close(store, cli->arguments[0], &fault) &&
                                              !fault_within(&fault, "order '%s'", cli->arguments[0])))
        return cli_fail(cli, &fault, "the order stays as it was", "order close");
    cli_say(cli, "order %s is closed\n", cli->arguments[0]);
    return FAULT_EXIT_OK;
}

static void print_order(const struct cli *cli, const struct store_order *order)
{
    if (!cli->json) {
        (void)printf("order     %s (%s)\nproduct   %s %s\nquantity  %u\nreserved  %u\nclosed    %u\nscrapped  %u\n",
                     order->number, order->open ? "open" : "closed", order->product_code, order->model, order->quantity,
                     order->reserved, order->closed, order->scrapped);
        return;
    }
    char text[512];
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_text(&json, "number", order->number);
    json_bool(&json, "open", order->open);
    json_text(&json, "product", order->product_code);
    json_text(&json, "model", order->model);
    json_number(&json, "quantity", order->quantity);
    json_number(&json, "reserved", order->reserved);
    json_number(&json, "closed", order->closed);
    json_number(&json, "scrapped", order->scrapped);
    json_close(&json, '}');
    (void)puts(text);
}

int command_order_show(struct cli *cli)
{
    struct fault fault;
    struct store_order order;
    CLEANUP(store_closep) struct store *store = NULL;
    if (!open_record(cli, &store, &fault) || !store_order_get(store, cli->arguments[0], &order, &fault))
        return cli_fail(cli, &fault, "nothing was written", "order show");
    print_order(cli, &order);
    return FAULT_EXIT_OK;
}
