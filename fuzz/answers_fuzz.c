/*
 * answers_fuzz.c - reads what it is given as each answer that a server may send. What is taken is
 * valid text within its bounds; what is not has a reason. The first byte says which answer it is.
 */
#include "executor/wire_client.h"
#include "executor/wire_transfer.h"
#include "require.h"
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t bytes) {
    REQUIRE(text && text[bytes] == '\0' && sn_utf8_valid_prefix(text, bytes) == bytes);
}

static void check_optional(const char *text) {
    if (text)
        check_text(text, strlen(text));
}

static void check_bundle(const sn_bundle *bundle) {
    REQUIRE(bundle->count <= 32);
    for (size_t i = 0; i < bundle->count; i++) {
        check_text(bundle->items[i].type, strlen(bundle->items[i].type));
        check_text(bundle->items[i].data, bundle->items[i].data_bytes);
    }
}

static void check_result(const sn_result *r) {
    REQUIRE(r->status <= SN_STATUS_CANCELLED && r->exit_code >= 0 && r->exit_code <= 255);
    check_text(r->stdout_text, r->stdout_bytes);
    check_text(r->stderr_text, r->stderr_bytes);
    check_optional(r->session_id);
    check_optional(r->unsaved);
    check_optional(r->error_name);
    REQUIRE(!r->error_name == !r->error_value && !r->error_name == !r->error_traceback);
    check_bundle(&r->value);
    REQUIRE(r->outputs_count <= 256);
    for (size_t i = 0; i < r->outputs_count; i++)
        check_bundle(&r->outputs[i]);
    char *json = sn_result_json(r);
    REQUIRE(json);
    free(json);
}

static void check_infos(const sn_session_info *infos, size_t count) {
    for (size_t i = 0; i < count; i++) {
        check_text(infos[i].id, strlen(infos[i].id));
        for (size_t j = 0; j < infos[i].steps_count; j++)
            check_text(infos[i].steps[j].code, strlen(infos[i].steps[j].code));
    }
}

static int read_response(const uint8_t *data, size_t size, sn_error *err) {
    sn_result *result;
    int rc = sn_wire_read_response(&result, data, size, err);
    if (rc == 0) {
        check_result(result);
        sn_result_free(result);
    }
    return rc;
}

static int read_event(const uint8_t *data, size_t size, sn_error *err) {
    sn_wire_happened happened;
    int rc = sn_wire_read_event(&happened, data, size, err);
    if (rc < 0)
        return rc;
    REQUIRE(!happened.result || happened.event.kind == 0);
    if (happened.result)
        check_result(happened.result);
    if (happened.event.bundle)
        check_bundle(happened.event.bundle);
    sn_wire_happened_clear(&happened);
    return 0;
}

static int read_info(const uint8_t *data, size_t size, sn_error *err) {
    sn_session_info *info;
    int rc = sn_wire_read_info(&info, data, size, err);
    if (rc == 0) {
        check_infos(info, 1);
        sn_session_info_free(info, 1);
    }
    return rc;
}

static int read_infos(const uint8_t *data, size_t size, sn_error *err) {
    sn_session_info *infos;
    size_t count;
    char next[SN_SESSION_ID_MAX_BYTES + 1];
    int rc = sn_wire_read_infos(&infos, &count, next, data, size, err);
    if (rc == 0) {
        REQUIRE(strlen(next) <= SN_SESSION_ID_MAX_BYTES);
        check_infos(infos, count);
        sn_session_info_free(infos, count);
    }
    return rc;
}

static int read_limits(const uint8_t *data, size_t size, sn_error *err) {
    sn_executor_figures figures;
    return sn_wire_read_limits(&figures, data, size, err);
}

static int read_piece(const uint8_t *data, size_t size, sn_error *err) {
    sn_wire_piece piece;
    int rc = sn_wire_read_export(&piece, data, size, err);
    if (rc < 0)
        return rc;
    REQUIRE(piece.bytes <= size && (piece.bytes == 0 || piece.data));
    sn_wire_piece_clear(&piece);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int (*const readers[])(const uint8_t *, size_t, sn_error *) = {
        read_response, read_event, read_info, read_infos, read_limits, read_piece};
    sn_error err = SN_ERROR_INIT;
    if (size == 0)
        return 0;
    int rc = readers[data[0] % 6](data + 1, size - 1, &err);
    REQUIRE(rc == 0 || (rc == SN_EINTERNAL && err.message[0] && err.hint[0]));
    return 0;
}
