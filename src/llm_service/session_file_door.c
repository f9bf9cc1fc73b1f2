/*
 * session_file_door.c - sessions as files, to and from other machines. See doors.h. A file passes
 * through an unlinked one on this machine's disk, since it may be as large as a session.
 */
#include "llm_service/session_call.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- GET /v1/sessions/{id}/export ---- */

static int run_export(sn_session_call *call, sn_error *err) {
    struct stat st;
    sn_auto_fd int fd = sn_temporary_file(err);
    int rc = fd < 0 ? fd : sn_session_export(call->work.doors->core->sessions, call->id, fd, err);
    if (rc == 0 && fstat(fd, &st) < 0)
        rc = sn_fail(err, SN_EUNAVAILABLE, "the session's file cannot be read");
    if (rc < 0)
        return rc;
    sn_auto_free char *disposition =
        sn_format("attachment; filename=\"%s.session\"", sn_session_call_name(call, call->id));
    sn_http_add_header(call->work.request, "Content-Disposition", disposition);
    sn_http_work_reply_file(&call->work, 200, "application/octet-stream", SN_STEAL_FD(fd),
                            (uint64_t)st.st_size);
    return 0;
}

/* ---- POST /v1/sessions/import ---- */

/* A file tells what the session was called behind other doors, which is not for tenants. */
static int read_import(sn_session_call *call, sn_error *err) {
    const char *tenant = sn_http_tenant(call->work.request);
    const char *id = sn_http_query(call->work.request, "id");
    if (id)
        return sn_tenant_session(call->new_id, tenant, "id", id, err);
    if (!tenant)
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT, "there is no id for the session");
    return sn_hint(err, "give it as /v1/sessions/import?id=NAME");
}

static int run_import(sn_session_call *call, sn_error *err) {
    size_t bytes;
    const void *body = sn_http_body(&bytes, call->work.request);
    sn_auto_free char *made = NULL;
    sn_auto_fd int fd = sn_temporary_file(err);
    int rc = fd < 0 ? fd : sn_write_full(fd, body, bytes);
    if (fd >= 0 && rc < 0)
        rc = sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "the session's file cannot be written");
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = sn_fail(err, SN_EUNAVAILABLE, "the session's file cannot be read");
    if (rc == 0)
        rc = sn_session_import(call->work.doors->core->sessions,
                               *call->new_id ? call->new_id : NULL, fd, &made, err);
    if (rc == 0 && !made)
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an answer");
    return rc < 0 ? rc : sn_session_call_show(call, made, 201, err);
}

/* ---- routes ---- */

static void on_export(void *doors, sn_http_request *request) {
    static const sn_session_method method = {"GET /v1/sessions/{id}/export", true, NULL,
                                             run_export};
    sn_session_call_begin(doors, request, &method);
}

static void on_import(void *doors, sn_http_request *request) {
    static const sn_session_method method = {"POST /v1/sessions/import", false, read_import,
                                             run_import};
    sn_session_call_begin(doors, request, &method);
}

void sn_session_file_door_add(sn_http_routes *routes, sn_doors *doors) {
    sn_http_routes_add(routes, &(sn_http_route){.method = "GET",
                                                .pattern = "/v1/sessions/{id}/export",
                                                .handler = on_export,
                                                .user = doors});
    sn_http_routes_add(routes, &(sn_http_route){.method = "POST",
                                                .pattern = "/v1/sessions/import",
                                                .handler = on_import,
                                                .user = doors,
                                                .body_most_bytes = SN_HTTP_BODY_MOST_BYTES});
}
