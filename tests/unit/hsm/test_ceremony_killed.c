/* hsm/ceremony: killed at every step and begun again. A run ends in SIGKILL before each call that makes a key and at
 * each time that a file is forced to the disk; the next run must end with a whole ceremony and no key too many. */
#include "hsm/carry.h"
#include "hsm/ceremony.h"
#include "hsm/key.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static const char *const labels[] = {"root", "first", "second", "recovery"};
static struct softhsm softhsm;
static struct fault fault;
static unsigned steps_left; /* 0: nobody is killed */

static void step(void)
{
    if (steps_left > 0 && --steps_left == 0)
        (void)kill(getpid(), SIGKILL);
}

/* In place of the C library's: a process that is killed loses nothing it has written, so the disk may take its time. */
int fsync(int fd)
{
    (void)fd;
    step();
    return 0;
}

static CK_RV see(enum call_function function, void *context)
{
    (void)context;
    if (function == CALL_C_GenerateKeyPair || function == CALL_C_UnwrapKey)
        step();
    return CKR_OK;
}

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", softhsm.directory, name);
    return path;
}

static int begin(void **state)
{
    (void)state;
    if (!softhsm_start(&softhsm, &fault))
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        if (!softhsm_make(labels[i], &fault))
            return -1;
    const char *const keep[] = {"mv", path_of("tokens"), path_of("clean"), NULL};
    return command_run(keep);
}

static int end(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

/* The same empty tokens each time, and an empty directory. */
static void start_afresh(void)
{
    const char *const clear[] = {"rm", "-rf", path_of("tokens"), path_of("ca"), NULL};
    const char *const copy[] = {"cp", "-a", path_of("clean"), path_of("tokens"), NULL};
    assert_int_equal(command_run(clear), 0);
    assert_int_equal(command_run(copy), 0);
    assert_int_equal(mkdir(path_of("ca"), 0700), 0);
}

struct opened {
    struct token *tokens[ARRAY_SIZE(labels)];
    struct secret *pin;
    struct ceremony_tokens all;
    struct ceremony_names names;
};

static bool open_all(struct opened *opened)
{
    opened->pin = softhsm_secret(SOFTHSM_PIN);
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        if (!softhsm_open(&softhsm, false, labels[i], &opened->tokens[i], &fault))
            return false;
    opened->all = (struct ceremony_tokens){.root = opened->tokens[0],
                                           .root_pin = opened->pin,
                                           .production = {opened->tokens[1], opened->tokens[2]},
                                           .production_count = 2,
                                           .recovery = opened->tokens[3]};
    opened->names = (struct ceremony_names){.organization = "Plant",
                                            .country = "JP",
                                            .root_years = 30,
                                            .issuing_years = 20,
                                            .station_years = 2,
                                            .output = path_of("ca"),
                                            .people = {{"Sato", "custodian"}},
                                            .person_count = 1};
    return true;
}

static void close_all(struct opened *opened)
{
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        token_free(opened->tokens[i]);
    secret_free(opened->pin);
}

/* All objects of the token, whatever they are. */
static size_t count_objects(struct token *token)
{
    CK_ATTRIBUTE none[1];
    CK_OBJECT_HANDLE found[64];
    size_t count = ARRAY_SIZE(found);
    return call_find(&token->session, none, 0, found, &count, &fault) ? count : ARRAY_SIZE(found);
}

/* Each key once, by its certificate, and nothing else on any token. */
static bool is_whole(const struct opened *opened)
{
    static const size_t objects[] = {2, 7, 7, 2};
    static const struct {
        size_t token;
        const char *label, *file;
    } keys[] = {{0, KEY_ROOT, "ca/root.pem"},
                {1, KEY_ISSUING, "ca/issuing-1.pem"},
                {1, KEY_STATION, "ca/station-1.pem"},
                {1, KEY_CHECKPOINT, "ca/checkpoint-1.pem"},
                {2, KEY_ISSUING, "ca/issuing-2.pem"},
                {2, KEY_STATION, "ca/station-2.pem"},
                {2, KEY_CHECKPOINT, "ca/checkpoint-2.pem"}};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        if (count_objects(opened->tokens[i]) != objects[i])
            return fault_set(&fault, FAULT_INTERNAL, 0, "token '%s' has %zu objects", labels[i],
                             count_objects(opened->tokens[i]));
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        CLEANUP(X509_freep) X509 *certificate = NULL;
        struct key key;
        if (!crypto_read_certificate(path_of(keys[i].file), &certificate, &fault) ||
            !key_find_for(opened->tokens[keys[i].token], keys[i].label, certificate, opened->pin, &key, &fault))
            return false;
    }
    char names[2048] = "";
    const char *const list[] = {"ls", "-A", path_of("ca"), NULL};
    unsigned files = 0;
    if (command_read(list, names, sizeof names) != 0 || strstr(names, ".part"))
        return fault_set(&fault, FAULT_INTERNAL, 0, "left behind: %s", names);
    for (const char *at = names; *at != '\0'; at++)
        files += *at == '\n';
    return files == 13 || fault_set(&fault, FAULT_INTERNAL, 0, "%u files", files);
}

/* Whoever was killed when the record stood already is told that the ceremony is complete. */
static bool performs(const struct opened *opened)
{
    return ceremony_perform(&opened->all, &opened->names, &fault) ||
           (fault.code == FAULT_HSM_KEY_EXISTS && strstr(fault.text, "the ceremony is complete"));
}

enum { DONE, FAILED, NOT_WHOLE, NOT_REFUSED };

/* In a process of its own. `kill_at` 0: is not killed, and looks at what there is when it is done. */
static int run(unsigned kill_at)
{
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct opened opened = {0};
        steps_left = kill_at;
        call_observe(see, NULL);
        int result = FAILED;
        if (open_all(&opened) && performs(&opened)) {
            result = kill_at > 0 || is_whole(&opened) ? DONE : NOT_WHOLE;
            if (kill_at == 0 && result == DONE &&
                (ceremony_perform(&opened.all, &opened.names, &fault) || fault.code != FAULT_HSM_KEY_EXISTS))
                result = NOT_REFUSED;
        }
        if (result != DONE)
            (void)fprintf(stderr, "  %s: %s\n", fault_name(fault.code), fault.text);
        close_all(&opened);
        _exit(result);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Every `stride`-th step from `first`: three programs take all between them. The run after the kill is itself killed at
 * a few. */
static unsigned kill_at_steps(unsigned first, unsigned stride)
{
    unsigned killed = 0;
    for (unsigned at = first;; at += stride) {
        start_afresh();
        int ended = run(at);
        if (ended == DONE)
            return killed;
        assert_int_equal(ended, -SIGKILL);
        killed++;
        if (at % 3 == 0)
            (void)run(1 + at % 11);
        int again = run(0);
        if (again != DONE)
            fail_msg("killed at step %u: %d", at, again);
    }
}

static void goes_on_after_a_kill(void **state)
{
    (void)state;
    unsigned killed = kill_at_steps(FIRST, 3);
    print_message("  killed at %u steps\n", killed);
    assert_in_range(killed, 15, 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_after_a_kill),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
