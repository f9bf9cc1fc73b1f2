/* request.c - see request.h. */
#include "sandbox/request.h"

#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum tag { TAG_CODE = 1, TAG_FILENAME = 2, TAG_ARG = 3, TAG_FLAGS = 4, TAG_TIME_LIMIT = 5 };
enum { FLAG_ONE_SHOT = 1, FLAG_RESTORED = 2 };

/* More than any valid request: its parts have their own limits (include/shannon.h). */
enum { FDS_MOST = 2 };
enum { MOST_BYTES = SN_FILES_MAX_BYTES + (8 << 20) };

typedef struct head {
    uint64_t memory_limit_bytes;
    uint64_t timeout_ns;
    uint64_t seed;
    uint64_t time_ns;
    uint64_t workspace_bytes;
    uint32_t deterministic;
    uint32_t make_image;
    uint32_t is_guest;
    uint32_t records_bytes; /* or, for a command, of its arguments, each ended by a NUL */
    uint32_t args_count;
    uint32_t files_count;
    uint64_t files_bytes; /* for each file a file_head, its path and a NUL, its content */
    uint32_t keep;
    uint32_t has_state; /* a descriptor comes along */
    uint64_t state_memory_bytes;
    uint32_t runs_count;
    uint32_t blob_bytes;
} head;

typedef struct file_head {
    uint64_t content_bytes;
    uint64_t path_bytes; /* with the NUL */
} file_head;

/* ---- sending ---- */

static bool add_record(sn_buffer *to, enum tag tag, const void *data, size_t bytes) {
    /* wasm is little-endian, and so is every machine this runs on (x86-64). */
    uint32_t lead[2] = {(uint32_t)tag, (uint32_t)bytes};
    return bytes <= MOST_BYTES && sn_buffer_add(to, lead, sizeof lead) &&
           sn_buffer_add(to, data, bytes);
}

static bool add_records(sn_buffer *to, const sn_job *job) {
    uint32_t flags = FLAG_RESTORED | (job->keep || job->state ? 0 : FLAG_ONE_SHOT);
    uint32_t limit_ms = (uint32_t)(job->timeout_ns / 1000000);
    if (job->make_image)
        return true;
    bool ok = add_record(to, TAG_CODE, job->code, job->code_bytes) &&
              add_record(to, TAG_FLAGS, &flags, sizeof flags) &&
              add_record(to, TAG_TIME_LIMIT, &limit_ms, sizeof limit_ms);
    if (ok && job->filename)
        ok = add_record(to, TAG_FILENAME, job->filename, strlen(job->filename));
    for (size_t i = 0; ok && i < job->args_count; i++)
        ok = add_record(to, TAG_ARG, job->args[i], strlen(job->args[i]));
    return ok;
}

/* A Python that is a command gets its code as `python -c CODE ARG...`; any other command its
 * arguments as they are. */
static bool add_args(sn_buffer *to, uint32_t *count, const sn_job *job) {
    bool ok = true;
    size_t first = 0;
    *count = (uint32_t)job->args_count;
    if (job->code) {
        ok = sn_buffer_add(to, "python\0-c", sizeof "python\0-c") &&
             sn_buffer_add(to, job->code, job->code_bytes) && sn_buffer_add(to, "", 1);
        first = 1; /* argv[0] is "-c" there already */
        *count += 2;
    }
    for (size_t i = first; ok && i < job->args_count; i++)
        ok = sn_buffer_add(to, job->args[i], strlen(job->args[i]) + 1);
    return ok;
}

static int send_files(int fd, const sn_job *job) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < job->files_count; i++) {
        const sn_input_file *file = &job->files[i];
        file_head lead = {file->content_bytes, strlen(file->path) + 1};
        rc = sn_send_full(fd, &lead, sizeof lead);
        if (rc == 0)
            rc = sn_send_full(fd, file->path, lead.path_bytes);
        if (rc == 0)
            rc = sn_send_full(fd, file->content, file->content_bytes);
    }
    return rc;
}

/* Pages gathered into runs, none of which is of memory and of files. */
static bool add_runs(sn_buffer *to, const sn_job_state *state) {
    bool ok = true;
    for (size_t i = 0; ok && i < state->pages_count;) {
        sn_state_run run = {state->pages[i], 0};
        do {
            run.count++;
            i++;
        } while (i < state->pages_count && state->pages[i] == run.first + run.count &&
                 state->pages[i] != SN_STATE_FILES);
        ok = sn_buffer_add(to, &run, sizeof run);
    }
    return ok;
}

/* What a worker may have of a state's memory: a descriptor that only reads. */
static int open_for_reading(int fd) {
    sn_auto_free char *path = sn_format("/proc/self/fd/%d", fd);
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    return opened < 0 ? -errno : opened;
}

