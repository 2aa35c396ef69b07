#include "hsm/agree.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

bool agree_outside(struct token *token, CK_OBJECT_HANDLE key, const uint8_t point[POINT_SIZE],
                   uint8_t ret_shared[AGREE_SHARED_SIZE], struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = AGREE_SHARED_SIZE;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &no, sizeof no},         {CKA_PRIVATE, &yes, sizeof yes},    {CKA_SENSITIVE, &no, sizeof no},
        {CKA_EXTRACTABLE, &yes, sizeof yes},
    };
    CK_ECDH1_DERIVE_PARAMS parameters = {
        .kdf = CKD_NULL, .ulPublicDataLen = POINT_SIZE, .pPublicData = (uint8_t *)point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    const struct call_template template = {attributes, ARRAY_SIZE(attributes)};
    CK_OBJECT_HANDLE shared;
    CK_RV rv = call_derive(&token->session, &mechanism, key, &template, &shared);
    if (rv != CKR_OK)
        return call_failed(fault, "C_DeriveKey", rv);
    CK_ATTRIBUTE value = {CKA_VALUE, ret_shared, AGREE_SHARED_SIZE};
    bool read = call_attributes(&token->session, shared, &value, 1, fault);
    call_destroy(&token->session, shared);
    if (read && value.ulValueLen != AGREE_SHARED_SIZE)
        return fault_set(fault, FAULT_HSM_CALL, 0, "C_DeriveKey: the token keeps the shared secret to itself");
    return read;
}
