/* ceremony.h -- the keys of a plant, made once, on the tokens named.
 *
 * Every attribute is set explicitly, read back, and not believed: the ceremony tries to wrap each new private or
 * secret key out of its token and fails if that works. It never overwrites or reuses a key.
 *
 * It can be interrupted at any moment, also by a power cut, and performed again with the same plan: ceremony.journal in
 * the output directory (hsm/journal.h) says of each key, forced to the disk, what is about to be made and what was
 * made. A key that was announced and not finished is destroyed and made anew; a finished one is found, compared, used
 * once and kept, and so is its certificate; the fingerprint keys are finished together. A key of one of these labels
 * that the journal does not know is refused. When a ceremony fails, what it made is undone: keys, files, and last the
 * journal; what a token does not let it undo now, the next run finds in the journal.
 *
 *   label               on                use                          certified by   file
 *   kokuin-root         root              signs certificates           itself         root.pem
 *   kokuin-issuing      each production   signs device certificates    root           issuing-N.pem
 *   kokuin-station      each production   TLS server towards units     root           station-N.pem
 *   kokuin-checkpoint   each production   signs the log's tree heads   root           checkpoint-N.pem
 *   kokuin-fingerprint  each production   HMAC of passwords            -              fingerprint.check, .backup
 *   kokuin-recovery     recovery          opens sealed passwords       root           recovery.pem
 *   kokuin-spare        spare             the same, kept elsewhere     root           spare.pem
 *
 * N counts the production tokens from 1 in the order of the plan. The fingerprint key has the same value on all of
 * them: it is born in a session of the first, carried wrapped (hsm/carry.h), and sealed to the recovery key in
 * fingerprint.backup, because uniqueness of passwords is lost with it. fingerprint.check is its check value. With a way
 * to the token that passes no key agreement or wrapping, one production token has a fingerprint key born in it, without
 * a backup; several are refused before anything is made.
 *
 * The root certifies the station itself: no device certificate, which the issuing CA signs, is ever as near to the
 * root. So station.pem is the leaf alone; a reader must still expect intermediates behind the leaf.
 *
 * ceremony.json is the record: time, program version, custodians, each token with its model, serial number, firmware
 * and what it can do here (tried, not assumed), and for each key its token, CKA_ID, the SHA-256 of its public key, the
 * attributes the token reports and what the tests of it showed. "not possible here" in it means that the way to the
 * token does not pass the operation (a p11-kit server passes no key wrapping): such a test was NOT made. ceremony.html
 * is the page to print and sign; it has the record's digest. A directory with ceremony.json is a whole ceremony.
 *
 * Owner    the caller owns the tokens and the PIN
 * Threads  one
 * Secrets  none leave the tokens; the root's PIN passes through
 * Layer    hsm/
 */
#pragma once

#include "hsm/token.h"

#define CEREMONY_TOKENS_MAX 4
#define CEREMONY_PEOPLE_MAX 8

struct ceremony_tokens {
    struct token *root;
    const struct secret *root_pin;                 /* the root key asks for it before each signature */
    struct token *production[CEREMONY_TOKENS_MAX]; /* their order numbers the files */
    size_t production_count;
    struct token *recovery;
    struct token *spare; /* NULL: none */
};

struct ceremony_person {
    const char *name;
    const char *role;
};

struct ceremony_names {
    const char *organization;
    const char *country;                               /* two capital letters */
    unsigned root_years, issuing_years, station_years; /* 1 to 100; recovery and checkpoint last as long as the root */
    const char *output; /* an existing directory: the files above; none of them may be there yet */
    struct ceremony_person people[CEREMONY_PEOPLE_MAX]; /* the custodians who are present: for the record */
    size_t person_count;
};

/* Faults: HSM_KEY_EXISTS, also for a ceremony that is complete or was begun with another plan; HSM_CANNOT when the keys
 * cannot be carried to each production token; HSM_KEY_LEAVES, HSM_KEY_WRONG, HSM_KEY_NOT_FOUND when a finished key is
 * gone, HSM_CALL, HSM_PIN, HSM_RANDOM, CRYPTO, CERTIFICATE_REFUSED, FILE (also when an output file is there already, or
 * another program works in the directory), BAD_BYTES when the journal is damaged, USAGE for names or years that do not
 * fit, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool ceremony_perform(const struct ceremony_tokens *tokens,
                                                 const struct ceremony_names *names, struct fault *fault);
