#include "station/cli/token_check.h"

#include "station/line/rooms.h"

#include <string.h>

static const char *const names[INSPECT_STEPS] = {
    [INSPECT_TOKEN] = "reached",
    [INSPECT_MECHANISMS] = "mechanisms",
    [INSPECT_LOG_IN] = "PIN and log-in",
    [INSPECT_RANDOM] = "random numbers",
    [INSPECT_FINGERPRINT] = "fingerprint key",
    [INSPECT_ISSUING] = "issuing key and certificate",
    [INSPECT_STATION] = "station key and certificate",
};

const char *token_check_name(enum inspect_step step)
{
    return names[step];
}

/* As a station that starts now: the first that is good, unless one before it needs a person. */
static void judge(struct token_checks *checks)
{
    checks->state = KEYRING_DOWN;
    for (size_t i = 0; i < checks->count; i++) {
        if (checks->each[i].good) {
            checks->state = i == 0 ? KEYRING_UP : KEYRING_DEGRADED;
            checks->in_use = i;
            return;
        }
        if (!checks->each[i].passed_over)
            return;
    }
}

void token_check_all(const struct jig *jig, struct token_checks *ret_checks)
{
    *ret_checks = (struct token_checks){.count = jig->token_count, .all_good = true};
    struct keyring_options options = rooms_keyring(jig, ret_checks->places);
    for (size_t i = 0; i < ret_checks->count; i++) {
        token_inspect(&options, i, &ret_checks->each[i]);
        ret_checks->all_good = ret_checks->all_good && ret_checks->each[i].good;
    }
    judge(ret_checks);
}

enum advice {
    ADVICE_SERVER,
    ADVICE_MODULE,
    ADVICE_TOKEN,
    ADVICE_MECHANISM,
    ADVICE_PIN_FILE,
    ADVICE_FILE,
};

static const char *const advices[][2] = {
    [ADVICE_SERVER] = {"Start the p11-kit server of this token (p11-kit server --name PATH --provider MODULE URI), and "
                       "see that the station's account may enter the socket's directory.",
                       "このHSMの p11-kit server を起動し、ソケットのディレクトリの権限を確認してください。"},
    [ADVICE_MODULE] = {"Install the token maker's PKCS#11 module, or correct 'module' of this token in the jig file.",
                       "HSMメーカーのPKCS#11モジュールを導入するか、ジグ設定の module を直してください。"},
    [ADVICE_TOKEN] =
        {"Plug the token in, or correct its 'uri' in the jig file: p11tool --provider MODULE --list-tokens "
         "shows what is there.",
         "HSMを接続するか、ジグ設定の uri を直してください (p11tool --list-tokens で確認)。"},
    [ADVICE_MECHANISM] = {"Allow the mechanism in the token's own configuration, or reach the token in a way that "
                          "passes it.",
                          "HSMの設定でこの機構を許可するか、別の接続方法にしてください。"},
    [ADVICE_PIN_FILE] = {"Write the PIN into the file that 'pin_file' of this token names, readable by the station's "
                         "account only.",
                         "pin_file のファイルにPINを書き、ステーションのアカウントだけが読めるようにしてください。"},
    [ADVICE_FILE] = {"Copy the file named from the directory that the key ceremony wrote.",
                     "鍵生成セレモニーの出力から、表示されたファイルをコピーしてください。"},
};

const char *token_check_advice(const struct jig_token *token, const struct fault *fault, enum inspect_step step,
                               enum fault_language language)
{
    bool japanese = language == FAULT_JAPANESE;
    if (fault->code == FAULT_HSM_MODULE)
        return advices[strncmp(token->module, "unix:", 5) == 0 ? ADVICE_SERVER : ADVICE_MODULE][japanese];
    if (step == INSPECT_TOKEN && fault->code == FAULT_HSM_NOT_FOUND)
        return advices[ADVICE_TOKEN][japanese];
    if (step == INSPECT_MECHANISMS)
        return advices[ADVICE_MECHANISM][japanese];
    if (fault->code == FAULT_FILE)
        return advices[step == INSPECT_LOG_IN ? ADVICE_PIN_FILE : ADVICE_FILE][japanese];
    return fault_todo(fault->code, language);
}
