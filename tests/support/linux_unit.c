#include "tests/support/linux_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

bool linux_unit_possible(void)
{
    if (geteuid() != 0) {
        printf("skipped: a Linux unit has users of its own, which only root can give it\n");
        return false;
    }
    if (system("unshare --mount --pid --net --uts --fork mount --make-rprivate / 2> /dev/null") != 0) {
        printf("skipped: this machine lets nobody make the namespaces that a Linux unit runs in\n");
        return false;
    }
    return true;
}

static bool copy_once(int from, int to)
{
    char bytes[4096];
    ssize_t count = read(from, bytes, sizeof bytes);
    for (ssize_t done = 0; done < count;) {
        ssize_t written = write(to, bytes + done, (size_t)(count - done));
        if (written <= 0)
            return false;
        done += written;
    }
    return count > 0;
}

/* One connection, or while there is none `client` -1: until it ends. A terminal whose last user left gives EIO until
 * the next one opens it. */
static int serve(int listener, int master, int client)
{
    struct pollfd wait[3] = {{.fd = master, .events = POLLIN},
                             {.fd = client < 0 ? listener : -1, .events = POLLIN},
                             {.fd = client, .events = POLLIN}};
    (void)poll(wait, 3, 1000);
    char lost[4096];
    if (wait[0].revents & POLLIN) {
        if (client >= 0 ? !copy_once(master, client) : read(master, lost, sizeof lost) <= 0)
            (void)poll(NULL, 0, 20);
    } else if (wait[0].revents) {
        (void)poll(NULL, 0, 20);
    }
    if (wait[1].revents)
        return accept(listener, NULL, NULL);
    if (wait[2].revents && !copy_once(client, master)) {
        (void)close(client);
        return -1;
    }
    return client;
}

bool cable_start(int master, const char *socket_path, pid_t *ret_cable, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "listen at '%s': %s", socket_path, strerror(errno));
    pid_t cable = fork();
    if (cable == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGPIPE, SIG_IGN);
        for (int client = -1;;)
            client = serve(listener, master, client);
    }
    (void)close(listener);
    if (cable < 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "fork: %s", strerror(errno));
    *ret_cable = cable;
    return true;
}

static bool switch_on(struct linux_unit *unit, const char *console, struct fault *fault)
{
    unit->power = fork();
    if (unit->power == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* what it started is killed with it: unshare --kill-child */
        (void)setpgid(0, 0);
        execl(LINUX_UNIT, LINUX_UNIT, unit->directory, console, NULL);
        _exit(127);
    }
    return unit->power > 0 || fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "fork: %s", strerror(errno));
}

bool linux_unit_start(struct linux_unit *ret_unit, const char *socket_path, struct fault *fault)
{
    struct linux_unit unit = {.directory = "/tmp/kokuin-linux-XXXXXX", .master = -1, .slave = -1};
    char console[64], path[108];
    if (!mkdtemp(unit.directory) || openpty(&unit.master, &unit.slave, console, NULL, NULL) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "make a terminal: %s", strerror(errno));
    (void)fcntl(unit.master, F_SETFD, FD_CLOEXEC);
    (void)fcntl(unit.slave, F_SETFD, FD_CLOEXEC);
    if (socket_path)
        (void)snprintf(path, sizeof path, "%s", socket_path);
    else
        (void)snprintf(path, sizeof path, "%s/console", unit.directory);
    (void)snprintf(unit.socket, sizeof unit.socket, "unix:%s", path);
    if (!cable_start(unit.master, path, &unit.cable, fault) || !switch_on(&unit, console, fault))
        return false;
    *ret_unit = unit;
    return true;
}

void linux_unit_end(struct linux_unit *unit)
{
    char command[128];
    (void)kill(-unit->power, SIGKILL);
    (void)kill(unit->cable, SIGKILL);
    (void)waitpid(unit->power, NULL, 0);
    (void)waitpid(unit->cable, NULL, 0);
    (void)close(unit->master);
    (void)close(unit->slave);
    (void)snprintf(command, sizeof command, "rm -rf --one-file-system '%s'", unit->directory);
    if (system(command) != 0)
        printf("%s could not be removed\n", unit->directory);
}

bool linux_unit_read(const struct linux_unit *unit, const char *name, char *ret_text, size_t size)
{
    char path[192];
    (void)snprintf(path, sizeof path, "%s/root/%s", unit->directory, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    ret_text[fread(ret_text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
    return true;
}
