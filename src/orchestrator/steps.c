/*
 * steps.c - carries out a complex task: a plan, its steps, an answer.
 *
 * The model is asked for a plan (plan.h); one that is none is asked for once more, with what is
 * wrong, and then the task is answered as a standard one. Steps that wait for nothing run at once,
 * each on a thread and in a session of its own (forks.h), so that none sees what another one beside
 * it does. A step that comes after others is told what they said, and has the variables of the
 * first one it names. A step that fails takes those after it with it, and the others go on; the
 * last question has what there is.
 */
#include "orchestrator/answer.h"
#include "orchestrator/forks.h"
#include "orchestrator/plan.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    RUNNING_MOST = 4,
    STACK_BYTES = 512 << 10,
    QUESTION_MOST_BYTES = 256 << 10, /* of the task's query, in a step's */
    RESULT_MOST_BYTES = 32 << 10,    /* of a step's result, in another one's query */
};

typedef enum step_state { WAITING, RUNNING, DONE, FAILED, SKIPPED } step_state;
static const char *const state_names[] = {"waiting", "running", "done", "failed", "skipped"};

typedef struct work {
    sn_live *live;
    sn_plan plan;
    sn_forks forks;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct step {
        struct work *work;
        size_t place;
        step_state state;
        char *result;
        sn_error err;
        pthread_t thread;
        bool has_thread;
    } steps[SN_PLAN_STEPS_MOST];
} work;

/* ---- texts ---- */

