/* jigs/profile: the shipped certificate profiles, and each way a profile does not make sense. */
#include "jigs/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/jigs/scratch.h"

/* clang-format off: one line of the file a line, so that the numbers can be counted */
static const char good_profile[] = "id: plant\n"                                             /* 1 */
                                   "not_after: '20991231235959Z'\n"                          /* 2 */
                                   "subject:\n"                                              /* 3 */
                                   "  - attribute: organization\n"                           /* 4 */
                                   "    from: text\n"                                        /* 5 */
                                   "    text: Works\n"                                       /* 6 */
                                   "  - {attribute: serial_number, from: serial}\n"          /* 7 */
                                   "extensions:\n"                                           /* 8 */
                                   "  - {kind: authority_key_identifier, critical: false}\n" /* 9 */
                                   "  - {kind: key_usage, critical: true}\n"                 /* 10 */
                                   "  - kind: basic_constraints\n"                           /* 11 */
                                   "    critical: true\n"                                    /* 12 */
                                   "    certificate_authority: false\n"                      /* 13 */
                                   "key_usage: [digital_signature]\n";                       /* 14 */
/* clang-format on */

#define P "profiles/p.yaml"

static const struct bad bad_profiles[] = {
    {"id: plant", "id: a b", FAULT_CONFIG_VALUE, P ":1:1: id: ", "letters, digits"},
    {"id: plant\n", "", FAULT_CONFIG_KEY, P ":1:1: id: ", "missing key"},
    {"id: plant\n", "id: plant\nwibble: 1\n", FAULT_CONFIG_KEY, P ":2:1: wibble: ", "unknown key"},
    /* validity */
    {"'20991231235959Z'", "'20251231235959Z'", FAULT_CONFIG_VALUE, P ":2:1: not_after: ", "a time after now"},
    {"'20991231235959Z'", "'2099-12-31'", FAULT_CONFIG_VALUE, P ":2:1: not_after: ", "GeneralizedTime"},
    {"'20991231235959Z'", "'20990229235959Z'", FAULT_CONFIG_VALUE, P ":2:1: not_after: ", "GeneralizedTime"},
    {"'20991231235959Z'", "'20991231245959Z'", FAULT_CONFIG_VALUE, P ":2:1: not_after: ", "GeneralizedTime"},
    {"not_after: '20991231235959Z'\n", "", FAULT_CONFIG_KEY, P ":1:1: not_after: ", "one of not_after and years"},
    {"'20991231235959Z'\n", "'20991231235959Z'\nyears: 3\n", FAULT_CONFIG_KEY, P ":2:1: not_after: ", "one of"},
    {"not_after: '20991231235959Z'", "years: 0", FAULT_CONFIG_VALUE, P ":2:1: years: ", "from 1 to 100"},
    {"not_after: '20991231235959Z'", "years: 101", FAULT_CONFIG_VALUE, P ":2:1: years: ", "from 1 to 100"},
    /* subject */
    {"attribute: organization", "attribute: country", FAULT_CONFIG_VALUE,
     P ":4:5: subject[1].attribute: ", "one of common_name, organization"},
    {"from: text", "from: hardware", FAULT_CONFIG_VALUE, P ":5:5: subject[1].from: ", "one of organization, model"},
    {"    text: Works\n", "", FAULT_CONFIG_VALUE, P ":4:5: subject[1].text: ", "with from: text, and only there"},
    {"from: text", "from: model", FAULT_CONFIG_VALUE, P ":6:5: subject[1].text: ", "with from: text, and only there"},
    {"text: Works", "text: Works & Co", FAULT_CONFIG_VALUE, P ":6:5: subject[1].text: ", "PrintableString"},
    {"attribute: organization", "attribute: serial_number", FAULT_CONFIG_VALUE,
     P ":7:6: subject[2].attribute: ", "each attribute once"},
    {"from: serial}", "from: model}", FAULT_CONFIG_VALUE, P ":3:1: subject: ", "two units would have one name"},
    {"attribute: organization\n    from: text\n    text: Works",
     "attribute: matter_vendor_id\n    from: text\n    text: FFF1", FAULT_CONFIG_VALUE,
     P ":5:5: subject[1].from: ", "attributes of that name only"},
    {"    from: text\n    text: Works", "    from: matter_vendor_id", FAULT_CONFIG_VALUE,
     P ":5:5: subject[1].from: ", "attributes of that name only"},
    {"  - {attribute: serial_number, from: serial}\n",
     "  - {attribute: serial_number, from: serial}\n  - {attribute: serial_number, from: serial}\n"
     "  - {attribute: serial_number, from: serial}\n  - {attribute: serial_number, from: serial}\n"
     "  - {attribute: serial_number, from: serial}\n  - {attribute: serial_number, from: serial}\n"
     "  - {attribute: serial_number, from: serial}\n  - {attribute: serial_number, from: serial}\n",
     FAULT_CONFIG_VALUE, P ":", "at most 8"},
    /* extensions */
    {"kind: basic_constraints", "kind: extended_key_usage", FAULT_CONFIG_VALUE,
     P ":11:5: extensions[3].kind: ", "one of authority_key_identifier"},
    {"certificate_authority: false", "certificate_authority: true", FAULT_CONFIG_VALUE,
     P ":13:5: extensions[3].certificate_authority: ", "a device is no certificate authority"},
    {"kind: basic_constraints\n    critical: true", "kind: subject_key_identifier\n    critical: false",
     FAULT_CONFIG_VALUE, P ":13:5: extensions[3].certificate_authority: ", "in basic_constraints only"},
    {"    critical: true", "    critical: false", FAULT_CONFIG_VALUE,
     P ":12:5: extensions[3].critical: ", "expected true"},
    {"key_usage, critical: true", "key_usage, critical: false", FAULT_CONFIG_VALUE,
     P ":10:23: extensions[2].critical: ", "expected true"},
    {"identifier, critical: false", "identifier, critical: true", FAULT_CONFIG_VALUE,
     P ":9:38: extensions[1].critical: ", "expected false"},
    {"kind: basic_constraints", "kind: key_usage", FAULT_CONFIG_VALUE,
     P ":13:5: extensions[3].certificate_authority: ", "in basic_constraints only"},
    {"kind: authority_key_identifier", "kind: subject_key_identifier", FAULT_CONFIG_VALUE,
     P ":8:1: extensions: ", "authority_key_identifier"},
    {"  - {kind: key_usage, critical: true}\n", "", FAULT_CONFIG_VALUE, P ":8:1: extensions: ", "expected key_usage"},
    {"  - {kind: key_usage, critical: true}\n",
     "  - {kind: key_usage, critical: true}\n  - {kind: key_usage, critical: true}\n", FAULT_CONFIG_VALUE,
     P ":11:6: extensions[3].kind: ", "each kind once"},
    /* key usage */
    {"key_usage: [digital_signature]\n", "", FAULT_CONFIG_KEY, P ":1:1: key_usage: ", "missing key"},
    {"[digital_signature]", "[key_cert_sign]", FAULT_CONFIG_VALUE,
     P ":14:13: key_usage[1]: ", "one of digital_signature, key_agreement"},
    {"[digital_signature]", "[digital_signature, digital_signature]", FAULT_CONFIG_VALUE,
     P ":14:32: key_usage[2]: ", "each usage once"},
};

