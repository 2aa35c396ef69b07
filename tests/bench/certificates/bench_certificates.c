/* How many certificates a second, from the unit's request to the finished DER, beside others on the same token?
 *
 * Each peer works in a process of its own and takes a turn in each round, so that what else the machine does meanwhile
 * meets all of them. A ratio is the median of the ratios within one round. The last certificate of each peer is
 * verified by two programs: what does not verify is not compared. */
#include "base/clock.h"
#include "base/process.h"
#include "tests/bench/certificates/peer.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID "bench/said.txt"
#define ROUNDS_MAX 101
#define LINE_MAX_SIZE 300
#define TARGET_UNVERIFIED 1.5
#define TARGET_WHOLE 1.0

static const struct peer *const peers[] = {
    &peer_kokuin_unverified, &peer_kokuin,     &peer_gnutls,       &peer_engine,   &peer_software,
    &peer_openssl_batch,     &peer_openssl_ca, &peer_openssl_x509, &peer_certtool, &peer_sign,
};
#define PEERS ARRAY_SIZE(peers)
#define UNVERIFIED 0
#define WHOLE 1
#define FIRST_OTHER 2

struct worker {
    pid_t pid;
    FILE *orders, *answers;
    double rates[ROUNDS_MAX]; /* certificates a second, one for each round */
};

struct options {
    unsigned rounds;
    unsigned turn; /* 0: each peer's own */
    bool json;
};

static struct bench bench;
static struct worker workers[PEERS];

static bool find_peer(const char *name, const struct peer **ret_peer)
{
    for (size_t i = 0; i < PEERS; i++) {
        if (strcmp(peers[i]->name, name) == 0) {
            *ret_peer = peers[i];
            return true;
        }
    }
    return false;
}

/* A worker: each line on standard input is a number of certificates, each line of output how many nanoseconds. */
static bool work(const struct peer *peer, struct fault *fault)
{
    char line[LINE_MAX_SIZE];
    if (!secret_arena_open(1 << 16, fault) || !bench_load(&bench, fault) || !peer->open(&bench, fault))
        return false;
    while (fgets(line, sizeof line, stdin)) {
        char *path = strchr(line, '/');
        if (path) {
            path[strcspn(path, "\n")] = '\0';
            if (!peer->save(&bench, path, fault))
                return false;
            (void)puts("0");
        } else {
            int64_t start = clock_monotonic_ns();
            if (!peer->issue(&bench, strtoul(line, NULL, 10), fault))
                return false;
            (void)printf("%lld\n", (long long)(clock_monotonic_ns() - start));
        }
        (void)fflush(stdout);
    }
    peer->close();
    return true;
}

static int work_main(const char *name, const char *directory)
{
    struct fault fault = {0};
    const struct peer *peer;
    (void)snprintf(bench.directory, sizeof bench.directory, "%s", directory);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!find_peer(name, &peer))
        return 2;
    if (work(peer, &fault))
        return 0;
    (void)fprintf(stderr, "%s: %s: %s\n", name, fault_name(fault.code), fault.text);
    return 1;
}

