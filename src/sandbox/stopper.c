/* stopper.c - see stopper.h. */
#include "sandbox/stopper.h"

#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

enum { CELLS = 4, AGAIN_US = 50000 };

static volatile uint32_t *cells[CELLS]; /* NULL: not armed */
static volatile sig_atomic_t why;       /* enum sn_stop */
static sn_wasi *sleeper;

/* The first cell says why, and is cleared by the guest when it has seen it. The others make it
 * look; they are written again until it has, for it may write to them itself at the same time. */
static void ask(int signal) {
    int saved_errno = errno;
    if (why == SN_STOP_NONE) {
        why = signal == SIGXCPU ? SN_STOP_CPU : signal == SIGUSR1 ? SN_STOP_CANCEL : SN_STOP_TIME;
        *cells[0] = (uint32_t)why;
        sn_wasi_interrupt(sleeper);
        if (signal != SIGALRM) /* the clock asks again */
            sn_stopper_start_clock(AGAIN_US * 1000u);
    }
    if (*cells[0])
        for (size_t i = 1; i < CELLS; i++)
            *cells[i] = 1;
    errno = saved_errno;
}

/* The words whose addresses lie at `list`; false if they are not all in memory. */
static bool find(const sn_memory *memory, sn_gaddr list) {
    volatile uint32_t *found[CELLS];
    const uint8_t *at = sn_memory_range(memory, list, CELLS * sizeof(sn_gaddr));
    if (!at)
        return false;
    for (size_t i = 0; i < CELLS; i++) {
        sn_gaddr cell;
        memcpy(&cell, at + i * sizeof cell, sizeof cell);
        found[i] = sn_memory_range(memory, cell, sizeof *found[i]);
        if (!found[i] || cell % sizeof *found[i] != 0)
            return false;
    }
    memcpy(cells, found, sizeof cells);
    return true;
}

int sn_stopper_arm(sn_instance *instance, sn_wasi *wasi, sn_error *err) {
    sn_call call;
    int rc = sn_instance_call(&call, instance, "guest_stop_cells", NULL, 0, err);
    if (rc < 0)
        return rc;
    if (call.outcome != SN_RETURNED || !find(sn_instance_memory(instance), call.value))
        return sn_fail(err, SN_EUNAVAILABLE, "the interpreter's guest_stop_cells makes no sense");
    sleeper = wasi;
    struct sigaction action = {.sa_handler = ask, .sa_flags = SA_ONSTACK};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGXCPU, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    return 0;
}

void sn_stopper_start_clock(uint64_t timeout_ns) {
    if (!cells[0])
        return;
    struct itimerval timer = {
        .it_interval = {0, AGAIN_US},
        .it_value = {(time_t)(timeout_ns / 1000000000u),
                     (suseconds_t)(timeout_ns % 1000000000u / 1000u)},
    };
    setitimer(ITIMER_REAL, &timer, NULL);
}

void sn_stopper_disarm(void) {
    static const struct itimerval never = {0};
    if (!cells[0])
        return;
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    signal(SIGXCPU, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    *cells[0] = 0;
}

enum sn_stop sn_stopper_why(void) {
    return (enum sn_stop)why;
}

bool sn_stopper_is_pending(void) {
    return cells[0] && *cells[0];
}
