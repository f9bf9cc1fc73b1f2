/* session_call.c - see session_call.h. */
#include "llm_service/session_call.h"

#include "llm_service/session_json.h"
#include "util/error.h"

#include <stdlib.h>

static void release(sn_http_work *work) {
    free(work);
}

static int run(sn_http_work *work, sn_error *err) {
    sn_session_call *call = (sn_session_call *)work;
    return call->method->run(call, err);
}

static int read_call(sn_session_call *call, sn_error *err) {
    sn_http_request *request = call->work.request;
    int rc = call->method->has_id ? sn_tenant_session(call->id, sn_http_tenant(request), "the id",
                                                      sn_http_param(request, "id"), err)
                                  : 0;
    return rc == 0 && call->method->read ? call->method->read(call, err) : rc;
}

void sn_session_call_begin(sn_doors *doors, sn_http_request *request,
                           const sn_session_method *method) {
    sn_error err = SN_ERROR_INIT;
    sn_session_call *call = calloc(1, sizeof *call);
    if (!call)
        return sn_http_reply_error(
            request, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a request", ""});
    call->method = method;
    sn_http_work *work = &call->work;
    *work = (sn_http_work){
        .doors = doors, .request = request, .method = method->name, .run = run, .release = release};
    if (read_call(call, &err) < 0)
        return sn_http_work_refuse(work, &err);
    if (method->has_id)
        work->fields[0] = (sn_field)SN_STRING(
            "session_id", sn_tenant_session_name(sn_http_tenant(request), call->id));
    sn_http_work_submit(work, doors->core->others, NULL);
}

const char *sn_session_call_name(const sn_session_call *call, const char *id) {
    return sn_tenant_session_name(call->work.owner, id);
}

int sn_session_call_show(sn_session_call *call, const char *id, unsigned status, sn_error *err) {
    sn_session_info *info;
    int rc = sn_session_show(&info, call->work.doors->core->sessions, id, err);
    if (rc < 0)
        return rc;
    json_t *json = sn_session_json(info, sn_session_call_name(call, id));
    sn_session_info_free(info, 1);
    sn_http_work_reply_json(&call->work, status, json);
    json_decref(json);
    return 0;
}
