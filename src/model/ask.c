/*
 * ask.c - sn_model_ask(): a question is written once, and sent until it is answered, refused, or
 * there is no sense in trying again. What was streamed to the caller cannot be taken back, so after
 * that there is no other try.
 */
#include "model/answer.h"
#include "model/model_private.h"
#include "model/retry.h"
#include "service/http_text.h"
#include "service/log.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { HEADERS_MOST = 8 };

static const char user_agent[] = "User-Agent: shannon/" SN_VERSION;

typedef struct question {
    sn_model *model;
    const sn_model_request *request;
    sn_error *err;
    sn_draft draft;
    sn_answer answer; /* of the try under way */
    int answer_rc;
    sn_head head;
    bool may_pass; /* what went wrong with the last try may not with the next */
    uint64_t after_ns;
    bool has_after; /* the server says when: after_ns */
    unsigned quirks;
    unsigned tries;
} question;

/* ---- one try ---- */

static enum sn_data_answer on_data(void *user, const sn_head *head, const char *data,
                                   size_t bytes) {
    question *q = user;
    q->answer_rc = sn_answer_take(&q->answer, head->status, head->content_type, data, bytes);
    return q->answer_rc < 0 ? SN_DATA_STOP : q->answer_rc ? SN_DATA_ENOUGH : SN_DATA_MORE;
}

static sn_transfer_end post(question *q, char *why, const char *body) {
    const sn_model *m = q->model;
    const sn_model_request *r = q->request;
    const char *headers[HEADERS_MOST] = {"Content-Type: application/json", "Expect:", user_agent};
    size_t count = 3;
    sn_auto_free char *id = NULL;
    headers[count++] = r->on_text ? "Accept: text/event-stream" : "Accept: application/json";
    if (m->key_line)
        headers[count++] = m->key_line;
    if (m->protocol->more_header)
        headers[count++] = m->protocol->more_header;
    if (r->request_id)
        headers[count++] = id = sn_format("X-Request-Id: %s", r->request_id);
    const sn_post post = {.url = m->url,
                          .headers = headers,
                          .ca_path = m->ca_path,
                          .body = body,
                          .body_bytes = strlen(body),
                          .timeout_ns = m->options.timeout_ns,
                          .idle_ns = m->options.idle_ns,
                          .deadline_ns = r->deadline_ns,
                          .cancel_fd = r->cancel_fd,
                          .on_data = on_data,
                          .user = q};
    return sn_transfer(&q->head, why, m->lines, &post);
}

static int fail_transfer(question *q, sn_transfer_end end, const char *why) {
    sn_error *err = q->err;
    q->may_pass = end == SN_TRANSFER_REFUSED || end == SN_TRANSFER_CUT || end == SN_TRANSFER_IDLE;
    switch (end) {
    case SN_TRANSFER_REFUSED:
    case SN_TRANSFER_UNSAFE:
        sn_fail(err, SN_EUNAVAILABLE, "the model's server cannot be reached: %s", why);
        if (err)
            sn_hint(err,
                    end == SN_TRANSFER_UNSAFE
                        ? "LLM_CA_FILE says who vouches for %s"
                        : "is it running, and is LLM_BASE_URL right? %s was asked",
                    q->model->url);
        return SN_EUNAVAILABLE;
    case SN_TRANSFER_CUT:
        return sn_fail(err, SN_EUNAVAILABLE, "the model's server cut its answer short: %s", why);
    case SN_TRANSFER_TOO_LARGE:
        return sn_fail(err, SN_EINTERNAL, "the model's server sent more than %d MiB",
                       SN_TRANSFER_MOST_BYTES >> 20);
    case SN_TRANSFER_IDLE:
        return sn_fail(err, SN_EUNAVAILABLE,
                       "the model's server fell silent in its answer, for %g s",
                       (double)q->model->options.idle_ns / 1e9);
    case SN_TRANSFER_TIMEOUT:
        sn_fail(err, SN_EDEADLINE_EXCEEDED, "the model has not answered within %g s",
                (double)q->model->options.timeout_ns / 1e9);
        return err ? sn_hint(err, "LLM_TIMEOUT_SECONDS is what it may take")
                   : SN_EDEADLINE_EXCEEDED;
    case SN_TRANSFER_DEADLINE:
        return sn_fail_deadline(err);
    case SN_TRANSFER_CANCELLED:
        return sn_fail_cancelled(err);
    default:
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory or no descriptor to ask a model");
    }
}

static void take_after(question *q) {
    q->has_after = sn_retry_after_ns(&q->after_ns, q->head.retry_after_ms, 0);
    if (q->has_after)
        q->after_ns /= 1000;
    else
        q->has_after = sn_retry_after_ns(&q->after_ns, q->head.retry_after, time(NULL));
}

static int fail_answer(question *q) {
    const sn_failure *failure = &q->draft.failure;
    q->may_pass = sn_failure_may_pass(failure) && !q->head.says_no_retry;
    take_after(q);
    return sn_failure_report(failure, q->model->url, q->err);
}

static int end_try(question *q, sn_transfer_end end, const char *why) {
    if (q->draft.is_cancelled)
        return sn_fail_cancelled(q->err);
    if (end == SN_TRANSFER_STOPPED)
        return q->answer_rc;
    if (end == SN_TRANSFER_CUT && q->draft.is_finished)
        end = SN_TRANSFER_COMPLETE; /* what is missing is the count of tokens, if anything */
    if (end != SN_TRANSFER_COMPLETE)
        return fail_transfer(q, end, why);
    int rc = sn_answer_end(&q->answer);
    if (q->draft.is_cancelled)
        return sn_fail_cancelled(q->err);
    q->may_pass = rc == SN_EUNAVAILABLE;
    return rc == 0 && q->draft.failure.status ? fail_answer(q) : rc;
}

