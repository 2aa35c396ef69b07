#include "hsm/module.h"

#include "base/clock.h"
#include "hsm/watchdog.h"

#include <dlfcn.h>
#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_PREFIX "unix:"
#define SERVER_VARIABLE "P11_KIT_SERVER_ADDRESS"
#define PATH_SPACE sizeof((struct sockaddr_un *)0)->sun_path

/* The name that a server bound its socket to. */
struct server_name {
    struct sockaddr_un address;
    socklen_t size;
};

static bool is_remote(const char *module)
{
    return strncmp(module, SOCKET_PREFIX, sizeof SOCKET_PREFIX - 1) == 0;
}

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
}

/* Of a blocking socket the client would wait for ever when the server's queue is full; here that is an error. */
static bool connect_to(const char *path, int *ret_descriptor, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strnlen(path, sizeof address.sun_path);
    if (length == 0 || length == sizeof address.sun_path)
        return fault_set(fault, FAULT_USAGE, 0, "socket path must have 1 to %zu characters",
                         sizeof address.sun_path - 1);
    if (strchr(path, '%') || strchr(path, ';'))
        return fault_set(fault, FAULT_USAGE, 0, "socket path must not contain '%%' or ';'");
    memcpy(address.sun_path, path, length);

    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return fault_set(fault, FAULT_HSM_MODULE, (unsigned long)errno, "socket: %s", strerror(errno));
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof address) < 0) {
        (void)fault_set(fault, FAULT_HSM_MODULE, (unsigned long)errno, "connect to token server '%s': %s", path,
                        strerror(errno));
        (void)close(descriptor);
        return false;
    }
    *ret_descriptor = descriptor;
    return true;
}

/* A conversation begins with one byte, the version, and the server's own in return. */
static bool exchange_versions(int descriptor, struct fault *fault)
{
    struct deadline deadline = deadline_in_ms(CALL_ANSWER_MS);
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    uint8_t version = 0;
    int ready;
    if (send(descriptor, &version, 1, MSG_NOSIGNAL) != 1)
        return fault_set(fault, FAULT_HSM_MODULE, (unsigned long)errno, "ask token server: %s", strerror(errno));
    do
        ready = poll(&wait, 1, deadline_left_ms(deadline));
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return fault_set(fault, FAULT_HSM_MODULE, 0, "token server hangs: no answer within %d s",
                         CALL_ANSWER_MS / 1000);
    if (ready < 0 || recv(descriptor, &version, 1, 0) != 1)
        return fault_set(fault, FAULT_HSM_MODULE, 0, "token server hung up");
    return true;
}

/* The client module would take an absent server for one without tokens, and wait for ever for one that hangs: asked
 * here, the answer is exact. */
static bool ask_server(const char *path, struct server_name *ret_name, struct fault *fault)
{
    CLEANUP(close_descriptor) int descriptor = -1;
    struct server_name name = {.size = sizeof name.address};
    if (!connect_to(path, &descriptor, fault) || !exchange_versions(descriptor, fault))
        return false;
    if (getpeername(descriptor, (struct sockaddr *)&name.address, &name.size) != 0)
        return fault_set(fault, FAULT_HSM_MODULE, (unsigned long)errno, "token server's name: %s", strerror(errno));
    *ret_name = name;
    return true;
}

bool module_answers(const char *module, struct fault *fault)
{
    struct server_name ignored;
    return !is_remote(module) || ask_server(module + sizeof SOCKET_PREFIX - 1, &ignored, fault);
}

/* p11-kit's client writes to its socket without MSG_NOSIGNAL. */
static bool survives_sigpipe(struct fault *fault)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
        return true;
    return fault_set(fault, FAULT_INTERNAL, 0, "SIGPIPE must be ignored before a token server is used");
}

/* Each load of the client module is a connection of its own; it reads the address from the environment, once, while it
 * is loaded, and connects when it is initialized. */
static bool load_client(struct call_module *module, const char *path, struct fault *fault)
{
    struct server_name name;
    if (!survives_sigpipe(fault) || !ask_server(path, &name, fault) ||
        !watchdog_open(&name.address, name.size, &module->watchdog, fault))
        return false;

    char address[sizeof "unix:path=" + PATH_SPACE] = "unix:path=";
    strncat(address, path, PATH_SPACE);
    if (setenv(SERVER_VARIABLE, address, 1) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "load p11-kit's client module");
    module->functions = p11_kit_module_load("p11-kit-client.so", P11_KIT_MODULE_CRITICAL);
    (void)unsetenv(SERVER_VARIABLE);
    if (!module->functions)
        return fault_set(fault, FAULT_HSM_MODULE, 0, "load p11-kit's client module: %s", p11_kit_message());
    return true;
}

/* Modules leave handlers behind (their own OpenSSL's, for one) that outlive C_Finalize: once loaded, a module's code
 * stays mapped until the process ends. */
static bool load_direct(struct call_module *module, const char *path, struct fault *fault)
{
    if (path[0] != '/')
        return fault_set(fault, FAULT_USAGE, 0, "module must be an absolute path or unix:/path");
    module->functions = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
    if (!module->functions)
        return fault_set(fault, FAULT_HSM_MODULE, 0, "load '%s': %s", path, p11_kit_message());
    void *pinned = dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (pinned)
        (void)dlclose(pinned);
    return true;
}

bool module_open(const char *module, struct call_module *ret_module, struct fault *fault)
{
    CLEANUP(module_close) struct call_module opened = {0};
    bool loaded = is_remote(module) ? load_client(&opened, module + sizeof SOCKET_PREFIX - 1, fault)
                                    : load_direct(&opened, module, fault);
    if (!loaded)
        return false;
    CK_RV rv = call_initialize(&opened);
    if (rv != CKR_OK)
        return fault_set(fault, FAULT_HSM_MODULE, rv, "initialize '%s': %s (0x%lx)", module, call_name(rv), rv);
    if (opened.watchdog && !watchdog_sees(opened.watchdog))
        return fault_set(fault, FAULT_HSM_MODULE, 0, "the connection to '%s' is out of the watchdog's sight", module);
    *ret_module = opened;
    opened = (struct call_module){0};
    return true;
}

void module_close(struct call_module *module)
{
    call_finalize(module);
    if (module->functions)
        p11_kit_module_release(module->functions);
    watchdog_close(module->watchdog);
    *module = (struct call_module){0};
}
