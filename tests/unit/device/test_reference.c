/* The reference unit by itself: every operation, each refusal, and the power gone at every byte. */
#include "tests/unit/device/board_in_memory.h"
#include "tests/unit/device/station_side.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL "KR00000018"

enum status { DONE, MALFORMED, UNKNOWN, LOCKED, WRONG_STATE, REFUSED, FAILED };

static const struct der certificate = {"certificate", 11}, issuing = {"issuing", 7};
static struct board_in_memory *board;
static uint8_t response[DEVICE_RESPONSE_MAX];

static int set_up(void **state)
{
    (void)state;
    board = malloc(sizeof *board);
    if (!board)
        return -1;
    board_start(board);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(board);
    return 0;
}

/* The status; `ret_result` stands before the result map. */
static enum status ask_bytes(const uint8_t *message, size_t size, struct cbor_reader *ret_result)
{
    bool restart;
    /* A heap block of exactly this size, so that a read past its end is seen. */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, message, size);
    size_t length = device_answer(&board->device, copy, size, response, &restart);
    free(copy);
    cbor_read_start(ret_result, response, length);
    cbor_read_map_of(ret_result, 3);
    cbor_read_key(ret_result, 0);
    (void)cbor_read_uint(ret_result, UINT64_MAX);
    cbor_read_key(ret_result, 1);
    uint64_t status = cbor_read_uint(ret_result, 6);
    cbor_read_key(ret_result, 2);
    assert_false(ret_result->failed);
    if (status != DONE) {
        assert_int_equal(length - ret_result->at, 1);
        assert_int_equal(response[ret_result->at], 0xa0);
    }
    return (enum status)status;
}

static size_t build_message(uint64_t operation, const uint8_t *arguments, size_t size, uint8_t ret_message[8192])
{
    struct cbor_writer writer;
    cbor_write_start(&writer, ret_message, 8192);
    cbor_write_map(&writer, 3);
    cbor_write_uint(&writer, 0);
    cbor_write_uint(&writer, 1000);
    cbor_write_uint(&writer, 1);
    cbor_write_uint(&writer, operation);
    cbor_write_uint(&writer, 2);
    cbor_write_item(&writer, arguments, size);
    assert_true(cbor_write_end(&writer));
    return writer.at;
}

static enum status ask(uint64_t operation, const void *arguments, size_t size, struct cbor_reader *ret_result)
{
    uint8_t message[8192];
    return ask_bytes(message, build_message(operation, arguments, size, message), ret_result);
}

static enum status ask_plain(uint64_t operation)
{
    struct cbor_reader result;
    return ask(operation, "\xa0", 1, &result);
}

static enum status make_key(uint8_t transaction, const char *serial, uint8_t ret_csr[DEVICE_CSR_MAX], size_t *ret_size)
{
    uint8_t arguments[128], bytes[16];
    struct cbor_writer writer;
    struct cbor_reader result;
    memset(bytes, transaction, sizeof bytes);
    cbor_write_start(&writer, arguments, sizeof arguments);
    cbor_write_map(&writer, 2);
    cbor_write_uint(&writer, 1);
    cbor_write_bytes(&writer, bytes, sizeof bytes);
    cbor_write_uint(&writer, 2);
    cbor_write_text(&writer, serial, strlen(serial));
    enum status status = ask(MAKE_KEY, arguments, writer.at, &result);
    if (status != DONE)
        return status;
    cbor_read_map_of(&result, 1);
    cbor_read_key(&result, 1);
    const uint8_t *csr = cbor_read_bytes(&result, 1, DEVICE_CSR_MAX, ret_size);
    assert_non_null(csr);
    memcpy(ret_csr, csr, *ret_size);
    return status;
}

static enum status make_any_key(uint8_t transaction, const char *serial)
{
    uint8_t csr[DEVICE_CSR_MAX];
    size_t size;
    return make_key(transaction, serial, csr, &size);
}

static enum status inject(uint8_t transaction, const char *serial, const char *password, uint8_t ret_receipt[32])
{
    uint8_t arguments[4096], expected[32];
    struct cbor_reader result;
    size_t count, size = build_injection(transaction, serial, password, &certificate, &issuing, arguments);
    enum status status = ask(INJECT, arguments, size, &result);
    if (status != DONE)
        return status;
    cbor_read_map_of(&result, 1);
    cbor_read_key(&result, 1);
    const uint8_t *receipt = cbor_read_bytes(&result, 32, 32, &count);
    assert_true(receipt && cbor_read_end(&result));
    EVP_Digest(arguments, size, expected, NULL, EVP_sha256(), NULL);
    assert_memory_equal(receipt, expected, 32);
    memcpy(ret_receipt, receipt, 32);
    return status;
}

