/* locking_token -- a PKCS#11 module that is SoftHSM in everything but that its PIN locks, as a real token's does.
 *
 * After KOKUIN_PIN_TRIES wrong PINs (read at each C_Initialize, counted as long as the process lives) the right one is
 * refused too. The flags in the token's information say so as PKCS#11 has it, unless KOKUIN_PIN_SILENT is set: some
 * tokens lock without a word.
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

static CK_FUNCTION_LIST list;
static CK_FUNCTION_LIST *softhsm;
static unsigned long tries;
static unsigned long wrong;

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list);

static CK_RV initialize(void *arguments)
{
    const char *text = getenv("KOKUIN_PIN_TRIES");
    tries = text ? strtoul(text, NULL, 10) : 3;
    return softhsm->C_Initialize(arguments);
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = softhsm->C_GetTokenInfo(slot, info);
    if (rv != CKR_OK)
        return rv;
    info->flags &= ~(CK_FLAGS)(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
    if (getenv("KOKUIN_PIN_SILENT"))
        return CKR_OK;
    if (wrong > 0)
        info->flags |= CKF_USER_PIN_COUNT_LOW;
    if (wrong + 1 == tries)
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    if (wrong >= tries)
        info->flags |= CKF_USER_PIN_LOCKED;
    return CKR_OK;
}

static CK_RV log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size)
{
    if (wrong >= tries)
        return CKR_PIN_LOCKED;
    CK_RV rv = softhsm->C_Login(session, user, pin, size);
    if (rv == CKR_PIN_INCORRECT)
        wrong++;
    else if (rv == CKR_OK)
        wrong = 0;
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
    void *library = dlopen(SOFTHSM_MODULE, RTLD_NOW | RTLD_NODELETE);
    CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
    if (!get || get(&softhsm) != CKR_OK)
        return CKR_GENERAL_ERROR;
    list = *softhsm;
    list.C_Initialize = initialize;
    list.C_GetTokenInfo = token_info;
    list.C_Login = log_in;
    *ret_list = &list;
    return CKR_OK;
}
