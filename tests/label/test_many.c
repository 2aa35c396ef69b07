/* Do readers that share nothing with the maker read every code of very many labels, at the coarsest head?
 *
 * test_label_many PART COUNT: each part has labels of its own; KOKUIN_SEED=N makes the same ones again. */
#include "base/uuid.h"
#include "station/label/plate.h"
#include "station/label/png.h"
#include "tests/support/command.h"
#include "tests/unit/label/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DPI 203
#define BATCH 25
#define WANTED_SIZE 256

static struct desk desk;
static unsigned long part, label_count;

/* A linear congruential generator (Knuth's MMIX constants): the same labels again for the same seed. */
static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 33;
}

static void random_letters(char *ret_text, size_t count, const char *alphabet)
{
    for (size_t i = 0; i < count; i++)
        ret_text[i] = alphabet[next_random() % strlen(alphabet)];
    ret_text[count] = '\0';
}

struct random_unit {
    char serial[SERIAL_SIZE], label[LABEL_ID_SIZE], ssid[33], admin[17], wifi[21], mac[18], copy[4];
};

static struct random_unit random_unit(void)
{
    static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", unlike[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    struct random_unit unit = {.serial = "KR"};
    random_letters(unit.serial + 2, 9, base32);
    unit.serial[11] = serial_check_character(unit.serial, 11);
    random_letters(unit.label, LABEL_ID_LENGTH, base32);
    (void)snprintf(unit.ssid, sizeof unit.ssid, "kokuin-%.6s", unit.serial + 6);
    random_letters(unit.admin, 16, unlike);
    random_letters(unit.wifi, 20, unlike);
    (void)snprintf(unit.mac, sizeof unit.mac, "02:4b:%02x:%02x:%02x:%02x", (unsigned)(next_random() & 255),
                   (unsigned)(next_random() & 255), (unsigned)(next_random() & 255), (unsigned)(next_random() & 255));
    unsigned copy = (unsigned)(next_random() % 4);
    if (copy > 0)
        (void)snprintf(unit.copy, sizeof unit.copy, "R%u", copy + 1);
    return unit;
}

static void set_secret(const char *name, const struct secret *secret)
{
    desk_set(&desk, name, "");
    for (size_t i = 0; i < DESK_FIELDS; i++)
        if (strcmp(desk.fields[i].name, name) == 0)
            desk.fields[i] = (struct label_field){.name = name, .secret = secret};
}

static void print_unit(struct label_plate *plate, const struct random_unit *unit, const char *name)
{
    struct desk before = desk;
    CLEANUP(secret_freep) struct secret *admin = desk_secret(unit->admin);
    CLEANUP(secret_freep) struct secret *wifi = desk_secret(unit->wifi);
    desk_set(&desk, "serial", unit->serial);
    desk_set(&desk, "label", unit->label);
    desk_set(&desk, "ssid", unit->ssid);
    desk_set(&desk, "mac", unit->mac);
    desk_set(&desk, "copy", unit->copy);
    set_secret("admin", admin);
    set_secret("wifi", wifi);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct fault fault = {0};
    if (!label_plate_print(plate, desk.fields, DESK_FIELDS, &bitmap, &fault) ||
        !png_write(bitmap, DPI, desk.directory, name, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    desk = before;
}

/* What one program says of the pictures on the desk. */
struct tally {
    unsigned right, wrong, unread;
};

/* One line for each picture, in any order. What is expected of each differs from all others: what one of them says and
 * none was expected to is wrong, and where there is less of that than missing ones, the rest was not read. */
static void count_lines(const char *program, char *output, char wanted[][WANTED_SIZE], size_t count,
                        struct tally *tally)
{
    unsigned right = 0, wrong = 0;
    char *rest = output, *line = NULL;
    while ((line = strsep(&rest, "\n"))) {
        size_t at = 0;
        if (!*line)
            continue;
        while (at < count && strcmp(wanted[at], line) != 0)
            at++;
        if (at < count) {
            right++;
            wanted[at][0] = '\0';
        } else {
            wrong++;
            print_message("%s says: %s\n", program, line);
        }
    }
    for (size_t at = 0; at < count; at++)
        if (wanted[at][0])
            print_message("%s does not say: %s\n", program, wanted[at]);
    tally->right += right;
    tally->wrong += wrong;
    tally->unread += right + wrong < count ? (unsigned)count - right - wrong : 0;
}

static void read_pictures(const char *const *program, char wanted[][WANTED_SIZE], size_t count, struct tally *tally)
{
    static char output[BATCH * WANTED_SIZE], paths[BATCH][DESK_PATH_SIZE], name[32];
    const char *argv[BATCH + 8];
    size_t words = 0;
    for (; program[words]; words++)
        argv[words] = program[words];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "unit-%zu.png", i);
        (void)snprintf(paths[i], sizeof paths[i], "%s", desk_path(&desk, name));
        argv[words++] = paths[i];
    }
    argv[words] = NULL;
    /* Another exit code than 0 may mean that one picture had nothing to read, which the lines tell better. */
    if (command_read(argv, output, sizeof output) < 0)
        fail_msg("%s cannot be run", program[0]);
    count_lines(program[0], output, wanted, count, tally);
}

