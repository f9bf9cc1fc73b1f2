/* in_turn.c - see in_turn.h. */
#include "llm_service/in_turn.h"

#include "agent_core/core.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>

typedef struct turn {
    sn_executor *executor;
    const sn_request *request;
    sn_event_fn on_event;
    void *user;
    sn_result *result;
    int rc;
    sn_error err;
    int done_fd; /* readable when all of this is the waiting thread's again */
} turn;

static void on_turn(void *user, sn_admission_outcome outcome) {
    turn *t = user;
    if (outcome == SN_ADMITTED)
        t->rc = sn_execute(&t->result, t->executor, t->request, t->on_event, t->user, &t->err);
    else if (outcome == SN_TOO_LATE)
        t->rc =
            sn_fail(&t->err, SN_ERESOURCE_EXHAUSTED, "the code waited too long for others to end");
    else
        t->rc = sn_fail(&t->err, SN_EUNAVAILABLE, "the server is shutting down");
    (void)!write(t->done_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* Once it runs, sn_execute() itself sees to the cancelling. */
static int wait_for_end(turn *t, sn_admission *admission, sn_ticket *ticket) {
    struct pollfd fds[] = {{t->done_fd, POLLIN, 0}, {t->request->cancel_fd, POLLIN, 0}};
    for (;;) {
        if (poll(fds, SN_COUNT(fds), -1) < 0)
            continue;
        if (fds[0].revents)
            return t->rc;
        if (fds[1].revents && sn_admission_withdraw(admission, ticket))
            return sn_fail(&t->err, SN_EUNAVAILABLE, "cancelled before it was its turn");
        fds[1].fd = -1;
    }
}

int sn_execute_in_turn(sn_result **out, sn_executor *executor, const sn_request *request,
                       sn_admission *admission, const char *tenant, sn_event_fn on_event,
                       void *user, sn_error *err) {
    turn t = {.executor = executor, .request = request, .on_event = on_event, .user = user};
    if (!admission)
        return sn_execute(out, executor, request, on_event, user, err);
    sn_auto_fd int done_fd = eventfd(0, EFD_CLOEXEC);
    if (done_fd < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "no descriptor to wait with");
    t.done_fd = done_fd;
    sn_ticket ticket = {.tenant = tenant ? tenant : "",
                        .lane = sn_core_lane(request->session_id),
                        .fn = on_turn,
                        .user = &t};
    int rc = sn_admission_submit(admission, &ticket, err);
    if (rc < 0)
        return rc;
    rc = wait_for_end(&t, admission, &ticket);
    if (rc < 0 && err)
        *err = t.err;
    if (rc == 0)
        *out = t.result;
    return rc;
}
