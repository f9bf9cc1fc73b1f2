/*
 * execute_request_fuzz.c - what a client may send for a shannon.v1.ExecuteRequest: any bytes. What
 * it becomes refers to memory that is there.
 */
#include "require.h"

#include "executor/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum(const void *data, size_t bytes) {
    unsigned total = 0;
    for (size_t i = 0; i < bytes; i++)
        total += ((const uint8_t *)data)[i];
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static volatile unsigned total; /* so that reading is not left out */
    sn_error err = SN_ERROR_INIT;
    sn_wire_request read;
    if (sn_wire_read_request(&read, data, size, &err) < 0) {
        REQUIRE(err.code == SN_EINVALID_ARGUMENT && *err.message);
        return 0;
    }
    const sn_request *r = &read.request;
    total = sum(r->code, r->code_bytes) + sum(r->stdin_data, r->stdin_bytes);
    REQUIRE(!r->session_id || *r->session_id);
    REQUIRE(!r->filename || *r->filename);
    for (size_t i = 0; i < r->args_count; i++)
        total += (unsigned)strlen(r->args[i]);
    for (size_t i = 0; i < r->files_count; i++)
        total += (unsigned)strlen(r->files[i].path) +
                 sum(r->files[i].content, r->files[i].content_bytes);
    REQUIRE(r->stdin_fd == -1 && r->cancel_fd == -1);
    sn_wire_request_clear(&read);
    return 0;
}
