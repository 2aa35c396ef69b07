/* Label templates on an engineer's desk. The passwords here are made up and say so; they are `struct secret` because a
 * label takes them in no other form, and are freed with the command. */
#include "station/cli/cli.h"

#include "jigs/read.h"
#include "station/flow/flow.h"
#include "station/flow/json.h"
#include "station/label/pdf.h"
#include "station/label/picture.h"
#include "station/label/png.h"
#include "station/label/specimen.h"
#include "station/line/line.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_MS 30000
#define TEMPLATE_BYTES_MAX (256 * 1024)

static const unsigned heads[] = {203, 300, 600};

struct passwords {
    struct secret *each[PRODUCT_CREDENTIALS_MAX];
};

static void passwords_freep(struct passwords *passwords)
{
    for (size_t i = 0; i < ARRAY_SIZE(passwords->each); i++)
        secret_free(passwords->each[i]);
}

static void free_text(char **text)
{
    free(*text);
}

static void close_file(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

/* ---- a product's label ---- */

/* The letter of the alphabet that needs the most room in a font that is not of one width. */
static char widest_letter(const char *alphabet)
{
    const char *wide = strpbrk(alphabet, "WM@mw%");
    return wide ? *wide : alphabet[0];
}

/* As long as the policy's. For looking at, a word that nobody takes for a password; for checking, the widest. */
static bool make_up_password(const struct password_policy *policy, bool to_look_at, struct secret **ret_password,
                             struct fault *fault)
{
    static const char word[] = "FAKE";
    CLEANUP(secret_freep) struct secret *password = secret_new(policy->length);
    if (!password)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "make up a password");
    uint8_t *bytes = secret_write(password);
    for (unsigned i = 0; i < policy->length; i++)
        bytes[i] = (uint8_t)(to_look_at ? word[i % (sizeof word - 1)] : widest_letter(policy->alphabet));
    *ret_password = TAKE(password);
    return true;
}

static bool draw_sample(const struct product *product, unsigned dpi, bool to_look_at, struct label_bitmap **ret_bitmap,
                        struct fault *fault)
{
    char serial[SERIAL_SIZE], ssid[sizeof product->ssid_prefix + SERIAL_SIZE] = "";
    (void)snprintf(serial, sizeof serial, "%s%s", product->code, to_look_at ? "000000000" : "WWWWWWWWW");
    serial[SERIAL_LENGTH - 1] = serial_check_character(serial, SERIAL_LENGTH - 1);
    serial[SERIAL_LENGTH] = '\0';
    if (product->ssid_prefix[0] != '\0')
        (void)snprintf(ssid, sizeof ssid, "%s%s", product->ssid_prefix, serial + SERIAL_LENGTH - 6);
    struct flow_label label = {.product = product,
                               .serial = serial,
                               .label = to_look_at ? "0000000000000" : "WWWWWWWWWWWWW",
                               .mac = to_look_at ? 0x024b00000000 : 0xdddddddddddd,
                               .ssid = ssid,
                               .dpi = dpi};
    CLEANUP(passwords_freep) struct passwords passwords = {0};
    for (size_t i = 0; i < product->credential_count; i++) {
        if (!make_up_password(&product->credentials[i].policy, to_look_at, &passwords.each[i], fault))
            return false;
        label.passwords[i] = passwords.each[i];
    }
    return flow_draw_label(&line_label_child, &label, ret_bitmap, fault);
}

static bool check_product(const struct product *product, unsigned dpi, struct fault *fault)
{
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    return draw_sample(product, dpi, false, &bitmap, fault);
}

/* ---- a template alone ---- */

static bool read_template(const char *path, char **ret_text, struct fault *fault)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    CLEANUP(free_text) char *text = calloc(1, TEMPLATE_BYTES_MAX + 1);
    if (!file)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open %s: %s", path, strerror(errno));
    if (!text)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a template");
    size_t size = fread(text, 1, TEMPLATE_BYTES_MAX, file);
    text[size] = '\0';
    if (ferror(file))
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "read %s: %s", path, strerror(errno));
    *ret_text = TAKE(text);
    return true;
}

