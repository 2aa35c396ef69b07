#include "station/line/line.h"

#include "base/channel.h"
#include "base/log.h"
#include "fixtures/port.h"
#include "jigs/read.h"
#include "station/flow/wait.h"
#include "station/line/scan.h"

#include <signal.h>
#include <string.h>

#define SAY_MS 5000
#define QUIET_MS 60000
#define AWAY_MS 1000 /* between two tries at a scanner that is away */
#define SCANNER_BAUD 115200

struct scanner_reader {
    const struct worker_options *options;
    struct port_options port;
    struct scan_collector collector;
    bool lost; /* the supervisor is gone */
};

static void say(struct scanner_reader *reader, struct scan_message *scan)
{
    struct fault fault;
    scan->version = MESSAGE_VERSION;
    scan->scanner = reader->options->index;
    reader->lost = !channel_send(WORKER_CHANNEL, scan, sizeof *scan, -1, deadline_in_ms(SAY_MS), &fault);
}

static void say_away(struct scanner_reader *reader, const struct fault *why)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "scanner.away");
    log_number(&line, "scanner", reader->options->index);
    log_fault(&line, why);
    log_end(&line);
    struct scan_message scan = {.kind = SCAN_REFUSED, .fault = FAULT_SCANNER_AWAY};
    say(reader, &scan);
}

/* Hands on what the scanner sends until it is away. */
static void read_scans(struct scanner_reader *reader, struct port *port, struct fault *fault)
{
    memset(&reader->collector, 0, sizeof reader->collector);
    while (!reader->lost) {
        uint8_t bytes[64];
        size_t count = 0;
        bool got = port_read(port, bytes, sizeof bytes, &count, deadline_in_ms(QUIET_MS), fault);
        if (!got && fault->code != FAULT_TIMED_OUT)
            return;
        struct scan_message scan;
        for (size_t i = 0; got && i < count; i++)
            if (scan_collect(&reader->collector, bytes[i], &scan))
                say(reader, &scan);
        explicit_bzero(bytes, sizeof bytes);
    }
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
    (void)signal(SIGINT, SIG_IGN);
    struct fault fault;
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(options->jig, &jig, &fault))
        return fault_exit(fault.code);
    if (options->index >= jig->scanner_count)
        return FAULT_EXIT_USAGE;
    const struct jig_scanner *scanner = &jig->scanners[options->index];
    struct scanner_reader reader = {
        .options = options,
        .port = {.maker = scanner->kind == PORT_SERIAL ? PORT_MAKER_SERIAL : PORT_MAKER_STREAM,
                 .path = scanner->path,
                 .baud = SCANNER_BAUD},
    };
    run(&reader);
    return FAULT_EXIT_OK;
}