static int try_once(question *q, const char *body) {
    char why[SN_TRANSFER_WHY_BYTES];
    sn_draft_clear(&q->draft);
    q->may_pass = q->has_after = false;
    q->tries++;
    sn_answer_init(&q->answer, q->model->protocol, &q->draft, q->err);
    int rc = end_try(q, post(q, why, body), why);
    sn_answer_clear(&q->answer);
    return rc;
}

/* ---- trying again ---- */

static int write_body(char **out, const question *q) {
    const char *name = q->request->model ? q->request->model : q->model->name;
    json_t *json = q->model->protocol->request(q->request, name, q->quirks);
    free(*out);
    *out = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return *out ? 0 : sn_fail(q->err, SN_ERESOURCE_EXHAUSTED, "no memory for a question");
}

static void log_retry(const question *q, int rc, uint64_t pause_ns) {
    sn_log(SN_LOG_WARN, "model_retry",
           (sn_field[]){SN_STRING("request_id", q->request->request_id),
                        SN_STRING("code", sn_error_name(rc)),
                        SN_INTEGER("status", q->head.status),
                        SN_INTEGER("tries", q->tries),
                        SN_NUMBER("pause_ms", (double)pause_ns / 1e6),
                        {0}});
}

/* After a try that failed: 0, when another one may begin; else the code to end with. */
static int pause_before_next(question *q, int rc) {
    const sn_model_options *o = &q->model->options;
    const sn_model_request *r = q->request;
    uint32_t chance = 0;
    if (!q->may_pass || q->draft.was_told || q->tries > o->retries)
        return rc;
    (void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
    uint64_t pause_ns =
        q->has_after ? q->after_ns : sn_retry_pause_ns(q->tries, o->pause_ns, chance);
    if (pause_ns > SN_RETRY_AFTER_MOST_NS)
        return q->err ? sn_hint(q->err, "the server wants to be asked again after %.0f s",
                                (double)pause_ns / 1e9)
                      : rc;
    if (r->deadline_ns && sn_now_ns() + pause_ns >= r->deadline_ns)
        return rc; /* what the server said is worth more than that time is up */
    log_retry(q, rc, pause_ns);
    return sn_retry_wait(pause_ns, r->deadline_ns, r->cancel_fd, q->err);
}

/* A refusal that shows what the server does not take costs no pause. */
static bool learn(question *q) {
    unsigned quirk = sn_quirk_find(q->model->protocol, &q->draft.failure, q->quirks);
    q->quirks |= quirk;
    atomic_fetch_or(&q->model->quirks, quirk);
    return quirk != 0;
}

static int ask(question *q) {
    sn_auto_free char *body = NULL;
    q->quirks = atomic_load(&q->model->quirks);
    int rc = write_body(&body, q);
    while (rc == 0) {
        rc = try_once(q, body);
        if (rc == 0)
            return 0;
        if (learn(q))
            rc = write_body(&body, q);
        else
            rc = pause_before_next(q, rc);
    }
    return rc;
}

/* ---- the call ---- */

static int check(const sn_model_request *r, sn_error *err) {
    if (r->request_id && !sn_http_is_request_id(r->request_id))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the request's id cannot be in a header");
    if (sn_is_cancelled(r->cancel_fd))
        return sn_fail_cancelled(err);
    if (r->deadline_ns && sn_now_ns() >= r->deadline_ns)
        return sn_fail_deadline(err);
    return 0;
}

static void log_call(const question *q, int rc, const sn_model_reply *reply, uint64_t began_ns) {
    bool is_ok = rc == 0;
    sn_log(
        is_ok ? SN_LOG_INFO : SN_LOG_WARN, "model_asked",
        (sn_field[]){SN_STRING("request_id", q->request->request_id),
                     SN_STRING("code", sn_error_name(rc)),
                     SN_STRING("model", is_ok ? reply->model : q->model->name),
                     SN_STRING("finish", is_ok ? sn_finish_name(reply->finish) : NULL),
                     SN_INTEGER("tries", q->tries),
                     SN_INTEGER("input_tokens", is_ok ? (int64_t)reply->usage.input_tokens : 0),
                     SN_INTEGER("output_tokens", is_ok ? (int64_t)reply->usage.output_tokens : 0),
                     SN_NUMBER("wall_ms", (double)(sn_now_ns() - began_ns) / 1e6),
                     {0}});
}

static int finish(sn_model_reply *out, question *q) {
    const char *name = q->request->model ? q->request->model : q->model->name;
    int rc = q->draft.model ? 0 : sn_draft_set_model(&q->draft, name, q->err);
    if (rc == 0)
        rc = sn_draft_finish(out, &q->draft, q->err);
    if (rc == 0)
        out->tries = q->tries;
    return rc;
}

int sn_model_ask(sn_model_reply *out, sn_model *model, const sn_model_request *request,
                 sn_error *err) {
    question q = {.model = model,
                  .request = request,
                  .err = err,
                  .draft = {.key = model->key, .on_text = request->on_text, .user = request->user}};
    uint64_t began_ns = sn_now_ns();
    *out = (sn_model_reply){.message.role = SN_ROLE_ASSISTANT};
    int rc = check(request, err);
    if (rc < 0)
        return rc;
    if (atomic_fetch_add(&model->calls, 1) >= model->options.calls_most)
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "%u questions to the model are under way",
                     model->options.calls_most);
    if (rc == 0)
        rc = ask(&q);
    if (rc == 0)
        rc = finish(out, &q);
    sn_draft_clear(&q.draft);
    atomic_fetch_sub(&model->calls, 1);
    out->tries = q.tries;
    log_call(&q, rc, out, began_ns);
    return rc;
}
