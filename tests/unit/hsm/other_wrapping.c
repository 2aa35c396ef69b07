/* other_wrapping -- a PKCS#11 module that is SoftHSM in everything but the keys of a session.
 *
 * KOKUIN_WRAPPING says how, read at each call: "renumbered" has RFC 5649 at 0x210b and another scheme at 0x210a, as NSS
 * has; "other-scheme" has the other scheme only; "no-session-objects" makes no key pair that is not stored;
 * "not-derived" refuses key agreement; "readable" gives the value of a sensitive key away; "told-otherwise" says that
 * each key may leave; "signs-wrongly" signs for another key; "dies" fails as a token that was pulled out.
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
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RFC_5649 0x210bUL

static CK_FUNCTION_LIST list;
static CK_FUNCTION_LIST *softhsm;

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list);

static bool is_way(const char *name)
{
    const char *way = getenv("KOKUIN_WRAPPING");
    return way && strcmp(way, name) == 0;
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                      CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG *size)
{
    CK_MECHANISM real = *mechanism;
    bool other_scheme = false;
    if (is_way("renumbered") || is_way("other-scheme")) {
        other_scheme = mechanism->mechanism == CKM_AES_KEY_WRAP_PAD;
        if (mechanism->mechanism == RFC_5649 && is_way("renumbered"))
            real.mechanism = CKM_AES_KEY_WRAP_PAD;
    }
    if (is_way("dies"))
        return CKR_DEVICE_REMOVED;
    CK_RV rv = softhsm->C_WrapKey(session, &real, wrapping, key, wrapped, size);
    if (rv == CKR_OK && other_scheme)
        wrapped[0] ^= 0x80; /* well formed, and not RFC 5649 */
    return rv;
}

static CK_RV make_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_half,
                       CK_ULONG public_count, CK_ATTRIBUTE *private_half, CK_ULONG private_count,
                       CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
    if (is_way("no-session-objects"))
        return CKR_TEMPLATE_INCONSISTENT;
    return softhsm->C_GenerateKeyPair(session, mechanism, public_half, public_count, private_half, private_count,
                                      ret_public, ret_private);
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
                        CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *ret_key)
{
    if (is_way("not-derived"))
        return CKR_MECHANISM_INVALID;
    return softhsm->C_DeriveKey(session, mechanism, base, attributes, count, ret_key);
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                            CK_ULONG count)
{
    if (is_way("readable") && count == 1 && attributes[0].type == CKA_VALUE) {
        memset(attributes[0].pValue, 0x11, 32);
        attributes[0].ulValueLen = 32;
        return CKR_OK;
    }
    CK_RV rv = softhsm->C_GetAttributeValue(session, object, attributes, count);
    for (CK_ULONG i = 0; i < count && is_way("told-otherwise"); i++)
        if (attributes[i].type == CKA_EXTRACTABLE)
            *(CK_BBOOL *)attributes[i].pValue = CK_TRUE;
    return rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *ret_size)
{
    CK_RV rv = softhsm->C_Sign(session, data, size, signature, ret_size);
    if (rv == CKR_OK && is_way("signs-wrongly"))
        signature[*ret_size - 1] ^= 1;
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
    void *library = dlopen(SOFTHSM_MODULE, RTLD_NOW | RTLD_NODELETE);
    CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
    if (!get || get(&softhsm) != CKR_OK)
        return CKR_GENERAL_ERROR;
    list = *softhsm;
    list.C_WrapKey = wrap_key;
    list.C_GenerateKeyPair = make_pair;
    list.C_DeriveKey = derive_key;
    list.C_GetAttributeValue = get_attributes;
    list.C_Sign = sign;
    *ret_list = &list;
    return CKR_OK;
}
