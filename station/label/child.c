#include "station/label/label.h"

#include "base/bytes.h"
#include "base/process.h"
#include "station/label/wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child whose parent was killed must not draw for ever. */
#define CHILD_CPU_SECONDS 60

/* ---- the parent's side ---- */

/* A child and our end of the line to it. */
struct rendering {
    pid_t pid;
    int line;
};

/* The child may still hold the passwords: it is killed whatever it is doing, and waited for. */
static void end_rendering(struct rendering *rendering)
{
    if (rendering->line >= 0)
        (void)close(rendering->line);
    if (rendering->pid <= 0)
        return;
    (void)kill(rendering->pid, SIGKILL);
    while (waitpid(rendering->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static bool start_child(const struct label_child *child, struct rendering *rendering, struct fault *fault)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "make a line to a child: %s", strerror(errno));
    rendering->line = ends[0];
    const struct process_descriptor descriptors[] = {{ends[1], STDIN_FILENO}, {ends[1], STDOUT_FILENO}};
    const struct process_options options = {.path = child->path,
                                            .argv = child->argv,
                                            .descriptors = descriptors,
                                            .descriptor_count = 2,
                                            .death_signal = SIGKILL};
    bool started = process_start(&options, &rendering->pid, fault);
    (void)close(ends[1]);
    return started;
}

static bool wait_line(int line, short events, struct deadline deadline, struct fault *fault)
{
    for (;;) {
        struct pollfd wait = {.fd = line, .events = events};
        int count = poll(&wait, 1, deadline_left_ms(deadline));
        if (count > 0)
            return true;
        if (count == 0)
            return fault_set(fault, FAULT_TIMED_OUT, 0, "the label was not drawn in time");
        if (errno != EINTR)
            return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "wait for a child: %s", strerror(errno));
    }
}

static bool child_died(struct fault *fault, int reason)
{
    return fault_set(fault, FAULT_WORKER_DIED, (unsigned long)reason, "the child that draws labels ended");
}

