#include "hsm/weak.h"

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 1000
#define X_SIZE 32

/* Private keys that are printed in standards. */
static const char *const printed[] = {
    "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", /* RFC 6979 A.2.5 */
    "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433", /* RFC 5903 8.1, initiator */
    "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53", /* RFC 5903 8.1, responder */
    "E6CB5BDD80AA45AE9C95E8C15476679FFEC953C16851E711E743939589C64FC1", /* RFC 9500 2.3, testECCP256 */
};

/* X of each, in order. A key and its negative have one X, so 1000 of them are the largest private keys too. */
static uint8_t known[SMALL + ARRAY_SIZE(printed)][X_SIZE];
static bool is_known;

DEFINE_CLEANUP(EC_GROUP *, EC_GROUP_free)
DEFINE_CLEANUP(EC_POINT *, EC_POINT_free)
DEFINE_CLEANUP(BN_CTX *, BN_CTX_free)

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, X_SIZE);
}

static bool put(const EC_GROUP *group, const EC_POINT *point, size_t index, BN_CTX *context)
{
    CLEANUP(BN_freep) BIGNUM *x = BN_new();
    return x && EC_POINT_get_affine_coordinates(group, point, x, NULL, context) == 1 &&
           BN_bn2binpad(x, known[index], X_SIZE) == X_SIZE;
}

static bool put_printed(const EC_GROUP *group, size_t index, BN_CTX *context)
{
    CLEANUP(BN_freep) BIGNUM *key = NULL;
    CLEANUP(EC_POINT_freep) EC_POINT *point = EC_POINT_new(group);
    return point && BN_hex2bn(&key, printed[index]) > 0 && EC_POINT_mul(group, point, key, NULL, NULL, context) == 1 &&
           put(group, point, SMALL + index, context);
}

static void make_list(void)
{
    CLEANUP(EC_GROUP_freep) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    CLEANUP(BN_CTX_freep) BN_CTX *context = BN_CTX_new();
    CLEANUP(EC_POINT_freep) EC_POINT *point = group ? EC_POINT_new(group) : NULL;
    bool good = context && point && EC_POINT_copy(point, EC_GROUP_get0_generator(group)) == 1;
    for (size_t i = 0; good && i < SMALL; i++)
        good = put(group, point, i, context) &&
               EC_POINT_add(group, point, point, EC_GROUP_get0_generator(group), context) == 1;
    for (size_t i = 0; good && i < ARRAY_SIZE(printed); i++)
        good = put_printed(group, i, context);
    qsort(known, ARRAY_SIZE(known), X_SIZE, compare);
    is_known = good;
}

bool weak_key(const uint8_t point[POINT_SIZE], bool *ret_weak, struct fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_list);
    if (!is_known)
        return crypto_failed(fault, FAULT_CRYPTO, "list of weak keys");
    *ret_weak = bsearch(point + 1, known, ARRAY_SIZE(known), X_SIZE, compare) != NULL;
    return true;
}
