/* call.h -- the one place that speaks C_* to a PKCS#11 module.
 *
 * Every C_* call of the program passes one gate: it is counted and timed (hsm/figures.h), a watchdog stands over it
 * when a server is behind it, and a test may answer in its place (call_observe()).
 *
 * Each function is one whole operation (init, do, final) on one slot. A session that saw an error may keep a half-done
 * operation, so it is closed and opened afresh before the next call; a second session that is never used for anything
 * keeps the log-in alive meanwhile, because closing the last session logs out.
 *
 * Owner    the caller closes the session
 * Threads  one session belongs to one thread
 * Secrets  PINs and passwords pass through by pointer; nothing is kept or logged
 * Layer    hsm/, inside the room only
 * Spec     PKCS#11 v2.40
 */
#pragma once

#include "base/fault.h"
#include "base/secret.h"

#include <p11-kit/pkcs11.h>

#define CALL_ANSWER_MS 5000 /* a server that has not answered by then hangs */
#define CALL_MAKE_MS 60000  /* the same while a key or a token is made */

/* In place of the module's own answer when the watchdog cut the server off. */
#define CALL_NO_ANSWER (CKR_VENDOR_DEFINED | 0x4b6f6b75UL)

/* All of PKCS#11 that this program uses, in no order that matters. */
#define CALL_FUNCTIONS(X)                                                                                              \
    X(C_Initialize)                                                                                                    \
    X(C_Finalize)                                                                                                      \
    X(C_GetInfo)                                                                                                       \
    X(C_GetSlotList)                                                                                                   \
    X(C_GetTokenInfo)                                                                                                  \
    X(C_GetMechanismInfo)                                                                                              \
    X(C_GetMechanismList)                                                                                              \
    X(C_InitToken)                                                                                                     \
    X(C_InitPIN)                                                                                                       \
    X(C_OpenSession)                                                                                                   \
    X(C_CloseSession)                                                                                                  \
    X(C_Login)                                                                                                         \
    X(C_FindObjectsInit)                                                                                               \
    X(C_FindObjects)                                                                                                   \
    X(C_FindObjectsFinal)                                                                                              \
    X(C_GetAttributeValue)                                                                                             \
    X(C_SignInit)                                                                                                      \
    X(C_Sign)                                                                                                          \
    X(C_GenerateRandom)                                                                                                \
    X(C_GenerateKey)                                                                                                   \
    X(C_GenerateKeyPair)                                                                                               \
    X(C_WrapKey)                                                                                                       \
    X(C_UnwrapKey)                                                                                                     \
    X(C_DeriveKey)                                                                                                     \
    X(C_DestroyObject)

enum call_function {
#define CALL_ONE(name) CALL_##name,
    CALL_FUNCTIONS(CALL_ONE)
#undef CALL_ONE
};

struct call_module {
    CK_FUNCTION_LIST *functions; /* NULL: not loaded */
    struct watchdog *watchdog;   /* NULL: the module is in this process, and nothing ends a wait for it */
    bool initialized;
};

struct call_session {
    struct call_module module;
    CK_SLOT_ID slot;
    bool writable;           /* new sessions may write token objects */
    CK_SESSION_HANDLE login; /* idle: keeps the log-in */
    CK_SESSION_HANDLE work;  /* invalid after an error, until the next call */
};

/* "CKR_PIN_INCORRECT", or "CKR" for a code without an entry. */
NODISCARD const char *call_name(CK_RV rv);

/* Fills the fault from a CKR: HSM_PIN for whatever concerns the PIN, else HSM_CALL. The whole is false. */
NONNULL(1, 2) bool call_failed(struct fault *fault, const char *function, CK_RV rv);

/* What may mend a call that failed: the token opened afresh (or the next token), or nothing but a person. */
enum call_cure { CALL_REOPEN, CALL_STOP };
NODISCARD enum call_cure call_cure(CK_RV rv);

/* For tests of what becomes of a failing token. The observer sees each call before it is made; CKR_OK lets it through,
 * anything else is the answer in its place. NULL: none. C_Finalize is always let through. For the whole process. */
typedef CK_RV call_observer(enum call_function function, void *context);
void call_observe(call_observer *observer, void *context);

/* Both may come from a server, and so may wait. Finalizing lets a module that is not initialized pass. */
NODISCARD NONNULL(1) CK_RV call_initialize(struct call_module *module);
NONNULL(1) void call_finalize(struct call_module *module);