static bool send_all(int line, const uint8_t *bytes, size_t size, struct deadline deadline, struct fault *fault)
{
    while (size > 0) {
        if (!wait_line(line, POLLOUT, deadline, fault))
            return false;
        ssize_t count = send(line, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count <= 0)
            return child_died(fault, errno);
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool receive_all(int line, uint8_t *bytes, size_t size, struct deadline deadline, struct fault *fault)
{
    while (size > 0) {
        if (!wait_line(line, POLLIN, deadline, fault))
            return false;
        ssize_t count = recv(line, bytes, size, MSG_DONTWAIT);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count <= 0)
            return child_died(fault, count < 0 ? errno : 0);
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool receive_number(int line, uint32_t *ret_number, struct deadline deadline, struct fault *fault)
{
    uint8_t bytes[4];
    if (!receive_all(line, bytes, sizeof bytes, deadline, fault))
        return false;
    struct reader reader = reader_over(bytes, sizeof bytes);
    *ret_number = reader_u32(&reader);
    return reader_end(&reader, "label answer", fault);
}

/* Hands the child's fault on as if it had happened here. Always false. */
static bool receive_fault(int line, uint32_t code, struct deadline deadline, struct fault *fault)
{
    uint8_t head[10];
    char text[sizeof fault->text] = {0};
    if (!receive_all(line, head, sizeof head, deadline, fault))
        return false;
    struct reader reader = reader_over(head, sizeof head);
    unsigned long native = (unsigned long)reader_u64(&reader);
    size_t length = reader_u16(&reader);
    if (!reader_end(&reader, "label answer", fault))
        return false;
    if (length >= sizeof text)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label answer: a text of %zu", length);
    if (!receive_all(line, (uint8_t *)text, length, deadline, fault))
        return false;
    return fault_set(fault, (enum fault_code)code, native, "%s", text);
}

static bool receive_bitmap(int line, struct deadline deadline, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    uint32_t code = 0, width = 0, height = 0;
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    if (!receive_number(line, &code, deadline, fault))
        return false;
    if (code != FAULT_NONE)
        return receive_fault(line, code, deadline, fault);
    if (!receive_number(line, &width, deadline, fault) || !receive_number(line, &height, deadline, fault) ||
        !label_bitmap_new(width, height, &bitmap, fault) ||
        !receive_all(line, bitmap->rows, label_bitmap_size(bitmap), deadline, fault))
        return false;
    label_bitmap_trim(bitmap);
    *ret_bitmap = TAKE(bitmap);
    return true;
}

bool label_render_in_child(const struct label_child *child, const struct label_request *request,
                           struct deadline deadline, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(end_rendering) struct rendering rendering = {.pid = -1, .line = -1};
    CLEANUP(secret_freep) struct secret *packed = NULL;
    if (!wire_pack_request(request, &packed, fault))
        return false;
    struct reader size = reader_over(secret_read(packed), sizeof(uint32_t));
    size_t total = sizeof(uint32_t) + reader_u32(&size);
    return start_child(child, &rendering, fault) &&
           send_all(rendering.line, secret_read(packed), total, deadline, fault) &&
           receive_bitmap(rendering.line, deadline, ret_bitmap, fault);
}

/* ---- the child's side ---- */

static bool read_all(int in, uint8_t *bytes, size_t size, struct fault *fault)
{
    while (size > 0) {
        ssize_t count = read(in, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fault_set(fault, FAULT_CHANNEL, (unsigned long)(count < 0 ? errno : 0), "label request: cut short");
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool write_all(int out, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(out, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

/* No file can grow from here on: what a library might cache or dump would show the label. */
static bool harden(struct fault *fault)
{
    const struct rlimit no_files = {0, 0};
    const struct rlimit little_time = {CHILD_CPU_SECONDS, CHILD_CPU_SECONDS};
    if (!process_harden(fault))
        return false;
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &no_files) != 0 ||
        setrlimit(RLIMIT_CPU, &little_time) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "limit a child: %s", strerror(errno));
    return true;
}

static bool read_request(int in, struct wire_request **ret_request, struct fault *fault)
{
    uint8_t head[4];
    if (!read_all(in, head, sizeof head, fault))
        return false;
    struct reader reader = reader_over(head, sizeof head);
    uint32_t size = reader_u32(&reader);
    if (size == 0 || size > WIRE_REQUEST_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label request: %u bytes", size);
    CLEANUP(secret_freep) struct secret *packed = secret_new(size);
    if (!packed)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no locked memory for a label request");
    return read_all(in, secret_write(packed), size, fault) &&
           wire_unpack_request(secret_read(packed), size, ret_request, fault);
}

static bool make_answer(int in, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(wire_request_freep) struct wire_request *wire = NULL;
    return harden(fault) && read_request(in, &wire, fault) && label_render(&wire->request, ret_bitmap, fault);
}

static bool answer_fault(int out, const struct fault *fault)
{
    uint8_t bytes[WIRE_ANSWER_HEAD_MAX];
    struct writer writer = writer_over(bytes, sizeof bytes);
    size_t length = strnlen(fault->text, sizeof fault->text - 1);
    writer_u32(&writer, (uint32_t)fault->code);
    writer_u64(&writer, fault->native);
    writer_u16(&writer, (uint16_t)length);
    writer_bytes(&writer, fault->text, length);
    return !writer.failed && write_all(out, bytes, writer.at);
}

static bool answer_bitmap(int out, const struct label_bitmap *bitmap)
{
    uint8_t head[12];
    struct writer writer = writer_over(head, sizeof head);
    writer_u32(&writer, FAULT_NONE);
    writer_u32(&writer, bitmap->width);
    writer_u32(&writer, bitmap->height);
    return !writer.failed && write_all(out, head, sizeof head) &&
           write_all(out, bitmap->rows, label_bitmap_size(bitmap));
}

int label_render_main(int in, int out)
{
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct fault fault;
    if (!make_answer(in, &bitmap, &fault)) {
        (void)answer_fault(out, &fault);
        return (int)fault_exit(fault.code);
    }
    return answer_bitmap(out, bitmap) ? FAULT_EXIT_OK : (int)fault_exit(FAULT_CHANNEL);
}
