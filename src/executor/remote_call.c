/* remote_call.c - where an agent-core is, and calls to it that have one answer. See remote.h. */
#include "executor/remote.h"

#include "util/error.h"

#include <stdlib.h>

static const char *settled(const char *wanted, const char *variable) {
    if (!wanted)
        wanted = getenv(variable);
    return wanted && *wanted ? wanted : NULL;
}

sn_place sn_place_find(const char *address, const char *token, const char *ca_path) {
    return (sn_place){settled(address, "AGENT_CORE_ADDR"), settled(token, "SHANNON_API_TOKEN"),
                      settled(ca_path, "SHANNON_CA_FILE")};
}

int sn_place_connect(sn_rpc_channel **out, const sn_place *place, sn_error *err) {
    sn_rpc_channel_options options = SN_RPC_CHANNEL_OPTIONS_INIT;
    options.address = place->address;
    options.token = place->token;
    options.ca_path = place->ca_path;
    return sn_rpc_channel_open(out, &options, err);
}

typedef struct asker {
    sn_answer_fn *read;
    void *out;
    int rc;
    sn_error err;
} asker;

static int on_answer(void *user, const void *message, size_t bytes) {
    asker *a = user;
    a->rc = a->read(a->out, message, bytes, &a->err);
    return a->rc < 0;
}

int sn_remote_ask(sn_rpc_channel *channel, sn_rpc_invocation *invocation, sn_answer_fn *read,
                  void *out, sn_error *err) {
    asker a = {.read = read, .out = out};
    if (!invocation->request)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a request");
    int rc = sn_rpc_invoke(channel, invocation, on_answer, &a, err);
    if (a.rc == 0)
        return rc;
    if (err)
        *err = a.err;
    return a.rc;
}
