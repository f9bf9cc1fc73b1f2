/*
 * task.h - a task: a question or code that somebody left here, what has become of it, and what it
 * cost. Its id is what it is asked for by from then on.
 *
 * Ids are UUIDs of version 7, which begin with the time: in the order of their texts, tasks are in
 * the order in which they came.
 */
#ifndef SN_ORCHESTRATOR_TASK_H
#define SN_ORCHESTRATOR_TASK_H

#include "llm_service/agent.h"

enum {
    SN_TASK_ID_BYTES = 37, /* of the text and its NUL */
    SN_TASK_QUERY_MOST_BYTES = SN_QUERY_MOST_BYTES,
    SN_TASK_CONTEXT_MOST_BYTES = 1 << 20, /* as JSON */
    SN_TASK_RESULT_MOST_BYTES = 1 << 20,
    SN_TASK_CALLS_MOST = 64,            /* that are told; more are counted */
    SN_TASK_CALL_MOST_BYTES = 32 << 10, /* of each of its texts */
    SN_TASK_ERROR_MOST_BYTES = 1024,
    SN_TASK_NAME_MOST_BYTES = 128,  /* of a user, a tenant, a session, a model */
    SN_TASK_BRIEF_MOST_BYTES = 200, /* of its query, in lists */
    SN_TASK_KEY_MOST_BYTES = 255,
};

typedef enum sn_task_state {
    SN_TASK_QUEUED = 1,
    SN_TASK_RUNNING,
    SN_TASK_COMPLETED,
    SN_TASK_FAILED,
    SN_TASK_CANCELLED,
    SN_TASK_TIMEOUT,
} sn_task_state;

/* What is small, and changes. Times are milliseconds since 1970; 0: not yet. Texts are UTF-8. */
typedef struct sn_task_head {
    char id[SN_TASK_ID_BYTES];
    sn_task_state state;
    sn_query_mode mode;
    bool is_interrupted; /* failed because the service ended */
    double progress;     /* 0 to 1 */
    int64_t created_ms, started_ms, ended_ms;
    sn_model_usage usage;
    uint32_t calls; /* executions */
    char why[32];   /* the rule of route.h that gave its mode; "given" */
    char session_id[SN_SESSION_ID_MAX_BYTES + 1]; /* empty: none; and so the others */
    char user_id[SN_TASK_NAME_MOST_BYTES + 1];
    char tenant[SN_TASK_NAME_MOST_BYTES + 1];
    char model[SN_TASK_NAME_MOST_BYTES + 1];
    char brief[SN_TASK_BRIEF_MOST_BYTES + 1]; /* the beginning of its query */
    char error[SN_TASK_ERROR_MOST_BYTES + 1];
    char key[SN_TASK_KEY_MOST_BYTES + 1]; /* Idempotency-Key */
    char adopted[SN_SESSION_ID_MAX_BYTES +
                 1]; /* the fork that its session is just being replaced by */
} sn_task_head;

/* All of it; release with sn_task_clear(). */
typedef struct sn_task {
    sn_task_head head;
    char *query;     /* NUL-terminated */
    json_t *context; /* NULL: none */
    char *result;    /* NULL: none yet */
    json_t *calls;   /* NULL, or a list: what was executed, as {name, code, status, ...} */
    json_t *plan;    /* NULL, or a list: the steps of a complex task, {id, task, after, state} */
} sn_task;

void sn_task_clear(sn_task *task);

/* "queued" and so on, NULL at the end: [state - 1]. */
extern const char *const sn_task_states[];
extern const char *const sn_task_modes[];

const char *sn_task_state_name(sn_task_state state);
const char *sn_task_mode_name(sn_query_mode mode);

/* 0: there is none of that name. */
int sn_task_state_of(const char *name);
int sn_task_mode_of(const char *name);

bool sn_task_has_ended(sn_task_state state);

/* A new id, greater than all that this process has made. */
void sn_task_make_id(char out[SN_TASK_ID_BYTES]);
bool sn_task_id_is_valid(const char *id);

/* Milliseconds since 1970. */
int64_t sn_task_now_ms(void);

/* Copies as many whole characters as there is room for; control characters become blanks. */
void sn_task_copy_text(char *to, size_t room, const char *from);

/* As the HTTP API tells it; json_decref() it. NULL: no memory. */
json_t *sn_task_summary_json(const sn_task_head *head);
json_t *sn_task_json(const sn_task *task);

#endif
