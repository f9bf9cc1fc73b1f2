/* call_wait.c - the next message of a client, for a method that may block. See rpc.h. */
#include "rpc/private.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <string.h>

/* NULL: no memory, or it cannot be unpacked. */
static void *copy(size_t *bytes, grpc_byte_buffer *message) {
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, message))
        return NULL;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    *bytes = GRPC_SLICE_LENGTH(slice);
    void *data = malloc(*bytes + 1);
    if (data)
        memcpy(data, GRPC_SLICE_START_PTR(slice), *bytes);
    grpc_slice_unref(slice);
    return data;
}

/* False: it was not there in time, and the call has been ended, which brings the end of messages.
 * The lock is held. */
static bool wait_for_it(sn_rpc_call *c, uint64_t until_ns) {
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int waited = 0;
    while (!c->has_come && waited == 0)
        waited = pthread_cond_timedwait(&c->changed, &c->lock, &until);
    if (c->has_come)
        return true;
    grpc_call_cancel_with_status(c->call, GRPC_STATUS_DEADLINE_EXCEEDED, "no message came in time",
                                 NULL);
    while (!c->has_come)
        pthread_cond_wait(&c->changed, &c->lock);
    return false;
}

int sn_rpc_wait(sn_rpc_call *c, void **message, size_t *bytes, uint64_t patience_ns,
                sn_error *err) {
    pthread_mutex_lock(&c->lock);
    c->is_waited_for = true;
    pthread_mutex_unlock(&c->lock);
    sn_rpc_receive(c);
    pthread_mutex_lock(&c->lock);
    bool in_time = wait_for_it(c, sn_now_ns() + patience_ns);
    grpc_byte_buffer *taken = SN_STEAL(c->taken);
    bool is_gone = c->gone;
    c->has_come = c->is_waited_for = false;
    pthread_mutex_unlock(&c->lock);
    *message = taken ? copy(bytes, taken) : NULL;
    bool is_lost = taken && !*message;
    grpc_byte_buffer_destroy(taken);
    if (is_lost)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a message");
    if (!in_time) {
        free(SN_STEAL(*message));
        return sn_fail(err, SN_EDEADLINE_EXCEEDED, "no message came in time");
    }
    if (!*message && is_gone)
        return sn_fail(err, SN_EUNAVAILABLE, "the client has gone away");
    return *message != NULL;
}
