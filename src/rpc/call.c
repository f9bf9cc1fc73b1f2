/*
 * call.c - one call: it is requested, its message comes, its method begins; messages go out one
 * after the other, as gRPC writes one at a time; then the status.
 *
 * A call is counted: by each thing that gRPC was asked for and has not said of that it is done, and
 * by whoever has to finish it. The last one frees it.
 */
#include "rpc/mark.h"
#include "rpc/private.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef sn_rpc_outgoing outgoing;

enum { WINDOW_BYTES = 1 << 20, OPS_MOST = 3 };

static const uint64_t look_every_ns = UINT64_C(500000000);

/* ---- life ---- */

static void drop_message(outgoing *message) {
    if (!message)
        return;
    grpc_byte_buffer_destroy(message->message);
    free(message);
}

static void join(sn_rpc_call *c) {
    sn_rpc_server *server = c->server;
    c->after = server->first;
    if (c->after)
        c->after->before = c;
    server->first = c;
    server->calls++;
}

static void leave(sn_rpc_call *c) {
    *(c->before ? &c->before->after : &c->server->first) = c->after;
    if (c->after)
        c->after->before = c->before;
}

static void free_call(sn_rpc_call *c) {
    sn_rpc_server *server = c->server;
    pthread_mutex_lock(&server->lock);
    leave(c);
    pthread_mutex_unlock(&server->lock);
    if (c->call)
        grpc_call_unref(c->call);
    grpc_call_details_destroy(&c->details);
    grpc_metadata_array_destroy(&c->metadata);
    if (c->request)
        grpc_byte_buffer_destroy(c->request);
    for (outgoing *message = c->first, *next; message; message = next) {
        next = message->next;
        drop_message(message);
    }
    drop_message(c->being_written);
    if (c->cancel_fd >= 0)
        close(c->cancel_fd);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->message);
    free(c);
    pthread_mutex_lock(&server->lock);
    if (--server->calls == 0)
        pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

static void release(sn_rpc_call *c) {
    if (atomic_fetch_sub(&c->references, 1) == 1)
        free_call(c);
}

void sn_rpc_drop_unread(sn_rpc_server *server) {
    uint64_t now_ns = sn_now_ns(), looked_ns = atomic_load(&server->looked_ns);
    if (now_ns - looked_ns < look_every_ns ||
        !atomic_compare_exchange_strong(&server->looked_ns, &looked_ns, now_ns))
        return;
    pthread_mutex_lock(&server->lock);
    for (sn_rpc_call *c = server->first; c; c = c->after) {
        uint64_t finished_ns = atomic_load(&c->finished_ns);
        if (finished_ns && now_ns > finished_ns && now_ns - finished_ns > server->unread_most_ns)
            grpc_call_cancel(c->call, NULL);
    }
    pthread_mutex_unlock(&server->lock);
}

static void end_conversation(sn_rpc_call *c) {
    if (atomic_load(&c->is_in_conversation))
        grpc_call_cancel_with_status(c->call, GRPC_STATUS_UNAVAILABLE,
                                     "the server is shutting down", NULL);
}

void sn_rpc_end_conversations(sn_rpc_server *server) {
    pthread_mutex_lock(&server->lock);
    for (sn_rpc_call *c = server->first; c; c = c->after)
        end_conversation(c);
    pthread_mutex_unlock(&server->lock);
}

/* Not allowed to fail: the arguments are ours. */
static void start(sn_rpc_call *c, const grpc_op *ops, size_t count, sn_rpc_tag *tag) {
    atomic_fetch_add(&c->references, 1);
    if (grpc_call_start_batch(c->call, ops, count, tag, NULL) != GRPC_CALL_OK)
        abort();
}

/* ---- what goes out; the lock is held ---- */

static void put_status(grpc_op *out, sn_rpc_call *c, grpc_slice *text, grpc_metadata marks[2]) {
    c->finished = true;
    *text = grpc_slice_from_copied_string(c->message ? c->message : "");
    *out = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    out->data.send_status_from_server.status = c->status;
    out->data.send_status_from_server.status_details = text;
    if (!c->error)
        return;
    marks[0] = (grpc_metadata){.key = grpc_slice_from_static_string(SN_RPC_ERROR_KEY),
                               .value = grpc_slice_from_static_string(c->error)};
    marks[1] = (grpc_metadata){.key = grpc_slice_from_static_string(SN_RPC_REFUSED_KEY),
                               .value = grpc_slice_from_static_string("1")};
    out->data.send_status_from_server.trailing_metadata = marks;
    out->data.send_status_from_server.trailing_metadata_count = c->refused ? 2 : 1;
}

