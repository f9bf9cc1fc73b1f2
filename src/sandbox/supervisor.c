/*
 * supervisor.c - the parent's side of one execution; see job.h for the theory of operation.
 *
 * Everything that comes from the worker is hostile: sizes are checked against the frame's kind
 * before memory is taken, a frame that makes no sense ends the job as lost.
 */
#include "sandbox/job.h"
#include "sandbox/request.h"
#include "sandbox/worker.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker reads at once what it waits for; one that does not is not to hold up its supervisor. */
enum { SEND_SECONDS = 2 };

typedef struct supervisor {
    const sn_job *job;
    sn_job_end *end;
    sn_error *err;
    int fd;
    pid_t worker;
    uint64_t start_ns;
    uint64_t deadline_ns;
    uint64_t event_bytes; /* of values, displays and errors: they count against the output limit */
    size_t stdin_used;
    uint32_t input_wanted; /* the guest waits for so many bytes; 0: it does not */
    bool ended;            /* `end->ending` is set, or the job failed */
    bool failed;
    uint8_t *inbox; /* bytes received and not yet taken as frames */
    size_t inbox_bytes;
    size_t inbox_capacity;
} supervisor;

static void finish(supervisor *s, enum sn_job_ending ending) {
    if (!s->ended)
        s->end->ending = ending;
    s->ended = true;
}

static void fail(supervisor *s) {
    s->failed = s->ended = true;
}

/* ---- stdin ---- */

static void answer_input(supervisor *s, const void *data, size_t bytes) {
    uint32_t count = (uint32_t)bytes;
    s->input_wanted = 0;
    if (sn_send_full(s->fd, &count, sizeof count) < 0 || sn_send_full(s->fd, data, bytes) < 0)
        finish(s, SN_JOB_LOST); /* it is gone, or asks without reading the answers */
}

static void answer_from_memory(supervisor *s) {
    size_t left = s->job->stdin_bytes - s->stdin_used;
    size_t count = left < s->input_wanted ? left : s->input_wanted;
    const char *data = s->job->stdin_data;
    answer_input(s, count ? data + s->stdin_used : NULL, count);
    s->stdin_used += count;
}

static void answer_from_fd(supervisor *s) {
    uint8_t data[SN_FRAME_INPUT_MOST_BYTES];
    ssize_t n = read(s->job->stdin_fd, data, s->input_wanted);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    answer_input(s, data, n < 0 ? 0 : (size_t)n);
}

/* ---- frames ---- */

static void take_frame(supervisor *s, uint32_t kind, const uint8_t *data, size_t bytes) {
    switch (kind) {
    case SN_FRAME_STARTED:
        s->end->startup_ns = sn_now_ns() - s->start_ns;
        return;
    case SN_FRAME_STDOUT:
    case SN_FRAME_STDERR:
        s->end->output_bytes += bytes;
        break;
    case SN_FRAME_RESULT:
    case SN_FRAME_DISPLAY:
    case SN_FRAME_ERROR:
        s->event_bytes += bytes;
        break;
    case SN_FRAME_INPUT:
        if (bytes != sizeof s->input_wanted)
            return finish(s, SN_JOB_LOST);
        memcpy(&s->input_wanted, data, bytes);
        if (s->input_wanted > SN_FRAME_INPUT_MOST_BYTES)
            return finish(s, SN_JOB_LOST);
        if (s->job->stdin_fd < 0 || s->input_wanted == 0)
            answer_from_memory(s);
        return;
    case SN_FRAME_MEMORY:
        if (bytes != sizeof s->end->peak_memory_bytes)
            return finish(s, SN_JOB_LOST);
        memcpy(&s->end->peak_memory_bytes, data, bytes);
        return;
    case SN_FRAME_FAULT:
        if (bytes != sizeof(sn_error))
            return finish(s, SN_JOB_LOST);
        if (s->err) {
            memcpy(s->err, data, bytes);
            s->err->message[sizeof s->err->message - 1] = '\0';
            s->err->hint[sizeof s->err->hint - 1] = '\0';
            if (s->err->code >= 0)
                s->err->code = SN_EINTERNAL;
        }
        return fail(s);
    case SN_FRAME_DONE:
        if (bytes != sizeof s->end->done)
            return finish(s, SN_JOB_LOST);
        memcpy(&s->end->done, data, bytes);
        return finish(s, SN_JOB_DONE);
    default:
        return finish(s, SN_JOB_LOST);
    }
    if (s->job->on_frame && s->job->on_frame(s->job->user, kind, data, bytes) != 0)
        return finish(s, SN_JOB_CANCELLED);
    if (s->end->output_bytes + s->event_bytes > s->job->output_limit_bytes)
        finish(s, SN_JOB_OUTPUT_LIMIT);
}

