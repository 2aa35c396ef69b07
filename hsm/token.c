#include "hsm/token.h"

#include "base/clock.h"
#include "hsm/health.h"
#include "hsm/inside.h"
#include "hsm/module.h"
#include "hsm/refusals.h"

#include <errno.h>
#include <fcntl.h>
#include <p11-kit/uri.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define SLOTS_MAX 64
#define RANDOM_PIECE 1024 /* tokens were met that refuse more than some thousand bytes at once */
#define TURN_MS 30000
#define TURN_LOOK_MS 20
#define LOOKS_MAX 10
#define LOOK_PAUSE_MS 50

DEFINE_CLEANUP(P11KitUri *, p11_kit_uri_free)

static bool parse_uri(const char *uri, P11KitUri *parsed, struct fault *fault)
{
    int result = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_TOKEN | P11_KIT_URI_FOR_MODULE, parsed);
    if (result != P11_KIT_URI_OK)
        return fault_set(fault, FAULT_USAGE, 0, "token URI: %s", p11_kit_uri_message(result));
    if (p11_kit_uri_any_unrecognized(parsed))
        return fault_set(fault, FAULT_USAGE, 0, "token URI: an attribute is not known");
    if (p11_kit_uri_get_pin_value(parsed) || p11_kit_uri_get_pin_source(parsed))
        return fault_set(fault, FAULT_USAGE, 0, "token URI: a PIN does not belong in a URI");
    return true;
}

/* PKCS#11 pads its texts with blanks and does not end them. */
static void copy_text(char *ret_text, const CK_UTF8CHAR *padded, size_t length)
{
    while (length > 0 && padded[length - 1] == ' ')
        length--;
    memcpy(ret_text, padded, length);
    ret_text[length] = '\0';
}

static void copy_label(char label[33], const CK_TOKEN_INFO *info)
{
    copy_text(label, info->label, sizeof info->label);
}

static bool find_slot(struct token *token, P11KitUri *uri, CK_FLAGS *ret_flags, struct fault *fault)
{
    const struct call_module *module = &token->session.module;
    CK_INFO module_info;
    CK_SLOT_ID slots[SLOTS_MAX];
    size_t count = ARRAY_SIZE(slots);
    if (!call_module_info(module, &module_info, fault) || !call_slots(module, slots, &count, fault))
        return false;
    if (!p11_kit_uri_match_module_info(uri, &module_info))
        return fault_set(fault, FAULT_HSM_NOT_FOUND, 0, "the URI names another module");

    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        bool present;
        if (!call_token_info(module, slots[i], &info, &present, fault))
            return false;
        if (!present || !(info.flags & CKF_TOKEN_INITIALIZED) || !p11_kit_uri_match_token_info(uri, &info))
            continue;
        copy_label(token->label, &info);
        memcpy(token->serial, info.serialNumber, sizeof token->serial);
        token->session.slot = slots[i];
        *ret_flags = info.flags;
        found++;
    }
    if (found == 0)
        return fault_set(fault, FAULT_HSM_NOT_FOUND, 0, "%zu slots looked at, no token matches", count);
    if (found > 1)
        return fault_set(fault, FAULT_HSM_AMBIGUOUS, 0, "%u tokens match", found);
    return true;
}

/* SoftHSM writes a token's file anew when some process logs in, and whoever looks in that moment is told that the token
 * is broken. A second look hurts nobody: the PIN is not used yet. */
