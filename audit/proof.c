#include "audit/proof.h"

#include "audit/entry.h"
#include "audit/lines.h"
#include "base/bytes.h"

#include <inttypes.h>
#include <string.h>

#define HASH_DIGITS (2 * (size_t)MERKLE_SIZE)

/* ---- written ---- */

/* The hashes behind one another; "-" for none. */
static void print_hashes(FILE *file, const struct merkle_proof *proof)
{
    char hex[HASH_DIGITS + 1];
    for (size_t i = 0; i < proof->count; i++) {
        hex_write(proof->hashes[i].bytes, MERKLE_SIZE, hex);
        (void)fputs(hex, file);
    }
    if (proof->count == 0)
        (void)fputc('-', file);
}

void proof_begin(FILE *file, const char *origin)
{
    (void)fprintf(file, PROOF_MARK "%s\n", origin);
}

void proof_growth(FILE *file, uint64_t before, uint64_t size, const struct merkle_proof *proof)
{
    (void)fprintf(file, "growth\t%" PRIu64 "\t%" PRIu64 "\t", before, size);
    print_hashes(file, proof);
    (void)fputc('\n', file);
}

void proof_leaf(FILE *file, uint64_t number, uint64_t size, const struct merkle_proof *proof, const char *entry)
{
    (void)fprintf(file, "leaf\t%" PRIu64 "\t%" PRIu64 "\t", number, size);
    print_hashes(file, proof);
    (void)fprintf(file, "\t%s\n", entry);
}

void proof_end(FILE *file, uint64_t leaves, uint64_t beyond)
{
    (void)fprintf(file, "end\t%" PRIu64 "\t%" PRIu64 "\n", leaves, beyond);
}

bool proof_serial(const char *entry, char ret_serial[PROOF_SERIAL_SIZE])
{
    struct entry read;
    if (!entry_read(entry, strlen(entry), &read))
        return false;
    memcpy(ret_serial, read.serial, sizeof read.serial);
    return true;
}

/* ---- checked ---- */

struct check {
    struct lines lines;
    struct proof_heads *heads;
    void (*tell)(void *context, const char *line);
    void *context;
    struct proof_sum sum;
    uint64_t leaves; /* lines of them */
};

static void check_end(struct check *check)
{
    lines_end(&check->lines);
}

bool proof_expect(struct proof_heads *heads, const char *note, size_t size, const char *name,
                  const struct checkpoint_keys *keys, struct fault *fault)
{
    struct proof_head head = {0};
    if (heads->count == PROOF_HEADS_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "at most %d heads", PROOF_HEADS_MAX);
    if (!checkpoint_read(note, size, keys, &head.checkpoint, fault))
        return fault_within(fault, "'%s'", name);
    if (heads->count > 0 && strcmp(head.checkpoint.origin, heads->each[0].checkpoint.origin) != 0)
        return fault_set(fault, FAULT_LOG_HEAD, 0, "'%s' is of another log than '%s'", name, heads->each[0].name);
    (void)snprintf(head.name, sizeof head.name, "%s", name);
    heads->each[heads->count++] = head;
    return true;
}

const struct proof_head *proof_largest(const struct proof_heads *heads)
{
    const struct proof_head *largest = &heads->each[0];
    for (size_t i = 1; i < heads->count; i++)
        if (heads->each[i].checkpoint.size > largest->checkpoint.size)
            largest = &heads->each[i];
    return largest;
}

static void find(struct check *check, const char *what, uint64_t number)
{
    char line[160];
    check->sum.findings++;
    (void)snprintf(line, sizeof line, "refused     line %" PRIu64 ": %s (%" PRIu64 ")", check->lines.number, what,
                   number);
    check->tell(check->context, line);
}

/* Hashes up to a tab or the end of the line: moves behind them, and leaves a terminator there. */
static bool take_hashes(char **from, char end, struct merkle_proof *ret_proof)
{
    char *at = *from;
    char *stop = end == '\0' ? at + strlen(at) : strchr(at, end);
    size_t digits = stop ? (size_t)(stop - at) : 0;
    struct merkle_proof proof = {.count = digits / HASH_DIGITS};
    struct fault ignored;
    if (!stop)
        return false;
    if (digits == 1 && *at == '-')
        digits = 0;
    if (digits % HASH_DIGITS != 0 || digits / HASH_DIGITS > MERKLE_PROOF_MAX)
        return false;
    for (size_t i = 0; i < proof.count; i++) {
        char hex[HASH_DIGITS + 1];
        memcpy(hex, at + i * HASH_DIGITS, HASH_DIGITS);
        hex[HASH_DIGITS] = '\0';
        if (!hex_read(hex, proof.hashes[i].bytes, MERKLE_SIZE, &ignored))
            return false;
    }
    *stop = '\0';
    *from = stop + (end != '\0');
    *ret_proof = proof;
    return true;
}

static const struct proof_head *head_of(const struct check *check, uint64_t size)
{
    for (size_t i = 0; i < check->heads->count; i++)
        if (check->heads->each[i].checkpoint.size == size)
            return &check->heads->each[i];
    return NULL;
}