static bool read_profile(const char *path, struct fault *fault)
{
    struct profile profile = {.name_count = 77};
    bool good = profile_read(path, &profile, fault);
    assert_true(good || profile.name_count == 77);
    return good;
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    char path[SCRATCH_PATH_SIZE];
    struct fault fault = {0};
    scratch_write(P, good_profile, sizeof good_profile - 1, path);
    if (!read_profile(path, &fault))
        fail_msg("%s", fault.text);
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_profiles); i++)
        wrong += !scratch_refuses(&bad_profiles[i], good_profile, P, read_profile);
    assert_int_equal(wrong, 0);
}

static void the_shipped_ones_are_what_they_are_called(void **state)
{
    (void)state;
    static const struct {
        const char *file, *id;
        size_t names, extensions;
        bool module, masa, matter, constraints;
    } shipped[] = {
        {SHIPPED "/profiles/idevid-8021ar.yaml", "idevid-8021ar", 3, 3, true, false, false, false},
        {SHIPPED "/profiles/idevid-brski.yaml", "idevid-brski", 3, 4, true, true, false, false},
        {SHIPPED "/profiles/matter-dac.yaml", "matter-dac", 3, 4, false, false, true, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
        struct profile profile;
        struct fault fault = {0};
        if (!profile_read(shipped[i].file, &profile, &fault))
            fail_msg("%s", fault.text);
        assert_string_equal(profile.id, shipped[i].id);
        assert_string_equal(profile.not_after, "99991231235959Z");
        assert_int_equal(profile.key_usage, PROFILE_DIGITAL_SIGNATURE);
        assert_int_equal(profile.name_count, shipped[i].names);
        assert_int_equal(profile.extension_count, shipped[i].extensions);
        assert_int_equal(profile_has(&profile, PROFILE_HARDWARE_MODULE), shipped[i].module);
        assert_int_equal(profile_has(&profile, PROFILE_MASA_URL), shipped[i].masa);
        assert_int_equal(profile_names_from(&profile, PROFILE_FROM_MATTER_VENDOR), shipped[i].matter);
        assert_int_equal(profile_has(&profile, PROFILE_BASIC_CONSTRAINTS), shipped[i].constraints);
    }
}

static int begin(void **state)
{
    (void)state;
    scratch_open();
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(the_shipped_ones_are_what_they_are_called),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
