/* tenants_fuzz.c - a file of tenants of any bytes. Whoever is taken has a name and was there once;
 * what is refused is said in whole lines without control characters. */
#include "require.h"

#include "service/tenants.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_buffer problems = {0};
    sn_error err = SN_ERROR_INIT;
    sn_tenants *tenants = NULL;
    int rc = sn_tenants_parse(&tenants, &problems, "FILE", (const char *)data, size,
                              "the operator's token", &err);
    REQUIRE((rc == 0) == (tenants != NULL) && (rc == 0) == (problems.bytes == 0));
    if (rc < 0) {
        REQUIRE(rc == SN_EINVALID_ARGUMENT && *err.message);
        REQUIRE(problems.data[problems.bytes - 1] == '\n');
        for (size_t i = 0; i < problems.bytes; i++)
            REQUIRE((problems.data[i] >= ' ' && problems.data[i] <= '~') ||
                    problems.data[i] == '\n');
    } else {
        REQUIRE(sn_tenants_count(tenants) >= 1 && sn_tenants_count(tenants) <= SN_TENANTS_MOST);
        REQUIRE(!sn_tenants_find(tenants, "") && !sn_tenants_find(tenants, "short"));
        REQUIRE(!sn_tenants_find(tenants, "the operator's token"));
    }
    sn_tenants_close(tenants);
    sn_buffer_free(&problems);
    return 0;
}
