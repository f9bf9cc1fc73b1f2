/*
 * job.h - one execution as the sandbox sees it: what to run, within which limits, and who is told
 * what it does. The layer above has validated the request; the limits are enforced here.
 *
 * Theory of operation. sn_job_run() takes a *worker* from a zygote (zygote.h): a process that is
 * jailed, has the guest's world built, and waits. It sends the request (request.h), and all that
 * the guest does comes back as frames (frame.h). The *supervisor* - the calling thread - forwards
 * frames, answers the guest's reads from stdin, and watches the clock. At the time limit the
 * worker itself asks the guest to stop, which is then an exception in Python; a guest that goes on
 * is killed by the supervisor when the grace period is over. A worker is used once.
 */
#ifndef SN_SANDBOX_JOB_H
#define SN_SANDBOX_JOB_H

#include "sandbox/frame.h"
#include "sandbox/state.h"
#include "sandbox/zygote.h"

/* A frame of the kinds STDOUT, STDERR, RESULT, DISPLAY, ERROR, IMAGE, and PAGES, STATE and UNSAVED,
 * which are whole and in order. Non-zero: cancel. */
typedef int (*sn_job_frame_fn)(void *user, enum sn_frame_kind kind, const void *data, size_t bytes);

/* All memory is the caller's and lives until sn_job_run() returns. */
typedef struct sn_job {
    const char *code; /* NULL: a command with `args` */
    size_t code_bytes;
    const char *filename;
    const char *const *args;
    size_t args_count;
    const sn_input_file *files;
    size_t files_count;
    const void *stdin_data;
    size_t stdin_bytes;
    int stdin_fd;  /* -1: stdin_data */
    int cancel_fd; /* -1: none */
    bool cancel_at_once;
    uint64_t timeout_ns;
    /* NULL, or whether there is more to do than there are processors: then a worker that has run
     * for SN_JOB_FRESH_NS gives way to those that have just begun. */
    bool (*is_crowded)(void *user);
    uint64_t memory_limit_bytes;
    uint64_t output_limit_bytes; /* of both streams together, before the worker is stopped */
    bool deterministic;          /* clock and randomness from the two below */
    uint64_t seed;
    uint64_t time_ns;
    uint64_t workspace_bytes;  /* 0: none */
    const sn_job_state *state; /* what to go on from; NULL: the base image */
    bool keep;                 /* send what the guest has become; needs an image */
    int outbox_fd;             /* `keep`: memory that the worker may write to, of a fixed size */
    bool make_image;           /* run no code, but make the guest's image; the zygote has none */
    sn_job_frame_fn on_frame;
    void *user;
} sn_job;

/* What a worker has at most to send its state, once the guest has come to its end. */
#define SN_JOB_KEEP_NS 20000000000ull

/* Most executions are over by then. */
#define SN_JOB_FRESH_NS 10000000ull

/* What a guest has to come to an end after it was asked to stop. */
#define SN_JOB_GRACE_NS 1000000000ull

enum sn_job_ending {
    SN_JOB_DONE, /* the guest returned, exited or trapped: `done` */
    SN_JOB_TIMEOUT,
    SN_JOB_CPU_LIMIT,
    SN_JOB_CANCELLED,
    SN_JOB_OUTPUT_LIMIT,
    SN_JOB_LOST, /* the worker died without a word: `signal` */
};

typedef struct sn_job_end {
    enum sn_job_ending ending;
    sn_frame_done done;
    int signal;       /* that ended a lost worker, or 0 */
    bool zygote_died; /* and took the worker along */
    bool begun;       /* something came from the worker */
    uint64_t wall_ns;
    uint64_t cpu_ns;
    uint64_t startup_ns; /* until the code was about to run; wall_ns if it never was */
    uint64_t peak_memory_bytes;
    uint64_t output_bytes;
} sn_job_end;

/* Blocks until the worker has ended; from any thread. An error is ours: no process, no memory, a
 * module whose imports are not offered, a damaged archive. */
SN_WARN_UNUSED int sn_job_run(sn_job_end *out, sn_zygote *zygote, const sn_job *job, sn_error *err);

#endif