static enum status inject_any(uint8_t transaction, const char *serial, const char *password)
{
    uint8_t receipt[32];
    return inject(transaction, serial, password, receipt);
}

static void provision(uint8_t transaction, const char *serial, const char *password)
{
    assert_int_equal(make_any_key(transaction, serial), DONE);
    assert_int_equal(inject_any(transaction, serial, password), DONE);
}

static enum status pair(uint64_t operation, const char *name, const char *password, struct cbor_reader *ret_result)
{
    uint8_t arguments[256];
    struct cbor_writer writer;
    cbor_write_start(&writer, arguments, sizeof arguments);
    cbor_write_map(&writer, 2);
    cbor_write_uint(&writer, 1);
    cbor_write_text(&writer, name, strlen(name));
    cbor_write_uint(&writer, 2);
    cbor_write_bytes(&writer, (const uint8_t *)password, strlen(password));
    return ask(operation, arguments, writer.at, ret_result);
}

static uint64_t try_login_and_wait(const char *user, const char *password, uint64_t *ret_wait_ms)
{
    struct cbor_reader result;
    assert_int_equal(pair(TRY_LOGIN, user, password, &result), DONE);
    cbor_read_map_of(&result, 3);
    cbor_read_key(&result, 1);
    uint64_t outcome = cbor_read_uint(&result, 4);
    cbor_read_key(&result, 2);
    *ret_wait_ms = cbor_read_uint(&result, UINT32_MAX);
    return outcome;
}

static uint64_t try_login(const char *user, const char *password)
{
    uint64_t wait_ms;
    return try_login_and_wait(user, password, &wait_ms);
}

static bool flash_holds(const char *text)
{
    return memmem(board->flash, sizeof board->flash, text, strlen(text)) != NULL;
}

static uint64_t state_now(void)
{
    struct cbor_reader result;
    size_t size;
    assert_int_equal(ask(IDENTIFY, "\xa0", 1, &result), DONE);
    cbor_read_map_of(&result, 11);
    for (uint64_t key = 1; key < 5; key++) {
        cbor_read_key(&result, key);
        (void)cbor_read_item(&result, &size);
    }
    cbor_read_key(&result, 5);
    return cbor_read_uint(&result, 2);
}

static void malformed_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum status status;
    } messages[] = {
        {"", 0, MALFORMED},
        {"\xa0", 1, MALFORMED},
        {"\xa3\x00\x01\x01\x01\x02", 6, MALFORMED},
        {"\xa3\x00\x01\x01\x01\x02\xa0\x00", 8, MALFORMED},
        {"\xa3\x00\x01\x02\xa0\x01\x01", 7, MALFORMED},
        {"\xa3\x00\x20\x01\x01\x02\xa0", 7, MALFORMED},
        {"\xa3\x00\x18\x01\x01\x01\x02\xa0", 8, MALFORMED},
        {"\xbf\x00\x01\x01\x01\x02\xa0\xff", 8, MALFORMED},
        {"\xa3\x00\x01\x01\x01\x02\xa1\x01\x01", 9, MALFORMED},
        {"\xa3\x00\x01\x01\x02\x02\xa0", 7, MALFORMED},
        {"\xa3\x00\x01\x01\x02\x02\x80", 7, MALFORMED},
        {"\xa3\x00\x01\x01\x00\x02\xa0", 7, UNKNOWN},
        {"\xa3\x00\x01\x01\x0c\x02\xa0", 7, UNKNOWN},
        {"\xa3\x00\x01\x01\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x02\xa0", 15, UNKNOWN},
        {"\xa3\x00\x01\x01\x01\x02\xa0", 7, DONE},
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct cbor_reader result;
        enum status status = ask_bytes((const uint8_t *)messages[i].bytes, messages[i].size, &result);
        if (status != messages[i].status)
            fail_msg("message %zu: status %d", i, status);
    }
    for (uint64_t operation = 1; operation <= OFFER_POINT; operation++) {
        struct cbor_reader result;
        assert_int_equal(ask(operation, "\xa1\x18\x63\x01", 4, &result), MALFORMED);
    }
}