/* The commands talk on standard error: it is shown only when something fails. */
static bool start(const struct peer *peer, struct worker *worker, struct fault *fault)
{
    int orders[2], answers[2];
    char path[BENCH_PATH];
    bench_path(&bench, SAID, path);
    int said = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (said < 0 || pipe2(orders, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0)
        return fault_set(fault, FAULT_SYSTEM, 0, "pipe");
    const char *const argv[] = {"bench_certificates", "--worker", peer->name, bench.directory, NULL};
    const struct process_descriptor descriptors[] = {
        {orders[0], STDIN_FILENO}, {answers[1], STDOUT_FILENO}, {said, STDERR_FILENO}};
    const struct process_options options = {
        .argv = argv, .descriptors = descriptors, .descriptor_count = 3, .death_signal = SIGKILL};
    bool started = process_start(&options, &worker->pid, fault);
    (void)close(said);
    (void)close(orders[0]);
    (void)close(answers[1]);
    worker->orders = fdopen(orders[1], "w");
    worker->answers = fdopen(answers[0], "r");
    return started && worker->orders && worker->answers;
}

static bool ask(struct worker *worker, const char *order, double *ret_nanoseconds)
{
    char line[LINE_MAX_SIZE];
    if (fprintf(worker->orders, "%s\n", order) < 0 || fflush(worker->orders) != 0 ||
        !fgets(line, sizeof line, worker->answers))
        return false;
    *ret_nanoseconds = strtod(line, NULL);
    return true;
}

static bool take_turn(size_t index, unsigned turn, double *ret_rate, struct fault *fault)
{
    char order[32];
    double nanoseconds;
    size_t count = turn != 0 && turn < peers[index]->turn ? turn : peers[index]->turn;
    (void)snprintf(order, sizeof order, "%zu", count);
    if (!ask(&workers[index], order, &nanoseconds))
        return fault_set(fault, FAULT_SYSTEM, 0, "%s does not work", peers[index]->name);
    *ret_rate = (double)count * 1e9 / nanoseconds;
    return true;
}

static bool verifies(size_t index, struct fault *fault)
{
    char latest[BENCH_PATH], root[BENCH_PATH], issuing[BENCH_PATH];
    double ignored;
    bench_path(&bench, "bench/verified.pem", latest);
    bench_path(&bench, peers[index]->software ? "bench/software.pem" : "ca/root.pem", root);
    bench_path(&bench, peers[index]->software ? "bench/software.pem" : "ca/issuing-1.pem", issuing);
    const char *const openssl[] = {"openssl",    "verify", "-x509_strict", "-CAfile", root,
                                   "-untrusted", issuing,  latest,         NULL};
    const char *const certtool[] = {
        "sh", "-c", "cat \"$1\" \"$2\" | certtool --verify --load-ca-certificate \"$3\" 2>&1", "sh", latest, issuing,
        root, NULL};
    char said[4096];
    if (!ask(&workers[index], latest, &ignored))
        return fault_set(fault, FAULT_SYSTEM, 0, "%s saves no certificate", peers[index]->name);
    if (command_read(openssl, said, sizeof said) != 0 || command_read(certtool, said, sizeof said) != 0)
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "%s: its certificate does not verify: %.100s",
                         peers[index]->name, said);
    return true;
}

static bool measure(const struct options *options, struct fault *fault)
{
    double warm;
    for (size_t i = 0; i < PEERS; i++)
        if (!start(peers[i], &workers[i], fault) || !take_turn(i, options->turn, &warm, fault))
            return false;
    for (unsigned round = 0; round < options->rounds; round++)
        for (size_t i = 0; i < PEERS; i++)
            if (!take_turn(i, options->turn, &workers[i].rates[round], fault))
                return false;
    for (size_t i = 0; i < PEERS; i++)
        if (!peers[i]->signs_only && !verifies(i, fault))
            return false;
    return true;
}

static bool end_workers(void)
{
    bool well = true;
    for (size_t i = 0; i < PEERS; i++) {
        int status = 0;
        if (workers[i].orders)
            (void)fclose(workers[i].orders);
        if (workers[i].pid > 0)
            well = waitpid(workers[i].pid, &status, 0) == workers[i].pid && status == 0 && well;
        if (workers[i].answers)
            (void)fclose(workers[i].answers);
    }
    return well;
}