static bool names_field(const char *template, const char *field)
{
    char plain[40], filtered[40];
    (void)snprintf(plain, sizeof plain, "{{%s}}", field);
    (void)snprintf(filtered, sizeof filtered, "{{%s|", field);
    return strstr(template, plain) || strstr(template, filtered);
}

/* Without a product nobody says how long its passwords are, or that it has any: a password that the template names is
 * taken as 16 or 20 letters, as the demo's are. */
static bool check_template(const char *path, double width_mm, double height_mm, unsigned dpi, struct fault *fault)
{
    static const struct label_sample samples[] = {
        {"admin", "WWWWWWWWWWWWWWWW", true},
        {"wifi", "WWWWWWWWWWWWWWWWWWWW", true},
        {"model", "MODEL-0000", false},
        {"name", "Name of a product", false},
        {"mac", "dd:dd:dd:dd:dd:dd", false},
        {"ssid", "kokuin-WWWWWW", false},
        {"admin_user", "admin", false},
        {"wifi_user", "", false},
        {"copy", "R9", false},
    };
    struct label_sample used[ARRAY_SIZE(samples)];
    CLEANUP(free_text) char *template = NULL;
    if (!read_template(path, &template, fault))
        return false;
    struct label_trial trial = {path, width_mm, height_mm, dpi, used, 0};
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        if (!samples[i].secret || names_field(template, samples[i].name))
            used[trial.sample_count++] = samples[i];
    return label_check(&line_label_child, &trial, deadline_in_ms(CHECK_MS), fault);
}

/* ---- commands ---- */

/* Tells one finding and returns the exit code. */
static int tell(const struct cli *cli, const char *path, unsigned dpi, const struct fault *fault)
{
    if (cli->json) {
        char text[2048];
        struct json json = json_over(text, sizeof text);
        json_open(&json, NULL, '{');
        json_text(&json, "template", path);
        json_number(&json, "dpi", dpi);
        json_bool(&json, "good", !fault);
        if (fault) {
            json_number(&json, "fault", fault->code);
            json_text(&json, "fault_name", fault_name(fault->code));
            json_text(&json, "text", fault->text);
            json_text(&json, "todo", fault_todo(fault->code, cli->language));
        }
        json_close(&json, '}');
        (void)puts(text);
    }
    if (!fault) {
        cli_say(cli, "%s: good at %u dpi\n", path, dpi);
        return FAULT_EXIT_OK;
    }
    char what[48];
    (void)snprintf(what, sizeof what, "label check at %u dpi", dpi);
    return cli_fail(cli, fault, "nothing was printed", what);
}

/* "70" or "69.5", below 1000; in the program's own notation, whatever the locale's. */
static bool read_millimetres(const struct cli *cli, enum cli_option option, double *ret_value, struct fault *fault)
{
    const char *text = cli->values[option];
    const char *name = cli_option_rows[option].name;
    unsigned whole = 0, part = 0, scale = 1;
    if (!text)
        return fault_set(fault, FAULT_USAGE, 0, "--%s is missing", name);
    const size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    const size_t decimals = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    if (digits == 0 || digits > 3 || decimals > 3 || (*rest == '.' && decimals == 0) ||
        rest[*rest == '.' ? decimals + 1 : 0] != '\0')
        return fault_set(fault, FAULT_USAGE, 0, "--%s takes millimetres such as 69.5, not '%s'", name, text);
    for (size_t i = 0; i < digits; i++)
        whole = whole * 10 + (unsigned)(text[i] - '0');
    for (size_t i = 0; i < decimals; i++, scale *= 10)
        part = part * 10 + (unsigned)(rest[1 + i] - '0');
    *ret_value = whole + (double)part / scale;
    return true;
}

/* 0 when it was not given. */
static bool read_dpi(const struct cli *cli, unsigned *ret_dpi, struct fault *fault)
{
    uint64_t dpi = 0;
    if (cli->values[OPTION_DPI] && !cli_number(cli, OPTION_DPI, &dpi, fault))
        return false;
    bool known = !cli->values[OPTION_DPI];
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        known = known || dpi == heads[i];
    if (!known)
        return fault_set(fault, FAULT_USAGE, 0, "--dpi is 203, 300 or 600");
    *ret_dpi = (unsigned)dpi;
    return true;
}

