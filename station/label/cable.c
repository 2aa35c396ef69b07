#include "station/label/cable.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESS_SIZE 257
#define RECEIVED_MAX 4096

struct cable {
    int socket;
};

/* Splits "tcp:host:port" in place; the host may stand in brackets, as an IPv6 address must. */
static bool split_tcp(char *text, char **ret_host, char **ret_port)
{
    char *colon = strrchr(text, ':');
    if (!colon || colon == text)
        return false;
    *colon = '\0';
    char *host = text, *port = colon + 1;
    size_t length = strlen(host);
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        host++;
    }
    if (!*host || !*port || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) ||
        strtoul(port, NULL, 10) < 1 || strtoul(port, NULL, 10) > 65535)
        return false;
    *ret_host = host;
    *ret_port = port;
    return true;
}

bool cable_address_check(const char *address, struct fault *fault)
{
    char copy[ADDRESS_SIZE];
    char *host = NULL, *port = NULL;
    size_t length = strnlen(address, sizeof copy);
    if (length < sizeof copy) {
        memcpy(copy, address, length + 1);
        if (strncmp(copy, "tcp:", 4) == 0 && split_tcp(copy + 4, &host, &port))
            return true;
        if (strncmp(copy, "unix:/", 6) == 0 && length - 5 < sizeof((struct sockaddr_un *)0)->sun_path)
            return true;
    }
    return fault_set(fault, FAULT_CONFIG_VALUE, 0, "printer: an address is tcp:host:port or unix:/path");
}

static bool wait_socket(int descriptor, short events, struct deadline deadline, struct fault *fault)
{
    for (;;) {
        struct pollfd wait = {.fd = descriptor, .events = events};
        int count = poll(&wait, 1, deadline_left_ms(deadline));
        if (count > 0)
            return true;
        if (count == 0)
            return fault_set(fault, FAULT_PRINTER_AWAY, 0, "the printer is silent");
        if (errno != EINTR)
            return fault_set(fault, FAULT_PRINTER_AWAY, (unsigned long)errno, "wait for the printer: %s",
                             strerror(errno));
    }
}

static bool connect_socket(int descriptor, const struct sockaddr *address, socklen_t size, struct deadline deadline,
                           struct fault *fault)
{
    int reason = connect(descriptor, address, size) == 0 ? 0 : errno;
    if (reason == EINPROGRESS) {
        socklen_t length = sizeof reason;
        if (!wait_socket(descriptor, POLLOUT, deadline, fault))
            return false;
        if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &length) != 0)
            reason = errno;
    }
    if (reason != 0)
        return fault_set(fault, FAULT_PRINTER_AWAY, (unsigned long)reason, "connect to the printer: %s",
                         strerror(reason));
    return true;
}

static bool open_socket(struct cable *cable, const struct sockaddr *address, socklen_t size, struct deadline deadline,
                        struct fault *fault)
{
    cable->socket = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (cable->socket < 0)
        return fault_set(fault, FAULT_PRINTER_AWAY, (unsigned long)errno, "make a socket: %s", strerror(errno));
    return connect_socket(cable->socket, address, size, deadline, fault);
}

static bool open_unix(struct cable *cable, const char *path, struct deadline deadline, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    return open_socket(cable, (const struct sockaddr *)&address, sizeof address, deadline, fault);
}

static void free_addresses(struct addrinfo **addresses)
{
    if (*addresses)
        freeaddrinfo(*addresses);
}

static bool open_tcp(struct cable *cable, char *host_and_port, struct deadline deadline, struct fault *fault)
{
    char *host = NULL, *port = NULL;
    CLEANUP(free_addresses) struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (!split_tcp(host_and_port, &host, &port))
        return fault_set(fault, FAULT_CONFIG_VALUE, 0, "printer: an address is tcp:host:port or unix:/path");
    int result = getaddrinfo(host, port, &hints, &found);
    if (result != 0 || !found)
        return fault_set(fault, FAULT_PRINTER_AWAY, (unsigned long)result, "find the printer: %s",
                         gai_strerror(result));
    return open_socket(cable, found->ai_addr, found->ai_addrlen, deadline, fault);
}

bool cable_open(const char *address, struct deadline deadline, struct cable **ret_cable, struct fault *fault)
{
    char copy[ADDRESS_SIZE];
    if (!cable_address_check(address, fault))
        return false;
    memcpy(copy, address, strlen(address) + 1);
    CLEANUP(cable_closep) struct cable *cable = calloc(1, sizeof *cable);
    if (!cable)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a printer's cable");
    cable->socket = -1;
    bool opened = copy[0] == 'u' ? open_unix(cable, copy + strlen("unix:"), deadline, fault)
                                 : open_tcp(cable, copy + strlen("tcp:"), deadline, fault);
    if (!opened)
        return false;
    *ret_cable = TAKE(cable);
    return true;
}

void cable_close(struct cable *cable)
{
    if (!cable)
        return;
    if (cable->socket >= 0)
        (void)close(cable->socket);
    free(cable);
}

bool cable_send(struct cable *cable, const void *bytes, size_t size, struct deadline deadline, struct fault *fault)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        if (!wait_socket(cable->socket, POLLOUT, deadline, fault))
            return false;
        ssize_t count = send(cable->socket, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count < 0)
            return fault_set(fault, FAULT_PRINTER_AWAY, (unsigned long)errno, "send to the printer: %s",
                             strerror(errno));
        from += count;
        size -= (size_t)count;
    }
    return true;
}

bool cable_receive(struct cable *cable, struct wiped *buffer, struct deadline deadline, struct fault *fault)
{
    for (;;) {
        char piece[512];
        if (buffer->size >= RECEIVED_MAX)
            return fault_set(fault, FAULT_PRINTER_AWAY, 0, "the printer talks without end");
        if (!wait_socket(cable->socket, POLLIN, deadline, fault))
            return false;
        ssize_t count = recv(cable->socket, piece, sizeof piece, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count <= 0)
            return fault_set(fault, FAULT_PRINTER_AWAY, count < 0 ? (unsigned long)errno : 0, "the printer hung up");
        return wiped_append(buffer, piece, (size_t)count, fault);
    }
}

void cable_pause(unsigned milliseconds, struct deadline deadline)
{
    (void)poll(NULL, 0, deadline_left_ms(deadline_sooner(deadline, deadline_in_ms(milliseconds))));
}
