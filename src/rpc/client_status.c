/* client_status.c - how a call ended, as an error. What a server says is cut to size, and control
 * characters in it become spaces: it ends up on terminals and in logs. */
#include "rpc/client.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/utf8.h"

#include <string.h>

enum { TEXT_MOST_BYTES = 1500 };

static int code_of(grpc_status_code status) {
    switch (status) {
    case GRPC_STATUS_INVALID_ARGUMENT:
    case GRPC_STATUS_OUT_OF_RANGE:
    case GRPC_STATUS_FAILED_PRECONDITION:
    case GRPC_STATUS_ALREADY_EXISTS:
        return SN_EINVALID_ARGUMENT;
    case GRPC_STATUS_NOT_FOUND:
        return SN_ENOT_FOUND;
    case GRPC_STATUS_UNAUTHENTICATED:
    case GRPC_STATUS_PERMISSION_DENIED:
        return SN_EUNAUTHENTICATED;
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        return SN_ERESOURCE_EXHAUSTED;
    case GRPC_STATUS_UNAVAILABLE:
    case GRPC_STATUS_CANCELLED:
    case GRPC_STATUS_ABORTED:
        return SN_EUNAVAILABLE;
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return SN_EDEADLINE_EXCEEDED;
    default:
        return SN_EINTERNAL;
    }
}

/* NULL: no memory. */
static char *clean(const grpc_slice *details) {
    size_t bytes = GRPC_SLICE_LENGTH(*details), made_bytes;
    bool cut = bytes > TEXT_MOST_BYTES;
    char *text = sn_utf8_repair((const char *)GRPC_SLICE_START_PTR(*details),
                                cut ? TEXT_MOST_BYTES : bytes, cut, &made_bytes);
    for (size_t i = 0; text && i < made_bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_c1 = c == 0xc2 && (unsigned char)text[i + 1] >= 0x80 &&
                     (unsigned char)text[i + 1] < 0xa0; /* U+0080 to U+009F */
        if (is_c1)
            text[i + 1] = ' ';
        if (c < ' ' || c == 0x7f || is_c1)
            text[i] = ' ';
    }
    return text;
}

/* The server's words: "message; hint", as sn_rpc_fail() puts them together. A message has a
 * semicolon of its own more often than a hint. */
static int said(int code, grpc_status_code status, char *text, sn_error *err) {
    char *hint = NULL;
    for (char *at = strstr(text, "; "); at; at = strstr(at + 1, "; "))
        hint = at;
    if (hint)
        *hint = '\0';
    if (*text)
        sn_fail(err, code, "%s", text);
    else
        sn_fail(err, code, "agent-core ended the call with gRPC status %d and no reason",
                (int)status);
    return hint ? sn_hint(err, "%s", hint + 2) : code;
}

/* gRPC found out by itself that there is nobody, or nobody any more. */
static int not_there(sn_rpc_fate *fate, const sn_rpc_channel *channel, const char *text,
                     bool from_server, sn_error *err) {
    *fate = SN_RPC_LOST;
    if (strstr(text, "failed to connect") || strstr(text, "resolution failed") ||
        strstr(text, "empty address list")) {
        if (!from_server) /* which may be a proxy, and say this of what lies behind it */
            *fate = SN_RPC_NOT_SENT;
        sn_fail(err, SN_EUNAVAILABLE, "cannot reach agent-core at %s: %s", channel->address, text);
        return sn_hint(err, "check AGENT_CORE_ADDR, and that `shannon agent-core` runs there");
    }
    sn_fail(err, SN_EUNAVAILABLE, "agent-core at %s was lost on the way: %s", channel->address,
            text);
    return sn_hint(err, "what was under way there may have been done or not; look before it is "
                        "tried again");
}

/* A connection that is lost looks to callers as if the server had said so; a server of ours marks
 * what it says. */
static bool is_marked(const grpc_metadata_array *trailing, const char *key) {
    for (size_t i = 0; i < trailing->count; i++)
        if (grpc_slice_str_cmp(trailing->metadata[i].key, key) == 0)
            return true;
    return false;
}

/* The status of a stream or a connection that broke, which no server has chosen. */
static bool is_lost(grpc_status_code status, const char *text) {
    return status == GRPC_STATUS_UNAVAILABLE || status == GRPC_STATUS_CANCELLED ||
           strstr(text, "RST_STREAM") || strstr(text, "Stream removed");
}

int sn_rpc_status_error(sn_rpc_fate *fate, const sn_rpc_channel *channel, grpc_status_code status,
                        const grpc_slice *details, const grpc_metadata_array *trailing,
                        const char *debug, sn_error *err) {
    if (status == GRPC_STATUS_OK)
        return 0;
    sn_auto_free char *text = clean(details);
    bool from_server = debug && strstr(debug, "Error received from peer");
    if (!text)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an error's text");
    bool marked = is_marked(trailing, SN_RPC_ERROR_KEY);
    if (is_marked(trailing, SN_RPC_REFUSED_KEY) &&
        (status == GRPC_STATUS_UNAVAILABLE || status == GRPC_STATUS_RESOURCE_EXHAUSTED))
        *fate = SN_RPC_REFUSED;
    if (!marked && status == GRPC_STATUS_DEADLINE_EXCEEDED) /* gRPC's own, there or here */
        *fate = SN_RPC_LOST;
    if (marked || (from_server && !is_lost(status, text)))
        return said(code_of(status), status, text, err);
    if (status == GRPC_STATUS_DEADLINE_EXCEEDED) {
        sn_fail(err, SN_EDEADLINE_EXCEEDED, "agent-core at %s did not answer in time",
                channel->address);
        return sn_hint(err, "it may be overloaded, or hang; its log and its metrics tell");
    }
    if (is_lost(status, text))
        return not_there(fate, channel, text, from_server, err);
    sn_fail(err, code_of(status), "the answer of agent-core at %s cannot be used: %s",
            channel->address, text);
    return sn_hint(err, "is it a `shannon agent-core` of this version, and nothing in between?");
}
