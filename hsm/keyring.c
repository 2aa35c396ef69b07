#include "hsm/keyring_inside.h"

#include "base/bytes.h"
#include "hsm/key.h"
#include "hsm/station_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct keyring {
    struct keyring_options options;
    uint8_t check[KEYRING_CHECK_SIZE];
    struct token *token; /* NULL once the keyring is down */
    struct certificate_issuer *issuer;
    size_t place; /* of the token in use; of the last one once the keyring is down */
    char label[33];
    unsigned openings;
    struct station_key *stations[KEYRING_PLACES_MAX]; /* one per place; a link may still hold one that was left */
    struct certificate issuing[KEYRING_PLACES_MAX];
    unsigned long wrapping[KEYRING_PLACES_MAX]; /* the mechanism that was probed; 0: not yet */
    struct fault trouble;                       /* FAULT_NONE: no token was left */
    struct fault stopped;                       /* FAULT_NONE: not down; else every operation gives it */
};

/* One operation on the token in use. It may be done again on another: it must not have changed anything on failure. */
struct operation {
    bool (*run)(struct keyring *keyring, void *details, struct fault *fault);
    void *details;
};

bool keyring_read_check(const char *path, uint8_t ret_check[KEYRING_CHECK_SIZE], struct fault *fault)
{
    char text[2 * KEYRING_CHECK_SIZE + 2] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
    int error = errno;
    if (fd >= 0)
        (void)close(fd);
    if (size < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)error, "read '%s': %s", path, strerror(error));
    bool fits = size == 2 * KEYRING_CHECK_SIZE + 1 && text[2 * KEYRING_CHECK_SIZE] == '\n';
    text[2 * KEYRING_CHECK_SIZE] = '\0';
    if (!fits || strspn(text, "0123456789abcdef") != 2 * KEYRING_CHECK_SIZE ||
        !hex_read(text, ret_check, KEYRING_CHECK_SIZE, fault))
        return fault_set(fault, FAULT_FILE, 0, "'%s' does not hold %d lower-case hexadecimal digits and a newline",
                         path, 2 * KEYRING_CHECK_SIZE);
    return true;
}