static void write_text(sn_buffer *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void write_text(sn_buffer *to, const char *format, ...) {
    va_list ap;
    sn_auto_free char *text = NULL;
    va_start(ap, format);
    int bytes = vasprintf(&text, format, ap);
    va_end(ap);
    if (bytes < 0 || !sn_buffer_add(to, text, (size_t)bytes))
        to->truncated = true;
}

static void write_cut(sn_buffer *to, const char *text, size_t most) {
    size_t bytes = strlen(text);
    sn_auto_free char *cut = sn_report_cut(text, bytes, most);
    write_text(to, "%s%s\n", cut ? cut : "", bytes > most ? " [cut]" : "");
}

static int asked(char **out, sn_live *l, sn_buffer *question, sn_query *query, sn_report *report,
                 sn_error *err) {
    query->query = question->data;
    *out = NULL;
    int rc = question->truncated || !question->data
                 ? sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a question")
                 : sn_answer(out, l, query, report, err);
    sn_buffer_free(question);
    return rc;
}

/* ---- the plan ---- */

static const char plan_words[] =
    "Make a plan for the task below. Answer with nothing but one JSON object of this form:\n"
    "{\"steps\": [{\"id\": \"a\", \"task\": \"what this step is to do\", \"after\": []}]}\n"
    "There may be 1 to 8 steps. \"after\" lists the ids of the steps whose results a step needs; "
    "steps that need nothing of each other are carried out at the same time. Each step is carried "
    "out by an assistant that can execute Python, and sees its own task, the results of the steps "
    "it comes after, and the whole task. A last answer is made of all results afterwards; it needs "
    "no step.\n\nThe task:\n";

static int ask_plan(work *w, const char *wrong, sn_error *err) {
    sn_buffer text = {0};
    sn_query query = SN_QUERY_INIT;
    sn_auto_free char *answer = NULL;
    query.no_tools = true;
    query.context = w->live->task.context;
    query.mode = SN_MODE_SIMPLE;
    write_text(&text, "%s", plan_words);
    write_cut(&text, w->live->task.query, QUESTION_MOST_BYTES);
    if (wrong)
        write_text(&text, "\nThe plan that you made before could not be used: %s\n", wrong);
    int rc = asked(&answer, w->live, &text, &query, NULL, err);
    return rc < 0 ? rc : sn_plan_read(&w->plan, answer, err);
}

/* 1: there is none, and the task is answered without. */
static int make_plan(work *w, sn_error *err) {
    sn_error wrong = SN_ERROR_INIT;
    int rc = ask_plan(w, NULL, &wrong);
    if (rc == SN_EINVALID_ARGUMENT && !sn_live_is_over(w->live)) {
        sn_auto_free char *words = strdup(wrong.message);
        rc = ask_plan(w, words ? words : "", &wrong);
    }
    if (rc == SN_EINVALID_ARGUMENT) {
        sn_live_tell(w->live, SN_TASK_PROGRESS,
                     json_pack("{s:s, s:s}", "message",
                               "there is no usable plan; the task is answered without one", "error",
                               wrong.message));
        return 1;
    }
    if (rc < 0 && err)
        *err = wrong;
    return rc;
}

static void show_plan(work *w) {
    sn_live *l = w->live;
    json_t *plan = sn_plan_json(&w->plan);
    pthread_mutex_lock(&l->tasks->lock);
    l->task.plan = json_incref(plan);
    json_t *copy = json_deep_copy(plan);
    pthread_mutex_unlock(&l->tasks->lock);
    sn_live_tell(l, SN_TASK_PROGRESS,
                 json_pack("{s:s, s:f, s:o}", "message", "the plan is made", "progress",
                           l->task.head.progress, "plan", copy));
    json_decref(plan);
}

/* ---- a step ---- */

/* The work's lock is held. */
static void set_state(work *w, size_t place, step_state state, const char *message) {
    sn_live *l = w->live;
    size_t ended = 0;
    w->steps[place].state = state;
    for (size_t i = 0; i < w->plan.count; i++)
        ended += w->steps[i].state > RUNNING;
    double progress = (double)(ended + 1) / (double)(w->plan.count + 2);
    pthread_mutex_lock(&l->tasks->lock);
    l->task.head.progress = progress;
    json_object_set_new(json_array_get(l->task.plan, place), "state",
                        json_string(state_names[state]));
    pthread_mutex_unlock(&l->tasks->lock);
    sn_auto_free char *text =
        sn_report_cut(message, strlen(message), SN_TASK_EVENT_TEXT_MOST_BYTES);
    sn_live_tell(l, SN_TASK_PROGRESS,
                 json_pack("{s:s, s:s, s:f, s:s}", "step", w->plan.steps[place].id, "state",
                           state_names[state], "progress", progress, "message", text ? text : ""));
    pthread_cond_broadcast(&w->changed);
}

static void write_results(sn_buffer *to, work *w, uint32_t which) {
    for (size_t i = 0; i < w->plan.count; i++) {
        const struct step *s = &w->steps[i];
        if (!(which & 1u << i))
            continue;
        write_text(to, "\nStep %s: %s\n", w->plan.steps[i].id, w->plan.steps[i].task);
        if (s->state == DONE) {
            write_text(to, "Its result:\n");
            write_cut(to, s->result, RESULT_MOST_BYTES);
        } else
            write_text(to, "It has no result: %s\n",
                       s->err.message[0] ? s->err.message : "a step before it failed");
    }
}

static int answer_step(struct step *s) {
    work *w = s->work;
    const sn_plan_step *step = &w->plan.steps[s->place];
    sn_report report = {.live = w->live, .step = step->id};
    sn_query query = SN_QUERY_INIT;
    sn_buffer text = {0};
    query.mode = SN_MODE_STANDARD;
    query.context = w->live->task.context;
    write_text(&text, "Carry out this step of a plan, and nothing else:\n%s\n", step->task);
    if (step->after) {
        write_text(&text, "\nSteps before it:\n");
        pthread_mutex_lock(&w->lock);
        write_results(&text, w, step->after);
        pthread_mutex_unlock(&w->lock);
    }
    write_text(&text, "\nThe whole task, which others see to:\n");
    write_cut(&text, w->live->task.query, QUESTION_MOST_BYTES);
    query.session_id = sn_forks_make(&w->forks, s->place, step->first);
    int rc = asked(&s->result, w->live, &text, &query, &report, &s->err);
    sn_report_end(&report);
    return rc;
}

static void *run_step(void *user) {
    struct step *s = user;
    int rc = answer_step(s);
    pthread_mutex_lock(&s->work->lock);
    set_state(s->work, s->place, rc < 0 ? FAILED : DONE, rc < 0 ? s->err.message : s->result);
    pthread_mutex_unlock(&s->work->lock);
    return NULL;
}

static bool start_thread(struct step *s) {
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->has_thread = pthread_create(&s->thread, &attributes, run_step, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return s->has_thread;
}

/* ---- all of them ---- */

/* The lock is held. 1: it may run; 0: it waits; -1: it never will. */
static int may_run(const work *w, size_t place) {
    uint32_t after = w->plan.steps[place].after;
    for (size_t i = 0; i < w->plan.count; i++) {
        if (!(after & 1u << i) || w->steps[i].state == DONE)
            continue;
        return w->steps[i].state > DONE ? -1 : 0;
    }
    return 1;
}

static size_t count_of(const work *w, step_state state) {
    size_t count = 0;
    for (size_t i = 0; i < w->plan.count; i++)
        count += w->steps[i].state == state;
    return count;
}

/* The lock is held. */
static void start_ready(work *w, bool is_over) {
    for (size_t i = 0; i < w->plan.count; i++) {
        struct step *s = &w->steps[i];
        int may = s->state == WAITING ? may_run(w, i) : 0;
        if (s->state == WAITING && (is_over || may < 0)) {
            set_state(w, i, SKIPPED, is_over ? "the task is over" : "a step before it failed");
            continue;
        }
        if (may <= 0 || count_of(w, RUNNING) >= RUNNING_MOST)
            continue;
        set_state(w, i, RUNNING, w->plan.steps[i].task);
        if (!start_thread(s)) {
            sn_fail(&s->err, SN_ERESOURCE_EXHAUSTED, "no thread for a step");
            set_state(w, i, FAILED, s->err.message);
        }
    }
}

static void run_steps(work *w) {
    pthread_mutex_lock(&w->lock);
    for (;;) {
        size_t waiting = count_of(w, WAITING);
        start_ready(w, sn_live_is_over(w->live));
        if (count_of(w, WAITING) == 0 && count_of(w, RUNNING) == 0)
            break;
        if (count_of(w, RUNNING) > 0)
            pthread_cond_wait(&w->changed, &w->lock);
        else if (count_of(w, WAITING) == waiting)
            break; /* a plan has no circles */
    }
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->plan.count; i++)
        if (w->steps[i].has_thread)
            pthread_join(w->steps[i].thread, NULL);
}

/* ---- the answer ---- */

static int first_error(const work *w, sn_error *err) {
    for (size_t i = 0; i < w->plan.count; i++)
        if (w->steps[i].state == FAILED) {
            if (err)
                *err = w->steps[i].err;
            return w->steps[i].err.code;
        }
    return sn_fail(err, SN_EINTERNAL, "no step was carried out");
}

static int answer_all(work *w, sn_error *err) {
    sn_report report = {.live = w->live};
    sn_query query = SN_QUERY_INIT;
    sn_buffer text = {0};
    if (sn_live_is_over(w->live))
        return sn_fail(err, SN_EUNAVAILABLE, "the task is over");
    if (count_of(w, DONE) == 0)
        return first_error(w, err);
    query.no_tools = true;
    query.mode = SN_MODE_SIMPLE;
    query.context = w->live->task.context;
    write_text(&text, "Answer the task below from the results of its steps.\n\nThe task:\n");
    write_cut(&text, w->live->task.query, QUESTION_MOST_BYTES);
    write_results(&text, w, (1u << w->plan.count) - 1);
    int rc = asked(&w->live->task.result, w->live, &text, &query, &report, err);
    sn_report_end(&report);
    return rc;
}

/* Whose variables the session has afterwards: those of the plan's last step. */
static void adopt(work *w) {
    size_t last = w->plan.count - 1;
    if (w->steps[last].state == DONE)
        sn_forks_adopt(&w->forks, last);
}

int sn_live_run_plan(sn_live *l, sn_error *err) {
    work w = {.live = l};
    int rc = make_plan(&w, err);
    if (rc != 0)
        return rc < 0 ? rc : sn_live_run_standard(l, err);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    for (size_t i = 0; i < w.plan.count; i++)
        w.steps[i] = (struct step){.work = &w, .place = i};
    sn_forks_begin(&w.forks, l);
    show_plan(&w);
    run_steps(&w);
    rc = answer_all(&w, err);
    if (rc == 0)
        adopt(&w);
    sn_forks_end(&w.forks, w.plan.count);
    for (size_t i = 0; i < w.plan.count; i++)
        free(w.steps[i].result);
    sn_plan_clear(&w.plan);
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.lock);
    return rc;
}