/* Starting a reader takes longer than reading: each reads a batch of pictures. The first label of a batch is drawn in
 * one piece too, and refused when a dot differs. */
static void read_batch(struct label_plate *plate, struct label_plate *twice, size_t count, struct tally *qr,
                       struct tally *unit_code)
{
    static char wifi[BATCH][WANTED_SIZE], code[BATCH][WANTED_SIZE], name[32];
    for (size_t i = 0; i < count; i++) {
        const struct random_unit unit = random_unit();
        (void)snprintf(name, sizeof name, "unit-%zu.png", i);
        print_unit(i == 0 ? twice : plate, &unit, name);
        (void)snprintf(wifi[i], sizeof wifi[i], "WIFI:T:WPA;S:%s;P:%s;;", unit.ssid, unit.wifi);
        (void)snprintf(code[i], sizeof code[i],
                       "\x1d"
                       "01%s21%s\x1d"
                       "91%s",
                       DESK_GTIN, unit.serial, unit.label);
    }
    /* As a telephone that looks for a QR code: among all that zbarimg knows, it takes letters of one label in thousands
     * for a short code of Interleaved 2 of 5, which has no check character. */
    read_pictures(
        (const char *const[]){"zbarimg", "--quiet", "--nodbus", "--raw", "-Sdisable", "-Sqrcode.enable", NULL}, wifi,
        count, qr);
    /* Pointed at the corner where the code is, as a person would: on its own it looks for corners in every letter
     * first. */
    read_pictures((const char *const[]){"dmtxread", "-x70%", "-y50%", "-n", "-N1", "-G29", NULL}, code, count,
                  unit_code);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "unit-%zu.png", i);
        assert_int_equal(unlink(desk_path(&desk, name)), 0);
    }
}

static void every_code_is_read_right(void **state)
{
    (void)state;
    struct fault fault;
    uint64_t seed;
    const char *given = getenv("KOKUIN_SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    else
        assert_true(system_random(&seed, sizeof seed, &fault));
    print_message("KOKUIN_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed ^ part << 32;
    struct tally qr = {0}, unit_code = {0};
    struct label_request request = desk_router(&desk, DPI);
    CLEANUP(label_plate_freep) struct label_plate *plate = NULL;
    CLEANUP(label_plate_freep) struct label_plate *twice = NULL;
    bool made = label_plate_make(&request, &plate, &fault);
    request.twice = true;
    if (!made || !label_plate_make(&request, &twice, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    for (unsigned long done = 0; done < label_count; done += BATCH)
        read_batch(plate, twice, label_count - done < BATCH ? label_count - done : BATCH, &qr, &unit_code);
    print_message(
        "%lu labels at %d dpi: zbarimg %u right, %u wrong, %u unread; dmtxread %u right, %u wrong, %u unread\n",
        label_count, DPI, qr.right, qr.wrong, qr.unread, unit_code.right, unit_code.wrong, unit_code.unread);
    assert_int_equal(qr.wrong + unit_code.wrong, 0);
    assert_int_equal(qr.right, label_count);
    assert_int_equal(unit_code.right, label_count);
}

static int open_desk(void **state)
{
    (void)state;
    desk_open(&desk);
    return 0;
}

static int close_desk(void **state)
{
    (void)state;
    desk_close(&desk);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_is_read_right)};
    if (argc != 3 || (label_count = strtoul(argv[2], NULL, 10)) == 0)
        return 2;
    part = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