static bool find_slot_patiently(struct token *token, P11KitUri *uri, CK_FLAGS *ret_flags, struct fault *fault)
{
    struct fault last;
    for (int looks = 1; !find_slot(token, uri, ret_flags, &last); looks++) {
        if (last.code != FAULT_HSM_CALL || looks == LOOKS_MAX) {
            *fault = last;
            return false;
        }
        const struct timespec pause = {.tv_nsec = LOOK_PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* A try that could be the last one is left to a person. */
static bool pin_may_be_tried(CK_FLAGS flags, struct fault *fault)
{
    if (flags & CKF_USER_PIN_LOCKED)
        return fault_set(fault, FAULT_HSM_PIN, CKR_PIN_LOCKED,
                         "the token says that its PIN is locked; it was not tried");
    if (flags & CKF_USER_PIN_FINAL_TRY)
        return fault_set(fault, FAULT_HSM_PIN, 0,
                         "the token says that one more wrong PIN would lock it; the PIN was not tried");
    return true;
}

bool token_open(const char *module, const char *uri, const struct secret *pin, struct token **ret_token,
                struct fault *fault)
{
    CLEANUP(p11_kit_uri_freep) P11KitUri *parsed = p11_kit_uri_new();
    CLEANUP(token_freep) struct token *token = calloc(1, sizeof *token);
    if (!parsed || !token)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open token");
    token->health = secret_new(sizeof(struct health));
    if (!token->health)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open token");
    if (!parse_uri(uri, parsed, fault))
        return fault_within(fault, "open token");
    CK_FLAGS flags = 0;
    if (!module_open(module, &token->session.module, fault) || !find_slot_patiently(token, parsed, &flags, fault) ||
        !pin_may_be_tried(flags, fault) || !call_open(&token->session, fault) ||
        !call_login(&token->session, CKU_USER, pin, fault))
        return fault_within(fault, "open token");
    *ret_token = TAKE(token);
    return true;
}

static bool look(const struct token *token, struct token_look *ret_look, struct fault *fault)
{
    const struct call_module *module = &token->session.module;
    CK_SLOT_ID slot = token->session.slot;
    CK_TOKEN_INFO info;
    bool present;
    struct token_look seen = {0};
    if (!call_token_info(module, slot, &info, &present, fault) ||
        !call_signs_with(module, slot, CKM_ECDSA, &seen.signs, fault) ||
        !call_signs_with(module, slot, CKM_SHA256_HMAC, &seen.macs, fault))
        return false;
    if (!present)
        return fault_set(fault, FAULT_HSM_NOT_FOUND, 0, "the token was pulled out just now");
    copy_label(seen.label, &info);
    copy_text(seen.serial, info.serialNumber, sizeof info.serialNumber);
    copy_text(seen.maker, info.manufacturerID, sizeof info.manufacturerID);
    copy_text(seen.model, info.model, sizeof info.model);
    seen.pin_count_low = info.flags & CKF_USER_PIN_COUNT_LOW;
    seen.pin_final_try = info.flags & CKF_USER_PIN_FINAL_TRY;
    seen.pin_locked = info.flags & CKF_USER_PIN_LOCKED;
    *ret_look = seen;
    return true;
}

bool token_look(const char *module, const char *uri, struct token_look *ret_look, struct fault *fault)
{
    CLEANUP(p11_kit_uri_freep) P11KitUri *parsed = p11_kit_uri_new();
    CLEANUP(token_freep) struct token *token = calloc(1, sizeof *token);
    CK_FLAGS flags = 0;
    if (!parsed || !token)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "look at token");
    if (!parse_uri(uri, parsed, fault) || !module_open(module, &token->session.module, fault) ||
        !find_slot_patiently(token, parsed, &flags, fault) || !look(token, ret_look, fault))
        return fault_within(fault, "look at token");
    return true;
}

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
}

static bool take_turn(int pin_file, struct fault *fault)
{
    struct deadline deadline = deadline_in_ms(TURN_MS);
    while (flock(pin_file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "lock the PIN's file: %s", strerror(errno));
        if (deadline_passed(deadline))
            return fault_set(fault, FAULT_TIMED_OUT, 0, "another process has been logging in for %d s", TURN_MS / 1000);
        (void)poll(NULL, 0, TURN_LOOK_MS);
    }
    return true;
}

bool token_open_with_file(const char *module, const char *uri, const char *pin_file, struct token **ret_token,
                          struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = NULL;
    if (!secret_from_file(pin_file, &pin, fault))
        return false;
    CLEANUP(close_descriptor) int turn = open(pin_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (turn < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open '%s': %s", pin_file, strerror(errno));
    /* A server that hangs is found out before the turn is taken: it must not hold up the others. */
    if (!module_answers(module, fault))
        return fault_within(fault, "open token");
    if (!take_turn(turn, fault))
        return false;
    if (refusals_has(turn))
        return fault_set(fault, FAULT_HSM_PIN, 0,
                         "open token: this PIN was refused before; it is not tried again until '%s' is written anew",
                         pin_file);
    if (token_open(module, uri, pin, ret_token, fault))
        return true;
    if (fault->code == FAULT_HSM_PIN)
        refusals_add(turn);
    return false;
}

void token_free(struct token *token)
{
    if (!token)
        return;
    call_close(&token->session);
    module_close(&token->session.module);
    secret_free(token->health);
    free(token);
}

const char *token_label(const struct token *token)
{
    return token->label;
}

static bool draw(struct token *token, struct health *health, uint8_t *ret_bytes, size_t size, struct fault *fault)
{
    enum health_verdict verdict = health->verdict;
    for (size_t done = 0; done < size && verdict == HEALTH_GOOD;) {
        size_t piece = size - done < RANDOM_PIECE ? size - done : RANDOM_PIECE;
        if (!call_random(&token->session, ret_bytes + done, piece, fault))
            return false;
        verdict = health_feed(health, ret_bytes + done, piece);
        done += piece;
    }
    if (verdict != HEALTH_GOOD)
        return fault_set(fault, FAULT_HSM_RANDOM, 0, "generator of token '%s': %s", token->label,
                         health_words(verdict));
    return true;
}

/* Short draws alone would leave the first window half empty for a whole batch. */
static bool start_up(struct token *token, struct health *health, struct fault *fault)
{
    uint8_t thrown_away[HEALTH_START_UP];
    if (health->started)
        return true;
    bool passed = draw(token, health, thrown_away, sizeof thrown_away, fault);
    explicit_bzero(thrown_away, sizeof thrown_away);
    health->started = passed;
    return passed;
}

bool token_draw(struct token *token, uint8_t *ret_bytes, size_t size, struct fault *fault)
{
    struct health *health = (struct health *)secret_write(token->health);
    if (start_up(token, health, fault) && draw(token, health, ret_bytes, size, fault))
        return true;
    explicit_bzero(ret_bytes, size);
    return false;
}

bool token_random(struct token *token, struct secret *bytes, struct fault *fault)
{
    return token_draw(token, secret_write(bytes), secret_size(bytes), fault);
}

/* The slot to make a token in: the first that holds an empty one. Refuses a label that is taken. */
static bool find_empty_slot(const struct call_module *module, const char *label, CK_SLOT_ID *ret_slot,
                            struct fault *fault)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    size_t count = ARRAY_SIZE(slots);
    if (!call_slots(module, slots, &count, fault))
        return false;

    bool found = false;
    for (size_t i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        bool present;
        char taken[33];
        if (!call_token_info(module, slots[i], &info, &present, fault))
            return false;
        copy_label(taken, &info);
        if (present && (info.flags & CKF_TOKEN_INITIALIZED) && strcmp(taken, label) == 0)
            return fault_set(fault, FAULT_HSM_KEY_EXISTS, 0, "a token '%s' is there already", label);
        if (present && !(info.flags & CKF_TOKEN_INITIALIZED) && !found) {
            *ret_slot = slots[i];
            found = true;
        }
    }
    if (!found)
        return fault_set(fault, FAULT_HSM_NOT_FOUND, 0, "no empty token to initialize");
    return true;
}

bool token_initialize(const char *module, const char *label, const struct secret *so_pin, const struct secret *pin,
                      struct fault *fault)
{
    size_t length = strnlen(label, sizeof((struct token *)0)->label);
    if (length == 0 || length >= sizeof((struct token *)0)->label)
        return fault_set(fault, FAULT_USAGE, 0, "a token's label has 1 to 32 bytes");
    CLEANUP(token_freep) struct token *token = calloc(1, sizeof *token);
    if (!token)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "initialize token");

    struct call_session *session = &token->session;
    session->writable = true;
    if (!module_open(module, &session->module, fault) ||
        !find_empty_slot(&session->module, label, &session->slot, fault) ||
        !call_init_token(&session->module, session->slot, label, so_pin, fault) || !call_open(session, fault) ||
        !call_login(session, CKU_SO, so_pin, fault) || !call_init_pin(session, pin, fault))
        return fault_within(fault, "initialize token '%s'", label);
    return true;
}
