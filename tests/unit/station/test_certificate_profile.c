/* station/flow/certificate_profile: what a product's data becomes for hsm/, and that the profiles which the tests of
 * hsm/ use are the shipped ones. */
#include "jigs/read.h"
#include "station/flow/certificate_profile.h"
#include "tests/support/profiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void the_shipped_profiles_are_those_of_the_tests(void **state)
{
    (void)state;
    const struct {
        const char *file;
        const struct certificate_profile *tested;
    } shipped[] = {
        {SHIPPED "/profiles/idevid-8021ar.yaml", &profile_idevid_8021ar},
        {SHIPPED "/profiles/idevid-brski.yaml", &profile_idevid_brski},
        {SHIPPED "/profiles/matter-dac.yaml", &profile_matter_dac},
    };
    for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
        struct fault fault;
        struct profile profile;
        struct certificate_profile made;
        if (!profile_read(shipped[i].file, &profile, &fault))
            fail_msg("%s", fault.text);
        certificate_profile_from(&profile, &made);
        const struct certificate_profile *tested = shipped[i].tested;
        assert_string_equal(made.id, tested->id);
        assert_string_equal(made.not_after, tested->not_after);
        assert_int_equal(made.years, tested->years);
        assert_int_equal(made.key_usage, tested->key_usage);
        assert_int_equal(made.name_count, tested->name_count);
        assert_int_equal(made.extension_count, tested->extension_count);
        for (size_t k = 0; k < made.name_count; k++) {
            assert_int_equal(made.names[k].attribute, tested->names[k].attribute);
            assert_int_equal(made.names[k].source, tested->names[k].source);
            assert_string_equal(made.names[k].text, tested->names[k].text);
        }
        for (size_t k = 0; k < made.extension_count; k++) {
            assert_int_equal(made.extensions[k].content, tested->extensions[k].content);
            assert_int_equal(made.extensions[k].critical, tested->extensions[k].critical);
        }
        assert_memory_equal(made.sha256, profile.sha256, sizeof made.sha256);
    }
}

static void a_subject_has_all_that_the_product_says(void **state)
{
    (void)state;
    struct product product = {.matter_vendor = 0xfff1, .matter_product = 0x8000};
    (void)snprintf(product.organization, sizeof product.organization, "Works");
    (void)snprintf(product.model, sizeof product.model, "KR-1");
    (void)snprintf(product.hardware_type, sizeof product.hardware_type, "1.3.6.1.4.1.32473.1.1");
    (void)snprintf(product.masa_url, sizeof product.masa_url, "masa.example");
    const struct certificate_subject subject =
        certificate_subject_from(&product, &profile_idevid_brski, "KR000000001X");
    assert_ptr_equal(subject.profile, &profile_idevid_brski);
    assert_string_equal(subject.organization, "Works");
    assert_string_equal(subject.model, "KR-1");
    assert_string_equal(subject.serial, "KR000000001X");
    assert_string_equal(subject.hardware_type, "1.3.6.1.4.1.32473.1.1");
    assert_string_equal(subject.masa_url, "masa.example");
    assert_int_equal(subject.matter_vendor, 0xfff1);
    assert_int_equal(subject.matter_product, 0x8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_profiles_are_those_of_the_tests),
        cmocka_unit_test(a_subject_has_all_that_the_product_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
