/* The trees against the published vectors of the certificate-transparency reference code, and against the recursive
 * definition of RFC 9162 2.1.1 written down once more, for every size up to 70 and random ones above. */
#include "audit/merkle.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 1000

static struct fault fault;
static struct merkle_hash leaves[MOST];

static struct merkle_hash of_hex(const char *hex)
{
    struct merkle_hash hash;
    if (!hex_read(hex, hash.bytes, sizeof hash.bytes, &fault))
        fail_msg("%s", fault.text);
    return hash;
}

/* ---- published: merkle_tree_test.cc of the certificate-transparency project ---- */

static const char *const inputs[] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};

static const char *const roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct vector {
    uint64_t first, size; /* the leaf, or the smaller tree; the tree */
    const char *proof[4];
};

static const struct vector inclusions[] = {
    {0, 1, {0}},
    {0, 2, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"}},
    {1, 2, {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"}},
    {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {1,
     5,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    {0,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5,
     8,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
};

static const struct vector consistencies[] = {
    {1, 1, {0}},
    {1,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {2,
     5,
     {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    {6,
     8,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
};

static void read_inputs(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
        uint8_t bytes[1 + 16];
        size_t size = strlen(inputs[i]) / 2;
        assert_true(hex_read(inputs[i], bytes + 1, size, &fault));
        leaves[i] = merkle_leaf_in_place(bytes, size);
    }
}

static void assert_hash(const struct merkle_hash *hash, const char *expected)
{
    const struct merkle_hash wanted = of_hex(expected);
    assert_memory_equal(hash->bytes, wanted.bytes, MERKLE_SIZE);
}

static void assert_proof(const struct merkle_proof *proof, const struct vector *vector)
{
    size_t count = 0;
    while (count < ARRAY_SIZE(vector->proof) && vector->proof[count])
        count++;
    assert_int_equal(proof->count, count);
    for (size_t i = 0; i < count; i++)
        assert_hash(&proof->hashes[i], vector->proof[i]);
}

static void published_heads(void **state)
{
    (void)state;
    struct merkle_range range = {0};
    read_inputs();
    for (size_t size = 0; size < ARRAY_SIZE(roots); size++) {
        struct merkle_hash root = merkle_range_root(&range), at_once = merkle_root(leaves, size);
        assert_hash(&root, roots[size]);
        assert_hash(&at_once, roots[size]);
        if (size < ARRAY_SIZE(inputs))
            merkle_range_add(&range, &leaves[size]);
    }
    assert_int_equal(range.size, 8);
    assert_int_equal(merkle_range_edges(&range), 1);
}

static void published_inclusion_proofs(void **state)
{
    (void)state;
    read_inputs();
    for (size_t i = 0; i < ARRAY_SIZE(inclusions); i++) {
        const struct vector *vector = &inclusions[i];
        struct merkle_proof proof;
        assert_true(merkle_inclusion(leaves, vector->size, vector->first, &proof, &fault));
        assert_proof(&proof, vector);
        const struct merkle_hash root = of_hex(roots[vector->size]);
        assert_true(merkle_inclusion_holds(&leaves[vector->first], vector->first, vector->size, &proof, &root));
    }
}

static void published_consistency_proofs(void **state)
{
    (void)state;
    read_inputs();
    for (size_t i = 0; i < ARRAY_SIZE(consistencies); i++) {
        const struct vector *vector = &consistencies[i];
        struct merkle_proof proof;
        assert_true(merkle_consistency(leaves, vector->size, vector->first, &proof, &fault));
        assert_proof(&proof, vector);
        const struct merkle_hash before = of_hex(roots[vector->first]), root = of_hex(roots[vector->size]);
        assert_true(merkle_consistency_holds(vector->first, vector->size, &before, &root, &proof));
    }
}

/* ---- the definition, once more: MTH, PATH and SUBPROOF as RFC 9162 2.1 writes them ---- */

static size_t naive_split(size_t size)
{
    size_t split = 1;
    while (2 * split < size)
        split *= 2;
    return split;
}

static struct merkle_hash naive_root(const struct merkle_hash *from, size_t size)
{
    if (size == 1)
        return from[0];
    size_t split = naive_split(size);
    struct merkle_hash left = naive_root(from, split), right = naive_root(from + split, size - split);
    return merkle_node(&left, &right);
}

static void naive_path(const struct merkle_hash *from, size_t size, size_t index, struct merkle_proof *proof)
{
    if (size == 1)
        return;
    size_t split = naive_split(size);
    bool left = index < split;
    naive_path(left ? from : from + split, left ? split : size - split, left ? index : index - split, proof);
    proof->hashes[proof->count++] = left ? naive_root(from + split, size - split) : naive_root(from, split);
}

static void naive_subproof(const struct merkle_hash *from, size_t size, size_t before, bool known,
                           struct merkle_proof *proof)
{
    if (before == size) {
        if (!known)
            proof->hashes[proof->count++] = naive_root(from, size);
        return;
    }
    size_t split = naive_split(size);
    if (before <= split) {
        naive_subproof(from, split, before, known, proof);
        proof->hashes[proof->count++] = naive_root(from + split, size - split);
    } else {
        naive_subproof(from + split, size - split, before - split, false, proof);
        proof->hashes[proof->count++] = naive_root(from, split);
    }
}

static void assert_same(const struct merkle_proof *proof, const struct merkle_proof *naive)
{
    assert_int_equal(proof->count, naive->count);
    assert_memory_equal(proof->hashes, naive->hashes, proof->count * sizeof *proof->hashes);
}

/* Every way in which somebody may bend a proof a little. */
static void refuse_bent_inclusion(size_t index, size_t size, const struct merkle_proof *proof,
                                  const struct merkle_hash *root)
{
    struct merkle_proof bent = *proof;
    struct merkle_hash other = *root;
    other.bytes[31] ^= 1;
    assert_false(merkle_inclusion_holds(&leaves[index], index, size, proof, &other));
    assert_false(merkle_inclusion_holds(&other, index, size, proof, root));
    assert_false(merkle_inclusion_holds(&leaves[index], size, size, proof, root));
    if (size > 1)
        assert_false(merkle_inclusion_holds(&leaves[index], index ^ 1, size, proof, root));
    bent.hashes[bent.count++] = *root;
    assert_false(merkle_inclusion_holds(&leaves[index], index, size, &bent, root));
    for (size_t i = 0; i < proof->count; i++) {
        bent = *proof;
        bent.hashes[i].bytes[i % MERKLE_SIZE] ^= 0x80;
        assert_false(merkle_inclusion_holds(&leaves[index], index, size, &bent, root));
    }
    if (proof->count > 0) {
        bent = *proof;
        bent.count--;
        assert_false(merkle_inclusion_holds(&leaves[index], index, size, &bent, root));
    }
}

static void refuse_bent_consistency(size_t before, size_t size, const struct merkle_hash *root_before,
                                    const struct merkle_hash *root, const struct merkle_proof *proof)
{
    struct merkle_proof bent = *proof;
    struct merkle_hash other = *root, old = *root_before;
    other.bytes[0] ^= 1;
    old.bytes[0] ^= 1;
    assert_false(merkle_consistency_holds(before, size, root_before, &other, proof));
    assert_false(merkle_consistency_holds(before, size, &old, root, proof));
    assert_false(merkle_consistency_holds(0, size, root_before, root, proof));
    assert_false(merkle_consistency_holds(size + 1, size, root_before, root, proof));
    bent.hashes[bent.count++] = *root;
    assert_false(merkle_consistency_holds(before, size, root_before, root, &bent));
    for (size_t i = 0; i < proof->count; i++) {
        bent = *proof;
        bent.hashes[i].bytes[i % MERKLE_SIZE] ^= 0x80;
        assert_false(merkle_consistency_holds(before, size, root_before, root, &bent));
    }
    if (proof->count > 0) {
        bent = *proof;
        bent.count--;
        assert_false(merkle_consistency_holds(before, size, root_before, root, &bent));
    }
}

static void check_inclusion(size_t index, size_t size, const struct merkle_hash *root)
{
    struct merkle_proof proof, naive = {0};
    assert_true(merkle_inclusion(leaves, size, index, &proof, &fault));
    naive_path(leaves, size, index, &naive);
    assert_same(&proof, &naive);
    assert_true(merkle_inclusion_holds(&leaves[index], index, size, &proof, root));
    refuse_bent_inclusion(index, size, &proof, root);
}

static void check_consistency(size_t before, size_t size, const struct merkle_hash *root)
{
    struct merkle_proof proof, naive = {0};
    const struct merkle_hash root_before = naive_root(leaves, before);
    assert_true(merkle_consistency(leaves, size, before, &proof, &fault));
    naive_subproof(leaves, size, before, true, &naive);
    assert_same(&proof, &naive);
    assert_true(merkle_consistency_holds(before, size, &root_before, root, &proof));
    refuse_bent_consistency(before, size, &root_before, root, &proof);
}

static void make_leaves(void)
{
    for (size_t i = 0; i < MOST; i++) {
        uint8_t entry[9] = {0};
        memcpy(entry + 1, &i, sizeof i);
        leaves[i] = merkle_leaf_in_place(entry, 8);
    }
}

static void every_small_tree_is_the_definitions(void **state)
{
    (void)state;
    struct merkle_range range = {0};
    make_leaves();
    for (size_t size = 1; size <= 70; size++) {
        merkle_range_add(&range, &leaves[size - 1]);
        assert_int_equal(merkle_range_edges(&range), __builtin_popcountll(size));
        const struct merkle_hash root = naive_root(leaves, size), grown = merkle_range_root(&range);
        assert_memory_equal(root.bytes, grown.bytes, MERKLE_SIZE);
        for (size_t i = 0; i < size; i++) {
            check_inclusion(i, size, &root);
            check_consistency(i + 1, size, &root);
        }
    }
}

static void random_large_trees_are_the_definitions(void **state)
{
    (void)state;
    unsigned seed = 20261124;
    print_message("seed %u\n", seed);
    make_leaves();
    for (unsigned run = 0; run < 300; run++) {
        size_t size = 71 + (size_t)rand_r(&seed) % (MOST - 71);
        const struct merkle_hash root = naive_root(leaves, size), at_once = merkle_root(leaves, size);
        assert_memory_equal(root.bytes, at_once.bytes, MERKLE_SIZE);
        check_inclusion((size_t)rand_r(&seed) % size, size, &root);
        check_consistency(1 + (size_t)rand_r(&seed) % size, size, &root);
    }
}

static void what_does_not_exist_is_refused(void **state)
{
    (void)state;
    struct merkle_proof proof = {.count = 3};
    make_leaves();
    assert_false(merkle_inclusion(leaves, 5, 5, &proof, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    assert_false(merkle_inclusion(leaves, 0, 0, &proof, &fault));
    assert_false(merkle_consistency(leaves, 5, 6, &proof, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    assert_false(merkle_consistency(leaves, 5, 0, &proof, &fault));
    assert_int_equal(proof.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_heads),
        cmocka_unit_test(published_inclusion_proofs),
        cmocka_unit_test(published_consistency_proofs),
        cmocka_unit_test(every_small_tree_is_the_definitions),
        cmocka_unit_test(random_large_trees_are_the_definitions),
        cmocka_unit_test(what_does_not_exist_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
