/* accept_fuzz.c - an Accept header of any bytes: it is read to its end and no further. */
#include "require.h"

#include "llm_service/accept.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    bool is_named;
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = '\0';
    unsigned quality = sn_accept_quality(&is_named, text, "text/event-stream");
    REQUIRE(quality <= 1000);
    if (sn_accept_events(text))
        REQUIRE(quality > 0);
    free(text);
    return 0;
}
