/* kokuin doctor and kokuin hsm status: what each says of a plant that is good, and of each thing that is wrong with a
 * token. */
#include "base/process.h"
#include "tests/support/command.h"
#include "tests/unit/station/plant.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plant plant;

static bool is(const json_t *object, const char *key, const char *value)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && strcmp(text, value) == 0;
}

/* One jig in which one thing of one token is wrong: what doctor and hsm status say of it, and their exit codes. */
struct complaint {
    const char *from, *to;
    const char *check; /* that fails, as doctor calls it */
    const char *advice;
    enum fault_code code; /* gives doctor's exit code */
    int status_exit;
};

static void expect_complaint(const struct complaint *complaint, const char *jig)
{
    char output[16384];
    char failed[96];
    const char *const doctor[] = {KOKUIN, "doctor", jig, NULL};
    int code = command_read(doctor, output, sizeof output);
    (void)snprintf(failed, sizeof failed, "failed  %s: ", complaint->check);
    if (code != (int)fault_exit(complaint->code) || !strstr(output, failed) || !strstr(output, complaint->advice) ||
        !strstr(output, fault_name(complaint->code)))
        fail_msg("'%s': doctor left with %d and said: %s", complaint->to, code, output);
    const char *const status[] = {KOKUIN, "hsm", "status", jig, NULL};
    code = command_read(status, output, sizeof output);
    const char *what = strchr(complaint->check, ':') + 2;
    (void)snprintf(failed, sizeof failed, "  failed     %s: ", what);
    if (code != complaint->status_exit || !strstr(output, failed) || !strstr(output, complaint->advice))
        fail_msg("'%s': hsm status left with %d and said: %s", complaint->to, code, output);
}

static void test_doctor_explains_each_token(void **state)
{
    (void)state;
    static const struct complaint complaints[] = {
        {"token=production\n", "token=nowhere\n", "token 1: reached", "p11tool", FAULT_HSM_NOT_FOUND, 1},
        {"token=production-2\n", "token=nowhere\n", "token 2: reached", "p11tool", FAULT_HSM_NOT_FOUND, 1},
        {"/p11.sock", "/no.sock", "token 1: reached", "p11-kit server", FAULT_HSM_MODULE, 1},
        {"/spare/p11.sock", "/no.sock", "token 2: reached", "p11-kit server", FAULT_HSM_MODULE, 1},
        {"pin_file: pin\n", "pin_file: no-pin\n", "token 1: PIN and log-in", "Write the PIN", FAULT_FILE, 5},
        {"pin_file: pin-2\n", "pin_file: no-pin\n", "token 2: PIN and log-in", "Write the PIN", FAULT_FILE, 1},
        {"pin_file: pin\n", "pin_file: jig.yaml\n", "token 1: PIN and log-in", "Do not try again", FAULT_HSM_PIN, 5},
        {"issuing: ca/issuing-1", "issuing: ca/checkpoint-1", "token 1: issuing key and certificate", "call support",
         FAULT_CERTIFICATE_REFUSED, 5},
        {"station: ca/station-2", "station: ca/no-station", "token 2: station key and certificate", "key ceremony",
         FAULT_FILE, 1},
        {"ca/fingerprint.check", "other.check", "token 1: fingerprint key", "custodian", FAULT_HSM_KEY_WRONG, 5},
    };
    char other[160];
    (void)snprintf(other, sizeof other, "%s/other.check", plant.softhsm.directory);
    plant_write(other, "0123456789abcdef\n");
    for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
        char jig[160];
        plant_change_jig(&plant, complaints[i].from, complaints[i].to, jig);
        expect_complaint(&complaints[i], jig);
    }
    /* the module itself, loaded directly */
    char module[160];
    char jig[160];
    (void)snprintf(module, sizeof module, "module: unix:%s/p11.sock", plant.softhsm.directory);
    plant_change_jig(&plant, module, "module: /nonexistent/module.so", jig);
    static const struct complaint no_module = {
        "module", "/nonexistent/module.so", "token 1: reached", "Install the token maker's", FAULT_HSM_MODULE, 1};
    expect_complaint(&no_module, jig);
}

