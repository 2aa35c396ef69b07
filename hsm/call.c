#include "hsm/call.h"

#include "base/clock.h"
#include "hsm/figures.h"
#include "hsm/watchdog.h"

#include <p11-kit/p11-kit.h>
#include <string.h>

#define MECHANISMS_MAX 1024

static const char *const functions[] = {
#define CALL_ONE(name) [CALL_##name] = #name,
    CALL_FUNCTIONS(CALL_ONE)
#undef CALL_ONE
};

static struct {
    call_observer *see;
    void *context;
} observer;

static const struct {
    CK_RV rv;
    const char *name;
} names[] = {
    {CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID"},
    {CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR"},
    {CKR_HOST_MEMORY, "CKR_HOST_MEMORY"},
    {CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED"},
    {CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD"},
    {CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY"},
    {CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID"},
    {CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID"},
    {CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE"},
    {CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR"},
    {CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY"},
    {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED"},
    {CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED"},
    {CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID"},
    {CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT"},
    {CKR_KEY_NOT_WRAPPABLE, "CKR_KEY_NOT_WRAPPABLE"},
    {CKR_KEY_UNEXTRACTABLE, "CKR_KEY_UNEXTRACTABLE"},
    {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID"},
    {CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID"},
    {CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID"},
    {CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE"},
    {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT"},
    {CKR_PIN_INVALID, "CKR_PIN_INVALID"},
    {CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE"},
    {CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED"},
    {CKR_PIN_LOCKED, "CKR_PIN_LOCKED"},
    {CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED"},
    {CKR_SESSION_COUNT, "CKR_SESSION_COUNT"},
    {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID"},
    {CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY"},
    {CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE"},
    {CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT"},
    {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT"},
    {CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED"},
    {CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED"},
    {CKR_USER_ALREADY_LOGGED_IN, "CKR_USER_ALREADY_LOGGED_IN"},
    {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN"},
    {CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED"},
    {CKR_BUFFER_TOO_SMALL, "CKR_BUFFER_TOO_SMALL"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED"},
    {CALL_NO_ANSWER, "no answer in time"},
};

const char *call_name(CK_RV rv)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].rv == rv)
            return names[i].name;
    return "CKR";
}

/* Stop: the PIN, the key or the request itself is not accepted, and asking again cannot change that. Anything else, a
 * maker's own code included, says nothing about the request: a device, a connection or a handle went away. */
enum call_cure call_cure(CK_RV rv)
{
    static const CK_RV stops[] = {
        CKR_ARGUMENTS_BAD,
        CKR_ATTRIBUTE_READ_ONLY,
        CKR_ATTRIBUTE_SENSITIVE,
        CKR_ATTRIBUTE_TYPE_INVALID,
        CKR_ATTRIBUTE_VALUE_INVALID,
        CKR_CURVE_NOT_SUPPORTED,
        CKR_DATA_INVALID,
        CKR_DATA_LEN_RANGE,
        CKR_DOMAIN_PARAMS_INVALID,
        CKR_FUNCTION_NOT_SUPPORTED,
        CKR_KEY_FUNCTION_NOT_PERMITTED,
        CKR_KEY_NOT_WRAPPABLE,
        CKR_KEY_SIZE_RANGE,
        CKR_KEY_TYPE_INCONSISTENT,
        CKR_KEY_UNEXTRACTABLE,
        CKR_MECHANISM_INVALID,
        CKR_MECHANISM_PARAM_INVALID,
        CKR_PIN_EXPIRED,
        CKR_PIN_INCORRECT,
        CKR_PIN_INVALID,
        CKR_PIN_LEN_RANGE,
        CKR_PIN_LOCKED,
        CKR_SESSION_READ_ONLY,
        CKR_TEMPLATE_INCOMPLETE,
        CKR_TEMPLATE_INCONSISTENT,
        CKR_TOKEN_WRITE_PROTECTED,
        CKR_USER_ALREADY_LOGGED_IN,
        CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
        CKR_USER_PIN_NOT_INITIALIZED,
        CKR_USER_TYPE_INVALID,
    };
    for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
        if (stops[i] == rv)
            return CALL_STOP;
    return CALL_REOPEN;
}

static bool concerns_pin(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_EXPIRED ||
           rv == CKR_PIN_LOCKED || rv == CKR_USER_PIN_NOT_INITIALIZED;
}

bool call_failed(struct fault *fault, const char *function, CK_RV rv)
{
    enum fault_code code = concerns_pin(rv) ? FAULT_HSM_PIN : FAULT_HSM_CALL;
    return fault_set(fault, code, rv, "%s: %s (0x%lx)", function, call_name(rv), rv);
}

void call_observe(call_observer *see, void *context)
{
    observer.see = see;
    observer.context = context;
}

static unsigned deadline_of(enum call_function function)
{
    bool makes = function == CALL_C_GenerateKey || function == CALL_C_GenerateKeyPair || function == CALL_C_InitToken;
    return makes ? CALL_MAKE_MS : CALL_ANSWER_MS;
}

/* One call's way through the gate: enter, the call itself if that says CKR_OK, leave. */
struct passage {
    enum call_function function;
    struct watchdog *watchdog;
    int64_t since;
};

static CK_RV enter(struct passage *passage)
{
    if (observer.see && passage->function != CALL_C_Finalize) {
        CK_RV rv = observer.see(passage->function, observer.context);
        if (rv != CKR_OK)
            return rv;
    }
    if (passage->watchdog)
        watchdog_arm(passage->watchdog, deadline_of(passage->function));
    passage->since = clock_monotonic_ns();
    return CKR_OK;
}

/* An answer that came whole at the last moment still counts. */
static CK_RV leave(const struct passage *passage, CK_RV rv)
{
    if (passage->since == 0) /* it was answered at the gate */
        return rv;
    bool cut_off = passage->watchdog && watchdog_disarm(passage->watchdog);
    figures_add(passage->function, functions[passage->function], clock_monotonic_ns() - passage->since);
    return cut_off && rv != CKR_OK ? CALL_NO_ANSWER : rv;
}

#define SAY(module, name, ...)                                                                                         \
    ({                                                                                                                 \
        struct passage passage_ = {.function = CALL_##name, .watchdog = (module)->watchdog};                           \
        CK_RV said_ = enter(&passage_);                                                                                \
        if (said_ == CKR_OK)                                                                                           \
            said_ = (module)->functions->name(__VA_ARGS__);                                                            \
        leave(&passage_, said_);                                                                                       \
    })

CK_RV call_initialize(struct call_module *module)
{
    struct passage passage = {.function = CALL_C_Initialize, .watchdog = module->watchdog};
    CK_RV rv = enter(&passage);
    if (rv == CKR_OK)
        rv = p11_kit_module_initialize(module->functions);
    rv = leave(&passage, rv);
    module->initialized = rv == CKR_OK;
    return rv;
}

void call_finalize(struct call_module *module)
{
    struct passage passage = {.function = CALL_C_Finalize, .watchdog = module->watchdog};
    if (module->initialized && enter(&passage) == CKR_OK)
        (void)leave(&passage, p11_kit_module_finalize(module->functions));
    module->initialized = false;
}

bool call_slots(const struct call_module *module, CK_SLOT_ID *ret_slots, size_t *count, struct fault *fault)
{
    CK_ULONG found = *count;
    CK_RV rv = SAY(module, C_GetSlotList, CK_TRUE, ret_slots, &found);
    if (rv != CKR_OK)
        return call_failed(fault, "C_GetSlotList", rv);
    *count = found;
    return true;
}

bool call_token_info(const struct call_module *module, CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info, bool *ret_present,
                     struct fault *fault)
{
    CK_RV rv = SAY(module, C_GetTokenInfo, slot, ret_info);
    if (rv != CKR_OK && rv != CKR_TOKEN_NOT_PRESENT)
        return call_failed(fault, "C_GetTokenInfo", rv);
    *ret_present = rv == CKR_OK;
    return true;
}

/* SoftHSM tells about mechanisms that its list, and its configuration, leave out. */
static bool lists(const struct call_module *module, CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism, bool *ret_lists,
                  struct fault *fault)
{
    CK_MECHANISM_TYPE list[MECHANISMS_MAX];
    CK_ULONG count = ARRAY_SIZE(list);
    CK_RV rv = SAY(module, C_GetMechanismList, slot, list, &count);
    if (rv != CKR_OK)
        return call_failed(fault, "C_GetMechanismList", rv);
    *ret_lists = false;
    for (CK_ULONG i = 0; i < count; i++)
        *ret_lists = *ret_lists || list[i] == mechanism;
    return true;
}

bool call_signs_with(const struct call_module *module, CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism, bool *ret_signs,
                     struct fault *fault)
{
    CK_MECHANISM_INFO info = {0};
    bool listed;
    if (!lists(module, slot, mechanism, &listed, fault))
        return false;
    CK_RV rv = SAY(module, C_GetMechanismInfo, slot, mechanism, &info);
    if (rv != CKR_OK && rv != CKR_MECHANISM_INVALID)
        return call_failed(fault, "C_GetMechanismInfo", rv);
    *ret_signs = listed && rv == CKR_OK && (info.flags & CKF_SIGN);
    return true;
}

bool call_module_info(const struct call_module *module, CK_INFO *ret_info, struct fault *fault)
{
    CK_RV rv = SAY(module, C_GetInfo, ret_info);
    return rv == CKR_OK || call_failed(fault, "C_GetInfo", rv);
}

static CK_RV open_one(const struct call_session *session, CK_SESSION_HANDLE *ret_handle)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (session->writable ? CKF_RW_SESSION : 0);
    return SAY(&session->module, C_OpenSession, session->slot, flags, NULL, NULL, ret_handle);
}

bool call_open(struct call_session *session, struct fault *fault)
{
    CK_RV rv = open_one(session, &session->login);
    return rv == CKR_OK || call_failed(fault, "C_OpenSession", rv);
}

static void drop_work(struct call_session *session)
{
    if (session->work != CK_INVALID_HANDLE)
        (void)SAY(&session->module, C_CloseSession, session->work);
    session->work = CK_INVALID_HANDLE;
}

void call_close(struct call_session *session)
{
    drop_work(session);
    if (session->login != CK_INVALID_HANDLE)
        (void)SAY(&session->module, C_CloseSession, session->login);
    session->login = CK_INVALID_HANDLE;
}

void call_make_writable(struct call_session *session)
{
    drop_work(session);
    session->writable = true;
}

static CK_RV work_ready(struct call_session *session)
{
    return session->work != CK_INVALID_HANDLE ? CKR_OK : open_one(session, &session->work);
}

/* The end of every call on the working session: an error costs the session, success costs nothing. */
static bool finish(struct call_session *session, const char *function, CK_RV rv, struct fault *fault)
{
    if (rv == CKR_OK)
        return true;
    drop_work(session);
    return call_failed(fault, function, rv);
}

/* C_Login and its like take the PIN as a pointer to writable bytes, but the standard only reads them. */
static CK_UTF8CHAR *pin_bytes(const struct secret *pin)
{
    return (CK_UTF8CHAR *)secret_read(pin);
}

bool call_login(struct call_session *session, CK_USER_TYPE user, const struct secret *pin, struct fault *fault)
{
    CK_RV rv = SAY(&session->module, C_Login, session->login, user, pin_bytes(pin), secret_size(pin));
    return rv == CKR_OK || call_failed(fault, "C_Login", rv);
}

bool call_init_token(const struct call_module *module, CK_SLOT_ID slot, const char *label, const struct secret *so_pin,
                     struct fault *fault)
{
    CK_UTF8CHAR padded[32];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strnlen(label, sizeof padded));
    CK_RV rv = SAY(module, C_InitToken, slot, pin_bytes(so_pin), secret_size(so_pin), padded);
    return rv == CKR_OK || call_failed(fault, "C_InitToken", rv);
}

bool call_init_pin(struct call_session *session, const struct secret *pin, struct fault *fault)
{
    CK_RV rv = SAY(&session->module, C_InitPIN, session->login, pin_bytes(pin), secret_size(pin));
    return rv == CKR_OK || call_failed(fault, "C_InitPIN", rv);
}

bool call_random(struct call_session *session, uint8_t *ret_bytes, size_t size, struct fault *fault)
{
    CK_RV rv = work_ready(session);
    if (rv == CKR_OK)
        rv = SAY(&session->module, C_GenerateRandom, session->work, ret_bytes, size);
    return finish(session, "C_GenerateRandom", rv, fault);
}

bool call_find(struct call_session *session, CK_ATTRIBUTE *filter, size_t filter_count, CK_OBJECT_HANDLE *ret_objects,
               size_t *count, struct fault *fault)
{
    CK_RV rv = work_ready(session);
    if (rv == CKR_OK)
        rv = SAY(&session->module, C_FindObjectsInit, session->work, filter, filter_count);
    if (rv != CKR_OK)
        return finish(session, "C_FindObjectsInit", rv, fault);

    CK_ULONG found = 0;
    rv = SAY(&session->module, C_FindObjects, session->work, ret_objects, *count, &found);
    if (rv != CKR_OK)
        return finish(session, "C_FindObjects", rv, fault);
    *count = found;
    return finish(session, "C_FindObjectsFinal", SAY(&session->module, C_FindObjectsFinal, session->work), fault);
}

bool call_attributes(struct call_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, size_t count,
                     struct fault *fault)
{
    CK_RV rv = work_ready(session);
    if (rv == CKR_OK)
        rv = SAY(&session->module, C_GetAttributeValue, session->work, object, attributes, count);
    if (rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID)
        rv = CKR_OK; /* the lengths tell which */
    return finish(session, "C_GetAttributeValue", rv, fault);
}

bool call_sign(struct call_session *session, const struct call_signing *signing, const uint8_t *data, size_t data_size,
               uint8_t *ret_signature, size_t *size, struct fault *fault)
{
    CK_MECHANISM mechanism = {.mechanism = signing->mechanism};
    CK_RV rv = work_ready(session);
    if (rv == CKR_OK)
        rv = SAY(&session->module, C_SignInit, session->work, &mechanism, signing->key);
    if (rv != CKR_OK)
        return finish(session, "C_SignInit", rv, fault);

    if (signing->pin)
        rv = SAY(&session->module, C_Login, session->work, CKU_CONTEXT_SPECIFIC, pin_bytes(signing->pin),
                 secret_size(signing->pin));
    if (rv != CKR_OK)
        return finish(session, "C_Login for one signature", rv, fault);

    CK_ULONG length = *size;
    rv = SAY(&session->module, C_Sign, session->work, (CK_BYTE *)data, data_size, ret_signature, &length);
    if (rv != CKR_OK)
        return finish(session, "C_Sign", rv, fault);
    *size = length;
    return true;
}

CK_RV call_make_pair(struct call_session *session, const struct call_template *public_key,
                     const struct call_template *private_key, CK_OBJECT_HANDLE *ret_public,
                     CK_OBJECT_HANDLE *ret_private)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_EC_KEY_PAIR_GEN};
    CK_RV rv = work_ready(session);
    if (rv != CKR_OK)
        return rv;
    return SAY(&session->module, C_GenerateKeyPair, session->work, &mechanism, public_key->attributes,
               public_key->count, private_key->attributes, private_key->count, ret_public, ret_private);
}

CK_RV call_make_key(struct call_session *session, CK_MECHANISM_TYPE mechanism, const struct call_template *key,
                    CK_OBJECT_HANDLE *ret_key)
{
    CK_MECHANISM whole = {.mechanism = mechanism};
    CK_RV rv = work_ready(session);
    if (rv != CKR_OK)
        return rv;
    return SAY(&session->module, C_GenerateKey, session->work, &whole, key->attributes, key->count, ret_key);
}

CK_RV call_wrap(struct call_session *session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
                uint8_t *ret_bytes, size_t *size)
{
    CK_ULONG length = *size;
    CK_RV rv = work_ready(session);
    if (rv == CKR_OK)
        rv = SAY(&session->module, C_WrapKey, session->work, mechanism, wrapping, key, ret_bytes, &length);
    if (rv == CKR_OK)
        *size = length;
    return rv;
}

CK_RV call_unwrap(struct call_session *session, const struct call_wrapped *wrapped, const struct call_template *key,
                  CK_OBJECT_HANDLE *ret_key)
{
    CK_RV rv = work_ready(session);
    if (rv != CKR_OK)
        return rv;
    return SAY(&session->module, C_UnwrapKey, session->work, wrapped->mechanism, wrapped->unwrapping, wrapped->bytes,
               wrapped->size, key->attributes, key->count, ret_key);
}

CK_RV call_derive(struct call_session *session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                  const struct call_template *derived, CK_OBJECT_HANDLE *ret_key)
{
    CK_RV rv = work_ready(session);
    if (rv != CKR_OK)
        return rv;
    return SAY(&session->module, C_DeriveKey, session->work, mechanism, key, derived->attributes, derived->count,
               ret_key);
}

void call_destroy(struct call_session *session, CK_OBJECT_HANDLE object)
{
    if (work_ready(session) == CKR_OK)
        (void)SAY(&session->module, C_DestroyObject, session->work, object);
}
