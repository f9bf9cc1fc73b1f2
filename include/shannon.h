/*
 * shannon.h - run Python in a sandbox, from C.
 *
 *     sn_error err = SN_ERROR_INIT;
 *     sn_executor *ex;
 *     if (sn_executor_open(&ex, NULL, &err))
 *         die(err.message);
 *
 *     sn_request req = SN_REQUEST_INIT;
 *     req.code = "6 * 7";
 *     req.code_bytes = 5;
 *     sn_result *res;
 *     if (sn_execute(&res, ex, &req, NULL, NULL, &err))
 *         die(err.message);
 *     puts(sn_result_text(res));               // 42
 *
 * What the guest's code does (an exception, a timeout, an endless loop) is a *result*; what the
 * caller or Shannon itself did wrong is an *error*: a negative return and a filled sn_error.
 *
 * Threads: an executor may be used from several threads at once; one sn_result belongs to one
 * thread at a time. The calls block.
 */
#ifndef SHANNON_H
#define SHANNON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SN_WARN_UNUSED __attribute__((warn_unused_result))
#define SN_PUBLIC __attribute__((visibility("default")))
#else
#define SN_WARN_UNUSED
#define SN_PUBLIC
#endif

/* ---- errors ---- */

/* Negative so that they can't be taken for a count. sn_error_name() gives the word that every
 * interface uses. */
enum sn_code {
    SN_OK = 0,
    SN_EINVALID_ARGUMENT =
        -1, /* the request or the command is wrong; the message says which limit or rule */
    SN_ENOT_FOUND = -2, /* no such interpreter, session, file */
    SN_EUNAUTHENTICATED = -3,
    SN_ERESOURCE_EXHAUSTED =
        -4,               /* disk full, queue full, no memory: the same call may work later */
    SN_EUNAVAILABLE = -5, /* something needed is missing or damaged; the hint says how to mend it */
    SN_EDEADLINE_EXCEEDED = -6,
    SN_EINTERNAL = -7, /* a fault of Shannon's own */
};

/* The caller's; needs no release. */
typedef struct sn_error {
    int code;           /* enum sn_code */
    char message[1024]; /* what was wrong, one line */
    char hint[512];     /* what to do about it; may be empty */
} sn_error;

#define SN_ERROR_INIT {0, "", ""}

/* "invalid_argument" and so on; never NULL. */
SN_PUBLIC const char *sn_error_name(int code);

/* ---- the request ---- */

enum {
    SN_CODE_MAX_BYTES = 1 << 20,   /* 1 MiB of source */
    SN_STDIN_MAX_BYTES = 8 << 20,  /* 8 MiB when given in the request; a stream is not limited */
    SN_FILES_MAX_BYTES = 64 << 20, /* all input files together */
    SN_FILES_MAX = 1024,
    SN_WORKSPACE_MAX_BYTES = 1 << 30,
    SN_ARGS_MAX_BYTES = 128 << 10, /* all arguments together, as the kernel would allow one */
    SN_SESSION_ID_MAX_BYTES = 128,
    SN_SESSION_WORKSPACE_BYTES = 64 << 20,
    SN_OUTPUT_DEFAULT_BYTES = 1 << 20, /* kept of stdout and of stderr, each */
    SN_OUTPUT_MOST_BYTES = 64 << 20,   /* written and displayed before the guest is stopped */
};

/* A read-only input. `path` lies under /tmp: "data.csv" and "/tmp/data.csv" are the same file. */
typedef struct sn_input_file {
    const char *path;
    const void *content;
    size_t content_bytes;
} sn_input_file;

/* Clock and randomness of a run that is to be the same every time. */
typedef struct sn_deterministic {
    uint64_t seed;
    double time; /* seconds since 1970 at the start; 0 to 4e9. It moves by sleeping, and by a
                    microsecond whenever it is looked at */
} sn_deterministic;