/* Slots with a token. `count` is the array's size before, the number found after. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2, 3, 4) bool call_slots(const struct call_module *module, CK_SLOT_ID *ret_slots, size_t *count,
                                              struct fault *fault);

/* `ret_present` is false when the token was pulled out since the list was made. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 3, 4, 5) bool call_token_info(const struct call_module *module, CK_SLOT_ID slot,
                                                   CK_TOKEN_INFO *ret_info, bool *ret_present, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool call_module_info(const struct call_module *module, CK_INFO *ret_info,
                                                 struct fault *fault);

/* Whether the token, through this way to it, lists a mechanism and signs with it. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 4, 5) bool call_signs_with(const struct call_module *module, CK_SLOT_ID slot,
                                                CK_MECHANISM_TYPE mechanism, bool *ret_signs, struct fault *fault);

/* Opens the idle session. Module, slot and writable are set. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2) bool call_open(struct call_session *session, struct fault *fault);
void call_close(struct call_session *session);

/* Lets later sessions write. Faults: none now; the next call may say HSM_CALL. */
NONNULL(1) void call_make_writable(struct call_session *session);

/* One C_Login, never a second. Faults: HSM_PIN, HSM_CALL. */
NODISCARD NONNULL(1, 3, 4) bool call_login(struct call_session *session, CK_USER_TYPE user, const struct secret *pin,
                                           struct fault *fault);

/* A token is made of an empty slot: its label is padded here. Faults: HSM_PIN, HSM_CALL. */
NODISCARD NONNULL(1, 3, 4, 5) bool call_init_token(const struct call_module *module, CK_SLOT_ID slot, const char *label,
                                                   const struct secret *so_pin, struct fault *fault);
/* Sets the user's PIN; the session is logged in as the security officer. Faults: HSM_PIN, HSM_CALL. */
NODISCARD NONNULL(1, 2, 3) bool call_init_pin(struct call_session *session, const struct secret *pin,
                                              struct fault *fault);

NODISCARD NONNULL(1, 2, 4) bool call_random(struct call_session *session, uint8_t *ret_bytes, size_t size,
                                            struct fault *fault);

/* Finds at most `count` objects; `count` is what was found. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool call_find(struct call_session *session, CK_ATTRIBUTE *filter, size_t filter_count,
                                                CK_OBJECT_HANDLE *ret_objects, size_t *count, struct fault *fault);

/* Fills the attributes; one that the object lacks or keeps to itself gets the length CK_UNAVAILABLE_INFORMATION.
 * Faults: HSM_CALL.
 */
NODISCARD NONNULL(1, 3, 5) bool call_attributes(struct call_session *session, CK_OBJECT_HANDLE object,
                                                CK_ATTRIBUTE *attributes, size_t count, struct fault *fault);

/* Signs or MACs. `pin` is for keys that ask for it before each use, else NULL. `size` is the space before, the length
 * after. Faults: HSM_PIN, HSM_CALL.
 */
struct call_signing {
    CK_MECHANISM_TYPE mechanism;
    CK_OBJECT_HANDLE key;
    const struct secret *pin;
};
NODISCARD NONNULL(1, 2, 3, 5, 6, 7) bool call_sign(struct call_session *session, const struct call_signing *signing,
                                                   const uint8_t *data, size_t data_size, uint8_t *ret_signature,
                                                   size_t *size, struct fault *fault);

/* These give the module's own answer, because the caller asks what the token can do, not only that it does it. */
struct call_template {
    CK_ATTRIBUTE *attributes;
    size_t count;
};
NODISCARD CK_RV call_make_pair(struct call_session *session, const struct call_template *public_key,
                               const struct call_template *private_key, CK_OBJECT_HANDLE *ret_public,
                               CK_OBJECT_HANDLE *ret_private);
NODISCARD CK_RV call_make_key(struct call_session *session, CK_MECHANISM_TYPE mechanism,
                              const struct call_template *key, CK_OBJECT_HANDLE *ret_key);
NODISCARD CK_RV call_wrap(struct call_session *session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                          CK_OBJECT_HANDLE key, uint8_t *ret_bytes, size_t *size);
/* What was wrapped, how, and under which key of the token. */
struct call_wrapped {
    CK_MECHANISM *mechanism;
    CK_OBJECT_HANDLE unwrapping;
    uint8_t *bytes;
    size_t size;
};
NODISCARD CK_RV call_unwrap(struct call_session *session, const struct call_wrapped *wrapped,
                            const struct call_template *key, CK_OBJECT_HANDLE *ret_key);
NODISCARD CK_RV call_derive(struct call_session *session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                            const struct call_template *derived, CK_OBJECT_HANDLE *ret_key);
void call_destroy(struct call_session *session, CK_OBJECT_HANDLE object);
