/* validate.c - see validate.h. */
#include "executor/validate.h"

#include "session/sessions.h"
#include "util/error.h"
#include "util/utf8.h"

#include <math.h>
#include <string.h>

/* Where in the text a byte lies, for a person. */
static size_t line_of(const char *text, size_t at) {
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

static int check_code(const sn_request *r, sn_error *err) {
    if (r->command)
        return 0;
    if (!r->code || r->code_bytes == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "code is empty; it must have 1 byte to 1 MiB");
    if (r->code_bytes > SN_CODE_MAX_BYTES) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "code has %zu bytes, more than the limit of 1 MiB (%d)",
                r->code_bytes, SN_CODE_MAX_BYTES);
        return sn_hint(err, "pass large data through stdin or as an input file");
    }
    size_t valid = sn_utf8_valid_prefix(r->code, r->code_bytes);
    if (valid < r->code_bytes) {
        sn_fail(err, SN_EINVALID_ARGUMENT,
                "code is not valid UTF-8: byte 0x%02x at offset %zu, line %zu",
                (unsigned char)r->code[valid], valid, line_of(r->code, valid));
        return sn_hint(err, "save the source as UTF-8");
    }
    const char *nul = memchr(r->code, '\0', r->code_bytes);
    if (nul)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "code contains a NUL byte at offset %zu, line %zu; Python source cannot",
                       (size_t)(nul - r->code), line_of(r->code, (size_t)(nul - r->code)));
    return 0;
}

static int check_limits(const sn_request *r, const sn_settings *settings, sn_error *err) {
    double timeout = r->timeout_seconds;
    if (isnan(timeout) ||
        (timeout != 0 && (timeout < SN_TIMEOUT_MIN_SECONDS || timeout > settings->timeout_seconds)))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "timeout_seconds is %g; it must be a number from %d to %g", timeout,
                       SN_TIMEOUT_MIN_SECONDS, settings->timeout_seconds);
    if (r->memory_limit_mb != 0 &&
        (r->memory_limit_mb < SN_MEMORY_MIN_MB || r->memory_limit_mb > settings->memory_limit_mb)) {
        sn_fail(err, SN_EINVALID_ARGUMENT,
                "memory_limit_mb is %u; it must be a number from %d to %u", r->memory_limit_mb,
                SN_MEMORY_MIN_MB, settings->memory_limit_mb);
        return sn_hint(err, "WASI_MEMORY_LIMIT_MB sets the most");
    }
    if (r->stdin_bytes > SN_STDIN_MAX_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "stdin has %zu bytes, more than the limit of 8 MiB (%d)", r->stdin_bytes,
                       SN_STDIN_MAX_BYTES);
    if (r->workspace_bytes > SN_WORKSPACE_MAX_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "a workspace of %llu bytes is more than the limit of 1 GiB (%d)",
                       (unsigned long long)r->workspace_bytes, SN_WORKSPACE_MAX_BYTES);
    if (r->deterministic && !(r->deterministic->time >= 0 && r->deterministic->time <= 4e9))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "deterministic.time is %g; it must be seconds since 1970, from 0 to 4e9",
                       r->deterministic->time);
    size_t args_bytes = 0;
    for (size_t i = 0; i < r->args_count; i++)
        args_bytes += strlen(r->args[i]) + 1;
    if (args_bytes > SN_ARGS_MAX_BYTES)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "the arguments have %zu bytes, more than the limit of 128 KiB (%d)",
                       args_bytes, SN_ARGS_MAX_BYTES);
    return 0;
}

static int check_session(const sn_request *r, sn_error *err) {
    const char *id = r->session_id;
    if (!id && r->discard)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "discard needs a session: any other execution leaves nothing behind anyway");
    if (!id)
        return 0;
    if (!sn_session_id_is_valid(id))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "session_id must have 1 to %d characters of A-Za-z0-9._:-",
                       SN_SESSION_ID_MAX_BYTES);
    if (r->command)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "a command has no session");
    return 0;
}

/* Paths are checked here for their form; the virtual file system refuses what climbs or clashes. */
static int check_files(const sn_request *r, sn_error *err) {
    if (r->files_count > SN_FILES_MAX)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%zu files are more than the limit of %d",
                       r->files_count, SN_FILES_MAX);
    size_t bytes = 0;
    for (size_t i = 0; i < r->files_count; i++) {
        const char *path = r->files[i].path;
        if (!path || !*path || (path[0] == '/' && strncmp(path, "/tmp/", 5) != 0))
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "file %zu: the path '%s' must be a name or lie under /tmp", i + 1,
                           path ? path : "");
        if (r->files[i].content_bytes > SN_FILES_MAX_BYTES - bytes)
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "the files have more than the limit of 64 MiB (%d bytes)",
                           SN_FILES_MAX_BYTES);
        bytes += r->files[i].content_bytes;
    }
    return 0;
}

int sn_request_validate(const sn_request *request, const sn_settings *settings, sn_error *err) {
    int rc = check_code(request, err);
    if (rc == 0)
        rc = check_limits(request, settings, err);
    if (rc == 0)
        rc = check_session(request, err);
    if (rc == 0)
        rc = check_files(request, err);
    return rc;
}