/* INJECT's arguments cut short at every byte, and with every byte changed: never done, never a crash. */
static void broken_injections_change_nothing(void **state)
{
    (void)state;
    uint8_t arguments[4096];
    size_t size = build_injection(1, SERIAL, "secret", &certificate, &issuing, arguments);
    assert_int_equal(make_any_key(1, SERIAL), DONE);
    uint8_t message[8192];
    struct cbor_reader result;
    size_t whole = build_message(INJECT, arguments, size, message);
    for (size_t i = 0; i < whole; i++)
        assert_int_equal(ask_bytes(message, i, &result), MALFORMED);
    board->certificate_fits = false;
    for (size_t i = whole - size; i < whole; i++) {
        message[i] ^= 0xff;
        assert_int_not_equal(ask_bytes(message, whole, &result), DONE);
        message[i] ^= 0xff;
    }
    assert_int_equal(state_now(), 2);
    board->certificate_fits = true;
    assert_int_equal(ask_bytes(message, whole, &result), DONE);
}

static void key_is_the_same_for_a_transaction(void **state)
{
    (void)state;
    uint8_t first[DEVICE_CSR_MAX], again[DEVICE_CSR_MAX], other[DEVICE_CSR_MAX];
    size_t first_size, again_size, other_size;
    assert_int_equal(state_now(), 0);
    assert_int_equal(make_key(1, SERIAL, first, &first_size), DONE);
    assert_int_equal(state_now(), 2);
    board_restart(board);
    assert_int_equal(make_key(1, SERIAL, again, &again_size), DONE);
    assert_int_equal(first_size, again_size);
    assert_memory_equal(first, again, first_size);
    assert_int_equal(board->keys_made, 1);
    assert_int_equal(make_any_key(1, "KR00000029"), WRONG_STATE);

    assert_int_equal(inject_any(1, SERIAL, "secret"), DONE);
    assert_int_equal(make_key(1, SERIAL, again, &again_size), DONE);
    assert_memory_equal(first, again, first_size);
    assert_int_equal(make_any_key(1, "KR00000029"), WRONG_STATE);

    assert_int_equal(make_key(2, SERIAL, other, &other_size), DONE);
    assert_memory_not_equal(first, other, first_size);
    assert_int_equal(state_now(), 1);
}

static void injection_needs_its_own_key(void **state)
{
    (void)state;
    assert_int_equal(inject_any(1, SERIAL, "secret"), WRONG_STATE);
    assert_int_equal(make_any_key(1, SERIAL), DONE);
    assert_int_equal(inject_any(2, SERIAL, "secret"), WRONG_STATE);
    assert_int_equal(inject_any(1, "KR00000029", "secret"), WRONG_STATE);
    board->certificate_fits = false;
    assert_int_equal(inject_any(1, SERIAL, "secret"), REFUSED);
    board->certificate_fits = true;
    board->model.has_login = false;
    assert_int_equal(inject_any(1, SERIAL, "secret"), REFUSED);
    board->model.has_login = true;
    board->random_works = false;
    assert_int_equal(inject_any(1, SERIAL, "secret"), FAILED);
    board->random_works = true;
    assert_int_equal(state_now(), 2);
    assert_int_equal(inject_any(1, SERIAL, "secret"), DONE);
}

static void same_kind_twice_is_refused(void **state)
{
    (void)state;
    uint8_t arguments[4096];
    struct cbor_reader result;
    size_t size = build_injection(1, SERIAL, "secret", &certificate, &issuing, arguments);
    assert_int_equal(make_any_key(1, SERIAL), DONE);
    uint8_t *kind = memmem(arguments, size,
                           "\x01\x65"
                           "admin",
                           7);
    assert_non_null(kind);
    memcpy(kind,
           "\x01\x64"
           "wifi",
           6);
    memmove(kind + 6, kind + 7, size - (size_t)(kind + 7 - arguments));
    assert_int_equal(ask(INJECT, arguments, size - 1, &result), REFUSED);
    assert_int_equal(state_now(), 2);
}

static void injection_may_be_repeated(void **state)
{
    (void)state;
    uint8_t first[32], again[32];
    assert_int_equal(make_any_key(1, SERIAL), DONE);
    assert_int_equal(inject(1, SERIAL, "secret", first), DONE);
    unsigned calls = board->flash_calls;
    assert_int_equal(inject(1, SERIAL, "secret", again), DONE);
    assert_int_equal(board->flash_calls, calls);
    board_restart(board);
    assert_int_equal(inject(1, SERIAL, "secret", again), DONE);
    assert_memory_equal(first, again, 32);
    assert_int_equal(inject_any(1, SERIAL, "other!"), WRONG_STATE);
    assert_int_equal(try_login("admin", "secret"), 0);
}