static int check_one_template(const struct cli *cli, unsigned dpi)
{
    struct fault fault;
    double width = 0, height = 0;
    if (!read_millimetres(cli, OPTION_WIDTH, &width, &fault) || !read_millimetres(cli, OPTION_HEIGHT, &height, &fault))
        return cli_misused(cli, "%s", fault.text);
    if (dpi == 0)
        return cli_misused(cli, "--dpi is missing");
    bool good = check_template(cli->arguments[0], width, height, dpi, &fault);
    return tell(cli, cli->arguments[0], dpi, good ? NULL : &fault);
}

static int check_product_at_each(const struct cli *cli, unsigned dpi)
{
    struct fault fault;
    CLEANUP(product_freep) struct product *product = NULL;
    if (!product_read(cli->values[OPTION_PRODUCT], &product, &fault))
        return cli_fail(cli, &fault, "nothing was printed", "label check");
    int worst = FAULT_EXIT_OK;
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        if (dpi != 0 && dpi != heads[i])
            continue;
        bool good = check_product(product, heads[i], &fault);
        int code = tell(cli, product->label_template, heads[i], good ? NULL : &fault);
        worst = worst == FAULT_EXIT_OK ? code : worst;
    }
    return worst;
}

int command_label_check(struct cli *cli)
{
    struct fault fault;
    unsigned dpi = 0;
    bool has_product = cli->values[OPTION_PRODUCT] != NULL;
    if (has_product == (cli->count == 1))
        return cli_misused(cli, "name either a template or --product FILE");
    if (has_product && (cli->values[OPTION_WIDTH] || cli->values[OPTION_HEIGHT]))
        return cli_misused(cli, "the product says how wide and high its label is");
    if (!read_dpi(cli, &dpi, &fault))
        return cli_misused(cli, "%s", fault.text);
    return has_product ? check_product_at_each(cli, dpi) : check_one_template(cli, dpi);
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static bool write_preview(const struct label_bitmap *bitmap, unsigned dpi, const char *path, struct fault *fault)
{
    CLEANUP(wiped_clear) struct wiped picture = {0};
    char directory[PATH_MAX], name[PATH_MAX];
    if (strnlen(path, PATH_MAX) >= PATH_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "--output is too long");
    (void)snprintf(directory, sizeof directory, "%s", path);
    (void)snprintf(name, sizeof name, "%s", path);
    const bool drawn =
        ends_with(path, ".pdf") ? pdf_append(bitmap, dpi, &picture, fault) : png_append(bitmap, dpi, &picture, fault);
    return drawn && picture_keep(&picture, dirname(directory), basename(name), fault);
}

int command_label_preview(struct cli *cli)
{
    struct fault fault;
    unsigned dpi = 0;
    if (!cli->values[OPTION_PRODUCT] || !cli->values[OPTION_OUTPUT] || !cli->values[OPTION_DPI])
        return cli_misused(cli, "--product, --dpi and --output are all needed");
    if (!read_dpi(cli, &dpi, &fault))
        return cli_misused(cli, "%s", fault.text);
    if (!ends_with(cli->values[OPTION_OUTPUT], ".png") && !ends_with(cli->values[OPTION_OUTPUT], ".pdf"))
        return cli_misused(cli, "--output ends in .png or .pdf");
    CLEANUP(product_freep) struct product *product = NULL;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    if (!product_read(cli->values[OPTION_PRODUCT], &product, &fault) ||
        !draw_sample(product, dpi, true, &bitmap, &fault))
        return cli_fail(cli, &fault, "no file was written", "label preview");
    specimen_mark(bitmap);
    if (!write_preview(bitmap, dpi, cli->values[OPTION_OUTPUT], &fault))
        return cli_fail(cli, &fault, "no file was written", "label preview");
    cli_say(cli, "%s: %s at %u dpi, a specimen\n", cli->values[OPTION_OUTPUT], product->model, dpi);
    return FAULT_EXIT_OK;
}
