/*
 * invoke.c - one call of a client, from its request to its status. See channel.h.
 *
 * Three things are asked of gRPC: to send the request, the status, and one message after the other;
 * where the request is followed by others, to send one after the other, too.
 * The thread that called does not return while gRPC still owes it anything. The channel's thread
 * learns what is done, and wakes the caller when there is something to do for it: a message came,
 * or nothing more will. It says so in the call's eventfd, in the number of things that are done,
 * and does not touch the call after the last.
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
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SENT, RECEIVED, ENDED, BEGUN, KINDS };

typedef struct call call;

typedef struct part {
    sn_rpc_wanted wanted; /* first: gRPC gives back its address */
    call *call;
} part;

struct call {
    const sn_rpc_channel *channel;
    const sn_rpc_invocation *invocation;
    sn_rpc_message_fn *on_message;
    void *user;
    grpc_call *call;
    part parts[KINDS];
    unsigned owed;          /* of what was asked for; the caller's */
    uint64_t untold;        /* of what is done; the channel's thread's */
    _Atomic unsigned doing; /* what gRPC has not done */
    int event_fd;
    grpc_byte_buffer *message; /* the caller's once it is there */
    _Atomic bool has_message;
    _Atomic bool has_room; /* the next one can be sent */
    bool all_sent;
    grpc_byte_buffer *answer; /* the only message, until the status says that it counts */
    bool given_up;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    const char *debug;
    sn_rpc_fate fate;
    sn_error broken; /* what the server did that gRPC has nothing against */
};

/* Not allowed to fail: the arguments are ours. */
static void start(call *c, int kind, const grpc_op *ops, size_t count) {
    atomic_fetch_add(&c->doing, 1);
    if (grpc_call_start_batch(c->call, ops, count, &c->parts[kind].wanted, NULL) != GRPC_CALL_OK)
        abort();
}

static void receive(call *c) {
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->message};
    start(c, RECEIVED, &op, 1);
}

/* The caller may be gone after that. */
static void tell(call *c) {
    uint64_t untold = c->untold;
    c->untold = 0;
    (void)!write(c->event_fd, &untold, sizeof untold);
}

/* On the channel's thread. */
static void on_done(sn_rpc_wanted *wanted, bool ok) {
    part *p = (part *)wanted;
    call *c = p->call;
    bool has_message = p == &c->parts[RECEIVED] && ok && c->message;
    if (has_message && !c->invocation->streams && !c->answer) {
        c->answer = SN_STEAL(c->message);
        receive(c); /* what should not come */
        atomic_fetch_sub(&c->doing, 1);
        return;
    }
    bool has_room = p == &c->parts[SENT] && ok && !c->all_sent;
    c->untold++;
    if (has_message)
        atomic_store(&c->has_message, true);
    if (has_room)
        atomic_store(&c->has_room, true);
    if (atomic_fetch_sub(&c->doing, 1) == 1 || has_message || has_room)
        tell(c);
}

static void ask(call *c, int kind, const grpc_op *ops, size_t count) {
    c->owed++;
    start(c, kind, ops, count);
}

static void give_up(call *c) {
    if (!c->given_up)
        grpc_call_cancel(c->call, NULL);
    c->given_up = true;
}

/* ---- messages ---- */

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

static void take_message(call *c) {
    grpc_byte_buffer *message = SN_STEAL(c->message);
    if (!c->invocation->streams)
        refuse(c, "gave more than one answer");
    else if (!c->given_up)
        hand_over(c, message);
    grpc_byte_buffer_destroy(message);
    c->owed++;
    receive(c);
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

static grpc_byte_buffer *buffer_of(const void *message, size_t bytes) {
    grpc_slice slice = grpc_slice_from_copied_buffer(message, bytes);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

/* Initial metadata come with the first answer, which is not before all was sent. */
static void send_request(call *c, grpc_metadata *metadata, size_t metadata_count) {
    const sn_rpc_invocation *i = c->invocation;
    grpc_byte_buffer *request = buffer_of(i->request, i->request_bytes);
    grpc_op begun = {.op = GRPC_OP_RECV_INITIAL_METADATA,
                     .data.recv_initial_metadata.recv_initial_metadata = &c->initial};
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .data.send_initial_metadata = {.metadata = metadata, .count = metadata_count}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        begun,
    };
    c->all_sent = !i->more;
    ask(c, SENT, ops, i->more ? 2 : SN_COUNT(ops));
    if (i->more)
        ask(c, BEGUN, &begun, 1);
    grpc_byte_buffer_destroy(request);
}

static void send_more(call *c) {
    const void *message = NULL;
    size_t bytes = 0;
    int rc = c->given_up ? -1 : c->invocation->more(c->invocation->more_user, &message, &bytes);
    if (rc < 0)
        return give_up(c);
    grpc_byte_buffer *next = rc ? buffer_of(message, bytes) : NULL;
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    if (next)
        op = (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = next};
    c->all_sent = !next;
    ask(c, SENT, &op, 1);
    grpc_byte_buffer_destroy(next);
}

static void ask_for_status(call *c) {
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                  .data.recv_status_on_client = {.trailing_metadata = &c->trailing,
                                                 .status = &c->status,
                                                 .status_details = &c->details,
                                                 .error_string = &c->debug}};
    ask(c, ENDED, &op, 1);
}

/* gRPC itself sees to the deadline. */
static void wait_for_something(call *c) {
    struct pollfd fds[] = {{c->event_fd, POLLIN, 0},
                           {c->given_up ? -1 : c->invocation->cancel_fd, POLLIN, 0}};
    uint64_t done;
    if (poll(fds, SN_COUNT(fds), -1) < 0)
        return;
    if (fds[0].revents && read(c->event_fd, &done, sizeof done) == sizeof done)
        c->owed -= (unsigned)done;
    if (fds[1].revents)
        give_up(c);
    if (atomic_exchange(&c->has_message, false))
        take_message(c);
    if (atomic_exchange(&c->has_room, false))
        send_more(c);
}

static void run(call *c) {
    ask_for_status(c);
    c->owed++;
    receive(c);
    while (c->owed > 0)
        wait_for_something(c);
}

static int judge_status(call *c, sn_error *err) {
    if (c->broken.code || c->given_up)
        return 0;
    int rc = sn_rpc_status_error(&c->fate, c->channel, c->status, &c->details, &c->trailing,
                                 c->debug, err);
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
    for (int i = 0; i < KINDS; i++)
        c.parts[i] = (part){.wanted = {on_done}, .call = &c};
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
    if (invocation->fate)
        *invocation->fate = c.fate;
    drop(&c);
    return rc;
}
