/* cable -- a serial line between two unix sockets, as slow and as bad as it is told to be.
 *
 *   cable --listen unix:PATH --to unix:PATH [--baud N] [--spoil N] [--lose N] [--double N] [--cut N] [--seed N]
 *
 * Bytes leave it one after the other, ten bits each, both ways at once. `spoil` is of a million bytes; lose, double and
 * cut are of a thousand frames, which end with 0x00. The same seed does the same to the same bytes.
 *
 * One connection at a time; when either end hangs up, so does the other, as at a restart. On SIGTERM it prints what it
 * carried: bytes to each side, and for how long the idle line waited for the unit and for the station, in ms.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_SIZE 4096 /* as much as a driver keeps */
#define FRAME_MAX 1024
#define TICK_NS 500000 /* bytes are handed on so often */

static struct {
    const char *listen, *to;
    long baud, spoil, lose, twice, cut, seed;
} options = {.baud = 115200};

enum fate { FATE_PASS, FATE_LOSE, FATE_DOUBLE, FATE_CUT };

/* One direction of the line. */
struct way {
    uint8_t queue[QUEUE_SIZE];
    size_t size;
    int64_t free_ns; /* when the line has carried all that left the queue */
    uint64_t carried;
    int64_t waited_ns; /* the idle line, for whoever this way leads to */
    unsigned short dice[3];
    enum fate fate; /* of the frame that is coming in */
    uint8_t frame[FRAME_MAX];
    size_t frame_size;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct sockaddr_un address_of(const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!text || strncmp(text, "unix:", 5) != 0 || strlen(text + 5) >= sizeof address.sun_path) {
        fprintf(stderr, "cable: --listen and --to take unix:PATH\n");
        exit(2);
    }
    memcpy(address.sun_path, text + 5, strlen(text + 5) + 1);
    return address;
}

/* ---- what happens to bytes ---- */

static bool happens(struct way *way, long times, double of)
{
    return times > 0 && erand48(way->dice) * of < (double)times;
}

static void push(struct way *way, uint8_t byte)
{
    if (way->size < QUEUE_SIZE)
        way->queue[way->size++] = happens(way, options.spoil, 1e6) ? (uint8_t)nrand48(way->dice) : byte;
}

static enum fate draw_fate(struct way *way)
{
    return happens(way, options.lose, 1e3)    ? FATE_LOSE
           : happens(way, options.twice, 1e3) ? FATE_DOUBLE
           : happens(way, options.cut, 1e3)   ? FATE_CUT
                                              : FATE_PASS;
}

static void take_byte(struct way *way, uint8_t byte)
{
    if (way->frame_size == 0)
        way->fate = draw_fate(way);
    if (way->fate == FATE_PASS || way->fate == FATE_DOUBLE || (way->fate == FATE_CUT && way->frame_size < 7))
        push(way, byte);
    if (way->frame_size < FRAME_MAX)
        way->frame[way->frame_size++] = byte;
    if (byte != 0)
        return;
    if (way->fate == FATE_DOUBLE)
        for (size_t i = 0; i < way->frame_size; i++)
            push(way, way->frame[i]);
    way->frame_size = 0;
}

/* A frame that is doubled must fit, too. */
static bool takes_more(const struct way *way)
{
    return way->size < QUEUE_SIZE / 2;
}

/* False when the other end hung up. */
static bool take_in(struct way *way, int from)
{
    uint8_t bytes[256];
    ssize_t count = read(from, bytes, sizeof bytes);
    if (count <= 0)
        return count < 0 && errno == EINTR;
    if (way->size == 0 && way->free_ns < now_ns())
        way->free_ns = now_ns();
    for (ssize_t i = 0; i < count; i++)
        take_byte(way, bytes[i]);
    return true;
}

static bool hand_on(struct way *way, int to)
{
    const int64_t byte_ns = INT64_C(10000000000) / options.baud, now = now_ns();
    size_t due = 0;
    while (due < way->size && way->free_ns + byte_ns <= now) {
        way->free_ns += byte_ns;
        due++;
    }
    for (size_t done = 0; done < due;) {
        ssize_t count = send(to, way->queue + done, due - done, MSG_NOSIGNAL);
        if (count < 0)
            return false;
        done += (size_t)count;
    }
    memmove(way->queue, way->queue + due, way->size - due);
    way->size -= due;
    way->carried += due;
    return true;
}

