/* kokuin-printer -- stands in for a label printer where there is none: in the demo and in the tests.
 *
 *   kokuin-printer --listen unix:/path|tcp:127.0.0.1:PORT|ipp:127.0.0.1:PORT --paper DIRECTORY [--dpi 203|300|600]
 *                  [--misbehave WHAT]
 *
 * Speaks ZPL as a printer does: a job in, a picture out, status and odometer when asked; on ipp: IPP with PWG raster
 * instead. It listens on this machine only. SIGUSR1 mends it, SIGUSR2 takes the label that hangs at its peel-off bar,
 * SIGTERM ends it.
 */
#include "base/process.h"
#include "station/label/stand_in/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 8
#define IPP_LISTEN "ipp:127.0.0.1:"

struct client {
    int socket; /* -1: free */
    struct wiped input, output;
};

struct service {
    int listener;
    int signals;
    struct client clients[CLIENTS_MAX];
    struct engine *engine;
    struct front *front; /* NULL: ZPL */
};

struct arguments {
    const char *listen;
    const char *paper;
    unsigned dpi; /* for the size that the pictures say they have */
    enum misbehaviour misbehaviour;
    unsigned count; /* labels for PAPER_OUT, bytes for the others */
};

static const struct {
    const char *name;
    enum misbehaviour misbehaviour;
    const char *words;
    bool counts; /* "=N" behind it */
} misbehaviours[] = {
    {"paper-out-after", PAPER_OUT, "=N: prints N labels, and runs out of paper in the next", true},
    {"silent", SILENT, "takes everything, answers nothing, prints nothing", false},
    {"slow", SLOW, "takes three seconds for a label", false},
    {"print-twice", PRINT_TWICE, "prints each label two times", false},
    {"head-open", HEAD_OPEN, "its head is open", false},
    {"ribbon-out", RIBBON_OUT, "its ribbon has ended", false},
    {"cutter-stuck", CUTTER_STUCK, "its cutter does not move", false},
    {"too-hot", TOO_HOT, "its head is too hot", false},
    {"paused", PAUSED, "somebody pressed its pause key", false},
    {"jammed", JAMMED, "it has an error that has no name here", false},
    {"paper-out-at", PAPER_OUT_AT, "=N: runs out of paper when N bytes of a job have come", true},
    {"silent-at", SILENT_AT, "=N: the same, but answers nothing from there on, and prints", true},
    {"hang-up-after", HANGS_UP, "=N: hangs up when N bytes of a job have come", true},
    {"stump-after", KEEPS_STUMPS, "=N (ipp): the same, once; keeps the stump, and is busy until that is cancelled",
     true},
    {"restart", RESTARTS, "restarts over each job, prints it, and counts labels and jobs from 1 again", false},
    {"abort", ABORTS, "(ipp): takes each job, and gives it up", false},
    {"other-dpi", OTHER_DPI, "(ipp): has 150 dpi only", false},
    {"no-raster", NO_RASTER, "(ipp): takes PDF only", false},
    {"gray-only", GRAY_ONLY, "(ipp): takes raster of 8 bits to a dot only", false},
};

static bool read_misbehaviour(const char *text, struct arguments *arguments)
{
    size_t length = strcspn(text, "=");
    for (size_t i = 0; i < ARRAY_SIZE(misbehaviours); i++) {
        if (strlen(misbehaviours[i].name) != length || memcmp(misbehaviours[i].name, text, length) != 0)
            continue;
        arguments->misbehaviour = misbehaviours[i].misbehaviour;
        if (!misbehaviours[i].counts)
            return text[length] == '\0';
        const char *number = text + length + (text[length] == '=');
        if (!*number || strlen(number) > 6 || strspn(number, "0123456789") != strlen(number))
            return false;
        arguments->count = (unsigned)strtoul(number, NULL, 10);
        return true;
    }
    return false;
}

static bool read_dpi(const char *text, unsigned *ret_dpi)
{
    static const char *const heads[] = {"203", "300", "600"};
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        if (strcmp(heads[i], text) == 0)
            *ret_dpi = (unsigned)strtoul(text, NULL, 10);
    return *ret_dpi == (unsigned)strtoul(text, NULL, 10);
}

