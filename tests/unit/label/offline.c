/* Loaded into ippeveprinter, which announces itself to a network and listens on all of one. Here it finds an Avahi that
 * agrees to everything, and listens on this machine only. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AGREES(name)                                                                                                   \
    int name(void);                                                                                                    \
    int name(void)                                                                                                     \
    {                                                                                                                  \
        return 0;                                                                                                      \
    }

#define GIVES(name, what)                                                                                              \
    const void *name(void);                                                                                            \
    const void *name(void)                                                                                             \
    {                                                                                                                  \
        return what;                                                                                                   \
    }

GIVES(avahi_threaded_poll_new, "poll")
GIVES(avahi_threaded_poll_get, "poll")
AGREES(avahi_threaded_poll_start)
AGREES(avahi_threaded_poll_lock)
AGREES(avahi_threaded_poll_unlock)
GIVES(avahi_client_new, "client")
GIVES(avahi_client_get_host_name, "localhost")
GIVES(avahi_client_get_host_name_fqdn, "localhost")
AGREES(avahi_client_errno)
GIVES(avahi_entry_group_new, "group")
AGREES(avahi_entry_group_add_service_strlst)
AGREES(avahi_entry_group_add_service_subtype)
AGREES(avahi_entry_group_add_record)
AGREES(avahi_entry_group_commit)
AGREES(avahi_entry_group_reset)
AGREES(avahi_entry_group_free)
AGREES(avahi_entry_group_update_service_txt_strlst)

int bind(int descriptor, const struct sockaddr *address, socklen_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
    } here = {0};
    memcpy(&here, address, size < sizeof here ? size : sizeof here);
    if (here.any.sa_family == AF_INET)
        here.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (here.any.sa_family == AF_INET6)
        here.in6.sin6_addr = in6addr_loopback;
    return (int)syscall(SYS_bind, descriptor, &here, size);
}
