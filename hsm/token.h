/* token.h -- one logged-in PKCS#11 token, and keys found on it.
 *
 * Found by RFC 7512 URI; two matches are a fault, not a choice: a spare token left plugged in must never be picked by
 * luck. Keys are found by CKA_LABEL and CKA_ID and compared with the public key of their certificate.
 *
 * Owner    whoever gets a token from token_open() ends it with token_free()
 * Threads  one token belongs to one thread
 * Secrets  the PIN is read while token_open() runs and is not kept
 * Layer    hsm/ may include base/ and nothing else of ours; only hsm/ includes p11-kit
 * Spec     PKCS#11 v2.40, RFC 7512
 */
#pragma once

#include "base/fault.h"
#include "base/secret.h"

struct token;

/* `module` is a PKCS#11 module's absolute path, or "unix:/path" of a `p11-kit server`. Nothing of the system's own
 * p11-kit configuration is read, and several modules and servers may be open in one process. A wrong PIN is tried once
 * and never again by itself. A direct module has one log-in for the whole process, so a token is open only once in it;
 * each token on a server has a connection, and so a log-in, of its own.
 *
 * A server that hangs is cut off after five seconds (a minute while a key or a token is made), by a signal to the
 * thread that opened the token: hsm/watchdog.h. A direct module that hangs blocks the call for ever: the caller's own
 * supervisor is the deadline. After a server died or was cut off every later call is HSM_CALL: free the token and open
 * it again. SIGPIPE must be ignored (base/process.h) before a server is used.
 *
 * HSM_PIN also when the token says that its PIN is locked, or would be by one more wrong try: it was not tried then.
 *
 * Faults: HSM_MODULE, HSM_NOT_FOUND, HSM_AMBIGUOUS, HSM_PIN, HSM_CALL, USAGE (also for a PIN inside the URI), INTERNAL
 * when SIGPIPE would end the process or the watchdog's signal is taken, SYSTEM, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool token_open(const char *module, const char *uri, const struct secret *pin,
                                                 struct token **ret_token, struct fault *fault);

/* The same with the PIN of a file, and the log-ins of several processes take turns by a lock on that file: SoftHSM
 * writes a token's files anew at each, and whoever looks at them meanwhile finds them broken. A PIN file that was
 * refused (hsm/refusals.h) is HSM_PIN without a try, until it is written anew.
 *
 * Faults: as above, FILE, TIMED_OUT when others held the turn for half a minute, SYSTEM.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool token_open_with_file(const char *module, const char *uri, const char *pin_file,
                                                           struct token **ret_token, struct fault *fault);
void token_free(struct token *token);
DEFINE_CLEANUP(struct token *, token_free)

/* What a token says of itself to everybody, before a log-in. Texts are without their padding. */
struct token_look {
    char label[33], serial[17], maker[33], model[17];
    bool pin_count_low; /* a wrong PIN was tried since the last right one */
    bool pin_final_try; /* one more wrong PIN locks it */
    bool pin_locked;
    bool signs; /* ECDSA */
    bool macs;  /* HMAC-SHA-256 */
};

/* Finds the token as token_open() does, and closes it again. No PIN is used. Faults: as token_open() without HSM_PIN.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool token_look(const char *module, const char *uri, struct token_look *ret_look,
                                              struct fault *fault);

/* The label the token reports, without its padding. Lives as long as the token. */
NODISCARD NONNULL(1) const char *token_label(const struct token *token);

/* Fills all of `bytes` from the token's generator, in pieces no larger than the token takes. On false they are zero.
 * Every byte of the token's life passes the continuous health tests of NIST SP 800-90B 4.4, and 1024 that are thrown
 * away pass them first. A generator that failed is never asked again: open the token afresh when it was mended.
 *
 * Faults: HSM_CALL, HSM_RANDOM when one byte repeats, or comes too often, as no working generator does.
 */
NODISCARD NONNULL(1, 2, 3) bool token_random(struct token *token, struct secret *bytes, struct fault *fault);

/* Makes a token of the module's first empty slot and sets its user's PIN. For a private software token; hardware is
 * initialized with its maker's own tool.
 *
 * Faults: HSM_MODULE, HSM_NOT_FOUND when no slot is empty, HSM_KEY_EXISTS when a token has this label, HSM_PIN,
 * HSM_CALL, USAGE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool token_initialize(const char *module, const char *label,
                                                       const struct secret *so_pin, const struct secret *pin,
                                                       struct fault *fault);