static bool read_arguments(int count, char **words, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"paper", required_argument, NULL, 'p'},
                                            {"dpi", required_argument, NULL, 'd'},
                                            {"misbehave", required_argument, NULL, 'm'},
                                            {NULL, 0, NULL, 0}};
    struct arguments arguments = {.dpi = 203};
    int option;
    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        if (option == 'l')
            arguments.listen = optarg;
        else if (option == 'p')
            arguments.paper = optarg;
        else if (option == 'd' && read_dpi(optarg, &arguments.dpi))
            continue;
        else if (option != 'm' || !read_misbehaviour(optarg, &arguments))
            return false;
    }
    *ret_arguments = arguments;
    return arguments.listen && arguments.paper && optind == count;
}

static void list_misbehaviours(FILE *where)
{
    for (size_t i = 0; i < ARRAY_SIZE(misbehaviours); i++)
        (void)fprintf(where, "%-16s %s\n", misbehaviours[i].name, misbehaviours[i].words);
}

static bool system_fault(struct fault *fault, const char *what)
{
    return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "%s: %s", what, strerror(errno));
}

static bool listen_unix(const char *path, struct service *service, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    if (strlen(path) >= sizeof address.sun_path)
        return fault_set(fault, FAULT_USAGE, 0, "the socket's path is too long");
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* What an earlier run left behind. */
    if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode))
        (void)unlink(path);
    service->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (service->listener < 0 || bind(service->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(service->listener, CLIENTS_MAX) != 0)
        return system_fault(fault, path);
    (void)printf("listening unix:%s\n", path);
    return true;
}

static bool listen_tcp(const char *port, const char *form, struct service *service, struct fault *fault)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int yes = 1;
    if (!*port || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) || strtoul(port, NULL, 10) > 65535)
        return fault_set(fault, FAULT_USAGE, 0, "a port is 0 to 65535");
    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    service->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (service->listener < 0 || setsockopt(service->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(service->listener, (const struct sockaddr *)&address, size) != 0 ||
        listen(service->listener, CLIENTS_MAX) != 0 ||
        getsockname(service->listener, (struct sockaddr *)&address, &size) != 0)
        return system_fault(fault, "listen");
    char number[8];
    (void)snprintf(number, sizeof number, "%u", ntohs(address.sin_port));
    (void)printf("listening %s%s%s\n", form, number, service->front ? "/ipp/print" : "");
    return true;
}

static bool open_service(const struct arguments *arguments, struct service *service, struct fault *fault)
{
    static const char tcp[] = "tcp:127.0.0.1:", ipp[] = IPP_LISTEN, local[] = "unix:";
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGUSR1);
    (void)sigaddset(&signals, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return system_fault(fault, "block signals");
    service->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (service->signals < 0)
        return system_fault(fault, "signalfd");
    if (strncmp(arguments->listen, tcp, strlen(tcp)) == 0)
        return listen_tcp(arguments->listen + strlen(tcp), tcp, service, fault);
    if (strncmp(arguments->listen, ipp, strlen(ipp)) == 0)
        return listen_tcp(arguments->listen + strlen(ipp), "ipp://127.0.0.1:", service, fault);
    if (strncmp(arguments->listen, local, strlen(local)) == 0)
        return listen_unix(arguments->listen + strlen(local), service, fault);
    return fault_set(fault, FAULT_USAGE, 0, "--listen is unix:/path, tcp:127.0.0.1:PORT or ipp:127.0.0.1:PORT");
}

static void end_client(struct client *client)
{
    if (client->socket >= 0)
        (void)close(client->socket);
    client->socket = -1;
    wiped_clear(&client->input);
    wiped_clear(&client->output);
}

