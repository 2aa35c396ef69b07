#include "base/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for exactly one descriptor. CMSG_SPACE would have room for two, and the kernel would fill it. */
union control {
    char bytes[CMSG_LEN(sizeof(int))];
    struct cmsghdr aligned;
};

bool channel_pair(int ret_ends[2], struct fault *fault)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "socketpair: %s", strerror(errno));
    memcpy(ret_ends, ends, sizeof ends);
    return true;
}

static bool wait_for(int channel, short events, struct deadline deadline, struct fault *fault)
{
    struct pollfd wanted = {.fd = channel, .events = events};
    for (;;) {
        int count = poll(&wanted, 1, deadline_left_ms(deadline));
        if (count > 0)
            return true; /* a hang-up too: the next call on the socket says what it is */
        if (count == 0 && deadline_passed(deadline))
            return fault_set(fault, FAULT_TIMED_OUT, 0, "the other process did not %s in time",
                             events == POLLIN ? "send a message" : "take a message");
        if (count < 0 && errno != EINTR)
            return fault_set(fault, FAULT_CHANNEL, (unsigned long)errno, "poll: %s", strerror(errno));
    }
}

bool channel_send(int channel, const void *message, size_t size, int descriptor, struct deadline deadline,
                  struct fault *fault)
{
    if (size == 0)
        return fault_set(fault, FAULT_USAGE, 0, "channel: an empty message would look like the end");

    struct iovec part = {.iov_base = (void *)message, .iov_len = size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    memset(&control, 0, sizeof control);
    if (descriptor >= 0) {
        header.msg_control = &control;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rider = CMSG_FIRSTHDR(&header);
        rider->cmsg_level = SOL_SOCKET;
        rider->cmsg_type = SCM_RIGHTS;
        rider->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(rider), &descriptor, sizeof descriptor);
    }

    for (;;) {
        if (sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return true; /* SOCK_SEQPACKET takes all or nothing */
        if (errno == EAGAIN) {
            if (!wait_for(channel, POLLOUT, deadline, fault))
                return false;
        } else if (errno != EINTR) {
            return fault_set(fault, FAULT_CHANNEL, (unsigned long)errno, "send to the other process: %s",
                             strerror(errno));
        }
    }
}

/* Takes the next message off the queue into `part`; what does not fit, and any descriptor, is dropped by the kernel. */
static bool take_message(int channel, struct iovec part, struct fault *fault)
{
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t count;
    do
        count = recvmsg(channel, &header, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return fault_set(fault, FAULT_CHANNEL, (unsigned long)errno, "receive: %s", strerror(errno));
    return true;
}

/* Looks at the next message without taking it: its length, and a copy of the one descriptor that rides along, or -1.
 * `ret_crowded` says that there were more. A length of 0 is the end. */
static bool peek_message(int channel, struct deadline deadline, size_t *ret_length, int *ret_rider, bool *ret_crowded,
                         struct fault *fault)
{
    for (;;) {
        union control control;
        struct iovec nothing = {0};
        struct msghdr header = {
            .msg_iov = &nothing, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
        ssize_t count = recvmsg(channel, &header, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (count >= 0) {
            *ret_length = (size_t)count;
            *ret_crowded = (header.msg_flags & MSG_CTRUNC) != 0;
            *ret_rider = -1;
            struct cmsghdr *rider = CMSG_FIRSTHDR(&header);
            if (rider && rider->cmsg_level == SOL_SOCKET && rider->cmsg_type == SCM_RIGHTS)
                memcpy(ret_rider, CMSG_DATA(rider), sizeof *ret_rider);
            return true;
        }
        if (errno == EAGAIN) {
            if (!wait_for(channel, POLLIN, deadline, fault))
                return false;
        } else if (errno != EINTR && errno != ECONNRESET) {
            /* ECONNRESET is told once, ahead of the last messages of an end that died with unread ones: go on reading,
             * so that the last words of a worker are heard. */
            return fault_set(fault, FAULT_CHANNEL, (unsigned long)errno, "receive: %s", strerror(errno));
        }
    }
}

bool channel_receive(int channel, void *ret_message, size_t size, int *ret_descriptor, struct deadline deadline,
                     struct fault *fault)
{
    size_t length;
    int rider;
    bool crowded;
    if (!peek_message(channel, deadline, &length, &rider, &crowded, fault))
        return false;
    if (length == 0) {
        if (rider >= 0)
            (void)close(rider);
        return fault_set(fault, FAULT_CHANNEL, 0, "the other process is gone");
    }

    bool welcome = length == size && !crowded && (rider < 0 || ret_descriptor);
    struct iovec part = {.iov_base = welcome ? ret_message : NULL, .iov_len = welcome ? size : 0};
    bool taken = take_message(channel, part, fault);
    if (taken && welcome) {
        if (ret_descriptor)
            *ret_descriptor = rider;
        return true;
    }
    if (rider >= 0)
        (void)close(rider);
    if (!taken)
        return false;
    if (length != size)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "message of %zu bytes where %zu were expected", length, size);
    return fault_set(fault, FAULT_BAD_BYTES, 0, "message brings more descriptors than expected");
}