/* Makes room for the frame at the front of the inbox, or for any small one. */
static bool inbox_reserve(supervisor *s, size_t bytes) {
    if (bytes <= s->inbox_capacity)
        return true;
    uint8_t *grown = realloc(s->inbox, bytes);
    if (!grown) {
        sn_fail(s->err, SN_ERESOURCE_EXHAUSTED, "no memory for the worker's output");
        fail(s);
        return false;
    }
    s->inbox = grown;
    s->inbox_capacity = bytes;
    return true;
}

static void take_frames(supervisor *s) {
    size_t at = 0;
    while (!s->ended) {
        sn_frame_header header;
        if (s->inbox_bytes - at < sizeof header)
            break;
        memcpy(&header, s->inbox + at, sizeof header);
        if (header.bytes > sn_frame_limit(header.kind))
            return finish(s, SN_JOB_LOST);
        if (s->inbox_bytes - at - sizeof header < header.bytes) {
            if (!inbox_reserve(s, sizeof header + header.bytes))
                return;
            break;
        }
        take_frame(s, header.kind, s->inbox + at + sizeof header, header.bytes);
        at += sizeof header + header.bytes;
    }
    memmove(s->inbox, s->inbox + at, s->inbox_bytes - at);
    s->inbox_bytes -= at;
}

static void receive(supervisor *s) {
    if (!inbox_reserve(s, 2 * SN_FRAME_CHUNK_BYTES))
        return;
    ssize_t n = recv(s->fd, s->inbox + s->inbox_bytes, s->inbox_capacity - s->inbox_bytes, 0);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0)
        return finish(s, SN_JOB_LOST);
    s->inbox_bytes += (size_t)n;
    take_frames(s);
}

/* ---- the loop ---- */

static void supervise(supervisor *s) {
    enum { WORKER, CANCEL, INPUT };
    while (!s->ended) {
        uint64_t now = sn_now_ns();
        if (now >= s->deadline_ns)
            return finish(s, SN_JOB_TIMEOUT);
        uint64_t left_ns = s->deadline_ns - now;
        struct timespec wait = {(time_t)(left_ns / 1000000000u), (long)(left_ns % 1000000000u)};
        struct pollfd fds[] = {
            [WORKER] = {s->fd, POLLIN, 0},
            [CANCEL] = {s->job->cancel_fd, POLLIN, 0},
            [INPUT] = {s->input_wanted ? s->job->stdin_fd : -1, POLLIN, 0},
        };
        int ready = ppoll(fds, SN_COUNT(fds), &wait, NULL);
        if (ready < 0 && errno != EINTR) {
            sn_fail_errno(s->err, SN_EINTERNAL, errno, "cannot wait for the worker");
            return fail(s);
        }
        if (ready <= 0)
            continue;
        if (fds[CANCEL].revents)
            return finish(s, SN_JOB_CANCELLED);
        if (fds[INPUT].revents)
            answer_from_fd(s);
        if (fds[WORKER].revents)
            receive(s);
    }
}

static void reap(supervisor *s) {
    int status = 0;
    struct rusage usage;
    bool done = s->ended && !s->failed && s->end->ending == SN_JOB_DONE;
    if (!done)
        kill(s->worker, SIGKILL);
    while (wait4(s->worker, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    s->end->cpu_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                     (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
    s->end->wall_ns = sn_now_ns() - s->start_ns;
    if (!s->end->startup_ns)
        s->end->startup_ns = s->end->wall_ns;
    s->end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int sn_job_run(sn_job_end *out, const sn_interpreter *interpreter, const sn_job *job,
               sn_error *err) {
    *out = (sn_job_end){0};
    supervisor s = {.job = job, .end = out, .err = err, .start_ns = sn_now_ns()};
    s.deadline_ns = s.start_ns + job->timeout_ns;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot make a socket pair");
    sn_auto_fd int mine = pair[0];
    sn_auto_fd int theirs = pair[1];
    pid_t self = getpid();
    fflush(NULL); /* so that the child has nothing of ours to write a second time */
    s.worker = fork();
    if (s.worker < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot start a worker");
    if (s.worker == 0)
        sn_worker_main(theirs, self, interpreter, job->profile_path);
    s.fd = mine;
    close(SN_STEAL_FD(theirs));
    struct timeval patience = {.tv_sec = SEND_SECONDS};
    setsockopt(mine, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int sent = sn_request_send(mine, job, interpreter->is_guest, err);
    if (sent < 0 && sent != SN_EUNAVAILABLE)
        fail(&s); /* else the worker has ended, and may have said why */
    supervise(&s);
    reap(&s);
    free(s.inbox);
    return s.failed ? (err ? err->code : SN_EINTERNAL) : 0;
}
