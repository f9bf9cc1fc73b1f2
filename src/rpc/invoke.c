/*
 * invoke.c - one call of a client, from its request to its status. See channel.h.
 *
 * Three things are asked of gRPC: to send the request, the status, and one message after the other.
 * The channel's thread notes what is done and makes the call's eventfd readable; everything else
 * happens in the thread that called, which does not return while gRPC still owes it anything.
 */
#include "rpc/client.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SENT, RECEIVED, ENDED, KINDS };

typedef struct call call;

typedef struct part {
    sn_rpc_wanted wanted; /* first: gRPC gives back its address */
    call *call;
    bool under_way; /* the caller's */
    bool done, ok;  /* the call's lock */
} part;

struct call {
    const sn_rpc_channel *channel;
    const sn_rpc_invocation *invocation;
    sn_rpc_message_fn *on_message;
    void *user;
    grpc_call *call;
    part parts[KINDS];
    pthread_mutex_t lock;
    int event_fd;
    grpc_byte_buffer *message;
    grpc_byte_buffer *answer; /* the only message, until the status says that it counts */
    size_t messages;
    bool given_up;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    const char *debug;
    sn_error broken; /* what the server did that gRPC has nothing against */
};

/* On the channel's thread. The caller may be gone as soon as the lock is open. */
static void on_done(sn_rpc_wanted *wanted, bool ok) {
    part *p = (part *)wanted;
    call *c = p->call;
    uint64_t one = 1;
    pthread_mutex_lock(&c->lock);
    p->done = true;
    p->ok = ok;
    (void)!write(c->event_fd, &one, sizeof one);
    pthread_mutex_unlock(&c->lock);
}

/* Not allowed to fail: the arguments are ours. */
static void start(call *c, int kind, const grpc_op *ops, size_t count) {
    c->parts[kind] = (part){.wanted = {on_done}, .call = c, .under_way = true};
    if (grpc_call_start_batch(c->call, ops, count, &c->parts[kind].wanted, NULL) != GRPC_CALL_OK)
        abort();
}

static bool take(call *c, int kind, bool *ok) {
    part *p = &c->parts[kind];
    pthread_mutex_lock(&c->lock);
    bool done = p->under_way && p->done;
    *ok = p->ok;
    pthread_mutex_unlock(&c->lock);
    if (done)
        p->under_way = false;
    return done;
}

static void give_up(call *c) {
    if (!c->given_up)
        grpc_call_cancel(c->call, NULL);
    c->given_up = true;
}

/* ---- messages ---- */

static void ask_for_message(call *c) {
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->message};
    start(c, RECEIVED, &op, 1);
}

static void refuse(call *c, const char *why) {
    if (c->broken.code == 0)
        sn_fail(&c->broken, SN_EINTERNAL, "agent-core at %s %s", c->channel->address, why);
    give_up(c);
}

static void hand_over(call *c, grpc_byte_buffer *message) {
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, message))
        return refuse(c, "sent a message that cannot be unpacked");
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    if (c->on_message(c->user, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice)) != 0)
        give_up(c);
    grpc_slice_unref(slice);
}

static void on_received(call *c, bool ok) {
    if (!ok || !c->message)
        return; /* it was the last */
    c->messages++;
    if (!c->invocation->streams && c->messages == 1)
        c->answer = SN_STEAL(c->message);
    else if (!c->invocation->streams)
        refuse(c, "gave more than one answer");
    else if (!c->given_up)
        hand_over(c, c->message);
    if (c->message)
        grpc_byte_buffer_destroy(c->message);
    c->message = NULL;
    ask_for_message(c);
}

/* ---- from request to status ---- */

static gpr_timespec deadline_of(uint64_t deadline_ns) {
    if (deadline_ns == UINT64_MAX)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return (gpr_timespec){(int64_t)(deadline_ns / 1000000000u),
                          (int32_t)(deadline_ns % 1000000000u), GPR_CLOCK_MONOTONIC};
}

static size_t put_metadata(grpc_metadata out[SN_RPC_PAIRS_MOST + 1], const call *c) {
    size_t count = 0;
    if (c->channel->authorization)
        out[count++] =
            (grpc_metadata){.key = grpc_slice_from_static_string("authorization"),
                            .value = grpc_slice_from_copied_string(c->channel->authorization)};
    for (size_t i = 0; i < c->invocation->metadata_count; i++)
        out[count++] = (grpc_metadata){
            .key = grpc_slice_from_copied_string(c->invocation->metadata[i].key),
            .value = grpc_slice_from_copied_string(c->invocation->metadata[i].value)};
    return count;
}

