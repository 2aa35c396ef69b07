/* Revocation lists: one for each issuing CA of the jig, each signed by its own token. A CA whose token is away is named
 * and the others' lists are made all the same. */
#include "station/cli/cli.h"

#include "hsm/crl.h"
#include "jigs/read.h"
#include "schema/store_revocation.h"
#include "station/flow/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS_DEFAULT 7
#define DAYS_MAX 366
#define REGISTER_TRIES 3

struct run {
    const struct cli *cli;
    const struct jig *jig;
    struct store *store;
    const char *directory;
    uint64_t days;
};

struct entries {
    struct crl_entry *each;
    size_t count, room;
};

static void entries_free(struct entries *entries)
{
    free(entries->each);
}

static bool make_room(struct entries *entries, size_t more, struct fault *fault)
{
    if (entries->count + more <= entries->room)
        return true;
    size_t room = 2 * entries->room + more;
    struct crl_entry *each = reallocarray(entries->each, room, sizeof *each);
    if (!each)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%zu revoked certificates", room);
    entries->each = each;
    entries->room = room;
    return true;
}

/* Page by page, so that neither side ever holds one large answer. The record's clock may be a little ahead of ours; a
 * certificate is not on a list before it is revoked. */
static bool read_entries(const struct run *run, const uint8_t *issuer, int64_t now, struct entries *entries,
                         struct fault *fault)
{
    struct store_revoked *page = calloc(STORE_CRL_PAGE, sizeof *page);
    if (!page)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "a page of revoked certificates");
    struct store_revoked last;
    bool good = true;
    for (size_t got = STORE_CRL_PAGE; good && got == STORE_CRL_PAGE;) {
        got = 0;
        good = store_crl_page(run->store, issuer, entries->count > 0 ? &last : NULL, page, &got, fault) &&
               make_room(entries, got, fault);
        for (size_t i = 0; good && i < got; i++) {
            struct crl_entry entry = {.serial_size = page[i].serial_size,
                                      .revoked_at = (int64_t)page[i].at < now ? (int64_t)page[i].at : now,
                                      .reason = (enum crl_reason)page[i].reason};
            memcpy(entry.serial, page[i].serial, sizeof entry.serial);
            entries->each[entries->count++] = entry;
            last = page[i];
        }
        if (good && entries->count > CRL_ENTRIES_MAX)
            good = fault_set(fault, FAULT_USAGE, 0, "more than %d revoked certificates of one CA", CRL_ENTRIES_MAX);
    }
    free(page);
    return good;
}

/* A request whose end was not seen is repeated as it was: the record answers the second time as the first. */
static bool register_list(const struct run *run, const struct store_crl *list, struct fault *fault)
{
    for (unsigned tries = 1;; tries++) {
        if (store_crl_register(run->store, list, fault))
            return true;
        if (fault->code != FAULT_RECORD_UNKNOWN || tries == REGISTER_TRIES)
            return false;
        struct fault again;
        if (!store_reconnect(run->store, &again))
            return false;
    }
}

static void print_list(const struct run *run, const char *name, const struct crl_request *request,
                       const struct crl *crl, const struct certificate *issuing)
{
    if (!run->cli->json) {
        cli_say(run->cli, "%s: list %llu with %zu revoked certificates is in %s/%s.crl\n", name,
                (unsigned long long)request->number, request->count, run->directory, name);
        return;
    }
    char text[1024];
    struct fault ignored;
    struct json json = json_over(text, sizeof text);
    json_open(&json, NULL, '{');
    json_text(&json, "token", name);
    json_number(&json, "number", (int64_t)request->number);
    json_number(&json, "revoked", (int64_t)request->count);
    json_number(&json, "this_update", request->this_update);
    json_number(&json, "next_update", request->next_update);
    json_hex(&json, "sha256", crl->sha256, sizeof crl->sha256);
    json_hex(&json, "issuer_sha256", issuing->sha256, sizeof issuing->sha256);
    json_close(&json, '}');
    if (json_end(&json, "revocation list", &ignored))
        (void)printf("%s\n", text);
}

static bool register_issuer(const struct run *run, const char *token, const struct certificate *issuing,
                            struct fault *fault)
{
    char subject[CERTIFICATE_NAME_SIZE];
    if (!certificate_subject_text(issuing, subject, fault))
        return false;
    const struct store_issuer issuer = {
        .der = issuing->der, .der_size = issuing->der_size, .subject = subject, .token_label = token};
    return store_issuer_register(run->store, &issuer, fault);
}

