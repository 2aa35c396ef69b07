#include "audit/merkle.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_PREFIX 0
#define NODE_PREFIX 1

/* One for each thread, for its whole life: to look the algorithm up each time costs more than to hash. Without a hash
 * there is nothing to say about a log, and no caller could say it. */
static EVP_MD_CTX *hasher(void)
{
    static _Thread_local EVP_MD_CTX *context;
    if (!context) {
        context = EVP_MD_CTX_new();
        if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
            abort();
    }
    return context;
}

struct merkle_hash merkle_sha256(const void *bytes, size_t size)
{
    struct merkle_hash hash;
    EVP_MD_CTX *context = hasher();
    if (EVP_DigestInit_ex(context, NULL, NULL) != 1 || EVP_DigestUpdate(context, bytes, size) != 1 ||
        EVP_DigestFinal_ex(context, hash.bytes, NULL) != 1)
        abort();
    return hash;
}

struct merkle_hash merkle_leaf_in_place(uint8_t *bytes, size_t entry_size)
{
    bytes[0] = LEAF_PREFIX;
    return merkle_sha256(bytes, 1 + entry_size);
}

struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right)
{
    uint8_t bytes[1 + 2 * MERKLE_SIZE] = {NODE_PREFIX};
    memcpy(bytes + 1, left->bytes, MERKLE_SIZE);
    memcpy(bytes + 1 + MERKLE_SIZE, right->bytes, MERKLE_SIZE);
    return merkle_sha256(bytes, sizeof bytes);
}

bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->bytes, b->bytes, MERKLE_SIZE) == 0;
}

size_t merkle_range_edges(const struct merkle_range *range)
{
    return (size_t)__builtin_popcountll(range->size);
}

/* Each trailing one of the old size is a whole subtree that the new leaf completes to a larger one. */
void merkle_range_add(struct merkle_range *range, const struct merkle_hash *leaf)
{
    struct merkle_hash hash = *leaf;
    size_t at = merkle_range_edges(range);
    for (uint64_t ones = range->size; ones & 1; ones >>= 1)
        hash = merkle_node(&range->edges[--at], &hash);
    range->edges[at] = hash;
    range->size++;
}

struct merkle_hash merkle_range_root(const struct merkle_range *range)
{
    size_t at = merkle_range_edges(range);
    if (at == 0)
        return merkle_sha256("", 0);
    struct merkle_hash root = range->edges[--at];
    while (at > 0)
        root = merkle_node(&range->edges[--at], &root);
    return root;
}

struct merkle_hash merkle_root(const struct merkle_hash *leaves, uint64_t size)
{
    struct merkle_range range = {0};
    for (uint64_t i = 0; i < size; i++)
        merkle_range_add(&range, &leaves[i]);
    return merkle_range_root(&range);
}

/* The largest power of two below `size`, which is 2 or more: where the tree is split. */
static uint64_t split_of(uint64_t size)
{
    return 1ULL << (63 - __builtin_clzll(size - 1));
}

/* Downwards each level adds its sibling; the proof lists them from the leaf up. */
static void add_reversed(struct merkle_proof *proof, const struct merkle_hash *downwards, size_t count)
{
    while (count > 0)
        proof->hashes[proof->count++] = downwards[--count];
}

bool merkle_inclusion(const struct merkle_hash *leaves, uint64_t size, uint64_t index, struct merkle_proof *ret_proof,
                      struct fault *fault)
{
    if (index >= size)
        return fault_set(fault, FAULT_USAGE, 0, "leaf %llu of a log of %llu", (unsigned long long)index,
                         (unsigned long long)size);
    struct merkle_hash downwards[MERKLE_PROOF_MAX];
    size_t count = 0;
    while (size > 1) {
        uint64_t split = split_of(size);
        if (index < split) {
            downwards[count++] = merkle_root(leaves + split, size - split);
            size = split;
        } else {
            downwards[count++] = merkle_root(leaves, split);
            leaves += split;
            index -= split;
            size -= split;
        }
    }
    ret_proof->count = 0;
    add_reversed(ret_proof, downwards, count);
    return true;
}

bool merkle_consistency(const struct merkle_hash *leaves, uint64_t size, uint64_t before,
                        struct merkle_proof *ret_proof, struct fault *fault)
{
    if (before == 0 || before > size)
        return fault_set(fault, FAULT_USAGE, 0, "a log of %llu does not begin with one of %llu",
                         (unsigned long long)size, (unsigned long long)before);
    struct merkle_hash downwards[MERKLE_PROOF_MAX];
    size_t count = 0;
    bool is_old_tree = true; /* the subtree in hand is the old tree itself, whose head the verifier has */
    while (before != size) {
        uint64_t split = split_of(size);
        if (before <= split) {
            downwards[count++] = merkle_root(leaves + split, size - split);
            size = split;
        } else {
            downwards[count++] = merkle_root(leaves, split);
            leaves += split;
            before -= split;
            size -= split;
            is_old_tree = false;
        }
    }
    ret_proof->count = 0;
    if (!is_old_tree)
        ret_proof->hashes[ret_proof->count++] = merkle_root(leaves, size);
    add_reversed(ret_proof, downwards, count);
    return true;
}

bool merkle_inclusion_holds(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                            const struct merkle_proof *proof, const struct merkle_hash *root)
{
    if (index >= size || proof->count > MERKLE_PROOF_MAX)
        return false;
    uint64_t at = index, last = size - 1;
    struct merkle_hash hash = *leaf;
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return false;
        if (at & 1 || at == last) {
            hash = merkle_node(&proof->hashes[i], &hash);
            while (!(at & 1) && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = merkle_node(&hash, &proof->hashes[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && merkle_equal(&hash, root);
}

bool merkle_consistency_holds(uint64_t before, uint64_t size, const struct merkle_hash *root_before,
                              const struct merkle_hash *root, const struct merkle_proof *proof)
{
    if (before == 0 || before > size || proof->count > MERKLE_PROOF_MAX)
        return false;
    if (before == size)
        return proof->count == 0 && merkle_equal(root_before, root);
    if (proof->count == 0)
        return false;

    /* A whole tree is the first hash of its own path; the proof leaves it out. */
    bool is_whole = (before & (before - 1)) == 0;
    size_t next = is_whole ? 0 : 1;
    struct merkle_hash old_hash = is_whole ? *root_before : proof->hashes[0];
    struct merkle_hash new_hash = old_hash;
    uint64_t at = before - 1, last = size - 1;
    while (at & 1) {
        at >>= 1;
        last >>= 1;
    }
    for (; next < proof->count; next++) {
        if (last == 0)
            return false;
        const struct merkle_hash *sibling = &proof->hashes[next];
        if (at & 1 || at == last) {
            old_hash = merkle_node(sibling, &old_hash);
            new_hash = merkle_node(sibling, &new_hash);
            while (!(at & 1) && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = merkle_node(&new_hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && merkle_equal(&old_hash, root_before) && merkle_equal(&new_hash, root);
}