/* Another fingerprint key would let a password in use pass as new. */
bool keyring_check_fingerprint(struct token *token, const uint8_t check[KEYRING_CHECK_SIZE], struct fault *fault)
{
    CK_OBJECT_HANDLE key;
    uint8_t mac[FINGERPRINT_SIZE];
    size_t size = sizeof mac;
    if (!key_find_secret(token, KEY_FINGERPRINT, &key, fault))
        return false;
    const struct call_signing signing = {.mechanism = CKM_SHA256_HMAC, .key = key};
    if (!call_sign(&token->session, &signing, (const uint8_t *)KEY_FINGERPRINT, sizeof KEY_FINGERPRINT - 1, mac, &size,
                   fault))
        return fault_within(fault, "check the fingerprint key");
    if (size != sizeof mac || memcmp(mac, check, KEYRING_CHECK_SIZE) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the fingerprint key of token '%s' is another", token->label);
    return true;
}

static void close_place(struct keyring *keyring)
{
    if (keyring->stations[keyring->place])
        station_key_leave(keyring->stations[keyring->place]);
    certificate_issuer_free(TAKE(keyring->issuer));
    token_free(TAKE(keyring->token));
}

/* The handle of a station key survives the opening: links hold it. */
static bool open_station(struct keyring *keyring, size_t place, struct token *token, struct fault *fault)
{
    if (keyring->stations[place])
        return station_key_renew(keyring->stations[place], token, fault);
    return station_key_open(token, keyring->options.places[place].station, &keyring->stations[place], fault);
}

static bool open_place(struct keyring *keyring, size_t place, struct fault *fault)
{
    const struct keyring_place *is = &keyring->options.places[place];
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    if (!token_open_with_file(is->module, is->uri, is->pin_file, &token, fault) ||
        !keyring_check_fingerprint(token, keyring->check, fault) ||
        !certificate_issuer_open(token, is->issuing, keyring->options.root, &issuer, fault) ||
        !open_station(keyring, place, token, fault))
        return false;
    memcpy(keyring->label, token->label, sizeof keyring->label);
    keyring->issuing[place] = *certificate_issuer_own(issuer);
    keyring->issuer = TAKE(issuer);
    keyring->token = TAKE(token);
    keyring->place = place;
    keyring->openings++;
    return true;
}

bool keyring_is_away(const struct fault *fault)
{
    switch (fault->code) {
    case FAULT_HSM_CALL:
        return call_cure(fault->native) == CALL_REOPEN;
    case FAULT_HSM_MODULE:
    case FAULT_HSM_NOT_FOUND:
    case FAULT_TIMED_OUT: /* somebody else's log-in hangs */
        return true;
    default:
        return false;
    }
}

/* The text of all tokens left so far, each cut to its share: the reason stands at the end. */
static void note_trouble(struct keyring *keyring, size_t place, const struct fault *failed)
{
    struct fault all;
    const char *before = keyring->trouble.text;
    size_t share = (sizeof failed->text - sizeof "open keyring: ") / keyring->options.count - sizeof "; token 1: ";
    size_t length = strlen(failed->text);
    fault_set_at(&all, failed->file, failed->line, failed->code, failed->native, "%s%stoken %zu: %s", before,
                 before[0] == '\0' ? "" : "; ", place + 1, failed->text + (length > share ? length - share : 0));
    keyring->trouble = all;
}

/* A fault that no other token mends is for good too: a PIN, above all, must not be tried again. */
static bool stop(struct keyring *keyring, const struct fault *why, struct fault *fault)
{
    close_place(keyring);
    keyring->stopped = *why;
    *fault = *why;
    return false;
}

/* Takes the first token from `place` on that works. `failed` is why the one before it did not. */
static bool take_next(struct keyring *keyring, size_t place, struct fault *fault)
{
    struct fault failed;
    for (; place < keyring->options.count; place++) {
        if (open_place(keyring, place, &failed))
            return true;
        if (!keyring_is_away(&failed)) {
            fault_within_at(&failed, "token %zu", place + 1);
            return stop(keyring, &failed, fault);
        }
        note_trouble(keyring, place, &failed);
    }
    fault_set_at(&failed, __FILE_NAME__, __LINE__, FAULT_HSM_DOWN, keyring->trouble.native, "%s",
                 keyring->trouble.text);
    return stop(keyring, &failed, fault);
}

/* After an operation failed: the same token afresh, unless it is afresh already, else the next that works. */
static bool mend(struct keyring *keyring, bool afresh, const struct fault *failed, struct fault *fault)
{
    size_t place = keyring->place;
    struct fault why = *failed;
    close_place(keyring);
    if (!afresh) {
        if (open_place(keyring, place, &why))
            return true;
        if (!keyring_is_away(&why))
            return stop(keyring, &why, fault);
    }
    note_trouble(keyring, place, &why);
    return take_next(keyring, place + 1, fault);
}

/* A token whose files went away finds no keys any more: opening it afresh shows whether it is the token or the key. */
static bool may_mend(const struct fault *fault)
{
    return keyring_is_away(fault) || fault->code == FAULT_HSM_KEY_NOT_FOUND;
}

/* What a person must look at before this token, or any, is used again. */
static bool is_final(const struct fault *fault)
{
    return fault->code == FAULT_HSM_RANDOM || fault->code == FAULT_HSM_PIN || fault->code == FAULT_HSM_KEY_WRONG ||
           fault->code == FAULT_HSM_KEY_LEAVES || fault->code == FAULT_HSM_AMBIGUOUS;
}

static bool perform(struct keyring *keyring, struct operation operation, struct fault *fault)
{
    struct fault failed;
    if (keyring->stopped.code != FAULT_NONE) {
        *fault = keyring->stopped;
        return false;
    }
    for (bool afresh = false; !operation.run(keyring, operation.details, &failed); afresh = true) {
        if (is_final(&failed))
            return stop(keyring, &failed, fault);
        if (!may_mend(&failed)) {
            *fault = failed;
            return false;
        }
        if (!mend(keyring, afresh, &failed, fault))
            return false;
    }
    return true;
}

bool keyring_open(const struct keyring_options *options, struct keyring **ret_keyring, struct fault *fault)
{
    if (options->count == 0 || options->count > KEYRING_PLACES_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "a station has 1 to %d production tokens", KEYRING_PLACES_MAX);
    CLEANUP(keyring_freep) struct keyring *keyring = calloc(1, sizeof *keyring);
    if (!keyring)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open keyring");
    keyring->options = *options;
    if (!keyring_read_check(options->fingerprint_check, keyring->check, fault) || !take_next(keyring, 0, fault))
        return fault_within(fault, "open keyring");
    *ret_keyring = TAKE(keyring);
    return true;
}

void keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return;
    close_place(keyring);
    for (size_t i = 0; i < ARRAY_SIZE(keyring->stations); i++)
        station_key_free(keyring->stations[i]);
    free(keyring);
}

enum keyring_state keyring_state(const struct keyring *keyring)
{
    if (keyring->stopped.code != FAULT_NONE)
        return KEYRING_DOWN;
    return keyring->place == 0 ? KEYRING_UP : KEYRING_DEGRADED;
}

const char *keyring_state_name(enum keyring_state state)
{
    static const char *const names[] = {[KEYRING_UP] = "up", [KEYRING_DEGRADED] = "degraded", [KEYRING_DOWN] = "down"};
    return names[state];
}

size_t keyring_place(const struct keyring *keyring)
{
    return keyring->place;
}

const char *keyring_label(const struct keyring *keyring)
{
    return keyring->label;
}

const char *keyring_station_certificate(const struct keyring *keyring)
{
    return keyring->options.places[keyring->place].station;
}

const struct fault *keyring_trouble(const struct keyring *keyring)
{
    return &keyring->trouble;
}

struct evp_pkey_st *keyring_station_key(const struct keyring *keyring)
{
    return station_key_handle(keyring->stations[keyring->place]);
}