static void old_content_holds_until_the_new_is_injected(void **state)
{
    (void)state;
    provision(1, SERIAL, "first");
    assert_int_equal(make_any_key(2, SERIAL), DONE);
    board_restart(board);
    assert_int_equal(try_login("admin", "first"), 0);
    assert_int_equal(inject_any(2, SERIAL, "second"), DONE);
    assert_int_equal(try_login("admin", "first"), 1);
    assert_int_equal(try_login("admin", "second"), 0);
    assert_false(flash_holds("first"));
    assert_false(flash_holds("second"));
}

static void wrong_logins_wait_longer_and_longer(void **state)
{
    (void)state;
    static const uint64_t waits[] = {0, 0, 100, 200, 400, 800, 800, 800, 800, 800, 800, 800};
    uint64_t wait_ms;
    provision(1, SERIAL, "secret");
    board->now_ms = UINT32_MAX - 50; /* the clock wraps under way */
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_int_equal(try_login("admin", "wrong"), 1);
        if (waits[i] == 0 || i == 11)
            continue;
        assert_int_equal(try_login_and_wait("admin", "secret", &wait_ms), 2);
        assert_int_equal(wait_ms, waits[i]);
        board->now_ms += (uint32_t)waits[i] - 1;
        assert_int_equal(try_login_and_wait("admin", "secret", &wait_ms), 2);
        assert_int_equal(wait_ms, 1);
        board->now_ms += 1;
    }
    board->now_ms += 1000000;
    assert_int_equal(try_login("admin", "secret"), 3);
    board_restart(board);
    assert_int_equal(try_login("admin", "secret"), 0);
}

static void right_login_begins_the_count_again(void **state)
{
    (void)state;
    provision(1, SERIAL, "secret");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(try_login("admin", ""), 1);
        assert_int_equal(try_login("root", "secret"), 1);
        assert_int_equal(try_login("admin", "secret"), 0);
    }
    board->model.has_login = false;
    assert_int_equal(try_login("admin", "secret"), 4);
}

static void blank_unit_refuses_every_login(void **state)
{
    (void)state;
    struct cbor_reader result;
    assert_int_equal(try_login("admin", "admin"), 1);
    assert_int_equal(pair(COMPARE_KEY, "wifi", "a Wi-Fi key", &result), WRONG_STATE);
    assert_int_equal(ask_plain(LOCK), WRONG_STATE);
    assert_int_equal(ask_plain(REOPEN), DONE);
}

static void key_is_compared_only_where_there_is_no_login(void **state)
{
    (void)state;
    struct cbor_reader result;
    provision(1, SERIAL, "secret");
    assert_int_equal(pair(COMPARE_KEY, "wifi", "a Wi-Fi key", &result), DONE);
    cbor_read_map_of(&result, 1);
    cbor_read_key(&result, 1);
    assert_true(cbor_read_bool(&result) && cbor_read_end(&result));
    assert_int_equal(pair(COMPARE_KEY, "wifi", "a Wi-Fi kez", &result), DONE);
    cbor_read_map_of(&result, 1);
    cbor_read_key(&result, 1);
    assert_false(cbor_read_bool(&result));
    assert_true(cbor_read_end(&result));
    assert_int_equal(pair(COMPARE_KEY, "admin", "secret", &result), REFUSED);
    assert_int_equal(pair(COMPARE_KEY, "other", "secret", &result), REFUSED);
}

static void lock_closes_and_reopen_erases(void **state)
{
    (void)state;
    provision(1, SERIAL, "secret");
    assert_int_equal(ask_plain(OPEN_DEBUG), DONE);
    assert_true(board->device.debug_open);
    assert_int_equal(make_any_key(2, SERIAL), DONE);
    assert_int_equal(ask_plain(LOCK), DONE);
    assert_int_equal(ask_plain(LOCK), DONE);
    board_restart(board);
    assert_int_equal(make_any_key(2, SERIAL), LOCKED);
    assert_int_equal(inject_any(1, SERIAL, "secret"), LOCKED);
    assert_int_equal(ask_plain(OPEN_DEBUG), LOCKED);
    assert_int_equal(ask_plain(IDENTIFY), DONE);
    assert_int_equal(ask_plain(INTERFACES), DONE);
    assert_int_equal(ask_plain(RESTART), DONE);
    assert_int_equal(try_login("admin", "secret"), 0);

    board->model.can_reopen = false;
    assert_int_equal(ask_plain(REOPEN), LOCKED);
    assert_true(flash_holds(SERIAL));
    board->model.can_reopen = true;
    assert_int_equal(ask_plain(REOPEN), DONE);
    assert_false(flash_holds(SERIAL));
    assert_false(flash_holds("certificate"));
    board_restart(board);
    assert_int_equal(state_now(), 0);
    provision(3, SERIAL, "secret");
}