/* All memory stays the caller's and must live until sn_execute() returns. */
typedef struct sn_request {
    const char *code; /* UTF-8, need not be NUL-terminated; 1 byte to SN_CODE_MAX_BYTES */
    size_t code_bytes;
    const char *filename;     /* what tracebacks call the code; NULL: "<python>" */
    const char *const *args;  /* sys.argv, args[0] included */
    size_t args_count;        /* 0: sys.argv is [""] */
    const char *session_id;   /* NULL: a fresh interpreter that is gone afterwards */
    bool discard;             /* go on from the session's last step, but leave no step behind */
    double timeout_seconds;   /* 1 to 60; 0: the default, 30 */
    uint32_t memory_limit_mb; /* 0: the executor's */
    const void *stdin_data;   /* bytes for sys.stdin, then end of file */
    size_t stdin_bytes;
    int stdin_fd; /* -1, or a descriptor to copy from instead of stdin_data while the guest reads.
                     For an agent-core elsewhere it is read to its end before the code is sent, at
                     most SN_STDIN_MAX_BYTES, and not at all if it is a terminal */
    bool command; /* run a WASI command module with `args` as they are, without code */
    const sn_input_file *files;
    size_t files_count;
    size_t output_limit_bytes; /* kept of each stream in the result; 0: SN_OUTPUT_DEFAULT_BYTES */
    int cancel_fd; /* -1, or a descriptor (eventfd, pipe) that becomes readable to end it: Python
                      raises KeyboardInterrupt, and is killed a second later if it goes on */
    bool cancel_at_once;                   /* and is not asked, but killed */
    const sn_deterministic *deterministic; /* NULL: real time, real randomness */
    uint64_t workspace_bytes; /* quota of the folder /workspace, in memory, which the guest may
                                 write to; 0: there is no such folder, or in a session, as it was,
                                 or SN_SESSION_WORKSPACE_BYTES */
} sn_request;

#define SN_REQUEST_INIT {.stdin_fd = -1, .cancel_fd = -1}

/* ---- events, while it runs ---- */

enum sn_event_kind {
    SN_EVENT_STDOUT =
        1, /* data: bytes as the guest wrote them; a character may be split between two events */
    SN_EVENT_STDERR = 2,
    SN_EVENT_DISPLAY = 3, /* bundle: what display() showed */
    SN_EVENT_RESULT = 4,  /* bundle: the last expression's value */
    SN_EVENT_ERROR = 5,   /* the exception is in the result that follows */
};

/* One representation: "text/plain" and its text. Binary types are base64. NUL-terminated. */
typedef struct sn_mime {
    const char *type;
    const char *data;
    size_t data_bytes;
} sn_mime;

typedef struct sn_bundle {
    sn_mime *items;
    size_t count;
} sn_bundle;

typedef struct sn_event {
    enum sn_event_kind kind;
    const void *data;
    size_t data_bytes;
    const sn_bundle *bundle;
} sn_event;

/* Called in the caller's thread, in order. The event is valid during the call. Non-zero cancels the
 * execution, and nothing more is told of it. */
typedef int (*sn_event_fn)(void *user, const sn_event *event);

/* ---- the result ---- */

enum sn_status {
    SN_STATUS_OK,
    SN_STATUS_ERROR, /* an uncaught exception, or sys.exit() with something other than 0 */
    SN_STATUS_TIMEOUT,
    SN_STATUS_MEMORY_LIMIT,
    SN_STATUS_OUTPUT_LIMIT, /* stopped because it wrote more than SN_OUTPUT_MOST_BYTES */
    SN_STATUS_CRASHED,   /* a trap of the sandbox, or the worker was lost; error_value says which */
    SN_STATUS_CANCELLED, /* error_name is KeyboardInterrupt if that is what ended it */
};

/* "ok", "memory_limit" and so on. */
SN_PUBLIC const char *sn_status_name(enum sn_status status);

typedef struct sn_usage {
    double wall_ms;             /* request taken to result complete */
    double cpu_ms;              /* user and system time of the worker */
    double startup_ms;          /* request taken to the first of the caller's instructions */
    uint64_t peak_memory_bytes; /* of the guest's linear memory */
    uint64_t output_bytes;      /* written by the guest, also what was not kept */
} sn_usage;

/* All memory belongs to the result; sn_result_free() releases it. Texts are valid UTF-8 and
 * NUL-terminated. */
