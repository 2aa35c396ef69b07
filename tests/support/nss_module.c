/* NSS's softokn as a module that any PKCS#11 program can load: softokn wants to be told its directory in a field that
 * the standard reserves, and a module loaded by path gives it none. Everything but C_Initialize is softokn's own. */
#include "tests/support/nss_module.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>

/* As softokn reads it: its own text stands before the field that the standard reserves. */
struct nss_arguments {
    CK_C_INITIALIZE_ARGS standard; /* its pReserved is softokn's text */
    void *reserved;
};

static CK_FUNCTION_LIST functions;
static CK_FUNCTION_LIST *softokn;

static CK_RV initialize(void *arguments)
{
    static char text[512];
    const char *directory = getenv(NSS_DIRECTORY_VARIABLE);
    struct nss_arguments with_text = {0};
    if (!directory)
        return CKR_ARGUMENTS_BAD;
    (void)snprintf(text, sizeof text,
                   "configDir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags= manufacturerID='Test' "
                   "libraryDescription='NSS' cryptoTokenDescription='NSS without keys' dbTokenDescription='" NSS_LABEL
                   "' cryptoSlotDescription='NSS without keys' dbSlotDescription='NSS' minPS=4",
                   directory);
    if (arguments)
        with_text.standard = *(const CK_C_INITIALIZE_ARGS *)arguments;
    else
        with_text.standard.flags = CKF_OS_LOCKING_OK;
    with_text.standard.pReserved = text;
    return softokn->C_Initialize(&with_text);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
    if (!softokn) {
        void *library = dlopen("libsoftokn3.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        CK_C_GetFunctionList get = NULL;
        if (library)
            *(void **)&get = dlsym(library, "C_GetFunctionList");
        if (!get || get(&softokn) != CKR_OK)
            return CKR_GENERAL_ERROR;
        functions = *softokn;
        functions.C_Initialize = initialize;
    }
    *ret_list = &functions;
    return CKR_OK;
}