/* Each write and erasure fails once, aloud and silently: the old content or the new, and a receipt only for the new. */
static void broken_storage_changes_nothing(void **state)
{
    (void)state;
    for (unsigned silently = 0; silently < 2; silently++)
        for (unsigned call = 1;; call++) {
            board_start(board);
            provision(1, SERIAL, "first");
            assert_int_equal(make_any_key(2, SERIAL), DONE);
            unsigned before = board->flash_calls;
            board->broken_call = before + call;
            board->silently = silently;
            enum status status = inject_any(2, SERIAL, "second");
            bool past_the_end = board->flash_calls < board->broken_call;
            assert_int_equal(try_login("admin", status == DONE ? "second" : "first"), 0);
            board_restart(board);
            assert_int_equal(try_login("admin", status == DONE ? "second" : "first"), 0);
            if (past_the_end) {
                assert_int_equal(status, DONE);
                assert_true(call > 5);
                break;
            }
            /* Only the erasure of the old content, last of all, may fail without harm; and so may a first erasure of
             * a bank that is blank. */
            assert_true(status == FAILED || status == DONE);
        }
}

static void power_may_go_at_any_byte(void **state)
{
    (void)state;
    uint64_t olds = 0, news = 0, total;
    struct board_in_memory *start = malloc(sizeof *start);
    provision(1, SERIAL, "first");
    assert_int_equal(make_any_key(2, SERIAL), DONE);
    memcpy(start, board, sizeof *start);
    assert_int_equal(inject_any(2, SERIAL, "second"), DONE);
    total = board->flash_bytes - start->flash_bytes;
    for (uint64_t cut = 1; cut <= total; cut++) {
        memcpy(board, start, sizeof *start);
        board->power_cut_at = start->flash_bytes + cut;
        (void)inject_any(2, SERIAL, "second");
        assert_true(board->power_gone);
        board_restart(board);
        bool old = try_login("admin", "first") == 0;
        bool new = try_login("admin", "second") == 0;
        assert_int_not_equal(old, new);
        assert_string_equal(board->device.content.serial, SERIAL);
        assert_int_equal(board->device.content.certificate.certificate_size, certificate.size);
        /* The key of the transaction is still there, so that INJECT can be repeated. */
        assert_int_equal(board->device.content.pending.present, old);
        if (cut % 97 == 0)
            assert_int_equal(inject_any(2, SERIAL, "second"), DONE);
        olds += old;
        news += new;
    }
    assert_true(olds > BANK_SIZE && news >= BANK_SIZE);
    free(start);
}

static void foreign_flash_is_blank(void **state)
{
    (void)state;
    for (unsigned fill = 0; fill < 256; fill++) {
        memset(board->flash, (int)fill, sizeof board->flash);
        board_restart(board);
        assert_int_equal(state_now(), 0);
    }
    provision(1, SERIAL, "secret");
    uint8_t whole[2 * BANK_SIZE];
    memcpy(whole, board->flash, sizeof whole);
    for (size_t i = 0; i < sizeof whole; i++) {
        board->flash[i] ^= 0x40;
        board_restart(board);
        uint64_t now = state_now();
        assert_true(now == 0 || (now == 1 && try_login("admin", "secret") == 0));
        memcpy(board->flash, whole, sizeof whole);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(malformed_messages_are_refused),
        TEST(broken_injections_change_nothing),
        TEST(key_is_the_same_for_a_transaction),
        TEST(injection_needs_its_own_key),
        TEST(same_kind_twice_is_refused),
        TEST(injection_may_be_repeated),
        TEST(old_content_holds_until_the_new_is_injected),
        TEST(wrong_logins_wait_longer_and_longer),
        TEST(right_login_begins_the_count_again),
        TEST(blank_unit_refuses_every_login),
        TEST(key_is_compared_only_where_there_is_no_login),
        TEST(lock_closes_and_reopen_erases),
        TEST(broken_storage_changes_nothing),
        TEST(power_may_go_at_any_byte),
        TEST(foreign_flash_is_blank),
    };
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
