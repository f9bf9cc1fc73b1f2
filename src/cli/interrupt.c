/* interrupt.c - see interrupt.h. */
#include "cli/interrupt.h"

#include "util/error.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int event = -1;
static volatile sig_atomic_t is_end;

static void on_signal(int number) {
    int saved_errno = errno;
    uint64_t one = 1;
    if (number != SIGINT)
        is_end = 1;
    (void)!write(event, &one, sizeof one);
    errno = saved_errno;
}

/* What is ignored on purpose (nohup, a job in the background) stays so. */
static void catch_one(int number, int flags) {
    struct sigaction old, action = {.sa_handler = on_signal, .sa_flags = flags};
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

int sn_interrupt_catch(enum sn_interrupt_mode mode, sn_error *err) {
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot make an event descriptor");
    int flags = mode == SN_INTERRUPT_ONCE ? (int)(SA_RESTART | SA_RESETHAND) : 0;
    catch_one(SIGINT, flags);
    catch_one(SIGTERM, flags);
    catch_one(SIGHUP, flags);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int sn_interrupt_fd(void) {
    return event;
}

bool sn_interrupt_taken(void) {
    uint64_t count;
    return read(event, &count, sizeof count) == sizeof count;
}

bool sn_interrupt_is_end(void) {
    return is_end;
}
