/* result_words.c - see result_words.h. */
#include "executor/result_words.h"

#include "util/auto.h"
#include "util/buffer.h"
#include "util/io.h"

#include <string.h>

static bool end_line(sn_buffer *out) {
    return out->bytes == 0 || out->data[out->bytes - 1] == '\n' || sn_buffer_add(out, "\n", 1);
}

static bool add_output(sn_buffer *out, const sn_result *result) {
    const char *value = sn_result_text(result);
    if (!sn_buffer_add(out, result->stdout_text ? result->stdout_text : "", result->stdout_bytes))
        return false;
    return !value || (end_line(out) && sn_buffer_add(out, value, strlen(value)));
}

char *sn_result_output(size_t *bytes, const sn_result *result) {
    sn_buffer text = {0};
    if (add_output(&text, result))
        return sn_buffer_take(&text, bytes);
    sn_buffer_free(&text);
    return NULL;
}

char *sn_result_failure(const sn_result *result) {
    if (result->status == SN_STATUS_OK)
        return strdup("");
    if (result->error_traceback && *result->error_traceback)
        return strdup(result->error_traceback);
    if (result->error_name)
        return sn_format("%s: %s", result->error_name,
                         result->error_value ? result->error_value : "");
    if (result->status == SN_STATUS_ERROR)
        return sn_format("the code ended with exit code %d", result->exit_code);
    return sn_format("the execution ended with status %s", sn_status_name(result->status));
}

char *sn_result_words(size_t *bytes, const sn_result *result) {
    sn_buffer text = {0};
    sn_auto_free char *failure = sn_result_failure(result);
    bool ok = failure && add_output(&text, result);
    if (ok && *failure)
        ok = end_line(&text) && sn_buffer_add(&text, failure, strlen(failure));
    if (ok)
        return sn_buffer_take(&text, bytes);
    sn_buffer_free(&text);
    return NULL;
}
