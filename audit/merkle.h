/* merkle.h -- the Merkle tree of a log: heads, proofs, and their verification.
 *
 * A tree is grown leaf by leaf in a range, which keeps one hash for each whole subtree at its edge and nothing else: 64
 * hashes at most, however long the log is. Proofs are made from all leaf hashes and verified from almost nothing.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    audit/ may include base/ and libcrypto only
 * Spec     RFC 9162 section 2.1 (the same trees as RFC 6962), SHA-256
 */
#pragma once

#include "base/fault.h"

#define MERKLE_SIZE 32  /* bytes of a hash */
#define MERKLE_EDGES 64 /* a range of 2^64 - 1 leaves has so many */
#define MERKLE_PROOF_MAX 65

struct merkle_hash {
    uint8_t bytes[MERKLE_SIZE];
};

/* SHA-256 of the bytes, as they are. */
NODISCARD struct merkle_hash merkle_sha256(const void *bytes, size_t size);

/* SHA-256(0x00 || entry). The entry is in `bytes` from the second byte on: bytes[0] is free for the prefix and is set.
 */
NODISCARD NONNULL(1) struct merkle_hash merkle_leaf_in_place(uint8_t *bytes, size_t entry_size);
/* SHA-256(0x01 || left || right). */
NODISCARD NONNULL(1, 2) struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right);
NODISCARD NONNULL(1, 2) bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

/* A tree that grows at its end. All zero is the empty one. */
struct merkle_range {
    uint64_t size;                          /* leaves */
    struct merkle_hash edges[MERKLE_EDGES]; /* of the whole subtrees from left to right: one for each bit of size */
};

NODISCARD size_t merkle_range_edges(const struct merkle_range *range);
NONNULL(1, 2) void merkle_range_add(struct merkle_range *range, const struct merkle_hash *leaf);
/* The tree head; of an empty tree it is SHA-256 of nothing. */
NODISCARD NONNULL(1) struct merkle_hash merkle_range_root(const struct merkle_range *range);

struct merkle_proof {
    size_t count;
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
};

/* The head of the first `size` leaves. */
NODISCARD struct merkle_hash merkle_root(const struct merkle_hash *leaves, uint64_t size);

/* That leaf `index` is in the tree of `size` leaves. Faults: USAGE when there is no such leaf. */
NODISCARD NONNULL(4, 5) bool merkle_inclusion(const struct merkle_hash *leaves, uint64_t size, uint64_t index,
                                              struct merkle_proof *ret_proof, struct fault *fault);

/* That the tree of `size` leaves begins with the tree of `before` leaves. Faults: USAGE for before = 0 or beyond size.
 */
NODISCARD NONNULL(4, 5) bool merkle_consistency(const struct merkle_hash *leaves, uint64_t size, uint64_t before,
                                                struct merkle_proof *ret_proof, struct fault *fault);

/* RFC 9162 2.1.3.2. */
NODISCARD NONNULL(1, 4, 5) bool merkle_inclusion_holds(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                                                       const struct merkle_proof *proof,
                                                       const struct merkle_hash *root);

/* RFC 9162 2.1.4.2. Two trees of one size are consistent when their heads are equal and the proof is empty. */
NODISCARD NONNULL(3, 4, 5) bool merkle_consistency_holds(uint64_t before, uint64_t size,
                                                         const struct merkle_hash *root_before,
                                                         const struct merkle_hash *root,
                                                         const struct merkle_proof *proof);