/* ---- one connection ---- */

/* Waits for bytes, but not for longer than a tick while some are on the line. `asked` is the way by which the last byte
 * went: an idle line waits for whoever got it. */
static void wait_for(struct way ways[2], struct pollfd polls[2], int asked)
{
    static const struct timespec tick = {.tv_nsec = TICK_NS};
    const bool busy = ways[0].size > 0 || ways[1].size > 0;
    const int64_t before = now_ns();
    if (ppoll(polls, 2, busy ? &tick : NULL, NULL) < 0 && errno != EINTR)
        die("ppoll");
    if (!busy)
        ways[asked].waited_ns += now_ns() - before;
}

/* Way 0 leads to the unit, way 1 to the station; ends[] are where they lead. What an end said before it hung up still
 * arrives. */
static void carry(struct way ways[2], const int ends[2])
{
    int asked = 1, gone = -1;
    for (size_t i = 0; i < 2; i++)
        ways[i].size = ways[i].frame_size = 0;
    while (!ended && (gone < 0 || ways[gone].size > 0)) {
        struct pollfd polls[2];
        for (int i = 0; i < 2; i++)
            polls[i] = (struct pollfd){.fd = gone < 0 && takes_more(&ways[i]) ? ends[1 - i] : -1, .events = POLLIN};
        wait_for(ways, polls, asked);
        for (int i = 0; i < 2; i++) {
            const uint64_t carried = ways[i].carried;
            if (polls[i].revents && !take_in(&ways[i], ends[1 - i]))
                gone = i;
            if (!hand_on(&ways[i], ends[i]))
                return;
            if (ways[i].carried != carried)
                asked = i;
        }
    }
}

static int listen_at(const char *text)
{
    struct sockaddr_un address = address_of(text);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0)
        die("cable: listen");
    return listener;
}

static void serve(int listener, struct way ways[2])
{
    const struct sockaddr_un address = address_of(options.to);
    while (!ended) {
        int station = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (station < 0)
            continue;
        int unit = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (unit < 0)
            die("cable: socket");
        if (connect(unit, (const struct sockaddr *)&address, sizeof address) == 0)
            carry(ways, (const int[]){unit, station});
        (void)close(unit);
        (void)close(station);
    }
}

static void read_options(int count, char **words)
{
    static const struct option names[] = {
        {"listen", required_argument, NULL, 'L'},
        {"to", required_argument, NULL, 't'},
        {"baud", required_argument, NULL, 'b'},
        {"spoil", required_argument, NULL, 's'},
        {"lose", required_argument, NULL, 'l'},
        {"double", required_argument, NULL, 'd'},
        {"cut", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(count, words, "", names, NULL)) != -1;) {
        switch (option) {
        case 'L':
            options.listen = optarg;
            break;
        case 't':
            options.to = optarg;
            break;
        case 'b':
            options.baud = strtol(optarg, NULL, 10);
            break;
        case 's':
            options.spoil = strtol(optarg, NULL, 10);
            break;
        case 'l':
            options.lose = strtol(optarg, NULL, 10);
            break;
        case 'd':
            options.twice = strtol(optarg, NULL, 10);
            break;
        case 'c':
            options.cut = strtol(optarg, NULL, 10);
            break;
        case 'S':
            options.seed = strtol(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (options.baud < 300)
        exit(2);
}

int main(int count, char **words)
{
    static struct way ways[2];
    read_options(count, words);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    const struct sigaction action = {.sa_handler = end}; /* without SA_RESTART: accept() returns */
    (void)sigaction(SIGTERM, &action, NULL);
    for (unsigned i = 0; i < 2; i++)
        memcpy(ways[i].dice, (const unsigned short[]){(unsigned short)options.seed, (unsigned short)i, 1},
               sizeof ways[i].dice);
    int listener = listen_at(options.listen);
    serve(listener, ways);
    (void)close(listener);
    return printf("to_unit=%llu to_station=%llu unit_ms=%.1f station_ms=%.1f\n", (unsigned long long)ways[0].carried,
                  (unsigned long long)ways[1].carried, (double)ways[0].waited_ns / 1e6,
                  (double)ways[1].waited_ns / 1e6) > 0
               ? 0
               : 1;
}
