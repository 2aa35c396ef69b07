#include "tests/support/softhsm.h"

#include "base/clock.h"
#include "tests/support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_configuration(const struct softhsm *softhsm, struct fault *fault)
{
    char path[96], tokens[96];
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", softhsm->directory);
    (void)snprintf(tokens, sizeof tokens, "%s/tokens", softhsm->directory);
    FILE *file = fopen(path, "we");
    if (!file || mkdir(tokens, 0700) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "SoftHSM's configuration: %s", strerror(errno));
    (void)fprintf(file, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens);
    if (fclose(file) != 0 || setenv("SOFTHSM2_CONF", path, 1) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "SoftHSM's configuration: %s", strerror(errno));
    return true;
}

/* OpenSSL's own generator keeps its state in the arena until the process ends, so it cannot be closed in between; and a
 * program may have opened it before. */
static bool open_arena_once(struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *probe = secret_new(1);
    return probe || secret_arena_open(1 << 16, fault);
}

bool softhsm_start(struct softhsm *ret_softhsm, struct fault *fault)
{
    *ret_softhsm = (struct softhsm){.directory = "/tmp/kokuin-softhsm.XXXXXX"};
    if (!mkdtemp(ret_softhsm->directory))
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "mkdtemp: %s", strerror(errno));
    (void)signal(SIGPIPE, SIG_IGN);
    return open_arena_once(fault) && write_configuration(ret_softhsm, fault);
}

void softhsm_end(struct softhsm *softhsm)
{
    softhsm_kill_server(softhsm);
    if (command_run((const char *const[]){"rm", "-rf", softhsm->directory, NULL}) != 0)
        (void)fprintf(stderr, "left behind: %s\n", softhsm->directory);
}

struct secret *softhsm_secret(const char *text)
{
    struct secret *secret = secret_new(strlen(text));
    if (!secret)
        abort();
    memcpy(secret_write(secret), text, strlen(text));
    return secret;
}

bool softhsm_make(const char *label, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *so_pin = softhsm_secret(SOFTHSM_SO_PIN);
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    return token_initialize(SOFTHSM_MODULE, label, so_pin, pin, fault);
}

static bool spawn_server(struct softhsm *softhsm, const char *socket, const char *provider, int output,
                         struct fault *fault)
{
    const char *const argv[] = {"p11-kit", "server", "-f", "-n", socket, "--provider", provider, "pkcs11:", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "start p11-kit server");
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return fault_set(fault, FAULT_NO_MEMORY, 0, "start p11-kit server");
    }
    int error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0) /* a group of its own, so that the children of its connections can be killed with it */
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (error == 0)
        error = posix_spawnp(&softhsm->server, argv[0], &actions, &attributes, (char *const *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        softhsm->server = 0;
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)error, "start p11-kit server: %s", strerror(error));
    }
    return true;
}

/* It prints its address once it listens. */
static bool wait_until_it_listens(int output, struct fault *fault)
{
    struct deadline deadline = deadline_in_ms(10000);
    char byte;
    for (;;) {
        struct pollfd wait = {.fd = output, .events = POLLIN};
        int ready = poll(&wait, 1, deadline_left_ms(deadline));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return fault_set(fault, FAULT_TIMED_OUT, 0, "p11-kit server does not listen");
        ssize_t count = read(output, &byte, 1);
        if (count <= 0)
            return fault_set(fault, FAULT_SYSTEM, 0, "p11-kit server ended");
        if (byte == '\n')
            return true;
    }
}

bool softhsm_serve(struct softhsm *softhsm, const char *provider, struct fault *fault)
{
    char socket[96];
    int ends[2];
    (void)snprintf(socket, sizeof socket, "%s/p11.sock", softhsm->directory);
    (void)snprintf(softhsm->remote, sizeof softhsm->remote, "unix:%s", socket);
    (void)unlink(socket); /* left behind by a server that was killed */
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "pipe: %s", strerror(errno));
    bool serves = spawn_server(softhsm, socket, provider, ends[1], fault);
    (void)close(ends[1]);
    serves = serves && wait_until_it_listens(ends[0], fault);
    (void)close(ends[0]);
    return serves;
}

void softhsm_kill_server(struct softhsm *softhsm)
{
    if (softhsm->server <= 0)
        return;
    (void)kill(-softhsm->server, SIGKILL);
    (void)waitpid(softhsm->server, NULL, 0);
    softhsm->server = 0;
}

bool softhsm_open(const struct softhsm *softhsm, bool remote, const char *label, struct token **ret_token,
                  struct fault *fault)
{
    char uri[96];
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    (void)snprintf(uri, sizeof uri, "pkcs11:token=%s", label);
    return token_open(remote ? softhsm->remote : SOFTHSM_MODULE, uri, pin, ret_token, fault);
}

const char *softhsm_file(const struct softhsm *softhsm, const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/ca/%s", softhsm->directory, name);
    return path;
}

bool softhsm_plant(struct softhsm *softhsm, struct fault *fault)
{
    char output[96];
    (void)snprintf(output, sizeof output, "%s/ca", softhsm->directory);
    if (mkdir(output, 0700) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "mkdir '%s'", output);

    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    CLEANUP(token_freep) struct token *root = NULL;
    CLEANUP(token_freep) struct token *production = NULL;
    CLEANUP(token_freep) struct token *second = NULL;
    CLEANUP(token_freep) struct token *recovery = NULL;
    CLEANUP(token_freep) struct token *spare = NULL;
    const struct ceremony_names names = {.organization = "Test Plant",
                                         .country = "JP",
                                         .root_years = 30,
                                         .issuing_years = 20,
                                         .station_years = 2,
                                         .output = output};
    if (!softhsm_make("root", fault) || !softhsm_make("production", fault) || !softhsm_make("production-2", fault) ||
        !softhsm_make("recovery", fault) || !softhsm_make("spare", fault) ||
        !softhsm_open(softhsm, false, "root", &root, fault) ||
        !softhsm_open(softhsm, false, "production", &production, fault) ||
        !softhsm_open(softhsm, false, "production-2", &second, fault) ||
        !softhsm_open(softhsm, false, "recovery", &recovery, fault) ||
        !softhsm_open(softhsm, false, "spare", &spare, fault))
        return false;
    const struct ceremony_tokens tokens = {.root = root,
                                           .root_pin = pin,
                                           .production = {production, second},
                                           .production_count = 2,
                                           .recovery = recovery,
                                           .spare = spare};
    return ceremony_perform(&tokens, &names, fault);
}
