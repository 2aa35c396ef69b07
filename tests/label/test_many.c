/* Do readers that share nothing with the maker read every code of very many labels, at the coarsest head?
 *
 * test_label_many PART COUNT: each part has labels of its own; KOKUIN_SEED=N makes the same ones again. */
#include "base/uuid.h"
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

static void print_unit(const struct random_unit *unit)
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
    const struct label_request request = desk_router(&desk, DPI);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct fault fault = {0};
    if (!label_render(&request, &bitmap, &fault) || !png_write(bitmap, DPI, desk.directory, "unit.png", &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    desk = before;
}

/* What one program says of the picture on the desk. */
struct tally {
    unsigned right, wrong, unread;
};

static void read_code(const char *const *argv, const char *wanted, const char *serial, struct tally *tally)
{
    char output[1024];
    int code = command_read(argv, output, sizeof output);
    if (code == 0 && strcmp(output, wanted) == 0) {
        tally->right++;
        return;
    }
    if (output[0] == '\0')
        tally->unread++;
    else
        tally->wrong++;
    print_message("%s of %s: exit %d: %s\n", argv[0], serial, code, output);
}

static void read_unit(const struct random_unit *unit, struct tally *qr, struct tally *unit_code)
{
    const char *path = desk_path(&desk, "unit.png");
    char wanted[256];
    (void)snprintf(wanted, sizeof wanted, "WIFI:T:WPA;S:%s;P:%s;;\n", unit->ssid, unit->wifi);
    read_code((const char *const[]){"zbarimg", "--quiet", "--nodbus", "--raw", path, NULL}, wanted, unit->serial, qr);
    (void)snprintf(wanted, sizeof wanted,
                   "\x1d"
                   "01%s21%s\x1d"
                   "91%s\n",
                   DESK_GTIN, unit->serial, unit->label);
    read_code((const char *const[]){"dmtxread", "-n", "-N1", "-G29", path, NULL}, wanted, unit->serial, unit_code);
    assert_int_equal(unlink(path), 0);
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
    for (unsigned long i = 0; i < label_count; i++) {
        struct random_unit unit = random_unit();
        print_unit(&unit);
        read_unit(&unit, &qr, &unit_code);
    }
    print_message(
        "%lu labels at %d dpi: zbarimg %u right, %u wrong, %u unread; dmtxread %u right, %u wrong, %u unread\n",
        label_count, DPI, qr.right, qr.wrong, qr.unread, unit_code.right, unit_code.wrong, unit_code.unread);
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
