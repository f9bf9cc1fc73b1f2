/*
 * agent_request_fuzz.c - what a client may send for a shannon.agent.ExecuteTaskRequest: any bytes.
 * What it becomes is text, refers to memory that is there, and keeps nothing of the message.
 */
#include "require.h"

#include "agent_core/agent_request.h"
#include "util/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_text(const char *text) {
    REQUIRE(!text || sn_utf8_valid_prefix(text, strlen(text)) == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static volatile unsigned total; /* so that reading is not left out */
    sn_error err = SN_ERROR_INIT;
    sn_agent_request read;
    int rc = sn_agent_request_read(&read, data, size, "/somewhere/python.wasm", &err);
    REQUIRE(rc == err.code);
    if (rc < 0) {
        REQUIRE(rc == SN_EINVALID_ARGUMENT || rc == SN_ENOT_FOUND || rc == SN_EUNAVAILABLE);
        REQUIRE(*err.message && !read.code && !read.args);
        return 0;
    }
    const sn_request *r = &read.request;
    REQUIRE(read.tool && r->code && r->code_bytes == strlen(read.code));
    require_text(read.code);
    require_text(read.task_id);
    require_text(read.tenant);
    require_text(read.session_id);
    REQUIRE(r->session_id == read.session_id && (!r->session_id || *r->session_id));
    REQUIRE(r->timeout_seconds >= 0);
    for (size_t i = 0; i < r->args_count; i++)
        require_text(r->args[i]);
    for (size_t i = 0; i < r->stdin_bytes; i++)
        total += ((const uint8_t *)r->stdin_data)[i];
    sn_agent_request_clear(&read);
    return 0;
}
