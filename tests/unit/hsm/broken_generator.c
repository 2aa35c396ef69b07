/* broken_generator -- a PKCS#11 module that is SoftHSM in everything but its generator of random bytes.
 *
 * KOKUIN_BROKEN says how: "stuck" gives one byte for ever, "uneven" gives zero for every eighth byte, "later" is
 * SoftHSM's own generator for the first 4096 bytes and then stuck. It is read at each C_Initialize.
 *
 * Owner    the module lives as long as the process
 * Threads  one
 * Secrets  test tokens only
 * Layer    tests/
 * Spec     PKCS#11 v2.40
 */
#include "base/compiler.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>

#define GOOD_BYTES 4096

static CK_FUNCTION_LIST list;
static CK_FUNCTION_LIST *softhsm;
static const char *way;
static size_t given;

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list);

static CK_RV initialize(void *arguments)
{
    way = getenv("KOKUIN_BROKEN");
    given = 0;
    return softhsm->C_Initialize(arguments);
}

static CK_RV generate_random(CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG size)
{
    CK_RV rv = softhsm->C_GenerateRandom(session, bytes, size);
    if (rv != CKR_OK || !way)
        return rv;
    for (CK_ULONG i = 0; i < size; i++, given++)
        if (strcmp(way, "stuck") == 0 || (strcmp(way, "uneven") == 0 && given % 8 == 0) ||
            (strcmp(way, "later") == 0 && given >= GOOD_BYTES))
            bytes[i] = 0;
    return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
    void *library = dlopen(SOFTHSM_MODULE, RTLD_NOW | RTLD_NODELETE);
    CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
    if (!get || get(&softhsm) != CKR_OK)
        return CKR_GENERAL_ERROR;
    list = *softhsm;
    list.C_Initialize = initialize;
    list.C_GenerateRandom = generate_random;
    *ret_list = &list;
    return CKR_OK;
}
