/*
 * model.h - a language model behind an HTTP API: a conversation goes in, the next message comes
 * out. Which API, by LLM_API: OpenAI's chat completions, which most servers speak, OpenAI's
 * responses, or Anthropic's messages; one file each (protocol.h). The one user of libcurl.
 *
 *     sn_model *model;
 *     if (sn_model_open(&model, &options, &err) < 0) ...
 *     sn_message said[] = {{.role = SN_ROLE_USER, .text = "What is 6 * 7?"}};
 *     sn_model_request request = SN_MODEL_REQUEST_INIT;
 *     request.messages = said;
 *     request.messages_count = 1;
 *     sn_model_reply reply;
 *     if (sn_model_ask(&reply, model, &request, &err) == 0 && reply.message.text)
 *         puts(reply.message.text);
 *     sn_model_reply_clear(&reply);
 *
 * A request is tried again, after a pause that grows and that the server may set (Retry-After),
 * when the server says 408, 409, 429 or 5xx, or the connection fails or falls silent; but never
 * once on_text has been told something, and not when it took too long. A server that wants a pause
 * of more than a minute, or beyond the deadline, is not asked again: its error is what comes out.
 * What the server sends is bounded and believed nothing. The key is sent to the server and is in no
 * log and no message.
 *
 * Threads: sn_model_ask() blocks, and may be called from several at once.
 */
#ifndef SN_MODEL_MODEL_H
#define SN_MODEL_MODEL_H

#include "shannon.h"

#include <jansson.h>

typedef struct sn_model sn_model;

enum {
    SN_MODEL_TEXT_MOST_BYTES = 4 << 20,      /* of one message from a model */
    SN_MODEL_ARGUMENTS_MOST_BYTES = 2 << 20, /* of one call of a tool */
    SN_MODEL_CALLS_MOST = 64,                /* of tools, in one message */
};

typedef struct sn_model_options {
    const char *base_url; /* "https://api.example.com/v1"; with or without a slash at its end */
    const char *api_key;  /* NULL: none is sent */
    const char *model;    /* its name there */
    const char *ca_path;  /* PEM file of those who vouch for it; NULL: whom this machine trusts */
    const char *api;      /* "chat", "responses", "messages"; NULL: chat */
    unsigned retries;     /* after the first try */
    uint64_t timeout_ns;  /* for one try, from its beginning to its end */
    uint64_t idle_ns;     /* without a byte from the server, once its answer has begun */
    unsigned calls_most;  /* at once; one more is SN_ERESOURCE_EXHAUSTED */
    uint64_t pause_ns;    /* before the second try; twice as long each time, 8 s at most */
} sn_model_options;

#define SN_MODEL_OPTIONS_INIT                                                                      \
    {.retries = 4,                                                                                 \
     .timeout_ns = UINT64_C(300000000000),                                                         \
     .idle_ns = UINT64_C(60000000000),                                                             \
     .calls_most = 64,                                                                             \
     .pause_ns = UINT64_C(500000000)}

/* Texts are copied. Connects to nothing yet. SN_EINVALID_ARGUMENT: base_url or api is none, or the
 * key cannot be in a header; SN_EUNAVAILABLE: libcurl cannot be loaded. */
SN_WARN_UNUSED int sn_model_open(sn_model **out, const sn_model_options *options, sn_error *err);

/* No call may be under way. NULL is allowed. */
void sn_model_close(sn_model *model);

/* ---- what is said ---- */

typedef enum sn_role {
    SN_ROLE_SYSTEM,
    SN_ROLE_USER,
    SN_ROLE_ASSISTANT,
    SN_ROLE_TOOL, /* what a call of a tool gave */
} sn_role;

/* A tool the model wants to be called. All texts are valid UTF-8 without NUL, never NULL. */
typedef struct sn_tool_use {
    char *id;
    char *name;
    char *arguments; /* JSON, if the model did as it was told; may be anything */
} sn_tool_use;

