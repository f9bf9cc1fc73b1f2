/* call_info.c - what a call says of itself: its metadata, its deadline, where its client is. */
#include "rpc/private.h"

#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <string.h>

int sn_rpc_cancel_fd(const sn_rpc_call *c) {
    return c->cancel_fd;
}

uint64_t sn_rpc_deadline_ns(const sn_rpc_call *c) {
    gpr_timespec at = gpr_convert_clock_type(c->details.deadline, GPR_CLOCK_MONOTONIC);
    if (gpr_time_cmp(at, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0 || at.tv_sec < 0)
        return UINT64_MAX;
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

void sn_rpc_on_gone(sn_rpc_call *c, sn_rpc_gone_fn *gone, void *user) {
    pthread_mutex_lock(&c->lock);
    c->on_gone = gone;
    c->gone_user = user;
    pthread_mutex_unlock(&c->lock);
}

char *sn_rpc_metadata(const sn_rpc_call *c, const char *key) {
    for (size_t i = 0; i < c->metadata.count; i++)
        if (grpc_slice_str_cmp(c->metadata.metadata[i].key, key) == 0)
            return grpc_slice_to_c_string(c->metadata.metadata[i].value);
    return NULL;
}

/* "ipv4:192.0.2.1:50000", "ipv6:%5B::1%5D:50000", "unix:..." */
char *sn_rpc_peer(const sn_rpc_call *c) {
    char *name = grpc_call_get_peer(c->call);
    const char *start = name && strncmp(name, "ipv", 3) == 0 ? strchr(name, ':') : NULL;
    char *end = start ? strrchr(start + 1, ':') : NULL;
    char *peer = end ? strndup(start + 1, (size_t)(end - start - 1)) : strdup(name ? name : "");
    gpr_free(name);
    if (peer && strncmp(peer, "%5B", 3) == 0) {
        size_t bytes = strlen(peer) - 3;
        bytes -= bytes >= 3 && strcmp(peer + bytes, "%5D") == 0 ? 3 : 0;
        memmove(peer, peer + 3, bytes);
        peer[bytes] = '\0';
    }
    return peer;
}
