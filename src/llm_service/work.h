/*
 * work.h - a request over HTTP that takes time: it waits its turn, is carried out on a thread that
 * may block, is answered, logged and counted. What is to be done lies in an object that begins with
 * an sn_http_work. (agent_core/work.h is the same for gRPC.)
 *
 *     static int answer(sn_http_work *work, sn_error *err) {
 *         json_t *json = json_pack("{s:i}", "answer", 42);
 *         sn_http_work_reply_json(work, 200, json);
 *         json_decref(json);
 *         return 0;
 *     }
 *     static void on_request(void *user, sn_http_request *request) {
 *         thing *t = calloc(1, sizeof *t);
 *         t->work = (sn_http_work){.doors = user, .request = request, .method = "answer",
 *                                  .run = answer, .release = release};
 *         sn_http_work_submit(&t->work, t->work.doors->core->others, NULL);
 *     }
 *
 * Sessions: what a caller calls a session is sn_tenant_session() behind the doors
 * (tenant_session.h); errors are told back in the caller's words.
 *
 * A client that goes away while the work waits takes it with it; later, sn_http_cancel_fd() says
 * so, which is what an execution's cancel_fd should be.
 */
#ifndef SN_LLM_SERVICE_WORK_H
#define SN_LLM_SERVICE_WORK_H

#include "llm_service/doors.h"
#include "llm_service/tenant_session.h"

typedef struct sn_http_work sn_http_work;

enum {
    SN_HTTP_WORK_FIELDS = 12,
    SN_HTTP_WORK_ELSEWHERE = 1, /* `run` has submitted the work again */
};

struct sn_http_work {
    sn_doors *doors;
    sn_http_request *request;
    const char *method; /* "execute": for the log and the metrics */
    size_t bytes;       /* of what stays in memory while it waits, beside the body */
    /* On a thread of its own, when it is its turn. 0: it has answered the request with one of the
     * functions below; negative: the request is answered with the error; SN_HTTP_WORK_ELSEWHERE. */
    int (*run)(sn_http_work *work, sn_error *err);
    /* The request is answered; frees the object. */
    void (*release)(sn_http_work *work);

    /* 0, or: of those with the same number one at a time (admission.h, sn_core_lane()). */
    uint64_t lane;

    /* What `run` adds to the log's line; the texts live until `release`. */
    sn_field fields[SN_HTTP_WORK_FIELDS + 1];

    /* The rest is sn_http_work_submit()'s. */
    sn_admission *admission;
    const char *owner; /* sn_http_tenant()'s */
    char tenant[SN_TENANT_MAX_BYTES + 1];
    char request_id[SN_HTTP_REQUEST_ID_MOST_BYTES + 1];
    uint64_t came_ns, began_ns;
    bool is_inside, is_counted;
    const char *outcome;
    sn_error problem; /* what ended a stream */
    sn_ticket ticket;
};

/*
 * Takes over `work` and its request. Whose turn it takes: the tenant's; of an operator's request,
 * what the header "Shannon-Tenant" says, else `session_id` (NULL: none), else the client's address.
 * `admission` is one of the core's two. Any thread.
 */
void sn_http_work_submit(sn_http_work *work, sn_admission *admission, const char *session_id);

/* Ends it with an error before it was submitted. */
void sn_http_work_refuse(sn_http_work *work, const sn_error *err);

/* ---- in `run`: the request must not be touched any more ---- */

void sn_http_work_reply(sn_http_work *work, unsigned status, const char *content_type,
                        const void *body, size_t bytes);

/* `json` NULL: there was no memory for it. It stays the caller's. */
void sn_http_work_reply_json(sn_http_work *work, unsigned status, const json_t *json);

/* Takes over the descriptor of a file, whose first `bytes` are the body. */
void sn_http_work_reply_file(sn_http_work *work, unsigned status, const char *content_type, int fd,
                             uint64_t bytes);

/* Ends a stream that was begun. `err`: NULL, or what ended it, for the log; a stream of events
 * should have said so in an event of its own. */
void sn_http_work_end_stream(sn_http_work *work, const sn_error *err);

/* What sn_http_reply_json() would send, with times and sizes in as many digits as they have. free()
 * it; NULL: no memory, or `json` is NULL. */
char *sn_http_work_text(const json_t *json);

#endif
