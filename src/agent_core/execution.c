/* execution.c - see execution.h. */
#include "agent_core/execution.h"

#include "util/error.h"
#include "util/io.h"

static int run(sn_work *work, sn_error *err) {
    sn_execution *x = (sn_execution *)work;
    sn_request *request = &x->request;
    double seconds = request->timeout_seconds > 0 ? request->timeout_seconds
                                                  : work->core->limits.timeout_seconds;
    sn_result *result;
    request->cancel_fd = sn_rpc_cancel_fd(work->call);
    request->cancel_at_once = !request->session_id; /* nothing of it is to last */
    x->send_until_ns = sn_now_ns() + (uint64_t)(seconds * 1e9);
    if (x->on_begin && x->on_begin(x) != 0)
        return sn_fail(err, SN_EUNAVAILABLE, "the client takes no messages");
    int rc = sn_execute(&result, work->core->executor, request, x->on_event, x, err);
    if (rc < 0)
        return rc;
    sn_core_count(work->core, result);
    sn_core_describe(work->fields, work->core, request, result);
    x->answer(x, result);
    sn_result_free(result);
    return 0;
}

void sn_execution_submit(sn_execution *x) {
    x->work.run = run;
    x->work.lane = sn_core_lane(x->request.session_id);
    sn_work_submit(&x->work, x->work.core->executions, x->request.session_id);
}

int sn_execution_send(sn_execution *x, const void *message, size_t bytes) {
    return message ? sn_rpc_send(x->work.call, message, bytes, x->send_until_ns, NULL)
                   : SN_ERESOURCE_EXHAUSTED;
}