/* All memory is the message's own when it came from here (sn_message_clear()). */
typedef struct sn_message {
    sn_role role;
    char *text;        /* NULL: none */
    sn_tool_use *uses; /* SN_ROLE_ASSISTANT */
    size_t uses_count;
    char *use_id;     /* SN_ROLE_TOOL: what it answers */
    bool is_error;    /* SN_ROLE_TOOL: the call failed */
    json_t *verbatim; /* SN_ROLE_ASSISTANT: NULL, or what this API wants back as it came; opaque */
} sn_message;

void sn_message_clear(sn_message *message);

/* What the model may call. */
typedef struct sn_model_tool {
    const char *name;
    const char *description;
    const json_t *input_schema;
} sn_model_tool;

typedef struct sn_model_request {
    const char *model; /* NULL: the one of sn_model_options */
    const sn_message *messages;
    size_t messages_count;
    const sn_model_tool *tools;
    size_t tools_count;
    bool
        no_calls; /* the tools are described, since the conversation has calls of them, but the
                     model is not to call them now; servers refuse calls of what is not described */
    double temperature;     /* less than 0: the server's own */
    unsigned max_tokens;    /* of the answer; 0: the server's own, or what the API wants at least */
    uint64_t deadline_ns;   /* on the clock of sn_now_ns(), retries included; 0: none */
    int cancel_fd;          /* -1, or becomes readable to end it: SN_EUNAVAILABLE */
    const char *request_id; /* NULL, or sent along as X-Request-Id */
    /* NULL, or told the text as it comes, in whole characters; the answer is then streamed.
     * Non-zero ends it as cancel_fd does. */
    int (*on_text)(void *user, const char *text, size_t bytes);
    void *user;
} sn_model_request;

#define SN_MODEL_REQUEST_INIT {.temperature = -1, .cancel_fd = -1}

typedef enum sn_finish {
    SN_FINISH_STOP,   /* it has said what it wanted to */
    SN_FINISH_TOOLS,  /* it waits for the calls in message.uses */
    SN_FINISH_LENGTH, /* max_tokens, or what the model can: the text is cut */
    SN_FINISH_FILTER, /* the server would not let it go on */
} sn_finish;

/* "stop", "tool_calls", "length", "content_filter": OpenAI's words. */
const char *sn_finish_name(sn_finish finish);

typedef struct sn_model_usage {
    uint64_t input_tokens;
    uint64_t output_tokens;
} sn_model_usage;

typedef struct sn_model_reply {
    sn_message message; /* role SN_ROLE_ASSISTANT */
    sn_finish finish;
    char *model; /* which one answered, as the server has it; never NULL */
    sn_model_usage usage;
    unsigned tries;
} sn_model_reply;

/*
 * On 0 `*out` is the caller's to clear; else it has nothing but `tries`. `arguments` of a call may
 * be cut where finish is SN_FINISH_LENGTH.
 *
 * SN_EUNAVAILABLE: the server cannot be reached, failed however often it was asked, or cut its
 * answer short; or the call was cancelled. SN_ERESOURCE_EXHAUSTED: it says 429 however often, or
 * too many calls are under way. SN_EDEADLINE_EXCEEDED: the deadline, or timeout_ns.
 * SN_EUNAUTHENTICATED: it does not take the key (401, 403); the hint names LLM_API_KEY.
 * SN_EINVALID_ARGUMENT: it refuses the request (other 4xx), in its own words, cut and without
 * control characters. SN_EINTERNAL: its answer makes no sense.
 */
SN_WARN_UNUSED int sn_model_ask(sn_model_reply *out, sn_model *model,
                                const sn_model_request *request, sn_error *err);
void sn_model_reply_clear(sn_model_reply *reply);

/* What sn_model_options say, for those who show it; "chat" and so on. */
const char *sn_model_name(const sn_model *model);
const char *sn_model_api(const sn_model *model);

#endif
