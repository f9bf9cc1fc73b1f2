/* configured_test.c - the model that settings name. */
#include "test.h"

#include "model/configured.h"
#include "service/settings_table.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"LLM_BASE_URL", "LLM_MODEL",           "LLM_API_KEY", "LLM_API",
                                    "LLM_CA_FILE",  "LLM_TIMEOUT_SECONDS", "LLM_RETRIES"};

static int open_with(sn_config **config, sn_model **model, const char *url, const char *name,
                     const char *api, sn_error *err) {
    const char *const values[] = {url, name, NULL, api};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (values[i])
            setenv(names[i], values[i], 1);
    int rc = sn_settings_open(config, NULL, NULL, NULL, 0, err);
    if (rc < 0)
        *config = NULL;
    return rc < 0 ? rc : sn_model_open_configured(model, *config, err);
}

static void expect(const char *url, const char *name, const char *api, const char *is) {
    sn_config *config;
    sn_model *model = NULL;
    assert_int_equal(open_with(&config, &model, url, name, api, NULL), 0);
    if (!is) {
        assert_null(model);
    } else {
        assert_string_equal(sn_model_name(model), name);
        assert_string_equal(sn_model_api(model), is);
    }
    sn_model_close(model);
    sn_config_close(config);
}

static void models(void **state) {
    (void)state;
    expect(NULL, NULL, NULL, NULL);
    expect(NULL, NULL, "responses", NULL);
    expect("http://127.0.0.1:9/v1", "m", NULL, "chat");
    expect("https://127.0.0.1:9", "m", "messages", "messages");
}

static void expect_refused(const char *url, const char *name, const char *api, const char *why) {
    sn_config *config;
    sn_model *model = NULL;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(open_with(&config, &model, url, name, api, &err), SN_EINVALID_ARGUMENT);
    assert_null(model);
    if (!strstr(err.message, why))
        fail_msg("%s", err.message);
    sn_config_close(config);
}

static void refusals(void **state) {
    (void)state;
    expect_refused("http://127.0.0.1:9/v1", NULL, NULL, "LLM_MODEL is not");
    expect_refused(NULL, "m", NULL, "LLM_BASE_URL is not");
    expect_refused("http://127.0.0.1:9/v1", "m", "completions", "LLM_API");
    expect_refused("127.0.0.1:9", "m", NULL, "http://");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
