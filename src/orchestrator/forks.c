/* forks.c - see forks.h. */
#include "orchestrator/forks.h"

#include "orchestrator/lifecycle.h"
#include "service/log.h"
#include "util/error.h"

#include <stdio.h>
#include <string.h>

/* Its last step; false: it is not there. */
static bool last_step(uint64_t *out, sn_sessions *sessions, const char *id) {
    sn_session_info *info;
    if (sn_session_show(&info, sessions, id, NULL) < 0)
        return false;
    *out = info->step;
    sn_session_info_free(info, 1);
    return true;
}

static void name_fork(char out[SN_SESSION_ID_MAX_BYTES + 1], const char *task_id, size_t place) {
    snprintf(out, SN_SESSION_ID_MAX_BYTES + 1, SN_TASK_FORK_PREFIX "%.36s:%zu", task_id, place + 1);
}

void sn_forks_begin(sn_forks *f, sn_live *l) {
    const sn_task_head *head = &l->task.head;
    *f = (sn_forks){.live = l, .sessions = l->tasks->options.sessions};
    f->session_id = head->session_id[0] ? head->session_id : NULL;
    if (f->sessions && f->session_id)
        (void)!last_step(&f->step, f->sessions, f->session_id);
}

const char *sn_forks_make(sn_forks *f, size_t place, int first) {
    const char *from = first >= 0 ? f->names[first] : f->session_id;
    if (!f->sessions)
        return NULL;
    name_fork(f->names[place], f->live->task.head.id, place);
    /* What is not there yet is begun afresh by the first execution. */
    if (from && *from)
        f->is_fork[place] = sn_session_fork(f->sessions, from, first >= 0 ? SN_STEP_LAST : f->step,
                                            f->names[place], NULL) == 0;
    return f->names[place];
}

static int replace(sn_sessions *sessions, const char *id, const char *fork, sn_error *err) {
    int rc = sn_session_delete(sessions, id, err);
    if (rc == 0 || rc == SN_ENOT_FOUND)
        rc = sn_session_fork(sessions, fork, SN_STEP_LAST, id, err);
    return rc;
}

/* On disk before anything is deleted. */
static int note(sn_live *l, const char *fork, sn_error *err) {
    pthread_mutex_lock(&l->tasks->lock);
    sn_task_copy_text(l->task.head.adopted, sizeof l->task.head.adopted, fork);
    pthread_mutex_unlock(&l->tasks->lock);
    return sn_task_store_update(l->tasks->store, &l->task.head, err);
}

void sn_forks_adopt(sn_forks *f, size_t place) {
    uint64_t now = 0, made = 0;
    sn_error err = SN_ERROR_INIT;
    if (!f->sessions || !f->session_id || !last_step(&made, f->sessions, f->names[place]))
        return;
    (void)!last_step(&now, f->sessions, f->session_id);
    if (now != f->step || made <= f->step)
        return;
    int rc = note(f->live, f->names[place], &err);
    if (rc == 0)
        rc = replace(f->sessions, f->session_id, f->names[place], &err);
    if (rc < 0)
        sn_log(SN_LOG_WARN, "session_not_adopted",
               (sn_field[]){SN_STRING("task_id", f->live->task.head.id),
                            SN_STRING("session_id", f->session_id),
                            SN_STRING("error", err.message),
                            {0}});
    else
        (void)!note(f->live, "", NULL);
}

void sn_forks_end(sn_forks *f, size_t count) {
    for (size_t i = 0; f->sessions && i < count; i++)
        if (f->names[i][0])
            (void)!sn_session_delete(f->sessions, f->names[i], NULL);
}

void sn_live_clear_forks(sn_sessions *sessions, const sn_task_head *head) {
    char name[SN_SESSION_ID_MAX_BYTES + 1];
    uint64_t step;
    if (head->adopted[0] && last_step(&step, sessions, head->adopted) &&
        !last_step(&step, sessions, head->session_id))
        (void)!sn_session_fork(sessions, head->adopted, SN_STEP_LAST, head->session_id, NULL);
    for (size_t i = 0; i < SN_PLAN_STEPS_MOST; i++) {
        name_fork(name, head->id, i);
        (void)!sn_session_delete(sessions, name, NULL);
    }
}
