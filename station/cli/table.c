#include "station/cli/cli.h"

const struct cli_option_row cli_option_rows[CLI_OPTIONS] = {
    [OPTION_HELP] = {"help", NULL, "this text"},
    [OPTION_JSON] = {"json", NULL, "JSON on standard output, one object a line"},
    [OPTION_QUIET] = {"quiet", NULL, "no progress on standard error; failures are still told"},
    [OPTION_LANGUAGE] = {"language", "en|ja", "language of what people read"},
    [OPTION_RECORD] = {"record", "CONNINFO", "the record store; else KOKUIN_RECORD, else PGHOST and its like"},
    [OPTION_ORDER] = {"order", "NUMBER", "the order"},
    [OPTION_BADGE] = {"badge", "TEXT", "the operator's badge, until another one is scanned"},
    [OPTION_PRODUCT] = {"product", "FILE", "the product file"},
    [OPTION_QUANTITY] = {"quantity", "N", "how many units are authorised"},
    [OPTION_LOGIN] = {"login", "ROLE", "the database role; else the station's name"},
    [OPTION_SLOTS] = {"slots", "N", "how many slots the station has (16)"},
    [OPTION_FIRST] = {"first", "N", "the first number: decimal, 0x hex, or a MAC address with colons"},
    [OPTION_COUNT] = {"count", "N", "how many numbers"},
    [OPTION_STATE] = {"state", "STATE", "only units in this state"},
    [OPTION_STATION] = {"station", "NAME", "only units of this station"},
    [OPTION_LIMIT] = {"limit", "N", "at most so many (1000)"},
    [OPTION_INDEX] = {"index", "N", "which one of the jig's"},
    [OPTION_DPI] = {"dpi", "N", "dots per inch of the printer: 203, 300 or 600"},
    [OPTION_WIDTH] = {"width", "MM", "the label's width in millimetres"},
    [OPTION_HEIGHT] = {"height", "MM", "the label's height in millimetres"},
    [OPTION_OUTPUT] = {"output", "FILE", "the file to write; it must not exist"},
};

#define BIT(option) (1u << OPTION_##option)

static const struct cli_command commands[] = {
    {"station", "run", "JIG", 1, 1, BIT(ORDER) | BIT(BADGE),
     "run a station: take units from blank to closed until SIGTERM or Control-C",
     "kokuin station run /etc/kokuin/jig.yaml --order A-1001\n"
     "kokuin station run jig.yaml --order A-1001 --badge 4711 --json",
     command_station_run, false},
    {"unit", "show", "SERIAL", 1, 1, BIT(RECORD), "the whole life of one unit, as JSON, without secrets",
     "kokuin unit show KR000000001X", command_unit_show, false},
    {"unit", "list", "", 0, 0, BIT(RECORD) | BIT(ORDER) | BIT(STATE) | BIT(STATION) | BIT(LIMIT),
     "units and their states", "kokuin unit list --order A-1001 --state failed\nkokuin unit list --json",
     command_unit_list, false},
    {"order", "open", "NUMBER", 1, 1, BIT(RECORD) | BIT(PRODUCT) | BIT(QUANTITY),
     "authorise a quantity of a product; what its units must prove comes from the product file",
     "kokuin order open A-1001 --product products/router.yaml --quantity 500", command_order_open, false},
    {"order", "close", "NUMBER", 1, 1, BIT(RECORD), "close an order; refused while units of it are unfinished",
     "kokuin order close A-1001", command_order_close, false},
    {"order", "show", "NUMBER", 1, 1, BIT(RECORD), "an order and how far it is", "kokuin order show A-1001",
     command_order_show, false},
    {"schema", "migrate", "", 0, 0, BIT(RECORD), "bring the database to this program's schema version",
     "kokuin schema migrate --record 'host=/run/postgresql dbname=kokuin user=admin'", command_schema_migrate, false},
    {"schema", "status", "", 0, 0, BIT(RECORD), "the schema version of the database and of this program",
     "kokuin schema status --json", command_schema_status, false},
    {"schema", "grant", "station|auditor|planner NAME", 2, 2, BIT(RECORD) | BIT(LOGIN) | BIT(SLOTS),
     "make or update a station with its database role, or the role of an auditor or planner",
     "kokuin schema grant station demo-1 --login kokuin_station_1 --slots 4\nkokuin schema grant auditor tanaka",
     command_schema_grant, false},
    {"schema", "numbers", "serial|mac", 1, 1, BIT(RECORD) | BIT(FIRST) | BIT(COUNT),
     "add a block of serial numbers or MAC addresses",
     "kokuin schema numbers serial --first 1 --count 100000\n"
     "kokuin schema numbers mac --first 02:4b:00:00:00:00 --count 65536",
     command_schema_numbers, false},
    {"hsm", "ceremony", "FILE", 1, 1, 0, "make the keys of a plant on its tokens, once",
     "kokuin hsm ceremony ceremony.yaml", command_hsm_ceremony, false},
    {"jig", "check", "FILE", 1, 1, 0, "read a jig file with its products and policies, and tell what is wrong with it",
     "kokuin jig check /etc/kokuin/jig.yaml", command_jig_check, false},
    {"label", "check", "[TEMPLATE]", 0, 1, BIT(PRODUCT) | BIT(DPI) | BIT(WIDTH) | BIT(HEIGHT),
     "try a label template with the widest values, or a product's with its own at each dpi, and tell what is wrong",
     "kokuin label check router.svg --width 70 --height 40 --dpi 203\n"
     "kokuin label check --product products/router.yaml --json",
     command_label_check, false},
    {"label", "preview", "", 0, 0, BIT(PRODUCT) | BIT(DPI) | BIT(OUTPUT),
     "draw a product's label with made-up values and SPECIMEN across it, as PNG",
     "kokuin label preview --product products/router.yaml --dpi 203 --output router-203.png", command_label_preview,
     false},
    {"record", "summary", "", 0, 0, BIT(RECORD), "what the record says of all units, as one JSON object",
     "kokuin record summary", command_record_summary, false},
    {"fault", "show", "NUMBER", 1, 1, 0, "what a fault means and what to do",
     "kokuin fault show 604\nkokuin fault show 604 --language ja", command_fault_show, false},
    {"fault", "list", "", 0, 0, 0, "all faults", "kokuin fault list --json", command_fault_list, false},
    {"doctor", "", "JIG", 1, 1, 0, "check everything that a station needs, in order, without making anything",
     "kokuin doctor /etc/kokuin/jig.yaml", command_doctor, false},
    {"version", "", "", 0, 0, 0, "this program's version", NULL, command_version, false},

    {"station", "slot-worker", "JIG", 1, 1, BIT(INDEX) | BIT(ORDER) | BIT(BADGE), "", NULL, command_slot_worker, true},
    {"station", "printer-worker", "JIG", 1, 1, BIT(INDEX) | BIT(ORDER) | BIT(BADGE), "", NULL, command_printer_worker,
     true},
    {"station", "scanner-reader", "JIG", 1, 1, BIT(INDEX) | BIT(ORDER) | BIT(BADGE), "", NULL, command_scanner_reader,
     true},
    {"station", "render", "", 0, 0, 0, "", NULL, command_render, true},
    {"generate", "", "man|completion", 1, 1, 0, "", NULL, command_generate, true},
};

const struct cli_command *cli_command_at(size_t index)
{
    return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
}
