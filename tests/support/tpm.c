#include "tests/support/tpm.h"

#include "base/process.h"
#include "hsm/token.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORD_FILENO 3 /* where a server says that it listens */
#define PATIENCE_MS 20000
#define PATIENCE_SECONDS "20"
#define MANAGER_NAME "com.intel.tss2.Tabrmd"

/* What they say is shown when one does not start. */
static bool start(const struct tpm *tpm, const char *const *argv, int output, pid_t *ret_pid, struct fault *fault)
{
    char path[64], said_path[96];
    (void)snprintf(said_path, sizeof said_path, "%s/said", tpm->directory);
    int said = open(said_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (said < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", said_path, strerror(errno));
    const struct process_descriptor descriptors[] = {{said, STDERR_FILENO}, {output, WORD_FILENO}};
    (void)snprintf(path, sizeof path, "/usr/bin/%s", argv[0]);
    if (access(path, X_OK) != 0)
        (void)snprintf(path, sizeof path, "/usr/sbin/%s", argv[0]);
    const struct process_options options = {.path = path,
                                            .argv = argv,
                                            .descriptors = descriptors,
                                            .descriptor_count = output < 0 ? 1 : 2,
                                            .death_signal = SIGKILL};
    bool started = process_start(&options, ret_pid, fault);
    (void)close(said);
    return started;
}

/* Both servers say a word once they listen: the bus its address, the chip its number. */
static bool wait_for_word(int from, const char *who, struct fault *fault)
{
    char byte;
    struct pollfd wait = {.fd = from, .events = POLLIN};
    return (poll(&wait, 1, PATIENCE_MS) > 0 && read(from, &byte, 1) == 1) ||
           fault_set(fault, FAULT_TIMED_OUT, 0, "%s does not listen", who);
}

static bool start_chip(struct tpm *tpm, struct fault *fault)
{
    char state[96], state_argument[128], server[128], control[128], said[2048], fifo[96], number[128];
    (void)snprintf(fifo, sizeof fifo, "%s/chip.number", tpm->directory);
    (void)snprintf(number, sizeof number, "file=%s", fifo);
    (void)snprintf(state, sizeof state, "%s/state", tpm->directory);
    (void)snprintf(state_argument, sizeof state_argument, "dir=%s", state);
    (void)snprintf(server, sizeof server, "type=unixio,path=%s/chip", tpm->directory);
    (void)snprintf(control, sizeof control, "type=unixio,path=%s/chip.ctrl", tpm->directory);
    const char *const setup[] = {"swtpm_setup", "--tpm2", "--tpmstate", state, "--overwrite", NULL};
    const char *const run[] = {"swtpm",
                               "socket",
                               "--tpm2",
                               "--tpmstate",
                               state_argument,
                               "--server",
                               server,
                               "--ctrl",
                               control,
                               "--flags",
                               "not-need-init,startup-clear",
                               "--pid",
                               number,
                               NULL};
    if (mkdir(state, 0700) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", state, strerror(errno));
    if (command_read(setup, said, sizeof said) != 0)
        return fault_set(fault, FAULT_SYSTEM, 0, "swtpm_setup: %.150s", said);
    int word = mkfifo(fifo, 0600) == 0 ? open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (word < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", fifo, strerror(errno));
    bool listens = start(tpm, run, -1, &tpm->chip, fault) && wait_for_word(word, run[0], fault);
    (void)close(word);
    return listens;
}

static bool start_bus(struct tpm *tpm, struct fault *fault)
{
    char configuration[96], argument[128], address[128];
    int ends[2];
    (void)snprintf(configuration, sizeof configuration, "%s/bus.conf", tpm->directory);
    (void)snprintf(argument, sizeof argument, "--config-file=%s", configuration);
    (void)snprintf(address, sizeof address, "unix:path=%s/bus", tpm->directory);
    FILE *file = fopen(configuration, "we");
    if (!file)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", configuration, strerror(errno));
    (void)fprintf(file,
                  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
                  " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                  "<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>"
                  "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
                  "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n",
                  address);
    if (fclose(file) != 0 || setenv("DBUS_SESSION_BUS_ADDRESS", address, 1) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", configuration, strerror(errno));
    const char *const run[] = {"dbus-daemon", argument, "--nofork", "--nopidfile", "--print-address=3", NULL};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "pipe: %s", strerror(errno));
    bool listens = start(tpm, run, ends[1], &tpm->bus, fault);
    (void)close(ends[1]);
    listens = listens && wait_for_word(ends[0], run[0], fault);
    (void)close(ends[0]);
    return listens;
}

static bool start_manager(struct tpm *tpm, struct fault *fault)
{
    char chip[128];
    (void)snprintf(chip, sizeof chip, "--tcti=swtpm:path=%s/chip", tpm->directory);
    const char *const run[] = {"tpm2-abrmd", "--session", "--allow-root", "--flush-all", chip, NULL};
    const char *const wait[] = {"gdbus", "wait", "--session", "--timeout", PATIENCE_SECONDS, MANAGER_NAME, NULL};
    if (!start(tpm, run, -1, &tpm->manager, fault))
        return false;
    return command_run(wait) == 0 || fault_set(fault, FAULT_TIMED_OUT, 0, "tpm2-abrmd does not answer");
}

static bool set_environment(const struct tpm *tpm, struct fault *fault)
{
    static const char manager[] = "tabrmd:bus_type=session,bus_name=" MANAGER_NAME;
    char store[96];
    (void)snprintf(store, sizeof store, "%s/store", tpm->directory);
    if (mkdir(store, 0700) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", store, strerror(errno));
    if (setenv("TPM2_PKCS11_TCTI", manager, 1) != 0 || setenv("TPM2TOOLS_TCTI", manager, 1) != 0 ||
        setenv("TPM2_PKCS11_STORE", store, 1) != 0 || setenv("TSS2_LOG", "all+none", 1) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "environment");
    return true;
}

static bool make_token(const char *so_pin, const char *pin, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *so = softhsm_secret(so_pin);
    CLEANUP(secret_freep) struct secret *user = softhsm_secret(pin);
    return token_initialize(TPM_MODULE, TPM_LABEL, so, user, fault);
}

bool tpm_start(struct tpm *ret_tpm, const char *so_pin, const char *pin, struct fault *fault)
{
    *ret_tpm = (struct tpm){.directory = "/tmp/kokuin-tpm.XXXXXX"};
    if (!mkdtemp(ret_tpm->directory))
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "mkdtemp: %s", strerror(errno));
    if (start_chip(ret_tpm, fault) && start_bus(ret_tpm, fault) && set_environment(ret_tpm, fault) &&
        start_manager(ret_tpm, fault) && make_token(so_pin, pin, fault))
        return true;
    char said[96];
    (void)snprintf(said, sizeof said, "%s/said", ret_tpm->directory);
    if (command_run((const char *const[]){"cat", said, NULL}) != 0)
        (void)fprintf(stderr, "nothing was said in '%s'\n", said);
    return false;
}

static void stop(pid_t *pid)
{
    if (*pid > 0) {
        (void)kill(*pid, SIGKILL);
        (void)waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

void tpm_end(struct tpm *tpm)
{
    static const char *const variables[] = {"TPM2_PKCS11_TCTI", "TPM2TOOLS_TCTI", "TPM2_PKCS11_STORE", "TSS2_LOG",
                                            "DBUS_SESSION_BUS_ADDRESS"};
    stop(&tpm->manager);
    stop(&tpm->bus);
    stop(&tpm->chip);
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
        (void)unsetenv(variables[i]);
    if (tpm->directory[0] != '\0' && command_run((const char *const[]){"rm", "-rf", tpm->directory, NULL}) != 0)
        (void)fprintf(stderr, "left behind: %s\n", tpm->directory);
}

bool tpm_clear_lockout(struct tpm *tpm, struct fault *fault)
{
    (void)tpm;
    static const char *const argv[] = {"tpm2_dictionarylockout", "--clear-lockout", NULL};
    return command_run(argv) == 0 || fault_set(fault, FAULT_SYSTEM, 0, "tpm2_dictionarylockout failed");
}
