/*
 * frame.h - what a worker and its supervisor say to each other, over one Unix stream socket.
 *
 * Worker to supervisor: frames, a header and its payload. Supervisor to worker: only answers to
 * SN_FRAME_INPUT, a u32 count and that many bytes, 0 for the end of the input. Both ends are the
 * same program on the same machine, so integers are in host order; but the supervisor believes
 * nothing: a frame of an unknown kind or over its size means that the worker is lost.
 */
#ifndef SN_SANDBOX_FRAME_H
#define SN_SANDBOX_FRAME_H

#include "shannon.h"

enum sn_frame_kind {
    SN_FRAME_STDOUT = 1, /* bytes the guest wrote */
    SN_FRAME_STDERR,
    SN_FRAME_RESULT, /* strings (sn_frame_strings): MIME type, data, ... */
    SN_FRAME_DISPLAY,
    SN_FRAME_ERROR,   /* strings: name, value, traceback */
    SN_FRAME_INPUT,   /* u32: the guest waits for up to so many bytes */
    SN_FRAME_MEMORY,  /* u64: bytes of linear memory, whenever it has grown */
    SN_FRAME_IMAGE,   /* a piece of the guest's image (image.h), if the job is to make one */
    SN_FRAME_PAGES,   /* state.h: what may have changed; only if the job is to keep its state */
    SN_FRAME_STATE,   /* state.h: the rest of the guest's state */
    SN_FRAME_UNSAVED, /* sn_error: the state is not to be had, and why */
    SN_FRAME_FAULT,   /* sn_error: the sandbox itself could not run the job */
    SN_FRAME_DONE,    /* sn_frame_done; the last one */
    SN_FRAME_KINDS,
};

typedef struct sn_frame_header {
    uint32_t kind;
    uint32_t bytes;
} sn_frame_header;

/* Why a guest was asked to stop. The numbers are also the guest ABI's. */
enum sn_stop { SN_STOP_NONE, SN_STOP_TIME, SN_STOP_CPU, SN_STOP_CANCEL };

typedef struct sn_frame_done {
    uint32_t outcome; /* enum sn_outcome */
    uint32_t exit_code;
    uint32_t trap; /* enum sn_trap */
    uint32_t grow_refused;
    uint32_t stop; /* enum sn_stop: it was asked to stop, whatever it did then */
    uint32_t unused;
    uint64_t started_ns; /* sn_now_ns() when the request was understood and the code about to run */
    uint64_t cpu_ns;     /* of the worker, user and system */
    uint64_t memory_bytes;
} sn_frame_done;

enum {
    SN_FRAME_CHUNK_BYTES = 64 << 10,     /* output is cut into frames of at most this */
    SN_FRAME_EVENT_MOST_BYTES = 8 << 20, /* of a RESULT, DISPLAY or ERROR */
    SN_FRAME_INPUT_MOST_BYTES = 64 << 10,
};

/* The largest payload a frame of this kind may have; 0 for an empty or unknown kind. */
size_t sn_frame_limit(uint32_t kind);

/* Blocks until all is sent. 0, or -errno. */
SN_WARN_UNUSED int sn_frame_send(int fd, enum sn_frame_kind kind, const void *data, size_t bytes);

/* The same for a frame in parts, its header the first; `parts` is used up. */
struct iovec;
SN_WARN_UNUSED int sn_frame_send_parts(int fd, struct iovec *parts, int count);

/*
 * Takes the next string off a payload of strings (u32 length, bytes): 1, or 0 at its end, or -1 if
 * it is malformed. `*data` and `*bytes` are what is left, `*string` points into it.
 */
int sn_frame_string(const char **string, size_t *string_bytes, const void **data, size_t *bytes);

/* The number of strings in a payload, or -1 if it is malformed. */
int sn_frame_strings(const void *data, size_t bytes);

#endif
