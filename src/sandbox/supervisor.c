/*
 * supervisor.c - see supervisor.h, and job.h for the theory of operation.
 *
 * Everything that comes from the worker is hostile: sizes are checked against the frame's kind
 * before memory is taken, a frame that makes no sense ends the job as lost.
 */
#include "sandbox/supervisor.h"

#include "sandbox/request.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker reads at once what it waits for; one that does not is not to hold up its supervisor. */
enum { SEND_SECONDS = 2 };

typedef struct supervisor {
    const sn_job *job;
    sn_job_end *end;
    sn_error *err;
    sn_ready worker;
    uint64_t start_ns;
    uint64_t deadline_ns;
    uint64_t demote_ns; /* when that is to be thought of; UINT64_MAX: it has been, or never */
    bool cancelled;     /* the guest was asked to stop, and is killed if it does not */
    bool can_be_asked;
    uint64_t event_bytes; /* of values, displays and errors: they count against the output limit */
    size_t stdin_used;
    uint32_t input_wanted; /* the guest waits for so many bytes; 0: it does not */
    uint32_t next_page;    /* of the guest's state: the least number that may come */
    bool ended;            /* `end->ending` is set, or the job failed */
    bool failed;
    uint8_t *inbox; /* bytes received and not yet taken as frames */
    size_t inbox_bytes;
    size_t inbox_capacity;
} supervisor;

static void finish(supervisor *s, enum sn_job_ending ending) {
    if (s->cancelled && (ending == SN_JOB_TIMEOUT || ending == SN_JOB_LOST))
        ending = SN_JOB_CANCELLED;
    if (!s->ended)
        s->end->ending = ending;
    s->ended = true;
}

/* A guest that comes to an end of its own leaves its state behind. */
static void cancel(supervisor *s) {
    static const char stop = SN_LIFE_STOP;
    if (s->cancelled)
        return;
    s->cancelled = true;
    uint64_t latest = sn_now_ns() + SN_JOB_GRACE_NS;
    if (s->job->cancel_at_once || !s->can_be_asked ||
        send(s->worker.life, &stop, 1, MSG_NOSIGNAL) != 1)
        finish(s, SN_JOB_CANCELLED);
    else if (s->next_page == 0 && s->deadline_ns > latest)
        s->deadline_ns = latest;
}