typedef struct sn_result {
    enum sn_status status;
    int exit_code; /* what a shell would see: 0, 1, sys.exit's, 124 timeout, 137 memory limit or
                      crash */
    char *stdout_text;
    size_t stdout_bytes;
    bool stdout_truncated;
    char *stderr_text;
    size_t stderr_bytes;
    bool stderr_truncated;
    sn_bundle value;    /* count 0: the last statement had no value, or None */
    sn_bundle *outputs; /* what display() showed, in order */
    size_t outputs_count;
    char *error_name; /* NULL unless something went wrong */
    char *error_value;
    char *error_traceback;
    char *session_id; /* NULL: none */
    uint64_t step; /* the session's last step now: this one, or, where `unsaved` says why, the one
                      before it */
    char *unsaved; /* NULL, or why the session is as it was before: the worker was killed, ... */
    sn_usage usage;
} sn_result;

/* The value's text/plain, or NULL. */
SN_PUBLIC const char *sn_result_text(const sn_result *result);

/* The result as JSON, exactly the documented fields, and `unsaved` where it is set; release with
 * free(). NULL: no memory. */
SN_PUBLIC char *sn_result_json(const sn_result *result);

SN_PUBLIC void sn_result_free(sn_result *result);

/* ---- the executor ---- */

typedef struct sn_executor sn_executor;
typedef struct sn_sessions_options sn_sessions_options; /* below, with the sessions */

enum { SN_AGENT_CORES_MOST = 64 };

typedef struct sn_executor_options {
    const char *interpreter_path; /* a .wasm; NULL: PYTHON_WASI_WASM_PATH, else the built one */
    const char *home;             /* cache; NULL: SHANNON_HOME, else the user's data folder */
    uint32_t
        memory_limit_mb;    /* the most a request may ask for; 0: WASI_MEMORY_LIMIT_MB, else 256 */
    double timeout_seconds; /* the most a request may ask for; 0: WASI_TIMEOUT_SECONDS, else 60 */
    uint32_t workers;     /* executions at once; 0: SHANNON_WORKERS, else by the memory there is */
    uint32_t cpu_seconds; /* CPU time of one execution; 0: SHANNON_CPU_SECONDS, else no less than
                             the time limit allows */
    bool single;          /* only one execution is to come: keep no interpreter ready beside it */
    bool allow_weak_sandbox;             /* run also where the kernel has no system call filter */
    const sn_sessions_options *sessions; /* NULL: the defaults */
    void (*on_notice)(void *user, const char *text); /* NULL, or told in one line what was done
                                                        unasked: an image made anew */
    void *notice_user;
    /* Where it is executed: "HOST:PORT", an agent-core there, over gRPC; NULL: AGENT_CORE_ADDR, if
     * that is set; "": in this process. Elsewhere, of what is above, only memory_limit_mb and
     * timeout_seconds matter, and interpreter_path must be NULL. "HOST:PORT, HOST:PORT": several,
     * SN_AGENT_CORES_MOST at most. An execution without a session goes to one that answers and has
     * the least to do of ours, one in a session to where that lies: a new one is made on the
     * machine that its id is hashed to, which is the same in every client. */
    const char *agent_core_addr;
    const char *api_token; /* for agent-core; NULL: SHANNON_API_TOKEN, if it is set; "": none */
    const char *ca_path;   /* PEM file of those who vouch for agent-core: TLS; NULL:
                              SHANNON_CA_FILE, if it is set; "": no TLS */
} sn_executor_options;

#define SN_EXECUTOR_OPTIONS_INIT {0}

/*
 * Finds the interpreter and its native code and checks them, and forks the process that all
 * executions are forked from: best called before the program has threads or secrets. `options` may
 * be NULL. SN_ENOT_FOUND: no interpreter was built; SN_EUNAVAILABLE: it is damaged or not compiled
 * yet; SN_EINVALID_ARGUMENT: a setting is wrong.
 *
 * For an agent-core elsewhere it does none of that, but starts a thread of gRPC's; it connects with
 * the first call. Do not fork after that.
 */
SN_PUBLIC SN_WARN_UNUSED int sn_executor_open(sn_executor **out, const sn_executor_options *options,
                                              sn_error *err);

/* Waits for nothing; no execution may be under way. NULL is allowed. */
SN_PUBLIC void sn_executor_close(sn_executor *executor);

