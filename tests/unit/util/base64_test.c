/* base64_test.c - RFC 4648's vectors, and what is none. */
#include "test.h"

#include "util/auto.h"
#include "util/base64.h"

#include <string.h>

static void decodes(void **state) {
    static const char *const pairs[][2] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
    };
    (void)state;
    for (size_t i = 0; i < SN_COUNT(pairs); i++) {
        size_t bytes, wrong;
        sn_auto_free char *out = sn_base64_decode(&bytes, &wrong, pairs[i][0], strlen(pairs[i][0]));
        assert_non_null(out);
        assert_int_equal(bytes, strlen(pairs[i][1]));
        assert_memory_equal(out, pairs[i][1], bytes);
    }
}

static void refuses(void **state) {
    static const struct {
        const char *text;
        size_t wrong;
    } all[] = {
        {"Zg=", 3},      {"Z", 1},          {"Zg", 2},       {"Zh==", 1}, {"Zm9=", 2}, {"====", 0},
        {"Zg==Zg==", 2}, {"Zm9v\nZm9v", 4}, {"Zm9v Zm9", 4}, {"Z-==", 1}, {"Z===", 1}, {"Zm9v=", 5},
    };
    (void)state;
    for (size_t i = 0; i < SN_COUNT(all); i++) {
        size_t bytes, wrong;
        assert_null(sn_base64_decode(&bytes, &wrong, all[i].text, strlen(all[i].text)));
        assert_int_equal(wrong, all[i].wrong);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
