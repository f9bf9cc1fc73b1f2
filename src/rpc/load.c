/* load.c - the functions of rpc.h and channel.h in the program: they load shannon-grpc.so and pass
 * on. */
#include "rpc/accept.h"
#include "rpc/module.h"
#include "util/error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static const sn_rpc_module *module;
static sn_error load_error;

static int find_module(void) {
    void *library = dlopen(SN_RPC_MODULE_FILE, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        sn_fail(&load_error, SN_EUNAVAILABLE, "gRPC cannot be loaded: %s", dlerror());
        return sn_hint(&load_error,
                       "%s lies beside the program or in ../lib/shannon, and needs libgrpc",
                       SN_RPC_MODULE_FILE);
    }
    const sn_rpc_module *found = dlsym(library, SN_RPC_MODULE_SYMBOL);
    if (!found || strcmp(found->version, SN_VERSION) != 0)
        return sn_fail(&load_error, SN_EUNAVAILABLE, "%s is of version %s, this program of %s",
                       SN_RPC_MODULE_FILE, found ? found->version : "none", SN_VERSION);
    module = found;
    return 0;
}

static void load(void) {
    (void)find_module();
}

static int need_module(sn_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!module && err)
        *err = load_error;
    return module ? 0 : load_error.code;
}

int sn_rpc_server_start(sn_rpc_server **out, const sn_rpc_options *options,
                        const sn_rpc_method *methods, sn_error *err) {
    int rc = need_module(err);
    sn_accept_prepare();
    return rc < 0 ? rc : module->server_start(out, options, methods, err);
}

int sn_rpc_server_port(const sn_rpc_server *server) {
    return module->server_port(server);
}

void sn_rpc_server_stop(sn_rpc_server *server, uint64_t patience_ns) {
    if (server)
        module->server_stop(server, patience_ns);
}

int sn_rpc_cancel_fd(const sn_rpc_call *call) {
    return module->cancel_fd(call);
}

uint64_t sn_rpc_deadline_ns(const sn_rpc_call *call) {
    return module->deadline_ns(call);
}

char *sn_rpc_metadata(const sn_rpc_call *call, const char *key) {
    return module->metadata(call, key);
}

char *sn_rpc_peer(const sn_rpc_call *call) {
    return module->peer(call);
}

void sn_rpc_on_gone(sn_rpc_call *call, sn_rpc_gone_fn *gone, void *user) {
    module->on_gone(call, gone, user);
}

int sn_rpc_send(sn_rpc_call *call, const void *message, size_t bytes, uint64_t until_ns,
                sn_error *err) {
    return module->send(call, message, bytes, until_ns, err);
}

void sn_rpc_receive(sn_rpc_call *call) {
    module->receive(call);
}

int sn_rpc_wait(sn_rpc_call *call, void **message, size_t *bytes, uint64_t patience_ns,
                sn_error *err) {
    return module->wait(call, message, bytes, patience_ns, err);
}

void sn_rpc_reply(sn_rpc_call *call, const void *message, size_t bytes) {
    module->reply(call, message, bytes);
}

void sn_rpc_fail(sn_rpc_call *call, const sn_error *error) {
    module->fail(call, error);
}

void sn_rpc_refuse(sn_rpc_call *call, const sn_error *error) {
    module->refuse(call, error);
}

int sn_rpc_channel_open(sn_rpc_channel **out, const sn_rpc_channel_options *options,
                        sn_error *err) {
    int rc = need_module(err);
    return rc < 0 ? rc : module->channel_open(out, options, err);
}

void sn_rpc_channel_close(sn_rpc_channel *channel) {
    if (channel)
        module->channel_close(channel);
}

int sn_rpc_invoke(sn_rpc_channel *channel, const sn_rpc_invocation *invocation,
                  sn_rpc_message_fn *on_message, void *user, sn_error *err) {
    return module->invoke(channel, invocation, on_message, user, err);
}
