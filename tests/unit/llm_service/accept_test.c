/* accept_test.c - which of two types a client wants. */
#include "test.h"

#include "llm_service/accept.h"

static void qualities(void **state) {
    static const struct {
        const char *accept;
        unsigned quality;
        bool named;
    } all[] = {
        {"text/event-stream", 1000, true},
        {"text/event-stream;q=0.5", 500, true},
        {"text/event-stream ; charset=x ; q=0.125", 125, true},
        {"text/event-stream;q=0", 0, true},
        {"text/event-stream;q=0, */*", 0, true},
        {"*/*;q=0.1, text/*;q=0.2", 200, false},
        {"text/*;q=0.2, text/event-stream;q=0.1", 100, true},
        {"x/y;a=\"text/event-stream,*/*\"", 0, false},
        {"x/y;a=\"\\\",\", text/event-stream", 1000, true},
        {"text/event-stream;q=1.001", 0, true},
        {"text/event-stream;q=x", 0, true},
        {"text/event-streams", 0, false},
        {"text", 0, false},
        {"", 0, false},
        {",,;,", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        bool named;
        assert_int_equal(sn_accept_quality(&named, all[i].accept, "text/event-stream"),
                         all[i].quality);
        assert_int_equal(named, all[i].named);
    }
}

static void choices(void **state) {
    (void)state;
    assert_false(sn_accept_events(NULL));
    assert_false(sn_accept_events("*/*"));
    assert_false(sn_accept_events("application/json, text/event-stream"));
    assert_true(sn_accept_events("text/event-stream"));
    assert_true(sn_accept_events("text/event-stream, */*"));
    assert_true(sn_accept_events("application/json;q=0.9, text/event-stream"));
    assert_false(sn_accept_events("text/event-stream;q=0, application/json;q=0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qualities),
        cmocka_unit_test(choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
