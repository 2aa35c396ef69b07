#include "station/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_fail(const struct cli *cli, const struct fault *fault, const char *unchanged, const char *what)
{
    enum fault_language language = cli ? cli->language : FAULT_ENGLISH;
    bool japanese = language == FAULT_JAPANESE;
    (void)fprintf(stderr, "kokuin: %s: %s (%d %s)\n", what, fault->text, (int)fault->code, fault_name(fault->code));
    (void)fprintf(stderr, japanese ? "  内容: %s\n" : "  meaning: %s\n", fault_title(fault->code, language));
    (void)fprintf(stderr, japanese ? "  変更なし: %s\n" : "  unchanged: %s\n", unchanged);
    (void)fprintf(stderr, japanese ? "  対処: %s\n" : "  to do: %s\n", fault_todo(fault->code, language));
    return (int)fault_exit(fault->code);
}

int cli_misused(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("kokuin: ", stderr);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, " (%d %s)\n  unchanged: nothing was done\n  to do: kokuin ", (int)FAULT_USAGE,
                  fault_name(FAULT_USAGE));
    if (cli && cli->command)
        (void)fprintf(stderr, "%s%s%s ", cli->command->noun, cli->command->verb[0] ? " " : "", cli->command->verb);
    (void)fputs("--help\n", stderr);
    return FAULT_EXIT_USAGE;
}

void cli_say(const struct cli *cli, const char *format, ...)
{
    if (cli->quiet)
        return;
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
}

bool cli_number(const struct cli *cli, enum cli_option option, uint64_t *ret_value, struct fault *fault)
{
    const char *text = cli->values[option];
    const char *name = cli_option_rows[option].name;
    if (!text)
        return fault_set(fault, FAULT_USAGE, 0, "--%s is missing", name);
    bool hex = strncmp(text, "0x", 2) == 0;
    const char *digits = hex ? text + 2 : text;
    size_t length = strlen(digits);
    if (length == 0 || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != length)
        return fault_set(fault, FAULT_USAGE, 0, "--%s takes a number, not '%s'", name, text);
    errno = 0;
    unsigned long long value = strtoull(digits, NULL, hex ? 16 : 10);
    if (errno != 0)
        return fault_set(fault, FAULT_USAGE, (unsigned long)errno, "--%s: '%s' is too large", name, text);
    *ret_value = value;
    return true;
}

const char *cli_record(const struct cli *cli)
{
    if (cli->values[OPTION_RECORD])
        return cli->values[OPTION_RECORD];
    const char *record = getenv("KOKUIN_RECORD");
    return record ? record : "";
}

/* The command that the first words name, and how many words they are. */
static const struct cli_command *find(int count, char **words, int *ret_words)
{
    const struct cli_command *command;
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        if (count < 1 || strcmp(words[0], command->noun) != 0)
            continue;
        *ret_words = command->verb[0] ? 2 : 1;
        if (command->verb[0] == '\0' || (count >= 2 && strcmp(words[1], command->verb) == 0))
            return command;
    }
    return NULL;
}

static bool is_noun(const char *word)
{
    const struct cli_command *command;
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        if (!command->hidden && strcmp(command->noun, word) == 0)
            return true;
    return false;
}

static void fill_options(struct option options[CLI_OPTIONS + 1])
{
    for (int i = 0; i < CLI_OPTIONS; i++)
        options[i] = (struct option){.name = cli_option_rows[i].name,
                                     .has_arg = cli_option_rows[i].value ? required_argument : no_argument,
                                     .val = i + 1};
    options[CLI_OPTIONS] = (struct option){0};
}

/* Reads all options, wherever they stand; what is left are the words. Returns an exit code, or -1 to go on. */
static int parse(struct cli *cli, int argc, char **argv)
{
    struct option options[CLI_OPTIONS + 1];
    fill_options(options);
    opterr = 0;
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (found == ':')
            return cli_misused(cli, "'%s' needs a value", argv[optind - 1]);
        if (found == '?')
            return cli_misused(cli, "unknown option '%s'", argv[optind - 1]);
        if (cli->values[found - 1])
            return cli_misused(cli, "--%s is given twice", cli_option_rows[found - 1].name);
        cli->values[found - 1] = optarg ? optarg : "";
    }
    cli->json = cli->values[OPTION_JSON] != NULL;
    cli->quiet = cli->values[OPTION_QUIET] != NULL;
    const char *language = cli->values[OPTION_LANGUAGE];
    if (language && strcmp(language, "ja") != 0 && strcmp(language, "en") != 0)
        return cli_misused(cli, "--language takes en or ja, not '%s'", language);
    cli->language = language && strcmp(language, "ja") == 0 ? FAULT_JAPANESE : FAULT_ENGLISH;
    return -1;
}

static int check_use(const struct cli *cli)
{
    for (int i = 0; i < CLI_OPTIONS; i++)
        if (cli->values[i] && !((cli->command->options | CLI_COMMON) & 1u << i))
            return cli_misused(cli, "this command takes no --%s", cli_option_rows[i].name);
    if (cli->count < cli->command->least)
        return cli_misused(cli, "expected %s", cli->command->arguments);
    if (cli->count > cli->command->most)
        return cli_misused(cli, "unexpected argument '%s'", cli->arguments[cli->command->most]);
    return -1;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {0};
    int code = parse(&cli, argc, argv);
    if (code >= 0)
        return code;

    int count = argc - optind;
    char **words = argv + optind;
    int used = 0;
    cli.command = find(count, words, &used);
    bool help = cli.values[OPTION_HELP] != NULL;
    if (!cli.command) {
        if (help && count == 0)
            return cli_print_overview(), FAULT_EXIT_OK;
        if (count >= 1 && is_noun(words[0])) {
            if (help)
                return cli_print_noun_help(words[0]), FAULT_EXIT_OK;
            return count < 2 ? cli_misused(&cli, "what about '%s'?", words[0])
                             : cli_misused(&cli, "'%s' cannot '%s'", words[0], words[1]);
        }
        return count < 1 ? cli_misused(&cli, "no command") : cli_misused(&cli, "unknown command '%s'", words[0]);
    }
    if (help)
        return cli_print_help(cli.command), FAULT_EXIT_OK;
    cli.count = count - used;
    cli.arguments = words + used;
    code = check_use(&cli);
    return code >= 0 ? code : cli.command->run(&cli);
}
