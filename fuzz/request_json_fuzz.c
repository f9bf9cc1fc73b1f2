/*
 * request_json_fuzz.c - what a client may send for an execution over HTTP: any bytes. What they
 * become refers to memory that is there, is in range, and has nothing of what was refused.
 */
#include "require.h"

#include "llm_service/request_json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned total; /* so that reading is not left out */

static void read_all(const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        total += ((const uint8_t *)data)[i];
}

static void check(const sn_request_json *read) {
    const sn_request *r = &read->request;
    REQUIRE(r->code && r->stdin_fd == -1 && r->cancel_fd == -1 && !r->command);
    REQUIRE(r->timeout_seconds == 0 || r->timeout_seconds >= 1);
    REQUIRE(r->memory_limit_mb <= 4096 && r->workspace_bytes <= SN_WORKSPACE_MAX_BYTES);
    REQUIRE(r->files_count <= SN_FILES_MAX && read->decoded_count <= r->files_count);
    read_all(r->code, r->code_bytes);
    read_all(r->stdin_data, r->stdin_bytes);
    for (size_t i = 0; i < r->args_count; i++)
        read_all(r->args[i], strlen(r->args[i]));
    for (size_t i = 0; i < r->files_count; i++) {
        read_all(r->files[i].path, strlen(r->files[i].path));
        read_all(r->files[i].content, r->files[i].content_bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                              &(json_error_t){0});
    sn_error err = SN_ERROR_INIT;
    sn_request_json read;
    if (!json)
        return 0;
    int rc = sn_request_json_read(&read, json, &err);
    json_decref(json);
    REQUIRE(rc == err.code);
    if (rc == 0)
        check(&read);
    else
        REQUIRE(rc == SN_EINVALID_ARGUMENT && *err.message && !read.json && !read.files);
    sn_request_json_clear(&read);
    return 0;
}