static void send_request(call *c, grpc_metadata *metadata, size_t metadata_count) {
    const sn_rpc_invocation *i = c->invocation;
    grpc_slice slice = grpc_slice_from_copied_buffer(i->request, i->request_bytes);
    grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .data.send_initial_metadata = {.metadata = metadata, .count = metadata_count}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &c->initial},
    };
    start(c, SENT, ops, SN_COUNT(ops));
    grpc_byte_buffer_destroy(request);
    grpc_slice_unref(slice);
}

static void ask_for_status(call *c) {
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                  .data.recv_status_on_client = {.trailing_metadata = &c->trailing,
                                                 .status = &c->status,
                                                 .status_details = &c->details,
                                                 .error_string = &c->debug}};
    start(c, ENDED, &op, 1);
}

/* gRPC itself sees to the deadline. */
static void wait_for_something(call *c) {
    struct pollfd fds[] = {{c->event_fd, POLLIN, 0},
                           {c->given_up ? -1 : c->invocation->cancel_fd, POLLIN, 0}};
    uint64_t count;
    if (poll(fds, SN_COUNT(fds), -1) < 0)
        return;
    if (fds[0].revents)
        (void)!read(c->event_fd, &count, sizeof count);
    if (fds[1].revents)
        give_up(c);
}

static void run(call *c) {
    bool ok;
    ask_for_status(c);
    ask_for_message(c);
    while (c->parts[SENT].under_way || c->parts[RECEIVED].under_way || c->parts[ENDED].under_way) {
        wait_for_something(c);
        (void)take(c, SENT, &ok);
        if (take(c, RECEIVED, &ok))
            on_received(c, ok);
        (void)take(c, ENDED, &ok);
    }
}

static int judge_status(call *c, sn_error *err) {
    if (c->broken.code || c->given_up)
        return 0;
    int rc = sn_rpc_status_error(c->channel, c->status, &c->details, &c->trailing, c->debug, err);
    if (rc < 0 || c->invocation->streams)
        return rc;
    if (c->answer)
        hand_over(c, c->answer);
    else
        refuse(c, "gave no answer");
    return 0;
}

static int judge(call *c, sn_error *err) {
    int rc = judge_status(c, err);
    if (c->broken.code && err)
        *err = c->broken;
    return c->broken.code ? c->broken.code : rc == 0 && c->given_up ? SN_RPC_GIVEN_UP : rc;
}

static void drop(call *c) {
    if (c->message)
        grpc_byte_buffer_destroy(c->message);
    if (c->answer)
        grpc_byte_buffer_destroy(c->answer);
    grpc_metadata_array_destroy(&c->initial);
    grpc_metadata_array_destroy(&c->trailing);
    grpc_slice_unref(c->details);
    gpr_free((void *)c->debug);
    grpc_call_unref(c->call);
    pthread_mutex_destroy(&c->lock);
}

int sn_rpc_invoke(sn_rpc_channel *channel, const sn_rpc_invocation *invocation,
                  sn_rpc_message_fn *on_message, void *user, sn_error *err) {
    call c = {.channel = channel, .invocation = invocation, .on_message = on_message, .user = user};
    grpc_metadata metadata[SN_RPC_PAIRS_MOST + 1];
    sn_auto_fd int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (invocation->metadata_count > SN_RPC_PAIRS_MOST)
        return sn_fail(err, SN_EINTERNAL, "too many metadata for a gRPC call");
    if (event_fd < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "no descriptor for a gRPC call");
    c.event_fd = event_fd;
    c.details = grpc_empty_slice();
    pthread_mutex_init(&c.lock, NULL);
    grpc_metadata_array_init(&c.initial);
    grpc_metadata_array_init(&c.trailing);
    c.call =
        grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue,
                                 grpc_slice_from_static_string(invocation->path), NULL,
                                 deadline_of(invocation->deadline_ns), NULL);
    size_t metadata_count = put_metadata(metadata, &c);
    send_request(&c, metadata, metadata_count);
    run(&c);
    int rc = judge(&c, err);
    for (size_t i = 0; i < metadata_count; i++) {
        grpc_slice_unref(metadata[i].key);
        grpc_slice_unref(metadata[i].value);
    }
    drop(&c);
    return rc;
}