/* before, size, hashes */
static bool check_growth(struct check *check, char *from, struct fault *fault)
{
    uint64_t before, size;
    struct merkle_proof proof;
    const struct proof_head *largest = proof_largest(check->heads);
    if (!lines_number(&from, '\t', &before) || !lines_number(&from, '\t', &size) || !take_hashes(&from, '\0', &proof))
        return lines_bad(&check->lines, "a growth is two sizes and hashes", fault);
    if (size != largest->checkpoint.size) {
        find(check, "growth up to a size that is not the largest given head's", size);
        return true;
    }
    for (size_t i = 0; i < check->heads->count; i++) {
        struct proof_head *head = &check->heads->each[i];
        if (head->checkpoint.size == before)
            head->grown =
                merkle_consistency_holds(before, size, &head->checkpoint.root, &largest->checkpoint.root, &proof);
    }
    return true;
}

static void tell_leaf(struct check *check, uint64_t number, const char *entry, size_t size,
                      const struct proof_head *head)
{
    struct entry read;
    char line[256];
    check->sum.held++;
    if (entry_read(entry, size, &read))
        (void)snprintf(line, sizeof line, "leaf %" PRIu64 "  %s  step %u  %s  in the log of %s", number, read.serial,
                       read.seq, read.state, head->name);
    else
        (void)snprintf(line, sizeof line, "leaf %" PRIu64 "  of another form  in the log of %s", number, head->name);
    check->tell(check->context, line);
}

/* number, size, hashes, entry */
static bool check_leaf(struct check *check, char *from, const char *end, struct fault *fault)
{
    uint64_t number, size;
    struct merkle_proof proof;
    if (!lines_number(&from, '\t', &number) || !lines_number(&from, '\t', &size) || !take_hashes(&from, '\t', &proof))
        return lines_bad(&check->lines, "a leaf is a number, a size, hashes and an entry", fault);
    check->leaves++;
    const struct proof_head *head = head_of(check, size);
    size_t entry_size = (size_t)(end - from);
    /* The terminator behind the hashes makes room for the leaf's prefix. */
    struct merkle_hash leaf = merkle_leaf_in_place((uint8_t *)from - 1, entry_size);
    if (!head)
        find(check, "no head of so many leaves was given", size);
    else if (!merkle_inclusion_holds(&leaf, number, size, &proof, &head->checkpoint.root))
        find(check, "this is not in the log as leaf", number);
    else
        tell_leaf(check, number, from, entry_size, head);
    return true;
}

static bool check_last(struct check *check, char *from, struct fault *fault)
{
    uint64_t written;
    char *line;
    size_t size;
    if (!lines_number(&from, '\t', &written) || !lines_number(&from, '\0', &check->sum.beyond) ||
        written != check->leaves)
        return lines_bad(&check->lines, "the file has not as many leaves as it says", fault);
    if (!lines_next(&check->lines, &line, &size, fault))
        return false;
    return !line || lines_bad(&check->lines, "something stands behind the end", fault);
}

/* Every given head is the largest one's log at an earlier time, or the same. */
static void check_heads(struct check *check)
{
    const struct proof_head *largest = proof_largest(check->heads);
    for (size_t i = 0; i < check->heads->count; i++) {
        const struct proof_head *head = &check->heads->each[i];
        bool same = head->checkpoint.size == largest->checkpoint.size &&
                    merkle_equal(&head->checkpoint.root, &largest->checkpoint.root);
        char line[192];
        (void)snprintf(line, sizeof line, "%s  %s, %" PRIu64 " leaves: %s", same || head->grown ? "head" : "refused   ",
                       head->name, head->checkpoint.size,
                       same          ? "what leaves are held against"
                       : head->grown ? "the log went on from it"
                                     : "nothing shows that the log went on from it");
        check->sum.findings += !(same || head->grown);
        check->tell(check->context, line);
    }
}

static bool check_lines(struct check *check, struct fault *fault)
{
    for (;;) {
        char *line;
        size_t size;
        if (!lines_next(&check->lines, &line, &size, fault))
            return false;
        if (!line)
            return lines_bad(&check->lines, "the file is cut: it has no end line", fault);
        if (strncmp(line, "end\t", 4) == 0)
            return check_last(check, line + 4, fault);
        bool leaf = strncmp(line, "leaf\t", 5) == 0;
        if (!leaf && strncmp(line, "growth\t", 7) != 0)
            return lines_bad(&check->lines, "neither growth nor leaf nor end", fault);
        if (leaf ? !check_leaf(check, line + 5, line + size, fault) : !check_growth(check, line + 7, fault))
            return false;
    }
}

bool proof_verify(FILE *file, struct proof_heads *heads, void (*tell)(void *context, const char *line), void *context,
                  struct proof_sum *ret_sum, struct fault *fault)
{
    CLEANUP(check_end) struct check check = {.heads = heads, .tell = tell, .context = context};
    char *line;
    size_t size;
    if (heads->count == 0)
        return fault_set(fault, FAULT_USAGE, 0, "a proof holds against a head that was kept: none was given");
    if (!lines_begin(&check.lines, file, fault) || !lines_next(&check.lines, &line, &size, fault))
        return false;
    if (!line || strncmp(line, PROOF_MARK, strlen(PROOF_MARK)) != 0)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "this is no proof of version 1");
    if (strcmp(line + strlen(PROOF_MARK), heads->each[0].checkpoint.origin) != 0)
        return fault_set(fault, FAULT_LOG_HEAD, 0, "the proof is of another log than the given heads");
    if (!check_lines(&check, fault))
        return false;
    check_heads(&check);
    *ret_sum = check.sum;
    return true;
}