/*
 * Runs one request and blocks until it has ended. `on_event` may be NULL. On 0 `*out` is the
 * caller's to free, whatever the guest's code did.
 *
 * With an agent-core elsewhere, SN_EUNAVAILABLE says that it cannot be reached, or was lost on the
 * way, when the code may have run or not; nothing is tried twice. With several, what found nobody
 * to connect to, or was refused before it had begun, is tried on the next, unless it is in a
 * session: that lies on one machine, and while that one is down the answer is SN_EUNAVAILABLE. A
 * result that was cancelled then has the output that had come until then, if there was an on_event,
 * and no session_id and step.
 */
SN_PUBLIC SN_WARN_UNUSED int sn_execute(sn_result **out, sn_executor *executor,
                                        const sn_request *request, sn_event_fn on_event, void *user,
                                        sn_error *err);

/* What holds for each execution, and what is going on; an agent-core elsewhere does not tell
 * `running` and `restarts`, which are 0. Of several: the least of what may be asked for, and the
 * workers of all that answer. */
typedef struct sn_executor_figures {
    uint32_t memory_limit_mb;
    double timeout_seconds;
    uint32_t workers;
    uint32_t running;
    uint32_t restarts;            /* of the process that executions are forked from */
    const char *interpreter_path; /* of its module; lives as long as the executor */
} sn_executor_figures;

SN_PUBLIC SN_WARN_UNUSED int sn_executor_get_figures(sn_executor_figures *out,
                                                     sn_executor *executor, sn_error *err);

/* ---- sessions ---- */

/*
 * A session is the whole interpreter between two executions: variables, functions, open files, what
 * lies in /tmp and /workspace. sn_execute() with a session_id makes it, continues from its last
 * step and adds one. Steps are counted from 1; step 0 is the fresh interpreter. A step is on disk
 * before sn_execute() returns. Old steps are thinned out, the newest are all there.
 *
 * The calls below are for any thread, need no interpreter, and work on what lies in a home folder,
 * also while other processes use it.
 */
typedef struct sn_sessions sn_sessions;

struct sn_sessions_options {
    const char *home; /* NULL: SHANNON_HOME, else the user's data folder */
    /* Each 0: the environment's variable, else the default. */
    uint32_t session_mb;    /* SHANNON_SESSION_MB: of one session's memory and files; 1024 */
    uint32_t sessions_most; /* SHANNON_SESSIONS: how many there may be; 100,000 */
    uint32_t steps_most;    /* SHANNON_SESSION_STEPS: of a history; 100 */
    uint32_t idle_seconds;  /* SHANNON_SESSION_IDLE_SECONDS: after that it is deleted; none */
    uint32_t disk_mb;       /* SHANNON_SESSIONS_DISK_MB: of all of them; 10,240 */
    double wait_seconds; /* SHANNON_SESSION_WAIT_SECONDS: for another execution in the same session
                            to end; 30 */
    bool refuse_when_full; /* SHANNON_SESSIONS_FULL=refuse: instead of deleting the session that was
                              used longest ago */
    /* As in sn_executor_options, and used by sn_sessions_open() only. Of sessions elsewhere there
     * is list, show, fork, rewind, delete, clear, export and import; the rest is
     * SN_EINVALID_ARGUMENT. With several agent-cores a call that needs one that is down is
     * SN_EUNAVAILABLE; a list needs all of them. */
    const char *agent_core_addr;
    const char *api_token;
    const char *ca_path;
};

#define SN_SESSIONS_OPTIONS_INIT {0}

SN_PUBLIC SN_WARN_UNUSED int sn_sessions_open(sn_sessions **out, const sn_sessions_options *options,
                                              sn_error *err);
SN_PUBLIC void sn_sessions_close(sn_sessions *sessions);

/* The executor's own, opened when they are first wanted; they live as long as it. NULL: they cannot
 * be opened. */
SN_PUBLIC sn_sessions *sn_executor_sessions(sn_executor *executor, sn_error *err);

typedef struct sn_session_step {
    uint64_t step;
    double time;           /* seconds since 1970 */
    uint64_t stored_bytes; /* on disk, of this step alone */
    uint64_t memory_bytes; /* of the guest's linear memory */
    enum sn_status status;
    char *code; /* sn_session_show() only; as much as was kept of it, NUL-terminated */
} sn_session_step;