static void write_next(sn_rpc_call *c) {
    grpc_op ops[OPS_MOST] = {0};
    grpc_slice text = grpc_empty_slice();
    grpc_metadata marks[2]; /* names are constants */
    size_t count = 0;
    if (c->writing || c->finished || (!c->first && !c->finishing))
        return;
    if (!c->has_begun)
        ops[count++] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    c->has_begun = true;
    c->being_written = c->first;
    if (c->first) {
        c->first = c->first->next;
        if (!c->first)
            c->last = &c->first;
        ops[count++] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE,
                                 .data.send_message.send_message = c->being_written->message};
    }
    if (c->finishing && !c->first)
        put_status(&ops[count++], c, &text, marks);
    c->writing = true;
    start(c, ops, count, &c->written);
    grpc_slice_unref(text);
}

/* Once nothing is left to be written. */
static void receive_next(sn_rpc_call *c) {
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->request};
    if (!c->wants_message || c->writing)
        return;
    c->wants_message = false;
    atomic_store(&c->is_in_conversation, c->has_method_begun);
    start(c, &receive, 1, &c->received);
    if (atomic_load(&c->server->stopping))
        end_conversation(c);
}

static void on_written(sn_rpc_call *c, bool ok) {
    pthread_mutex_lock(&c->lock);
    if (c->being_written)
        c->unsent_bytes -= c->being_written->bytes;
    drop_message(c->being_written);
    c->being_written = NULL;
    c->writing = false;
    c->gone |= !ok;
    write_next(c);
    receive_next(c);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static bool append(sn_rpc_call *c, const void *data, size_t bytes) {
    outgoing *message = calloc(1, sizeof *message);
    if (!message)
        return false;
    grpc_slice slice = grpc_slice_from_copied_buffer(data, bytes);
    *message = (outgoing){.message = grpc_raw_byte_buffer_create(&slice, 1), .bytes = bytes};
    grpc_slice_unref(slice);
    *c->last = message;
    c->last = &message->next;
    c->unsent_bytes += bytes;
    return true;
}

int sn_rpc_send(sn_rpc_call *c, const void *message, size_t bytes, uint64_t until_ns,
                sn_error *err) {
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int waited = 0, rc = 0;
    pthread_mutex_lock(&c->lock);
    while (!c->gone && waited == 0 && c->unsent_bytes > 0 && c->unsent_bytes + bytes > WINDOW_BYTES)
        waited = pthread_cond_timedwait(&c->changed, &c->lock, &until);
    if (c->gone)
        rc = sn_fail(err, SN_EUNAVAILABLE, "the client has gone away");
    else if (waited)
        rc = sn_fail(err, SN_EDEADLINE_EXCEEDED, "the client does not read what it asked for");
    else if (!append(c, message, bytes))
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an answer");
    else
        write_next(c);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static void finish(sn_rpc_call *c, grpc_status_code status, char *message) {
    pthread_mutex_lock(&c->lock);
    c->status = status;
    c->message = message;
    c->finishing = true;
    c->on_gone = NULL;
    atomic_store(&c->finished_ns, sn_now_ns());
    write_next(c);
    pthread_mutex_unlock(&c->lock);
    release(c);
}

void sn_rpc_reply(sn_rpc_call *c, const void *message, size_t bytes) {
    pthread_mutex_lock(&c->lock);
    bool ok = !message || append(c, message, bytes);
    pthread_mutex_unlock(&c->lock);
    finish(c, ok ? GRPC_STATUS_OK : GRPC_STATUS_RESOURCE_EXHAUSTED, NULL);
}

void sn_rpc_fail(sn_rpc_call *c, const sn_error *error) {
    char *text = *error->hint ? sn_format("%s; %s", error->message, error->hint)
                              : sn_format("%s", error->message);
    c->error = sn_error_name(error->code);
    finish(c, sn_rpc_status_of(error->code), text);
}

void sn_rpc_refuse(sn_rpc_call *c, const sn_error *error) {
    c->refused = true;
    sn_rpc_fail(c, error);
}

static void refuse(sn_rpc_call *c, int code, const char *text) {
    sn_error err = SN_ERROR_INIT;
    sn_fail(&err, code, "%s", text);
    sn_rpc_refuse(c, &err);
}

/* ---- what comes in ---- */

static void on_closed(sn_rpc_call *c, bool ok) {
    uint64_t one = 1;
    pthread_mutex_lock(&c->lock);
    c->gone |= !ok || c->cancelled;
    if (c->gone)
        (void)!write(c->cancel_fd, &one, sizeof one);
    bool left = c->gone && c->on_gone && c->on_gone(c->gone_user);
    c->on_gone = NULL;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (left)
        finish(c, GRPC_STATUS_CANCELLED, NULL);
}

void sn_rpc_receive(sn_rpc_call *c) {
    atomic_fetch_add(&c->references, 1); /* the message may come, and end the call, before this */
    pthread_mutex_lock(&c->lock);
    c->wants_message = true;
    receive_next(c);
    pthread_mutex_unlock(&c->lock);
    release(c);
}

/* False: nobody waits for it. */
static bool give_to_waiter(sn_rpc_call *c, grpc_byte_buffer *message) {
    pthread_mutex_lock(&c->lock);
    bool is_waited_for = c->is_waited_for;
    if (is_waited_for) {
        c->taken = message;
        c->has_come = true;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    return is_waited_for;
}

static void on_received(sn_rpc_call *c, bool ok) {
    const sn_rpc_method *m = c->method;
    sn_rpc_begin_fn take = c->has_method_begun ? m->next : m->begin;
    grpc_byte_buffer_reader reader;
    grpc_byte_buffer *message = c->request;
    atomic_store(&c->is_in_conversation, false);
    c->request = NULL; /* another one may come as soon as it is asked for */
    if (c->has_method_begun && give_to_waiter(c, ok ? message : NULL))
        return;
    c->has_method_begun = true;
    if (ok && message && grpc_byte_buffer_reader_init(&reader, message)) {
        grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
        take(m->service, c, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
        grpc_slice_unref(slice);
    } else if (m->next) {
        take(m->service, c, NULL, 0);
    } else {
        refuse(c, SN_EINVALID_ARGUMENT, "there is no request, or it is too large");
    }
    grpc_byte_buffer_destroy(message);
}

static const sn_rpc_method *find_method(const sn_rpc_call *c) {
    for (const sn_rpc_method *m = c->server->methods; m->path; m++)
        if (grpc_slice_str_cmp(c->details.method, m->path) == 0)
            return m;
    return NULL;
}

static bool has_token(const sn_rpc_call *c) {
    static const char scheme[] = "Bearer ";
    sn_auto_free char *value = sn_rpc_metadata(c, "authorization");
    const char *token = c->server->token;
    size_t bytes = strlen(token);
    return value && strncmp(value, scheme, sizeof scheme - 1) == 0 &&
           strlen(value) == sizeof scheme - 1 + bytes &&
           CRYPTO_memcmp(value + sizeof scheme - 1, token, bytes) == 0;
}

static bool is_too_many(sn_rpc_server *server) {
    pthread_mutex_lock(&server->lock);
    bool too_many = server->calls > server->calls_most + SN_RPC_REQUESTED;
    pthread_mutex_unlock(&server->lock);
    return too_many;
}

static void on_requested(sn_rpc_call *c, bool ok) {
    if (!ok) /* the server is stopping */
        return release(c);
    sn_rpc_call_request(c->server);
    c->method = find_method(c);
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                     .data.recv_close_on_server.cancelled = &c->cancelled};
    start(c, &close, 1, &c->closed);
    if (!c->method)
        return finish(c, GRPC_STATUS_UNIMPLEMENTED, strdup("there is no such method"));
    if (c->server->token && !c->method->is_open && !has_token(c))
        return refuse(c, SN_EUNAUTHENTICATED,
                      "the call needs the metadata \"authorization: Bearer TOKEN\"");
    if (is_too_many(c->server))
        return refuse(c, SN_ERESOURCE_EXHAUSTED, "too many calls at once; try again");
    sn_rpc_receive(c);
}

/* What was done is let go of after it was dealt with. */
static void then_released(sn_rpc_call *c, bool ok, void (*deal)(sn_rpc_call *, bool)) {
    deal(c, ok);
    release(c);
}

static void requested_done(sn_rpc_call *c, bool ok) {
    then_released(c, ok, on_requested);
}

static void received_done(sn_rpc_call *c, bool ok) {
    then_released(c, ok, on_received);
}

static void closed_done(sn_rpc_call *c, bool ok) {
    then_released(c, ok, on_closed);
}

static void written_done(sn_rpc_call *c, bool ok) {
    then_released(c, ok, on_written);
}

void sn_rpc_call_request(sn_rpc_server *server) {
    sn_rpc_call *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;
    if (!c)
        return; /* one fewer that waits: the other threads' calls are still there */
    c->server = server;
    c->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->last = &c->first;
    c->requested = (sn_rpc_tag){requested_done, c};
    c->received = (sn_rpc_tag){received_done, c};
    c->closed = (sn_rpc_tag){closed_done, c};
    c->written = (sn_rpc_tag){written_done, c};
    atomic_init(&c->references, 2); /* the request's, and who finishes it */
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    grpc_call_details_init(&c->details);
    grpc_metadata_array_init(&c->metadata);
    pthread_mutex_lock(&server->lock);
    join(c);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    if (stopping ||
        grpc_server_request_call(server->server, &c->call, &c->details, &c->metadata, server->queue,
                                 server->queue, &c->requested) != GRPC_CALL_OK) {
        c->call = NULL;
        free_call(c);
    }
}