static void consider_demotion(supervisor *s, uint64_t now_ns) {
    enum { AGAIN_MOST_NS = 100000000 };
    uint64_t age_ns = now_ns - s->start_ns;
    if (!s->job->is_crowded(s->job->user)) {
        s->demote_ns = now_ns + (age_ns < AGAIN_MOST_NS ? age_ns : AGAIN_MOST_NS);
        return;
    }
    (void)!send(s->worker.life, &(char){SN_LIFE_DEMOTE}, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    s->demote_ns = UINT64_MAX;
}

static void fail(supervisor *s) {
    s->failed = s->ended = true;
}

/* ---- stdin ---- */

static void answer_input(supervisor *s, const void *data, size_t bytes) {
    uint32_t count = (uint32_t)bytes;
    s->input_wanted = 0;
    if (sn_send_full(s->worker.fd, &count, sizeof count) < 0 ||
        sn_send_full(s->worker.fd, data, bytes) < 0)
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

/* Whether a frame of the guest's state is whole and in its place; no output, the limit of memory
 * bounds it. */
static bool take_state(supervisor *s, uint32_t kind, const uint8_t *data, size_t bytes) {
    if (s->next_page == 0) /* the guest has come to its end; saving takes its own time */
        s->deadline_ns = sn_now_ns() + SN_JOB_KEEP_NS;
    if (s->next_page > SN_STATE_PAGES_MOST)
        return false; /* there was an end already */
    if (kind == SN_FRAME_PAGES) {
        for (size_t i = 0; i < bytes / sizeof(uint32_t); i++) {
            uint32_t number;
            memcpy(&number, data + i * sizeof number, sizeof number);
            if (number < s->next_page || number >= SN_STATE_PAGES_MOST)
                return false;
            s->next_page = number + 1;
        }
        return bytes % sizeof(uint32_t) == 0;
    }
    s->next_page = SN_STATE_PAGES_MOST + 1;
    if (kind == SN_FRAME_UNSAVED)
        return bytes == sizeof(sn_error);
    sn_frame_state head;
    if (bytes < sizeof head)
        return false;
    memcpy(&head, data, sizeof head);
    return head.memory_bytes <= s->job->memory_limit_bytes &&
           head.memory_bytes % SN_WASM_PAGE_BYTES == 0 &&
           head.extents_count <= SN_SNAPSHOT_PAGES_MOST &&
           bytes == sizeof head + head.extents_count * sizeof(sn_extent) + head.blob_bytes;
}

static void take_frame(supervisor *s, uint32_t kind, const uint8_t *data, size_t bytes) {
    switch (kind) {
    case SN_FRAME_STDOUT:
    case SN_FRAME_STDERR:
        s->end->output_bytes += bytes;
        break;
    case SN_FRAME_RESULT:
    case SN_FRAME_DISPLAY:
    case SN_FRAME_ERROR:
        s->event_bytes += bytes;
        break;
    case SN_FRAME_IMAGE: /* no output: the memory limit bounds it */
        if (!s->job->make_image)
            return finish(s, SN_JOB_LOST);
        break;
    case SN_FRAME_PAGES:
    case SN_FRAME_STATE:
    case SN_FRAME_UNSAVED:
        if (!s->job->keep || !take_state(s, kind, data, bytes))
            return finish(s, SN_JOB_LOST);
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
    bool is_state = kind == SN_FRAME_PAGES || kind == SN_FRAME_STATE || kind == SN_FRAME_UNSAVED;
    if (s->job->on_frame && s->job->on_frame(s->job->user, kind, data, bytes) != 0) {
        if (is_state)
            return finish(s, SN_JOB_CANCELLED);
        cancel(s);
    }
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
    ssize_t n =
        recv(s->worker.fd, s->inbox + s->inbox_bytes, s->inbox_capacity - s->inbox_bytes, 0);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0)
        return finish(s, SN_JOB_LOST);
    s->inbox_bytes += (size_t)n;
    s->end->begun = true;
    take_frames(s);
}

/* ---- the loop ---- */

static void supervise(supervisor *s) {
    enum { WORKER, CANCEL, INPUT };
    while (!s->ended) {
        uint64_t now = sn_now_ns();
        if (now >= s->deadline_ns)
            return finish(s, SN_JOB_TIMEOUT);
        if (now >= s->demote_ns)
            consider_demotion(s, now);
        uint64_t next_ns = s->demote_ns < s->deadline_ns ? s->demote_ns : s->deadline_ns;
        uint64_t left_ns = next_ns - now;
        struct timespec wait = {(time_t)(left_ns / 1000000000u), (long)(left_ns % 1000000000u)};
        struct pollfd fds[] = {
            [WORKER] = {s->worker.fd, POLLIN, 0},
            [CANCEL] = {s->cancelled ? -1 : s->job->cancel_fd, POLLIN, 0},
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
            cancel(s);
        if (fds[INPUT].revents)
            answer_from_fd(s);
        if (fds[WORKER].revents)
            receive(s);
    }
}

/* ---- the end ---- */

/* The worker is killed if it has not said that it is done, and what the zygote has to tell of its
 * end is waited for, so that whoever hears of the end can rely on it. */
static void end_worker(supervisor *s) {
    enum { PATIENCE_MS = 2000 };
    sn_job_end *end = s->end;
    if (s->ended && !s->failed && end->ending == SN_JOB_DONE)
        return;
    sn_exit_report report;
    (void)!send(s->worker.life, &(char){SN_LIFE_KILL}, 1, MSG_NOSIGNAL);
    struct pollfd life = {s->worker.life, POLLIN, 0};
    int ready;
    do
        ready = poll(&life, 1, PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0 || recv(s->worker.life, &report, sizeof report, 0) != sizeof report) {
        end->zygote_died = true; /* or does not answer: it is of no more use */
        return;
    }
    end->cpu_ns = report.cpu_ns;
    end->signal = WIFSIGNALED(report.wait_status) ? WTERMSIG(report.wait_status) : 0;
}

/* What is measured by the worker itself is believed as far as it can be true. */
static void measure(supervisor *s) {
    sn_job_end *end = s->end;
    const sn_frame_done *done = &end->done;
    end->wall_ns = sn_now_ns() - s->start_ns;
    end->startup_ns = end->wall_ns;
    if (end->ending != SN_JOB_DONE)
        return;
    if (done->started_ns >= s->start_ns && done->started_ns - s->start_ns < end->wall_ns)
        end->startup_ns = done->started_ns - s->start_ns;
    end->cpu_ns = done->cpu_ns;
    if (done->memory_bytes > end->peak_memory_bytes)
        end->peak_memory_bytes = done->memory_bytes;
}

int sn_supervise(sn_job_end *out, const sn_ready *worker, const sn_job *job, bool is_guest,
                 uint64_t start_ns, sn_error *err) {
    supervisor s = {.job = job, .end = out, .err = err, .worker = *worker, .start_ns = start_ns};
    /* A guest is asked to stop first; whatever is no guest cannot be asked. */
    s.can_be_asked = is_guest && !job->make_image;
    s.deadline_ns = start_ns + job->timeout_ns + (s.can_be_asked ? SN_JOB_GRACE_NS : 0);
    s.demote_ns = job->is_crowded ? start_ns + SN_JOB_FRESH_NS : UINT64_MAX;
    struct timeval patience = {.tv_sec = SEND_SECONDS};
    setsockopt(worker->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int sent = sn_request_send(worker->fd, job, is_guest, err);
    if (sent < 0 && sent != SN_EUNAVAILABLE)
        fail(&s); /* else the worker has ended, and may have said why */
    supervise(&s);
    end_worker(&s);
    measure(&s);
    free(s.inbox);
    return s.failed ? (err ? err->code : SN_EINTERNAL) : 0;
}

/* ---- with a worker from the zygote ---- */

/* The kernel enforces the limit of CPU time, and says no more than that it killed the worker. */
static void look_for_cpu_limit(sn_job_end *end, uint32_t cpu_seconds) {
    bool killed = end->signal == SIGKILL || end->signal == SIGXCPU;
    if (end->ending == SN_JOB_LOST && killed && cpu_seconds > 0 &&
        end->cpu_ns >= cpu_seconds * 1000000000ull)
        end->ending = SN_JOB_CPU_LIMIT;
}

/* Somebody killed the worker before it could begin: nothing has happened yet. */
static bool never_began(const sn_job_end *end) {
    return end->ending == SN_JOB_LOST && !end->begun &&
           (end->zygote_died || end->signal == SIGKILL);
}

int sn_job_run(sn_job_end *out, sn_zygote *zygote, const sn_job *job, sn_error *err) {
    enum { TRIES = 3 };
    const sn_interpreter *interpreter = sn_zygote_interpreter(zygote);
    uint64_t start_ns = sn_now_ns();
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        sn_ready worker;
        *out = (sn_job_end){0};
        if (interpreter->image)
            out->peak_memory_bytes = interpreter->image->saved.memory_bytes;
        rc = sn_zygote_take(&worker, zygote, err);
        if (rc < 0)
            break;
        rc = sn_supervise(out, &worker, job, interpreter->is_guest, start_ns, err);
        sn_ready_release(&worker);
        look_for_cpu_limit(out, sn_zygote_cpu_seconds(zygote));
        if (rc < 0 || !never_began(out))
            break;
        sn_zygote_distrust(zygote);
    }
    sn_zygote_replenish(zygote);
    return rc;
}
