/*
 * agent.h - a question in, an answer out: code (service/query_code.h) is executed as it is,
 * everything else goes to the model, which may have Python executed as often as it takes. Without a
 * model, or in simple mode, code among words counts, too.
 *
 * The loop: the model is asked with the tool python_executor; each call it makes is executed (in
 * the query's session, so that variables stay from one call to the next), and what came of it is
 * handed back, errors included, so that the model can mend its own code; until it answers without a
 * call, or `rounds_most` is reached, when it is asked once more without tools. A call whose
 * arguments are no JSON, or not what the schema says, is answered with what is wrong with it.
 *
 * Threads: sn_agent_answer() blocks, and may be called from several at once.
 */
#ifndef SN_LLM_SERVICE_AGENT_H
#define SN_LLM_SERVICE_AGENT_H

#include "model/model.h"
#include "service/admission.h"

typedef struct sn_agent {
    sn_executor *executor;
    sn_model *model; /* NULL: none is configured; what needs one is SN_EUNAVAILABLE */
    sn_executor_figures limits;
    unsigned rounds_most;     /* of calls of tools in one query */
    sn_admission *executions; /* whose turn it is to execute; NULL: everybody's, at once */
} sn_agent;

enum { SN_AGENT_ROUNDS = 8, SN_QUERY_MOST_BYTES = 1 << 20 };

typedef enum sn_query_mode { SN_MODE_SIMPLE = 1, SN_MODE_STANDARD, SN_MODE_COMPLEX } sn_query_mode;

/* The texts are the caller's and live until sn_agent_answer() returns. */
typedef struct sn_query {
    const char *query;      /* UTF-8 */
    const json_t *context;  /* NULL, or an object: what else the model is to know */
    const char *session_id; /* NULL: one for this query alone, deleted afterwards */
    sn_query_mode mode;     /* 0: standard. simple: at most one round of calls */
    bool no_tools;          /* the model only talks; code in the query is not executed */
    unsigned max_tokens;    /* 0: the server's own */
    double temperature;     /* less than 0: the server's own */
    uint64_t deadline_ns;   /* on the clock of sn_now_ns(); 0: none */
    int cancel_fd;          /* -1, or becomes readable to end it */
    const char *request_id; /* NULL, or for the logs here and there */
    const char *tenant;     /* whose turn it is; NULL: nobody's in particular */
    bool streams;           /* SN_AGENT_TEXT and SN_AGENT_OUTPUT are wanted as they come */
} sn_query;

#define SN_QUERY_INIT {.temperature = -1, .cancel_fd = -1}

typedef enum sn_agent_event_kind {
    SN_AGENT_TEXT = 1, /* text: the model's, as it comes; what preceded a call is part of it */
    SN_AGENT_CALL,     /* name, code: is about to be executed */
    SN_AGENT_OUTPUT,   /* event: of the execution under way (stdout, stderr, display, result) */
    SN_AGENT_RESULT, /* name, result: of the call; NULL with `text` why it could not be executed */
} sn_agent_event_kind;

typedef struct sn_agent_event {
    sn_agent_event_kind kind;
    const char *text;
    size_t text_bytes;
    const char *name;
    const char *code;
    const sn_event *event;
    const sn_result *result;
} sn_agent_event;

/* One after the other, but on whatever thread the execution has. Non-zero cancels. */
typedef int (*sn_agent_event_fn)(void *user, const sn_agent_event *event);

/* What was executed in the query. */
typedef struct sn_agent_call {
    char *code;
    sn_result *result; /* NULL: it could not be executed, and `error` says why */
    char *error;
} sn_agent_call;

typedef struct sn_agent_reply {
    char *text;           /* the answer; never NULL */
    size_t text_bytes;    /* of it: what code printed may have NULs */
    sn_agent_call *calls; /* in order */
    size_t calls_count;
    bool used_model; /* false: the query was code */
    char *model;     /* NULL unless used_model */
    sn_finish finish;
    sn_model_usage usage; /* of all rounds */
    unsigned rounds;      /* calls of the model */
    bool stopped;         /* rounds_most were used up */
} sn_agent_reply;

/* SN_EUNAVAILABLE: the query is no code, and no model is configured. */
SN_WARN_UNUSED int sn_agent_check(const sn_agent *agent, const sn_query *query, sn_error *err);

/*
 * 0: `*out` is the caller's to clear. What the code did is in its calls, also if it failed.
 * Else what sn_agent_check(), sn_model_ask() or sn_execute() say.
 */
SN_WARN_UNUSED int sn_agent_answer(sn_agent_reply *out, const sn_agent *agent,
                                   const sn_query *query, sn_agent_event_fn on_event, void *user,
                                   sn_error *err);
void sn_agent_reply_clear(sn_agent_reply *reply);

#endif