/* The first bytes, which descriptors go along with. */
static int send_with(int fd, const sn_buffer *to, const int *with, size_t count) {
    struct iovec part = {to->data, to->bytes};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(FDS_MOST * sizeof(int))];
    } extra = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = extra.space,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    extra.header.cmsg_level = SOL_SOCKET;
    extra.header.cmsg_type = SCM_RIGHTS;
    extra.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&extra.header), with, count * sizeof(int));
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : sn_send_full(fd, to->data + n, to->bytes - (size_t)n);
}

/* The outbox, then the state's memory. */
static int send_head(int fd, const sn_buffer *to, const sn_job *job) {
    int with[FDS_MOST];
    size_t count = 0;
    sn_auto_fd int readable = job->state ? open_for_reading(job->state->fd) : -1;
    if (job->state && readable < 0)
        return readable;
    if (job->keep)
        with[count++] = job->outbox_fd;
    if (job->state)
        with[count++] = readable;
    return count ? send_with(fd, to, with, count) : sn_send_full(fd, to->data, to->bytes);
}

/* Behind the head and the records come files, then the state. */
static int send_all(int fd, sn_buffer *to, const sn_buffer *runs, const sn_job *job) {
    const sn_job_state *state = job->state;
    bool at_once = state && job->files_count == 0; /* so that the worker is woken once */
    if (at_once && (!sn_buffer_add(to, runs->data, runs->bytes) ||
                    !sn_buffer_add(to, state->blob, state->blob_bytes)))
        return -ENOMEM;
    int rc = send_head(fd, to, job);
    if (rc == 0)
        rc = send_files(fd, job);
    if (rc == 0 && state && !at_once)
        rc = sn_send_full(fd, runs->data, runs->bytes);
    if (rc == 0 && state && !at_once)
        rc = sn_send_full(fd, state->blob, state->blob_bytes);
    return rc;
}

int sn_request_send(int fd, const sn_job *job, bool is_guest, sn_error *err) {
    const sn_job_state *state = job->state;
    head h = {
        .keep = job->keep,
        .has_state = state != NULL,
        .state_memory_bytes = state ? state->memory_bytes : 0,
        .blob_bytes = state ? (uint32_t)state->blob_bytes : 0,
        .memory_limit_bytes = job->memory_limit_bytes,
        .timeout_ns = job->timeout_ns,
        .seed = job->seed,
        .time_ns = job->time_ns,
        .workspace_bytes = job->workspace_bytes,
        .deterministic = job->deterministic,
        .make_image = job->make_image,
        .is_guest = is_guest,
        .files_count = (uint32_t)job->files_count,
    };
    sn_buffer to = {0}, runs = {0};
    bool ok = sn_buffer_add(&to, &h, sizeof h) &&
              (is_guest ? add_records(&to, job) : add_args(&to, &h.args_count, job)) &&
              (!state || add_runs(&runs, state));
    if (!ok) {
        sn_buffer_free(&to);
        sn_buffer_free(&runs);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the request");
    }
    h.records_bytes = (uint32_t)(to.bytes - sizeof h);
    for (size_t i = 0; i < job->files_count; i++)
        h.files_bytes +=
            sizeof(file_head) + strlen(job->files[i].path) + 1 + job->files[i].content_bytes;
    h.runs_count = (uint32_t)(runs.bytes / sizeof(sn_state_run));
    memcpy(to.data, &h, sizeof h);
    int rc = send_all(fd, &to, &runs, job);
    sn_buffer_free(&to);
    sn_buffer_free(&runs);
    return rc < 0 ? sn_fail_errno(err, SN_EUNAVAILABLE, -rc, "the worker does not take the request")
                  : 0;
}

/* ---- receiving ---- */

static int malformed(sn_error *err) {
    return sn_fail(err, SN_EINTERNAL, "the request for the worker is malformed");
}

/* The NUL-terminated text at the front of what is left; NULL if there is none. */
static const char *take_text(const uint8_t **at, size_t *left) {
    const uint8_t *end = *left ? memchr(*at, '\0', *left) : NULL;
    if (!end)
        return NULL;
    const char *text = (const char *)*at;
    *left -= (size_t)(end + 1 - *at);
    *at = end + 1;
    return text;
}

static int read_args(sn_received *r, const head *h, sn_error *err) {
    const uint8_t *at = r->data;
    size_t left = h->records_bytes;
    r->args = calloc((size_t)h->args_count + 1, sizeof *r->args);
    if (!r->args)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the arguments");
    for (; r->args_count < h->args_count; r->args_count++)
        if (!(r->args[r->args_count] = take_text(&at, &left)))
            return malformed(err);
    return left ? malformed(err) : 0;
}