/* SoftHSM that was told to leave a mechanism out, loaded directly. */
static void test_missing_mechanism_is_told(void **state)
{
    (void)state;
    char module[160];
    char jig[160];
    char path[160];
    char text[512];
    const char *before = getenv("SOFTHSM2_CONF");
    char kept[256];
    assert_non_null(before);
    (void)snprintf(kept, sizeof kept, "%s", before);
    (void)snprintf(path, sizeof path, "%s/lame.conf", plant.softhsm.directory);
    (void)snprintf(text, sizeof text,
                   "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
                   "slots.mechanisms = CKM_SHA256_HMAC,CKM_SHA256\n",
                   plant.softhsm.directory);
    plant_write(path, text);
    (void)snprintf(module, sizeof module, "module: unix:%s/p11.sock", plant.softhsm.directory);
    plant_change_jig(&plant, module, "module: " SOFTHSM_MODULE, jig);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    static const struct complaint complaint = {
        "module", "without ECDSA", "token 1: mechanisms", "Allow the mechanism", FAULT_HSM_CALL, 5};
    expect_complaint(&complaint, jig);
    assert_int_equal(setenv("SOFTHSM2_CONF", kept, 1), 0);
}

static void test_doctor_and_status_of_a_good_plant(void **state)
{
    (void)state;
    char output[16384];
    plant_insert(&plant, "a100000a", "KR-1000", NULL);
    const char *const good[] = {KOKUIN, "doctor", plant.jig, NULL};
    int code = command_read(good, output, sizeof output);
    if (code != 0 || strstr(output, "failed"))
        fail_msg("exit %d: %s", code, output);
    assert_non_null(strstr(output, "ok      token 1: issuing key and certificate"));
    assert_non_null(strstr(output, "ok      token 2: fingerprint key"));
    assert_non_null(strstr(output, "ok      printer labels"));
    plant_remove(&plant);

    const char *const status[] = {KOKUIN, "hsm", "status", plant.jig, "--json", NULL};
    assert_int_equal(command_read(status, output, sizeof output), 0);
    char *save = NULL;
    const char *line = strtok_r(output, "\n", &save);
    for (int i = 1; i <= 2; i++, line = strtok_r(NULL, "\n", &save)) {
        assert_non_null(line);
        json_t *token = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_integer_value(json_object_get(token, "token")), i);
        assert_true(is(token, "label", i == 1 ? "production" : "production-2"));
        assert_true(is(token, "pin", ""));
        assert_true(json_is_true(json_object_get(token, "good")));
        assert_int_equal(json_array_size(json_object_get(token, "checks")), 7);
        assert_true(strlen(json_string_value(json_object_get(token, "serial"))) > 0);
        json_decref(token);
    }
    json_t *last = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_true(is(last, "state", "up"));
    assert_true(is(last, "label", "production"));
    assert_true(json_array_size(json_object_get(last, "calls")) > 5);
    json_decref(last);

    softhsm_kill_server(&plant.softhsm);
    softhsm_kill_server(&plant.spare);
    const char *const words[] = {KOKUIN, "hsm", "status", plant.jig, NULL};
    assert_int_equal(command_read(words, output, sizeof output), 5);
    assert_non_null(strstr(output, "state: down"));
    plant_serve(&plant);
}

static void test_doctor_asks_the_printer(void **state)
{
    (void)state;
    char jig[160], output[16384];
    plant_change_jig(&plant, "    kind: png\n    path: ", "    kind: zpl\n    path: unix:", jig);
    const char *const doctor[] = {KOKUIN, "doctor", jig, NULL};
    assert_int_equal(command_read(doctor, output, sizeof output), fault_exit(FAULT_PRINTER_AWAY));
    if (!strstr(output, "failed  printer labels: ") || !strstr(output, "(604 PRINTER_AWAY)"))
        fail_msg("%s", output);
}

static int open_plant(void **state)
{
    (void)state;
    plant_open(&plant, "router.yaml", 10);
    return 0;
}

static int close_plant(void **state)
{
    plant_close(&plant);
    return postgres_stop(state);
}

int main(void)
{
    struct fault fault;
    if (!process_harden(&fault) || !secret_arena_open(1 << 16, &fault))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doctor_and_status_of_a_good_plant),
        cmocka_unit_test(test_doctor_explains_each_token),
        cmocka_unit_test(test_missing_mechanism_is_told),
        cmocka_unit_test(test_doctor_asks_the_printer),
    };
    return cmocka_run_group_tests_name("station/cli: tokens", tests, open_plant, close_plant);
}