static void show_what_was_said(void)
{
    char path[BENCH_PATH], line[LINE_MAX_SIZE];
    bench_path(&bench, SAID, path);
    FILE *said = fopen(path, "re");
    while (said && fgets(line, sizeof line, said))
        (void)fputs(line, stderr);
    if (said)
        (void)fclose(said);
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts a copy. */
static double median(const double *values, unsigned count)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double ratio(size_t ours, size_t theirs, unsigned rounds)
{
    double ratios[ROUNDS_MAX];
    for (unsigned i = 0; i < rounds; i++)
        ratios[i] = workers[ours].rates[i] / workers[theirs].rates[i];
    return median(ratios, rounds);
}

/* The best of those that make the certificate of one unit with the token's key in the way that it is asked for. */
static size_t best_peer(unsigned rounds)
{
    size_t best = FIRST_OTHER;
    for (size_t i = FIRST_OTHER; i < PEERS; i++)
        if (!peers[i]->signs_only && median(workers[i].rates, rounds) > median(workers[best].rates, rounds))
            best = i;
    return best;
}

static void print_table(unsigned rounds)
{
    (void)printf("%-30s %9s %20s %12s %12s\n", "certificates a second", "median", "lowest..highest", "unverified",
                 "hsm/ whole");
    (void)printf("%-30s %9s %20s %12s %12s\n", "", "", "", "is x times", "is x times");
    for (size_t i = 0; i < PEERS; i++) {
        double lowest = workers[i].rates[0], highest = lowest;
        char span[32];
        for (unsigned round = 1; round < rounds; round++) {
            lowest = workers[i].rates[round] < lowest ? workers[i].rates[round] : lowest;
            highest = workers[i].rates[round] > highest ? workers[i].rates[round] : highest;
        }
        (void)snprintf(span, sizeof span, "%.0f..%.0f", lowest, highest);
        (void)printf("%-30s %9.0f %20s %12.2f %12.2f\n", peers[i]->name, median(workers[i].rates, rounds), span,
                     ratio(UNVERIFIED, i, rounds), ratio(WHOLE, i, rounds));
    }
    size_t best = best_peer(rounds);
    double unverified = ratio(UNVERIFIED, best, rounds), whole = ratio(WHOLE, best, rounds);
    (void)printf("\n%u rounds, each peer one turn in each; all on one SoftHSM, one thread, this machine alone.\n",
                 rounds);
    (void)printf("The best peer is %s.\n", peers[best]->name);
    (void)printf("  without the final verification %.2f times it, target %.1f: %s\n", unverified, TARGET_UNVERIFIED,
                 unverified >= TARGET_UNVERIFIED ? "met" : "missed");
    (void)printf("  with it                        %.2f times it, target %.1f: %s\n", whole, TARGET_WHOLE,
                 whole >= TARGET_WHOLE ? "met" : "missed");
    (void)printf("\nWhat each leaves out of the work of hsm/:\n");
    for (size_t i = 0; i < PEERS; i++)
        (void)printf("  %-30s %s\n", peers[i]->name, peers[i]->lacks);
}

static void print_json(unsigned rounds)
{
    size_t best = best_peer(rounds);
    (void)printf("{\"rounds\":%u,\"best_peer\":\"%s\",\"unverified_ratio\":%.3f,\"unverified_target\":%.1f,"
                 "\"whole_ratio\":%.3f,\"whole_target\":%.1f,\"peers\":[",
                 rounds, peers[best]->name, ratio(UNVERIFIED, best, rounds), TARGET_UNVERIFIED,
                 ratio(WHOLE, best, rounds), TARGET_WHOLE);
    for (size_t i = 0; i < PEERS; i++) {
        (void)printf("%s{\"name\":\"%s\",\"median_per_second\":%.1f,\"unverified_ratio\":%.3f,\"whole_ratio\":%.3f,"
                     "\"leaves_out\":\"%s\",\"per_second\":[",
                     i == 0 ? "" : ",", peers[i]->name, median(workers[i].rates, rounds), ratio(UNVERIFIED, i, rounds),
                     ratio(WHOLE, i, rounds), peers[i]->lacks);
        for (unsigned round = 0; round < rounds; round++)
            (void)printf("%s%.1f", round == 0 ? "" : ",", workers[i].rates[round]);
        (void)printf("]}");
    }
    (void)printf("]}\n");
}

static void usage(FILE *to)
{
    (void)fprintf(to,
                  "usage: bench_certificates [--rounds N] [--turn N] [--json]\n\n"
                  "  --rounds N  how often each peer takes a turn, 1 to %d (default: 9)\n"
                  "  --turn N    at most so many certificates in a turn (default: each peer's own, 8 to 256)\n"
                  "  --json      the figures as one JSON object\n",
                  ROUNDS_MAX);
}

static bool read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option known[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"turn", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.rounds = 9};
    for (int which; (which = getopt_long(argc, argv, "", known, NULL)) >= 0;) {
        if (which == 'r')
            options.rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (which == 't')
            options.turn = (unsigned)strtoul(optarg, NULL, 10);
        else if (which == 'j')
            options.json = true;
        else
            return false;
    }
    *ret_options = options;
    return optind == argc && options.rounds >= 1 && options.rounds <= ROUNDS_MAX;
}

static bool run(const struct options *options, struct fault *fault)
{
    struct softhsm softhsm;
    if (!softhsm_start(&softhsm, fault))
        return false;
    (void)snprintf(bench.directory, sizeof bench.directory, "%s", softhsm.directory);
    bool measured = softhsm_plant(&softhsm, fault) && bench_prepare(&bench, fault) && measure(options, fault);
    bool ended = end_workers();
    if (!measured || !ended)
        show_what_was_said();
    softhsm_end(&softhsm);
    return measured && (ended || fault_set(fault, FAULT_SYSTEM, 0, "a peer did not end well"));
}

int main(int argc, char **argv)
{
    struct options options;
    struct fault fault = {0};
    if (argc == 4 && strcmp(argv[1], "--worker") == 0)
        return work_main(argv[2], argv[3]);
    if (!read_options(argc, argv, &options)) {
        usage(stderr);
        return FAULT_EXIT_USAGE;
    }
    if (!run(&options, &fault)) {
        (void)fprintf(stderr, "bench_certificates: %s: %s; nothing was measured\n", fault_name(fault.code), fault.text);
        return 1;
    }
    if (options.json)
        print_json(options.rounds);
    else
        print_table(options.rounds);
    return 0;
}
