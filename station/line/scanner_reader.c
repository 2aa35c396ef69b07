#include "station/line/line.h"

#include "base/channel.h"
#include "base/log.h"
#include "fixtures/port.h"
#include "jigs/read.h"
#include "station/flow/wait.h"
#include "station/line/key_scan.h"

#include <signal.h>
#include <string.h>

#define SAY_MS 5000
#define QUIET_MS 60000
#define AWAY_MS 1000 /* between two tries at a scanner that is away */
#define SCANNER_BAUD 115200

struct scanner_reader {
    const struct worker_options *options;
    struct port_options port;
    /* which of the two is used, the port says */
    struct scan_collector characters;
    struct key_collector keys;
    bool lost; /* the supervisor is gone */
};

static void say(struct scanner_reader *reader, struct scan_message *scan)
{
    struct fault fault;
    scan->version = MESSAGE_VERSION;
    scan->scanner = reader->options->index;
    reader->lost = !channel_send(WORKER_CHANNEL, scan, sizeof *scan, -1, deadline_in_ms(SAY_MS), &fault);
}

/* A scanner that is away is plugged in again; everything else takes somebody who knows what is plugged in there. */
static void say_away(struct scanner_reader *reader, const struct fault *why)
{
    bool unusable = why->code == FAULT_PORT_NOT_FOUND || why->code == FAULT_PORT_BUSY;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "scanner.away");
    log_number(&line, "scanner", reader->options->index);
    log_fault(&line, why);
    log_end(&line);
    struct scan_message scan = {.kind = SCAN_REFUSED,
                                .fault = (uint32_t)(unusable ? FAULT_SCANNER_UNUSABLE : FAULT_SCANNER_AWAY)};
    say(reader, &scan);
}

static void take_characters(struct scanner_reader *reader, const uint8_t *bytes, size_t count)
{
    struct scan_message scan;
    for (size_t i = 0; i < count; i++)
        if (scan_collect(&reader->characters, bytes[i], &scan))
            say(reader, &scan);
}

static void take_keys(struct scanner_reader *reader, const uint8_t *bytes, size_t count)
{
    struct scan_message scan;
    struct key_event event;
    for (size_t i = 0; i < count; i += KEY_EVENT_BYTES) {
        event = key_event_read(bytes + i);
        if (key_collect(&reader->keys, &event, &scan))
            say(reader, &scan);
    }
    explicit_bzero(&event, sizeof event);
}

/* A scan that was begun and not ended is truncated: what comes next is another one. */
static void take_pause(struct scanner_reader *reader)
{
    struct scan_message scan;
    if (scan_collect_end(&reader->characters, &scan) || key_collect_end(&reader->keys, &scan))
        say(reader, &scan);
}

/* Hands on what the scanner sends until it is away. */
static void read_scans(struct scanner_reader *reader, struct port *port, struct fault *fault)
{
    uint8_t bytes[64 * KEY_EVENT_BYTES];
    bool away = false;
    while (!reader->lost && !away) {
        size_t count = 0;
        bool begun = reader->characters.size > 0 || reader->keys.keys > 0 || reader->keys.lost;
        struct deadline deadline = deadline_in_ms(begun ? SCAN_PAUSE_MS : QUIET_MS);
        bool got = port_read(port, bytes, sizeof bytes, &count, deadline, fault);
        if (!got && fault->code == FAULT_TIMED_OUT)
            take_pause(reader);
        else if (!got)
            away = true;
        else if (reader->port.maker == PORT_MAKER_KEYBOARD)
            take_keys(reader, bytes, count);
        else
            take_characters(reader, bytes, count);
        explicit_bzero(bytes, sizeof bytes);
    }
    /* Half a scan must not wait for the next connection, and need not be told of: the scanner itself is away. */
    explicit_bzero(&reader->characters, sizeof reader->characters);
    explicit_bzero(&reader->keys, sizeof reader->keys);
}

/* One connection to the scanner, from its opening to its end. */
static bool attend(struct scanner_reader *reader, struct fault *fault)
{
    CLEANUP(port_closep) struct port *port = NULL;
    if (!port_open(&reader->port, &port, fault))
        return false;
    read_scans(reader, port, fault);
    return true;
}

static void run(struct scanner_reader *reader)
{
    bool away = false;
    while (!reader->lost) {
        struct fault fault;
        bool attended = attend(reader, &fault);
        if (!reader->lost && (attended || !away))
            say_away(reader, &fault);
        away = true;
        wait_until(deadline_in_ms(AWAY_MS));
    }
}

int scanner_reader_run(const struct worker_options *options)
{
    static const enum port_maker makers[] = {
        [PORT_SERIAL] = PORT_MAKER_SERIAL, [PORT_STREAM] = PORT_MAKER_STREAM, [PORT_KEYBOARD] = PORT_MAKER_KEYBOARD};
    (void)signal(SIGINT, SIG_IGN);
    struct fault fault;
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(options->jig, &jig, &fault))
        return (int)fault_exit(fault.code);
    if (options->index >= jig->scanner_count)
        return FAULT_EXIT_USAGE;
    const struct jig_scanner *scanner = &jig->scanners[options->index];
    struct scanner_reader reader = {
        .options = options,
        .port = {.maker = makers[scanner->kind], .path = scanner->path, .baud = SCANNER_BAUD},
    };
    run(&reader);
    return FAULT_EXIT_OK;
}
