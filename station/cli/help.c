#include "station/cli/cli.h"

#include <stdio.h>
#include <string.h>

static bool takes(const struct cli_command *command, int option)
{
    return (command->options | CLI_COMMON) & 1u << option;
}

static void print_name(const struct cli_command *command)
{
    (void)printf("kokuin %s%s%s", command->noun, command->verb[0] ? " " : "", command->verb);
}

static void print_options(const struct cli_command *command)
{
    for (int i = 0; i < CLI_OPTIONS; i++) {
        if (!takes(command, i))
            continue;
        char name[48];
        const struct cli_option_row *row = &cli_option_rows[i];
        (void)snprintf(name, sizeof name, "--%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
        (void)printf("  %-22s %s\n", name, row->help);
    }
}

void cli_print_help(const struct cli_command *command)
{
    (void)fputs("usage: ", stdout);
    print_name(command);
    (void)printf("%s%s [options]\n\n%s\n\n", command->arguments[0] ? " " : "", command->arguments, command->summary);
    print_options(command);
    if (!command->examples)
        return;
    (void)fputs("\nexamples:\n", stdout);
    for (const char *at = command->examples; at;) {
        const char *end = strchr(at, '\n');
        (void)printf("  %.*s\n", (int)(end ? (size_t)(end - at) : strlen(at)), at);
        at = end ? end + 1 : NULL;
    }
}

static void print_summary(const struct cli_command *command)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s %s %s", command->noun, command->verb, command->arguments);
    (void)printf("  %-34s %s\n", name, command->summary);
}

void cli_print_noun_help(const char *noun)
{
    const struct cli_command *command;
    (void)printf("usage: kokuin %s VERB [options]\n\n", noun);
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        if (!command->hidden && strcmp(command->noun, noun) == 0)
            print_summary(command);
}

void cli_print_overview(void)
{
    const struct cli_command *command;
    (void)fputs("usage: kokuin NOUN VERB [arguments] [options]\n\n"
                "Factory provisioning: every unit gets one identity, one password, one certificate, one label, one\n"
                "record, and proof of each.\n\n",
                stdout);
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        if (!command->hidden)
            print_summary(command);
    (void)fputs(
        "\nkokuin NOUN VERB --help tells more, with examples.\n"
        "exit: 0 good, 1 a check failed, 2 wrong use, 3 not found, 4 not permitted, 5 hardware, 6 record store,\n"
        "75 try again\n",
        stdout);
}

/* ---- files made from the table ---- */

static void print_manual_command(const struct cli_command *command)
{
    (void)fputs("*", stdout);
    print_name(command);
    (void)printf("* %s\n\t%s.\n\n", command->arguments, command->summary);
    for (int i = 0; i < CLI_OPTIONS; i++) {
        if (!(command->options & 1u << i))
            continue;
        const struct cli_option_row *row = &cli_option_rows[i];
        (void)printf("\t*--%s* %s: %s\n\n", row->name, row->value ? row->value : "", row->help);
    }
}

static void print_manual(void)
{
    const struct cli_command *command;
    (void)fputs("kokuin(1)\n\n# NAME\n\nkokuin - factory provisioning station\n\n# SYNOPSIS\n\n"
                "*kokuin* NOUN VERB [arguments] [options]\n\n# DESCRIPTION\n\n"
                "Takes units on a production line from blank to closed: one identity, one password, one certificate,\n"
                "one label and one record for each, and proof of each. Data goes to standard output, everything else\n"
                "to standard error. No secret is ever an argument. No colour is used.\n\n# COMMANDS\n\n",
                stdout);
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        if (!command->hidden)
            print_manual_command(command);
    (void)fputs("# OPTIONS OF EVERY COMMAND\n\n", stdout);
    for (int i = 0; i < CLI_OPTIONS; i++)
        if (CLI_COMMON & 1u << i)
            (void)printf("*--%s* %s\n\t%s\n\n", cli_option_rows[i].name,
                         cli_option_rows[i].value ? cli_option_rows[i].value : "", cli_option_rows[i].help);
    (void)fputs(
        "# ENVIRONMENT\n\n*KOKUIN_RECORD*\n\tThe record store's libpq connection string, where *--record* is not\n"
        "\tgiven. Without both, libpq takes PGHOST, PGPORT, PGDATABASE, PGUSER and their like.\n\n"
        "# EXIT STATUS\n\n"
        "0 good; 1 a check failed; 2 wrong use or a wrong configuration file; 3 not found; 4 not permitted;\n"
        "5 token, unit, printer, scanner or port; 6 record store; 75 try again.\n\n"
        "# SIGNALS\n\n"
        "*kokuin station run* ends on SIGTERM and SIGINT: each slot finishes its unit, and a unit that waits\n"
        "for its scan is left to be resumed. A second signal ends it at once.\n",
        stdout);
}

/* The verbs of each noun, each noun once. */
static void print_completion(void)
{
    const struct cli_command *command;
    (void)fputs("# bash completion for kokuin, made from its own command table\n_kokuin() {\n"
                "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
                "    case $COMP_CWORD:${COMP_WORDS[1]}:${COMP_WORDS[2]} in\n    1:*) words=\"",
                stdout);
    const char *last = "";
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        if (command->hidden || strcmp(last, command->noun) == 0)
            continue;
        (void)printf("%s%s", last[0] ? " " : "", command->noun);
        last = command->noun;
    }
    (void)fputs("\" ;;\n", stdout);
    last = "";
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        if (command->hidden || command->verb[0] == '\0' || strcmp(last, command->noun) == 0)
            continue;
        last = command->noun;
        const struct cli_command *other;
        (void)printf("    2:%s:*) words=\"", last);
        for (size_t j = i; (other = cli_command_at(j)); j++)
            if (!other->hidden && strcmp(other->noun, last) == 0)
                (void)printf("%s%s", j > i ? " " : "", other->verb);
        (void)fputs("\" ;;\n", stdout);
    }
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        if (command->hidden)
            continue;
        (void)printf("    *:%s:%s) words=\"", command->noun, command->verb[0] ? command->verb : "*");
        for (int option = 0; option < CLI_OPTIONS; option++)
            if (takes(command, option))
                (void)printf("%s--%s", option ? " " : "", cli_option_rows[option].name);
        (void)fputs("\" ;;\n", stdout);
    }
    (void)fputs(
        "    esac\n"
        "    [[ $word == -* || $COMP_CWORD -le 2 ]] && mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
        "}\ncomplete -o default -F _kokuin kokuin\n",
        stdout);
}

int command_generate(struct cli *cli)
{
    if (strcmp(cli->arguments[0], "man") == 0)
        print_manual();
    else if (strcmp(cli->arguments[0], "completion") == 0)
        print_completion();
    else
        return cli_misused(cli, "expected man or completion, not '%s'", cli->arguments[0]);
    return FAULT_EXIT_OK;
}