typedef struct sn_session_info {
    char *id;
    double created; /* seconds since 1970 */
    double used;
    uint64_t step;         /* the last one */
    uint64_t stored_bytes; /* on disk, shared with forks or not */
    uint64_t memory_bytes;
    /* Its interpreter is the one that there is now; not told where no executor is open. */
    bool usable;
    char base[33];          /* which image its memory is relative to, in hex */
    sn_session_step *steps; /* sn_session_show() only, rising */
    size_t steps_count;
} sn_session_info;

SN_PUBLIC void sn_session_info_free(sn_session_info *infos, size_t count);

/* All sessions, by id. */
SN_PUBLIC SN_WARN_UNUSED int sn_session_list(sn_session_info **out, size_t *count,
                                             sn_sessions *sessions, sn_error *err);

/* One session with its steps. SN_ENOT_FOUND. Release with sn_session_info_free(info, 1). */
SN_PUBLIC SN_WARN_UNUSED int sn_session_show(sn_session_info **out, sn_sessions *sessions,
                                             const char *id, sn_error *err);

#define SN_STEP_LAST UINT64_MAX

/* Makes a new session that begins at a step of another one. Takes as long for a large session as
 * for a small one. SN_ENOT_FOUND: no such session or step; SN_EINVALID_ARGUMENT: `new_id` exists.
 */
SN_PUBLIC SN_WARN_UNUSED int sn_session_fork(sn_sessions *sessions, const char *id, uint64_t step,
                                             const char *new_id, sn_error *err);

/* Makes `step` the last one; those behind it are forgotten. */
SN_PUBLIC SN_WARN_UNUSED int sn_session_rewind(sn_sessions *sessions, const char *id, uint64_t step,
                                               sn_error *err);

SN_PUBLIC SN_WARN_UNUSED int sn_session_delete(sn_sessions *sessions, const char *id,
                                               sn_error *err);

/* Deletes all of them; `*count`: how many there were. */
SN_PUBLIC SN_WARN_UNUSED int sn_session_clear(size_t *count, sn_sessions *sessions, sn_error *err);

/* Writes the session, as it is at its last step, to a file that any machine with the same
 * interpreter can take in. */
SN_PUBLIC SN_WARN_UNUSED int sn_session_export(sn_sessions *sessions, const char *id, int fd,
                                               sn_error *err);

/* Reads such a file, which is believed nothing. `id` NULL: the name it had. SN_EINVALID_ARGUMENT:
 * it is damaged, or a session of that name exists. */
SN_PUBLIC SN_WARN_UNUSED int sn_session_import(sn_sessions *sessions, const char *id, int fd,
                                               char **made_id, sn_error *err);

/*
 * Carries a session over to the executor's interpreter, where it was made with another one: runs
 * its steps again, each with a seed and a clock of its own that are the same every time. What they
 * read from stdin or from input files is not known any more. SN_EUNAVAILABLE: a step is missing, or
 * ends in another way than it did; the session is then as it was before.
 */
SN_PUBLIC SN_WARN_UNUSED int sn_session_migrate(sn_executor *executor, const char *id,
                                                sn_error *err);

/* Reads everything there is and compares checksums. Calls `report` with a line for each fault; the
 * number of faults, or an error. */
SN_PUBLIC SN_WARN_UNUSED int sn_session_verify(sn_sessions *sessions,
                                               void (*report)(void *user, const char *line),
                                               void *user, sn_error *err);

typedef struct sn_sessions_totals {
    uint64_t sessions;
    uint64_t stored_bytes;
} sn_sessions_totals;

SN_PUBLIC SN_WARN_UNUSED int sn_sessions_get_totals(sn_sessions_totals *out, sn_sessions *sessions,
                                                    sn_error *err);

/* What a service does now and then: deletes what has been idle for too long, gives space back, and
 * drops what it keeps in memory of sessions that are not in use. */
SN_PUBLIC void sn_sessions_tidy(sn_sessions *sessions);

#ifdef __cplusplus
}
#endif

#endif
