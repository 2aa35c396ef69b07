/* cli.h -- one table of commands, from which parsing, --help, the manual page and shell completion come.
 *
 * Data goes to standard output, everything else to standard error. No command takes a secret as an argument.
 *
 * Owner    the table is static; struct cli belongs to main()
 * Threads  one
 * Secrets  none pass through here
 * Layer    station/cli/ may include everything
 */
#pragma once

#include "base/fault.h"

enum cli_option {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_LANGUAGE,
    OPTION_RECORD,
    OPTION_ORDER,
    OPTION_BADGE,
    OPTION_PRODUCT,
    OPTION_QUANTITY,
    OPTION_LOGIN,
    OPTION_SLOTS,
    OPTION_FIRST,
    OPTION_COUNT,
    OPTION_STATE,
    OPTION_STATION,
    OPTION_LIMIT,
    OPTION_INDEX,
    OPTION_DPI,
    OPTION_WIDTH,
    OPTION_HEIGHT,
    OPTION_OUTPUT,
    OPTION_DIRECTORY,
    OPTION_DAYS,
    OPTION_CERTIFICATE,
    OPTION_EVERY,
    OPTION_REASON,
    CLI_OPTIONS,
};

struct cli_option_row {
    const char *name;
    const char *value; /* what stands for its value in the help; NULL: a switch */
    const char *help;
};

/* What a command was called with. */
struct cli {
    const struct cli_command *command;
    const char *values[CLI_OPTIONS]; /* NULL: not given; "" for a switch that was */
    int count;                       /* of arguments after noun and verb */
    char **arguments;
    bool json, quiet;
    enum fault_language language;
};

struct cli_command {
    const char *noun;
    const char *verb;      /* "" where the noun says all */
    const char *arguments; /* "SERIAL", "[KIND] NAME" */
    int least, most;       /* how many */
    unsigned options;      /* bits of 1 << enum cli_option, besides those that every command takes */
    const char *summary;
    const char *examples; /* one a line, or NULL */
    int (*run)(struct cli *cli);
    bool hidden;
};

extern const struct cli_option_row cli_option_rows[CLI_OPTIONS];
#define CLI_COMMON (1u << OPTION_HELP | 1u << OPTION_JSON | 1u << OPTION_QUIET | 1u << OPTION_LANGUAGE)

/* Walks the table: NULL past its end. */
NODISCARD const struct cli_command *cli_command_at(size_t index);

/* The whole program, after the process was made safe. Returns the exit code. */
NODISCARD int cli_main(int argc, char **argv);

/* "kokuin: WHAT: text (410 ORDER_EXISTS)", what is unchanged, and what to do; returns the fault's exit code. */
NODISCARD int cli_fail(const struct cli *cli, const struct fault *fault, const char *unchanged, const char *what);

/* Wrong use of this command; returns the exit code for that. */
NODISCARD PRINTF(2, 3) int cli_misused(const struct cli *cli, const char *format, ...);

/* Progress for people, on standard error, unless --quiet. */
PRINTF(2, 3) void cli_say(const struct cli *cli, const char *format, ...);

/* A decimal number, or 0x and hex digits. Faults: USAGE, naming the option. */
NODISCARD NONNULL(1, 3, 4) bool cli_number(const struct cli *cli, enum cli_option option, uint64_t *ret_value,
                                           struct fault *fault);

/* The record's address: --record, or KOKUIN_RECORD, or "" for what libpq takes from PGHOST and its like. */
NODISCARD const char *cli_record(const struct cli *cli);

/* help.c */
void cli_print_help(const struct cli_command *command);
void cli_print_noun_help(const char *noun);
void cli_print_overview(void);

int command_generate(struct cli *cli);
int command_station_run(struct cli *cli);
int command_slot_worker(struct cli *cli);
int command_printer_worker(struct cli *cli);
int command_scanner_reader(struct cli *cli);
int command_render(struct cli *cli);
int command_unit_show(struct cli *cli);
int command_unit_list(struct cli *cli);
int command_order_open(struct cli *cli);
int command_order_close(struct cli *cli);
int command_order_show(struct cli *cli);
int command_schema_migrate(struct cli *cli);
int command_schema_status(struct cli *cli);
int command_schema_grant(struct cli *cli);
int command_schema_numbers(struct cli *cli);
int command_hsm_ceremony(struct cli *cli);
int command_hsm_crl(struct cli *cli);
int command_hsm_status(struct cli *cli);
int command_hsm_check(struct cli *cli);
int command_hsm_backup(struct cli *cli);
int command_hsm_restore(struct cli *cli);
int command_jig_check(struct cli *cli);
int command_label_check(struct cli *cli);
int command_label_preview(struct cli *cli);
int command_label_show(struct cli *cli);
int command_label_reconcile(struct cli *cli);
int command_shift_close(struct cli *cli);
int command_shift_show(struct cli *cli);
int command_unit_scrap(struct cli *cli);
int command_record_summary(struct cli *cli);
int command_log_seal(struct cli *cli);
int command_log_export(struct cli *cli);
int command_audit_verify(struct cli *cli);
int command_audit_export(struct cli *cli);
int command_audit_prove(struct cli *cli);
int command_fault_show(struct cli *cli);
int command_fault_list(struct cli *cli);
int command_doctor(struct cli *cli);
int command_version(struct cli *cli);
