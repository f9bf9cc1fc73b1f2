/* module.c - the table of shannon-grpc.so. See module.h. */
#include "rpc/module.h"

extern SN_PUBLIC const sn_rpc_module shannon_grpc;

const sn_rpc_module shannon_grpc = {
    .version = SN_VERSION,
    .server_start = sn_rpc_server_start,
    .server_port = sn_rpc_server_port,
    .server_stop = sn_rpc_server_stop,
    .cancel_fd = sn_rpc_cancel_fd,
    .deadline_ns = sn_rpc_deadline_ns,
    .metadata = sn_rpc_metadata,
    .peer = sn_rpc_peer,
    .on_gone = sn_rpc_on_gone,
    .send = sn_rpc_send,
    .receive = sn_rpc_receive,
    .wait = sn_rpc_wait,
    .reply = sn_rpc_reply,
    .fail = sn_rpc_fail,
    .refuse = sn_rpc_refuse,
    .channel_open = sn_rpc_channel_open,
    .channel_close = sn_rpc_channel_close,
    .invoke = sn_rpc_invoke,
};