/* Clocks first: a list of the past would be taken for old by whoever has the last one, and one of the future would be
 * the last that anybody takes. */
static bool check_clock(const struct store_crl_next *next, int64_t now, struct fault *fault)
{
    if (now <= (int64_t)next->last_update)
        return fault_set(fault, FAULT_CRL_BACKWARDS, 0,
                         "this machine's clock is %lld s behind the last list's time; a list a second is the most",
                         (long long)((int64_t)next->last_update - now));
    int64_t apart = now - (int64_t)next->now;
    if (apart > 300 || apart < -300)
        return fault_set(fault, FAULT_CRL_BACKWARDS, 0, "this machine's clock and the record's are %lld s apart",
                         (long long)apart);
    return true;
}

/* Number, signature, register, publish: in this order, so that the record knows every list that anybody can have. */
static bool make_list(const struct run *run, struct certificate_issuer *issuer, const char *name, struct fault *fault)
{
    const struct certificate *issuing = certificate_issuer_own(issuer);
    int64_t now = (int64_t)time(NULL);
    struct store_crl_next next;
    CLEANUP(entries_free) struct entries entries = {0};
    CLEANUP(crl_free) struct crl crl = {0};
    if (!register_issuer(run, name, issuing, fault) || !store_crl_next(run->store, issuing->sha256, &next, fault) ||
        !check_clock(&next, now, fault) || !read_entries(run, issuing->sha256, now, &entries, fault))
        return false;
    const struct crl_request request = {
        .number = next.number,
        .this_update = now,
        .next_update = now + (int64_t)run->days * 86400,
        .entries = entries.each,
        .count = entries.count,
    };
    if (!crl_issue(issuer, &request, &crl, fault))
        return false;
    const struct store_crl list = {
        .issuer_sha256 = issuing->sha256,
        .number = request.number,
        .this_update = (uint64_t)request.this_update,
        .next_update = (uint64_t)request.next_update,
        .revoked = request.count,
        .sha256 = crl.sha256,
    };
    if (!register_list(run, &list, fault) || !crl_write(&crl, run->directory, name, fault))
        return false;
    print_list(run, name, &request, &crl, issuing);
    return true;
}

static bool make_for_token(const struct run *run, const struct jig_token *place, struct fault *fault)
{
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    return token_open_with_file(place->module, place->uri, place->pin_file, &token, fault) &&
           certificate_issuer_open(token, place->issuing_certificate, run->jig->root_certificate, &issuer, fault) &&
           make_list(run, issuer, token_label(token), fault);
}

static int make_all(const struct run *run)
{
    int code = FAULT_EXIT_OK;
    for (size_t i = 0; i < run->jig->token_count; i++) {
        struct fault fault;
        if (make_for_token(run, &run->jig->tokens[i], &fault))
            continue;
        (void)fault_within(&fault, "CA of %s", run->jig->tokens[i].uri);
        int failed = cli_fail(run->cli, &fault, "this CA's list as it was published before", "hsm crl");
        code = code == FAULT_EXIT_OK ? failed : code;
    }
    return code;
}

int command_hsm_crl(struct cli *cli)
{
    struct fault fault;
    struct run run = {.cli = cli, .days = DAYS_DEFAULT, .directory = cli->values[OPTION_DIRECTORY]};
    if (!run.directory)
        run.directory = ".";
    if (cli->values[OPTION_DAYS] && !cli_number(cli, OPTION_DAYS, &run.days, &fault))
        return cli_misused(cli, "%s", fault.text);
    if (run.days < 1 || run.days > DAYS_MAX)
        return cli_misused(cli, "--days is from 1 to %d", DAYS_MAX);
    CLEANUP(jig_freep) struct jig *jig = NULL;
    CLEANUP(store_closep) struct store *store = NULL;
    if (!jig_read(cli->arguments[0], &jig, &fault))
        return cli_fail(cli, &fault, "every list as it was published before", "hsm crl");
    const struct store_options options = {.conninfo = jig->record, .application = "kokuin hsm crl"};
    if (!store_open(&options, &store, &fault))
        return cli_fail(cli, &fault, "every list as it was published before", "hsm crl");
    run.jig = jig;
    run.store = store;
    return make_all(&run);
}