static bool run_prove(struct keyring *keyring, UNUSED void *details, struct fault *fault)
{
    return station_key_renew(keyring->stations[keyring->place], keyring->token, fault);
}

bool keyring_prove(struct keyring *keyring, bool *ret_changed, struct fault *fault)
{
    unsigned before = keyring->openings;
    if (!perform(keyring, (struct operation){run_prove, NULL}, fault))
        return false;
    *ret_changed = keyring->openings != before;
    return true;
}

static bool run_random(struct keyring *keyring, void *details, struct fault *fault)
{
    return token_random(keyring->token, details, fault);
}

bool keyring_random(struct keyring *keyring, struct secret *bytes, struct fault *fault)
{
    return perform(keyring, (struct operation){run_random, bytes}, fault);
}

struct drawing {
    const char *alphabet;
    size_t length;
    struct secret **ret_password;
};

static bool run_draw(struct keyring *keyring, void *details, struct fault *fault)
{
    const struct drawing *drawing = details;
    return password_draw(keyring->token, drawing->alphabet, drawing->length, drawing->ret_password, fault);
}

bool keyring_draw_password(struct keyring *keyring, const char *alphabet, size_t length, struct secret **ret_password,
                           struct fault *fault)
{
    struct drawing drawing = {.alphabet = alphabet, .length = length, .ret_password = ret_password};
    return perform(keyring, (struct operation){run_draw, &drawing}, fault);
}

struct fingerprinting {
    const struct secret *password;
    uint8_t *ret_fingerprint;
};

static bool run_fingerprint(struct keyring *keyring, void *details, struct fault *fault)
{
    const struct fingerprinting *of = details;
    return password_fingerprint(keyring->token, of->password, of->ret_fingerprint, fault);
}

bool keyring_fingerprint(struct keyring *keyring, const struct secret *password,
                         uint8_t ret_fingerprint[FINGERPRINT_SIZE], struct fault *fault)
{
    struct fingerprinting of = {.password = password, .ret_fingerprint = ret_fingerprint};
    return perform(keyring, (struct operation){run_fingerprint, &of}, fault);
}

struct issuing {
    const uint8_t *csr;
    size_t csr_size;
    const struct certificate_subject *subject;
    struct certificate *ret_certificate;
};

static bool run_issue(struct keyring *keyring, void *details, struct fault *fault)
{
    const struct issuing *is = details;
    return certificate_issue(keyring->issuer, is->csr, is->csr_size, is->subject, is->ret_certificate, fault);
}

bool keyring_issue(struct keyring *keyring, const uint8_t *csr, size_t csr_size,
                   const struct certificate_subject *subject, struct certificate *ret_certificate,
                   const struct certificate **ret_issuing, struct fault *fault)
{
    struct issuing issuing = {.csr = csr, .csr_size = csr_size, .subject = subject, .ret_certificate = ret_certificate};
    if (!perform(keyring, (struct operation){run_issue, &issuing}, fault))
        return false;
    *ret_issuing = &keyring->issuing[keyring->place];
    return true;
}

static bool run_check_wrapping(struct keyring *keyring, UNUSED void *details, struct fault *fault)
{
    unsigned long *mechanism = &keyring->wrapping[keyring->place];
    return *mechanism != 0 || wrapped_key_probe(keyring->token, mechanism, fault);
}

bool keyring_check_wrapping(struct keyring *keyring, struct fault *fault)
{
    return perform(keyring, (struct operation){run_check_wrapping, NULL}, fault);
}

struct making_key {
    const uint8_t *unit_point;
    struct wrapped_key *ret_key;
};

static bool run_make_key(struct keyring *keyring, void *details, struct fault *fault)
{
    const struct making_key *is = details;
    return run_check_wrapping(keyring, NULL, fault) &&
           wrapped_key_make(keyring->token, keyring->wrapping[keyring->place], is->unit_point, is->ret_key, fault);
}

bool keyring_make_key(struct keyring *keyring, const uint8_t unit_point[CERTIFICATE_POINT_SIZE],
                      struct wrapped_key *ret_key, struct fault *fault)
{
    struct making_key making = {.unit_point = unit_point, .ret_key = ret_key};
    return perform(keyring, (struct operation){run_make_key, &making}, fault);
}

struct issuing_key {
    const uint8_t *point;
    const struct certificate_subject *subject;
    struct certificate *ret_certificate;
};

static bool run_issue_key(struct keyring *keyring, void *details, struct fault *fault)
{
    const struct issuing_key *is = details;
    return certificate_issue_key(keyring->issuer, is->point, is->subject, is->ret_certificate, fault);
}

bool keyring_issue_key(struct keyring *keyring, const uint8_t point[CERTIFICATE_POINT_SIZE],
                       const struct certificate_subject *subject, struct certificate *ret_certificate,
                       const struct certificate **ret_issuing, struct fault *fault)
{
    struct issuing_key issuing = {.point = point, .subject = subject, .ret_certificate = ret_certificate};
    if (!perform(keyring, (struct operation){run_issue_key, &issuing}, fault))
        return false;
    *ret_issuing = &keyring->issuing[keyring->place];
    return true;
}