static void accept_client(struct service *service)
{
    int socket = accept4(service->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (size_t i = 0; socket >= 0 && i < CLIENTS_MAX; i++) {
        if (service->clients[i].socket < 0) {
            service->clients[i].socket = socket;
            return;
        }
    }
    if (socket >= 0)
        (void)close(socket);
}

static bool hear(struct service *service, struct client *client, struct fault *fault)
{
    uint8_t piece[16384];
    ssize_t count = recv(client->socket, piece, sizeof piece, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (count <= 0 && service->front)
        front_cut(service->front, &client->input);
    if (count <= 0)
        return fault_set(fault, FAULT_CHANNEL, 0, "hung up");
    bool kept = wiped_append(&client->input, piece, (size_t)count, fault);
    explicit_bzero(piece, sizeof piece);
    if (!kept)
        return false;
    fault->code = FAULT_NONE;
    while (service->front ? front_obey(service->front, &client->input, &client->output, fault)
                          : engine_obey(service->engine, &client->input, &client->output, fault))
        continue;
    return fault->code == FAULT_NONE;
}

static bool speak(struct client *client, struct fault *fault)
{
    ssize_t count = send(client->socket, client->output.bytes, client->output.size, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (count < 0)
        return fault_set(fault, FAULT_CHANNEL, (unsigned long)errno, "hung up");
    wiped_drop(&client->output, (size_t)count);
    return true;
}

static void serve_client(struct service *service, struct client *client, short events)
{
    struct fault fault = {0};
    bool alive = true;
    if (events & (POLLIN | POLLHUP | POLLERR))
        alive = hear(service, client, &fault);
    if (alive && client->output.size > 0)
        alive = speak(client, &fault);
    if (alive)
        return;
    if (fault.code != FAULT_CHANNEL)
        (void)fprintf(stderr, "client dropped: %s\n", fault.text);
    end_client(client);
}

/* False when it is time to end. */
static bool heed_signals(struct service *service)
{
    struct signalfd_siginfo signal;
    while (read(service->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        if (signal.ssi_signo != SIGUSR1 && signal.ssi_signo != SIGUSR2)
            return false;
        if (signal.ssi_signo == SIGUSR2) {
            engine_take_label(service->engine);
            continue;
        }
        engine_mend(service->engine);
        if (service->front)
            front_mend(service->front);
    }
    return true;
}

static bool serve(struct service *service, struct fault *fault)
{
    for (;;) {
        struct pollfd waits[2 + CLIENTS_MAX] = {{.fd = service->signals, .events = POLLIN},
                                                {.fd = service->listener, .events = POLLIN}};
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            const struct client *client = &service->clients[i];
            waits[2 + i].fd = client->socket;
            waits[2 + i].events = (short)(POLLIN | (client->output.size > 0 ? POLLOUT : 0));
        }
        if (poll(waits, ARRAY_SIZE(waits), engine_wait_ms(service->engine)) < 0 && errno != EINTR)
            return system_fault(fault, "poll");
        if (!heed_signals(service))
            return true;
        if (!engine_turn(service->engine, fault))
            return false;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (waits[2 + i].fd >= 0 && waits[2 + i].revents != 0)
                serve_client(service, &service->clients[i], waits[2 + i].revents);
        if (waits[1].revents & POLLIN)
            accept_client(service);
    }
}

static void close_service(struct service *service)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        end_client(&service->clients[i]);
    if (service->listener >= 0)
        (void)close(service->listener);
    if (service->signals >= 0)
        (void)close(service->signals);
}

static bool run(const struct arguments *arguments, struct fault *fault)
{
    CLEANUP(paper_closep) struct paper *paper = NULL;
    CLEANUP(engine_freep) struct engine *engine = NULL;
    CLEANUP(front_freep) struct front *front = NULL;
    const bool speaks_ipp = strncmp(arguments->listen, IPP_LISTEN, strlen(IPP_LISTEN)) == 0;
    CLEANUP(close_service) struct service service = {.listener = -1, .signals = -1};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        service.clients[i].socket = -1;
    if (!process_harden(fault) || !paper_open(arguments->paper, arguments->dpi, &paper, fault) ||
        !engine_new(paper, arguments->misbehaviour, arguments->count, &engine, fault) ||
        (speaks_ipp && !front_new(engine, arguments->misbehaviour, arguments->count, arguments->dpi, &front, fault)))
        return false;
    service.engine = engine;
    service.front = front;
    if (!open_service(arguments, &service, fault))
        return false;
    if (fflush(stdout) != 0)
        return system_fault(fault, "standard output");
    return serve(&service, fault);
}

int main(int count, char **words)
{
    struct arguments arguments;
    struct fault fault;
    if (count == 3 && strcmp(words[1], "--misbehave") == 0 && strcmp(words[2], "list") == 0) {
        list_misbehaviours(stdout);
        return FAULT_EXIT_OK;
    }
    if (!read_arguments(count, words, &arguments)) {
        (void)fprintf(stderr, "usage: kokuin-printer --listen unix:/path|tcp:127.0.0.1:PORT|ipp:127.0.0.1:PORT "
                              "--paper DIRECTORY [--dpi 203|300|600] [--misbehave list|WHAT]\n");
        return FAULT_EXIT_USAGE;
    }
    if (run(&arguments, &fault))
        return FAULT_EXIT_OK;
    (void)fprintf(stderr, "kokuin-printer: %s\n", fault.text);
    return (int)fault_exit(fault.code);
}