static int read_files(sn_received *r, const head *h, sn_error *err) {
    const uint8_t *at = r->data + h->records_bytes;
    size_t left = h->files_bytes;
    r->files = calloc((size_t)h->files_count + 1, sizeof *r->files);
    if (!r->files)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the input files");
    for (; r->files_count < h->files_count; r->files_count++) {
        file_head lead;
        if (left < sizeof lead)
            return malformed(err);
        memcpy(&lead, at, sizeof lead);
        at += sizeof lead;
        left -= sizeof lead;
        size_t path_left = lead.path_bytes < left ? lead.path_bytes : left;
        const uint8_t *path_at = at;
        const char *path = take_text(&path_at, &path_left);
        if (!path || path_left || lead.path_bytes > left ||
            lead.content_bytes > left - lead.path_bytes)
            return malformed(err);
        at += lead.path_bytes;
        r->files[r->files_count] = (sn_input_file){path, at, lead.content_bytes};
        at += lead.content_bytes;
        left -= lead.path_bytes + lead.content_bytes;
    }
    return left ? malformed(err) : 0;
}

static int receive_all(void *to, int fd, size_t bytes, sn_error *err) {
    ssize_t n = sn_read_full(fd, to, bytes);
    if (n < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, (int)-n, "cannot read the request");
    return (size_t)n == bytes ? 0 : sn_fail(err, SN_EUNAVAILABLE, "the supervisor is gone");
}

/* The head, and the descriptors that may come with its first byte. */
static int receive_head(head *h, int *outbox_fd, int *state_fd, int fd, sn_error *err) {
    struct iovec part = {h, sizeof *h};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(FDS_MOST * sizeof(int))];
    } extra;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = extra.space,
                             .msg_controllen = sizeof extra.space};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot read the request");
    const struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    int fds[FDS_MOST];
    size_t count = 0, taken = 0;
    if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS) {
        count = (first->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(first), count * sizeof(int));
    }
    int rc = receive_all((char *)h + n, fd, sizeof *h - (size_t)n, err);
    if (rc < 0)
        return rc;
    if (h->keep && taken < count)
        *outbox_fd = fds[taken++];
    if (h->has_state && taken < count)
        *state_fd = fds[taken++];
    bool all = (*outbox_fd >= 0) == (h->keep != 0) && (*state_fd >= 0) == (h->has_state != 0);
    return all && taken == count ? 0 : malformed(err);
}

int sn_request_receive(sn_received *out, int fd, sn_error *err) {
    head h;
    sn_auto_fd int outbox_fd = -1;
    sn_auto_fd int state_fd = -1;
    int rc = receive_head(&h, &outbox_fd, &state_fd, fd, err);
    if (rc < 0)
        return rc;
    if (h.blob_bytes > SN_STATE_BLOB_MOST_BYTES || h.runs_count > SN_STATE_FILES ||
        h.files_bytes > MOST_BYTES || h.records_bytes > MOST_BYTES ||
        h.args_count > h.records_bytes || h.files_count > SN_FILES_MAX)
        return malformed(err);
    sn_received r = {
        .memory_limit_bytes = h.memory_limit_bytes,
        .timeout_ns = h.timeout_ns,
        .make_image = h.make_image,
        .deterministic = h.deterministic,
        .seed = h.seed,
        .time_ns = h.time_ns,
        .workspace_bytes = h.workspace_bytes,
        .keep = h.keep,
        .outbox_fd = -1,
        .state_fd = -1,
        .state_memory_bytes = h.state_memory_bytes,
        .runs_count = h.runs_count,
        .blob_bytes = h.blob_bytes,
    };
    size_t before = h.records_bytes + h.files_bytes, runs_bytes = h.runs_count * sizeof *r.runs;
    before += -before % _Alignof(sn_state_run);
    size_t bytes = before + runs_bytes + h.blob_bytes;
    r.data = malloc(bytes + 1);
    if (!r.data)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the request");
    rc = receive_all(r.data, fd, h.records_bytes + h.files_bytes, err);
    if (rc == 0)
        rc = receive_all(r.data + before, fd, runs_bytes + h.blob_bytes, err);
    r.runs = (const sn_state_run *)(r.data + before);
    r.blob = r.data + before + runs_bytes;
    if (rc == 0 && h.is_guest) {
        r.records = r.data;
        r.records_bytes = h.records_bytes;
    } else if (rc == 0) {
        rc = read_args(&r, &h, err);
    }
    if (rc == 0)
        rc = read_files(&r, &h, err);
    if (rc < 0) {
        sn_received_free(&r);
        return rc;
    }
    r.outbox_fd = SN_STEAL_FD(outbox_fd);
    r.state_fd = SN_STEAL_FD(state_fd);
    *out = r;
    return 0;
}

void sn_received_free(sn_received *received) {
    if (received->outbox_fd >= 0)
        close(received->outbox_fd);
    if (received->state_fd >= 0)
        close(received->state_fd);
    free(received->args);
    free(received->files);
    free(received->data);
    *received = (sn_received){.outbox_fd = -1, .state_fd = -1};
}
