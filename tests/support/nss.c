#include "tests/support/nss.h"

#include "tests/support/command.h"

#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATABASE_SLOT 2 /* slot 1 has no keys and no log-in */

static bool failed(struct fault *fault, const char *what, CK_RV rv)
{
    return fault_set(fault, FAULT_HSM_CALL, rv, "NSS: %s: 0x%lx", what, rv);
}

/* softokn's own way: the security officer has no PIN until the user has one. */
static bool make_token(CK_FUNCTION_LIST *module, const char *pin, struct fault *fault)
{
    CK_UTF8CHAR label[32];
    CK_SESSION_HANDLE session;
    memset(label, ' ', sizeof label);
    CK_RV rv = module->C_InitToken(DATABASE_SLOT, (CK_UTF8CHAR *)pin, strlen(pin), label);
    if (rv == CKR_OK)
        rv = module->C_OpenSession(DATABASE_SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK)
        return failed(fault, "C_InitToken", rv);
    rv = module->C_Login(session, CKU_SO, (CK_UTF8CHAR *)"", 0);
    if (rv == CKR_OK)
        rv = module->C_InitPIN(session, (CK_UTF8CHAR *)pin, strlen(pin));
    (void)module->C_CloseSession(session);
    return rv == CKR_OK || failed(fault, "C_InitPIN", rv);
}

bool nss_start(struct nss *ret_nss, const char *pin, struct fault *fault)
{
    *ret_nss = (struct nss){.directory = "/tmp/kokuin-nss.XXXXXX"};
    if (!mkdtemp(ret_nss->directory) || setenv(NSS_DIRECTORY_VARIABLE, ret_nss->directory, 1) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "mkdtemp: %s", strerror(errno));
    CK_FUNCTION_LIST *module = p11_kit_module_load(NSS_MODULE, P11_KIT_MODULE_CRITICAL);
    if (!module)
        return fault_set(fault, FAULT_HSM_MODULE, 0, "load NSS: %s", p11_kit_message());
    CK_RV rv = p11_kit_module_initialize(module);
    bool made = rv == CKR_OK ? make_token(module, pin, fault) : failed(fault, "C_Initialize", rv);
    if (rv == CKR_OK)
        (void)p11_kit_module_finalize(module);
    p11_kit_module_release(module);
    return made;
}

void nss_end(struct nss *nss)
{
    (void)unsetenv(NSS_DIRECTORY_VARIABLE);
    if (nss->directory[0] != '\0' && command_run((const char *const[]){"rm", "-rf", nss->directory, NULL}) != 0)
        (void)fprintf(stderr, "left behind: %s\n", nss->directory);
}
