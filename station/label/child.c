#include "station/label/label.h"

#include "base/bytes.h"
#include "base/process.h"
#include "station/label/plate.h"
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
struct label_draft {
    pid_t pid;
    int line;
    bool ready;
    uint8_t form[WIRE_FORM_MAX];
    size_t form_size;
};

/* The child may hold passwords: it is killed whatever it is doing, and waited for. */
void label_draft_free(struct label_draft *draft)
{
    if (!draft)
        return;
    if (draft->line >= 0)
        (void)close(draft->line);
    if (draft->pid > 0) {
        (void)kill(draft->pid, SIGKILL);
        while (waitpid(draft->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    free(draft);
}

static bool start_child(const struct label_child *child, struct label_draft *draft, struct fault *fault)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "make a line to a child: %s", strerror(errno));
    draft->line = ends[0];
    const struct process_descriptor descriptors[] = {{ends[1], STDIN_FILENO}, {ends[1], STDOUT_FILENO}};
    const struct process_options options = {.path = child->path,
                                            .argv = child->argv,
                                            .descriptors = descriptors,
                                            .descriptor_count = 2,
                                            .death_signal = SIGKILL};
    bool started = process_start(&options, &draft->pid, fault);
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

/* A form is far smaller than a line holds: sending it does not wait for the child. */
static bool start_draft(const struct label_child *child, const struct label_request *request, bool ahead,
                        struct label_draft **ret_draft, struct fault *fault)
{
    CLEANUP(label_draft_freep) struct label_draft *draft = calloc(1, sizeof *draft);
    if (!draft)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory to start a child");
    draft->pid = draft->line = -1;
    if (!wire_pack_form(request, ahead, draft->form, &draft->form_size, fault) || !start_child(child, draft, fault))
        return false;
    /* One that is dead already says so when its answer is waited for. */
    (void)!send(draft->line, draft->form, draft->form_size, MSG_DONTWAIT | MSG_NOSIGNAL);
    *ret_draft = TAKE(draft);
    return true;
}

bool label_draft_start(const struct label_child *child, const struct label_request *request,
                       struct label_draft **ret_draft, struct fault *fault)
{
    return start_draft(child, request, true, ret_draft, fault);
}

bool label_draft_ready(struct label_draft *draft, struct deadline deadline, struct fault *fault)
{
    uint32_t code = 0;
    if (draft->ready)
        return true;
    if (!receive_number(draft->line, &code, deadline, fault))
        return false;
    if (code != FAULT_NONE)
        return receive_fault(draft->line, code, deadline, fault);
    draft->ready = true;
    return true;
}

/* The draft that was started ahead, if it is of this template; otherwise there is none. */
static struct label_draft *take_draft(const struct label_child *child, const struct label_request *request,
                                      struct deadline deadline)
{
    struct fault fault;
    uint8_t form[WIRE_FORM_MAX];
    size_t size = 0;
    if (!child->draft || !*child->draft || !wire_pack_form(request, true, form, &size, &fault) ||
        size != (*child->draft)->form_size || memcmp(form, (*child->draft)->form, size) != 0)
        return NULL;
    CLEANUP(label_draft_freep) struct label_draft *draft = TAKE(*child->draft);
    /* Whatever was wrong with it, a fresh child may do better, and otherwise has the better words for it. */
    return label_draft_ready(draft, deadline, &fault) ? TAKE(draft) : NULL;
}

bool label_render_in_child(const struct label_child *child, const struct label_request *request,
                           struct deadline deadline, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *packed = NULL;
    if (!wire_pack_values(request, &packed, fault))
        return false;
    struct reader size = reader_over(secret_read(packed), sizeof(uint32_t));
    size_t total = sizeof(uint32_t) + reader_u32(&size);
    CLEANUP(label_draft_freep) struct label_draft *draft = take_draft(child, request, deadline);
    if (!draft && !start_draft(child, request, false, &draft, fault))
        return false;
    return label_draft_ready(draft, deadline, fault) &&
           send_all(draft->line, secret_read(packed), total, deadline, fault) &&
           receive_bitmap(draft->line, deadline, ret_bitmap, fault);
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

static bool read_size(int in, size_t most, size_t *ret_size, struct fault *fault)
{
    uint8_t head[4];
    if (!read_all(in, head, sizeof head, fault))
        return false;
    struct reader reader = reader_over(head, sizeof head);
    *ret_size = reader_u32(&reader);
    if (*ret_size == 0 || *ret_size > most)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label request: %zu bytes", *ret_size);
    return true;
}

static bool read_form(int in, struct wire_form **ret_form, struct fault *fault)
{
    uint8_t bytes[WIRE_FORM_MAX];
    size_t size = 0;
    return read_size(in, sizeof bytes, &size, fault) && read_all(in, bytes, size, fault) &&
           wire_unpack_form(bytes, size, ret_form, fault);
}

static bool read_values(int in, struct wire_values **ret_values, struct fault *fault)
{
    size_t size = 0;
    if (!read_size(in, WIRE_VALUES_MAX, &size, fault))
        return false;
    CLEANUP(secret_freep) struct secret *packed = secret_new(size);
    if (!packed)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no locked memory for a label's values");
    return read_all(in, secret_write(packed), size, fault) &&
           wire_unpack_values(secret_read(packed), size, ret_values, fault);
}

static bool make_plate(int in, struct label_plate **ret_plate, struct fault *fault)
{
    CLEANUP(wire_form_freep) struct wire_form *form = NULL;
    CLEANUP(label_plate_freep) struct label_plate *plate = NULL;
    if (!harden(fault) || !read_form(in, &form, fault) || !label_plate_make(&form->request, &plate, fault) ||
        (form->ahead && !label_plate_warm(plate, fault)))
        return false;
    *ret_plate = TAKE(plate);
    return true;
}

static bool say_ready(int out, struct fault *fault)
{
    uint8_t ready[4];
    struct writer writer = writer_over(ready, sizeof ready);
    writer_u32(&writer, FAULT_NONE);
    return write_all(out, ready, sizeof ready) || fault_set(fault, FAULT_CHANNEL, 0, "label form: nobody waits");
}

static bool make_answer(int in, int out, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(label_plate_freep) struct label_plate *plate = NULL;
    CLEANUP(wire_values_freep) struct wire_values *values = NULL;
    return make_plate(in, &plate, fault) && say_ready(out, fault) && read_values(in, &values, fault) &&
           label_plate_print(plate, values->fields, values->field_count, ret_bitmap, fault);
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
    if (!make_answer(in, out, &bitmap, &fault)) {
        (void)answer_fault(out, &fault);
        return (int)fault_exit(fault.code);
    }
    return answer_bitmap(out, bitmap) ? FAULT_EXIT_OK : (int)fault_exit(FAULT_CHANNEL);
}
