/* request.c - see request.h. */
#include "sandbox/request.h"

#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"

#include <string.h>

enum tag { TAG_CODE = 1, TAG_FILENAME = 2, TAG_ARG = 3, TAG_FLAGS = 4 };
enum { FLAG_ONE_SHOT = 1 };

static bool add(sn_buffer *to, enum tag tag, const void *data, size_t bytes) {
    /* wasm is little-endian, and so is every machine this runs on (x86-64). */
    uint32_t head[2] = {(uint32_t)tag, (uint32_t)bytes};
    return bytes <= UINT32_MAX - sizeof head && sn_buffer_add(to, head, sizeof head) &&
           sn_buffer_add(to, data, bytes);
}

int sn_request_encode(uint8_t **out, size_t *out_bytes, const sn_job *job, sn_error *err) {
    sn_buffer to = {0};
    uint32_t flags = FLAG_ONE_SHOT;
    bool ok =
        add(&to, TAG_CODE, job->code, job->code_bytes) && add(&to, TAG_FLAGS, &flags, sizeof flags);
    if (ok && job->filename)
        ok = add(&to, TAG_FILENAME, job->filename, strlen(job->filename));
    for (size_t i = 0; ok && i < job->args_count; i++)
        ok = add(&to, TAG_ARG, job->args[i], strlen(job->args[i]));
    char *data = ok ? sn_buffer_take(&to, out_bytes) : NULL;
    if (!data) {
        sn_buffer_free(&to);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the request");
    }
    *out = (uint8_t *)data;
    return 0;
}
