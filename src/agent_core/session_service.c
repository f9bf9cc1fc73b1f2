/* session_service.c - see session_service.h. */
#include "agent_core/session_service.h"

#include "agent_core/work.h"
#include "executor/wire_session.h"
#include "session/sessions.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct call {
    sn_work work;
    sn_wire_session_request request;
} call;

static void release(sn_work *work) {
    free(work);
}

/* `message` NULL: there was no memory for it. */
static int reply(sn_work *work, void *message, size_t bytes, sn_error *err) {
    if (!message)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the answer");
    sn_work_reply(work, message, bytes);
    free(message);
    return 0;
}

static int show(sn_work *work, const char *id, sn_error *err) {
    sn_session_info *info;
    size_t bytes;
    int rc = sn_session_show(&info, work->core->sessions, id, err);
    if (rc < 0)
        return rc;
    void *message = sn_wire_session(&bytes, info);
    rc = reply(work, message, bytes, err);
    sn_session_info_free(info, 1);
    return rc;
}

enum { PAGE_MOST = 1000 };

static int list_sessions(sn_work *work, sn_error *err) {
    const sn_wire_session_request *r = &((call *)work)->request;
    sn_session_info *infos;
    size_t count, bytes, first = 0;
    int rc = sn_session_list(&infos, &count, work->core->sessions, err);
    if (rc < 0)
        return rc;
    while (first < count && strcmp(infos[first].id, r->id) <= 0)
        first++;
    size_t page = r->limit == 0 || r->limit > PAGE_MOST ? PAGE_MOST : r->limit;
    bool is_last = count - first <= page;
    if (is_last)
        page = count - first;
    const char *next = is_last ? NULL : infos[first + page - 1].id;
    void *message = sn_wire_sessions(&bytes, infos + first, page, next);
    rc = reply(work, message, bytes, err);
    sn_session_info_free(infos, count);
    return rc;
}

static int get_session(sn_work *work, sn_error *err) {
    const sn_wire_session_request *r = &((call *)work)->request;
    sn_session_info *info;
    size_t bytes;
    if (!r->without_steps)
        return show(work, r->id, err);
    int rc = sn_session_describe(&info, work->core->sessions, r->id, err);
    if (rc < 0)
        return rc;
    void *message = sn_wire_session(&bytes, info);
    rc = reply(work, message, bytes, err);
    sn_session_info_free(info, 1);
    return rc;
}

static int fork_session(sn_work *work, sn_error *err) {
    const sn_wire_session_request *r = &((call *)work)->request;
    int rc = sn_session_fork(work->core->sessions, r->id, r->step, r->new_id, err);
    return rc < 0 ? rc : show(work, r->new_id, err);
}

static int rewind_session(sn_work *work, sn_error *err) {
    const sn_wire_session_request *r = &((call *)work)->request;
    int rc = sn_session_rewind(work->core->sessions, r->id, r->step, err);
    return rc < 0 ? rc : show(work, r->id, err);
}

static int delete_session(sn_work *work, sn_error *err) {
    int rc = sn_session_delete(work->core->sessions, ((call *)work)->request.id, err);
    if (rc == 0)
        sn_work_reply(work, "", 0);
    return rc;
}

/* ---- methods ---- */

typedef struct method {
    const char *name;
    int (*run)(sn_work *work, sn_error *err);
    sn_wire_session_kind kind;
} method;

static void begin(sn_core *core, sn_rpc_call *rpc, const method *m, const void *request,
                  size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    call *c = calloc(1, sizeof *c);
    if (!c)
        return sn_rpc_fail(rpc, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for a call", ""});
    c->work =
        (sn_work){.core = core, .call = rpc, .method = m->name, .run = m->run, .release = release};
    if (sn_wire_read_session(&c->request, m->kind, request, bytes, &err) < 0)
        return sn_work_refuse(&c->work, &err);
    sn_work_submit(&c->work, core->others, NULL);
}

#define METHOD(function, name, run, kind)                                                          \
    static void function(void *service, sn_rpc_call *rpc, const void *request, size_t bytes) {     \
        static const method m = {name, run, kind};                                                 \
        begin(service, rpc, &m, request, bytes);                                                   \
    }

METHOD(on_list, "ListSessions", list_sessions, SN_WIRE_LIST)
METHOD(on_get, "GetSession", get_session, SN_WIRE_GET)
METHOD(on_fork, "ForkSession", fork_session, SN_WIRE_FORK)
METHOD(on_rewind, "RewindSession", rewind_session, SN_WIRE_REWIND)
METHOD(on_delete, "DeleteSession", delete_session, SN_WIRE_DELETE)

void sn_session_service_add(sn_rpc_methods *methods, sn_core *core) {
    static const struct {
        const char *path;
        sn_rpc_begin_fn begin;
    } all[] = {
        {"/shannon.v1.Executor/ListSessions", on_list},
        {"/shannon.v1.Executor/GetSession", on_get},
        {"/shannon.v1.Executor/ForkSession", on_fork},
        {"/shannon.v1.Executor/RewindSession", on_rewind},
        {"/shannon.v1.Executor/DeleteSession", on_delete},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sn_rpc_methods_add(methods, (sn_rpc_method){all[i].path, all[i].begin, core, false});
}
