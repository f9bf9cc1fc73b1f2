/*
 * poll.c - poll_oneoff: sleeping, and waiting for descriptors.
 *
 * Files, output and errors are ready at once; input is ready when the host says so. So one look at
 * all subscriptions tells whether there is an event now. If not, the only things worth waiting for
 * are the earliest clock and the input, and after that wait one more look tells what has happened.
 */
#include "util/auto.h"
#include "wasi/calls.h"
#include "wasi/state.h"

enum {
    SUBSCRIPTIONS_MAX = 4096,
    CLOCK_REALTIME_ID = 0,
    CLOCK_MONOTONIC_ID = 1,
    SUBSCRIPTIONS_ON_STACK = 8,
};

/* A subscription, copied and understood. */
struct wait {
    uint64_t userdata;
    uint8_t type;
    bool is_input;  /* ready when input is */
    bool ready;     /* there is an event */
    uint16_t error; /* and it is this */
    uint64_t nbytes;
    uint64_t left_ns; /* clock: until it rings, counted from the start of the call */
};

static void read_clock(struct wait *out, const sn_wasi *wasi, const sn_abi_subscription *from) {
    uint32_t id = from->u.clock.id;
    out->left_ns = from->u.clock.timeout;
    out->ready = true;
    if (id > SN_CLOCK_ID_MAX || from->u.clock.flags & ~SN_SUBCLOCK_ABSTIME) {
        out->error = SN_WASI_INVAL;
        return;
    }
    if (id != CLOCK_REALTIME_ID && id != CLOCK_MONOTONIC_ID) {
        out->error = SN_WASI_NOTSUP; /* CPU time does not pass while one sleeps */
        return;
    }
    if (from->u.clock.flags & SN_SUBCLOCK_ABSTIME) {
        uint64_t now;
        out->error = (uint16_t)wasi->sources.clock(wasi->sources.user, id, &now);
        if (out->error)
            return;
        out->left_ns = out->left_ns > now ? out->left_ns - now : 0;
    }
    out->ready = out->left_ns == 0;
}

static void read_fd(struct wait *out, sn_wasi *wasi, const sn_abi_subscription *from) {
    uint64_t right = from->tag == SN_EVENT_TYPE_FD_READ ? SN_RIGHT_FD_READ : SN_RIGHT_FD_WRITE;
    sn_fd *file;
    out->ready = true;
    int e = sn_fd_get(&file, wasi, from->u.fd, SN_RIGHT_POLL_FD_READWRITE | right);
    if (e) {
        out->error = (uint16_t)e;
        return;
    }
    if (from->tag != SN_EVENT_TYPE_FD_READ)
        return;
    if (file->kind == SN_FD_STREAM) {
        out->is_input = wasi->options.input && wasi->options.input_ready;
        out->ready = !out->is_input;
    } else if (wasi->vfs->nodes[file->node].file.bytes > file->offset) {
        out->nbytes = wasi->vfs->nodes[file->node].file.bytes - file->offset;
    }
}

/* Copies the subscriptions. INVAL: one of a kind that does not exist. */
static int read_all(struct wait *out, sn_wasi *wasi, const uint8_t *in, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        sn_abi_subscription from;
        memcpy(&from, in + i * sizeof from, sizeof from);
        out[i] = (struct wait){.userdata = from.userdata, .type = from.tag};
        if (from.tag == SN_EVENT_TYPE_CLOCK)
            read_clock(&out[i], wasi, &from);
        else if (from.tag == SN_EVENT_TYPE_FD_READ || from.tag == SN_EVENT_TYPE_FD_WRITE)
            read_fd(&out[i], wasi, &from);
        else
            return SN_WASI_INVAL;
    }
    return 0;
}

/* Asks for input, for at most `timeout_ns`. Its failure is an event of its subscriptions. */
static int wait_input(bool *came, struct wait *waits, uint32_t count, const sn_wasi *wasi,
                      uint64_t timeout_ns) {
    int n = wasi->options.input_ready(wasi->options.user, timeout_ns);
    if (n == -SN_WASI_INTR)
        return SN_WASI_INTR;
    *came = n != 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!waits[i].is_input)
            continue;
        waits[i].ready = n != 0;
        waits[i].error = n >= 0 ? 0 : n < -SN_WASI_ERRNO_MAX ? SN_WASI_IO : (uint16_t)-n;
    }
    return 0;
}

/* Lets time pass until something is ready. */
static int wait_all(struct wait *waits, uint32_t count, const sn_wasi *wasi) {
    bool ready = false, input = false;
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        ready |= waits[i].ready;
        input |= waits[i].is_input;
        if (waits[i].type == SN_EVENT_TYPE_CLOCK && waits[i].left_ns < earliest)
            earliest = waits[i].left_ns;
    }
    int e = 0;
    bool came = ready;
    if (input)
        e = wait_input(&came, waits, count, wasi, ready ? 0 : earliest);
    else if (!ready)
        e = wasi->sources.sleep(wasi->sources.user, earliest);
    if (e == SN_WASI_INTR && !input)
        e = 0; /* the clock rings early: wasi-libc would make "not supported" of anything else */
    if (e || ready || came)
        return e;
    for (uint32_t i = 0; i < count; i++)
        if (waits[i].type == SN_EVENT_TYPE_CLOCK && waits[i].left_ns <= earliest)
            waits[i].ready = true;
    return 0;
}

static uint32_t put_events(uint8_t *out, const struct wait *waits, uint32_t count) {
    uint32_t events = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!waits[i].ready)
            continue;
        sn_abi_event event = {
            .userdata = waits[i].userdata,
            .error = waits[i].error,
            .type = waits[i].type,
            .nbytes = waits[i].nbytes,
        };
        memcpy(out + events++ * sizeof event, &event, sizeof event);
    }
    return events;
}

uint32_t sn_wasi_poll_oneoff(void *context, uint32_t in, uint32_t out, uint32_t count,
                             uint32_t result) {
    sn_wasi *wasi = context;
    if (count == 0 || count > SUBSCRIPTIONS_MAX)
        return SN_WASI_INVAL;
    const uint8_t *from = sn_guest(wasi, in, (uint64_t)count * sizeof(sn_abi_subscription));
    uint8_t *to = sn_guest(wasi, out, (uint64_t)count * sizeof(sn_abi_event));
    void *to_result = sn_guest(wasi, result, 4);
    if (!from || !to || !to_result)
        return SN_WASI_FAULT;
    struct wait few[SUBSCRIPTIONS_ON_STACK];
    sn_auto_free struct wait *many = NULL;
    struct wait *waits = few;
    if (count > SUBSCRIPTIONS_ON_STACK) {
        waits = many = malloc(count * sizeof *many);
        if (!many)
            return SN_WASI_NOMEM;
    }
    int e = read_all(waits, wasi, from, count);
    if (!e)
        e = wait_all(waits, count, wasi);
    if (!e)
        sn_put32(to_result, put_events(to, waits, count));
    return (uint32_t)e;
}
