/* tasks_test.c - tasks from their submission to their end, with an answer function of our own. */
#include "test.h"

#include "orchestrator/tasks.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SECONDS(n) (sn_now_ns() + UINT64_C(1000000000) * (n))

static sn_tasks *tasks;
static char folder[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned running, most_running, plans_asked;
static bool gate_is_open;
static const char *plans[2];
static char order[256]; /* of steps, as they end */
static char seen[8192]; /* the last question */

/* ---- an answer function ---- */

static int say(sn_agent_reply *out, const char *text) {
    *out = (sn_agent_reply){.text = strdup(text),
                            .used_model = true,
                            .model = strdup("tester"),
                            .usage = {10, 5},
                            .rounds = 1};
    return 0;
}

/* Until the test lets it go on, or it is ended. */
static int wait_at_gate(const sn_query *query, sn_error *err) {
    pthread_mutex_lock(&lock);
    running++;
    if (running > most_running)
        most_running = running;
    pthread_cond_broadcast(&changed);
    bool is_over = false;
    while (!gate_is_open && !is_over) {
        pthread_mutex_unlock(&lock);
        struct pollfd cancel = {query->cancel_fd, POLLIN, 0};
        is_over = poll(&cancel, 1, 5) == 1;
        pthread_mutex_lock(&lock);
    }
    running--;
    pthread_mutex_unlock(&lock);
    return is_over ? sn_fail(err, SN_EUNAVAILABLE, "it was cancelled") : 0;
}

static int answer_step(sn_agent_reply *out, const sn_query *query, sn_error *err) {
    char text[64];
    const char *task = strchr(query->query, '\n') + 1;
    if (strncmp(task, "fail", 4) == 0)
        return sn_fail(err, SN_EUNAVAILABLE, "the step would not");
    if (strncmp(task, "gate", 4) == 0) {
        int rc = wait_at_gate(query, err);
        if (rc < 0)
            return rc;
    }
    pthread_mutex_lock(&lock);
    strncat(order, task, strcspn(task, "\n"));
    strcat(order, ";");
    snprintf(seen, sizeof seen, "%s", query->query);
    pthread_mutex_unlock(&lock);
    snprintf(text, sizeof text, "result of %.*s", (int)strcspn(task, "\n"), task);
    return say(out, text);
}

static int answer(sn_agent_reply *out, const sn_agent *agent, const sn_query *query,
                  sn_agent_event_fn on_event, void *user, sn_error *err) {
    (void)agent;
    const char *q = query->query;
    if (strncmp(q, "Make a plan", 11) == 0)
        return say(out, plans[plans_asked < 2 ? plans_asked++ : 1]);
    if (strncmp(q, "Carry out", 9) == 0)
        return answer_step(out, query, err);
    if (strncmp(q, "Answer the task", 15) == 0) {
        snprintf(seen, sizeof seen, "%s", q);
        return say(out, "all of it");
    }
    if (strncmp(q, "gate", 4) == 0) {
        int rc = wait_at_gate(query, err);
        return rc < 0 ? rc : say(out, "through the gate");
    }
    if (strncmp(q, "fail", 4) == 0)
        return sn_fail(err, SN_EUNAVAILABLE, "the model is out");
    for (int i = 0; strncmp(q, "many", 4) == 0 && i < 100000; i++)
        on_event(user,
                 &(sn_agent_event){.kind = SN_AGENT_TEXT, .text = "x\xc3\xa9", .text_bytes = 3});
    if (strncmp(q, "call", 4) == 0) {
        sn_result result = {
            .status = SN_STATUS_OK, .stdout_text = (char *)"a\0b", .stdout_bytes = 3};
        const sn_event out_event = {.kind = SN_EVENT_STDOUT, .data = "a\0b", .data_bytes = 3};
        on_event(user,
                 &(sn_agent_event){.kind = SN_AGENT_CALL, .name = "python_executor", .code = "1"});
        on_event(user, &(sn_agent_event){.kind = SN_AGENT_OUTPUT, .event = &out_event});
        on_event(user, &(sn_agent_event){
                           .kind = SN_AGENT_RESULT, .name = "python_executor", .result = &result});
    }
    return say(out, q);
}

/* ---- helpers ---- */

static void open_with(const sn_tasks_options *given) {
    static sn_agent agent;
    sn_tasks_options options = *given;
    sn_error err = SN_ERROR_INIT;
    options.folder = folder;
    options.agent = &agent;
    options.answer = answer;
    if (sn_tasks_open(&tasks, &options, &err) < 0)
        fail_msg("%s", err.message);
}

static sn_tasks_options usual(void) {
    sn_tasks_options options = SN_TASKS_OPTIONS_INIT;
    options.has_model = true;
    return options;
}

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/shannon-tasks-XXXXXX");
    assert_non_null(mkdtemp(folder));
    running = most_running = plans_asked = 0;
    gate_is_open = false;
    order[0] = seen[0] = '\0';
    tasks = NULL;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sn_tasks_close(tasks);
    sn_remove_tree(folder);
    return 0;
}

static void open_gate(void) {
    pthread_mutex_lock(&lock);
    gate_is_open = true;
    pthread_mutex_unlock(&lock);
}

static void wait_running(unsigned count) {
    pthread_mutex_lock(&lock);
    while (running < count)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static int submit(char id[SN_TASK_ID_BYTES], const sn_task_request *request) {
    return sn_tasks_submit(id, tasks, request, NULL);
}

static void submit_text(char id[SN_TASK_ID_BYTES], const char *query) {
    sn_error err = SN_ERROR_INIT;
    if (sn_tasks_submit(id, tasks, &(sn_task_request){.query = query}, &err) != 0)
        fail_msg("%s", err.message);
}

/* Its events up to the end; its end's. free() them. */
static char *follow(const char *id, uint64_t after) {
    sn_buffer text = {0};
    bool ended = false;
    uint64_t seen_number = 0;
    while (!ended) {
        sn_task_events events;
        seen_number = sn_tasks_wait(tasks, seen_number, SECONDS(20));
        assert_int_equal(sn_tasks_events(&events, &ended, tasks, id, after, NULL), 0);
        for (const sn_task_event *e = events.first; e; e = e->next) {
            assert_true(e->number > after);
            after = e->number;
            assert_true(sn_buffer_add(&text, e->data, e->bytes) && sn_buffer_add(&text, "\n", 1));
        }
        if (events.count > 0)
            seen_number = 0; /* there may be more at once */
        sn_task_events_clear(&events);
    }
    return sn_buffer_take(&text, &(size_t){0});
}

static sn_task ended(const char *id) {
    sn_task task;
    free(follow(id, 0));
    assert_int_equal(sn_tasks_get(&task, tasks, id, NULL), 0);
    assert_true(sn_task_has_ended(task.head.state));
    return task;
}

static void check_end(const char *id, sn_task_state state, const char *result, const char *error) {
    sn_task task = ended(id);
    if (task.head.state != state)
        fail_msg("it is %s: %s", sn_task_state_name(task.head.state), task.head.error);
    if (result)
        assert_string_equal(task.result, result);
    if (error && !strstr(task.head.error, error))
        fail_msg("'%s' does not say '%s'", task.head.error, error);
    sn_task_clear(&task);
}

/* ---- tests ---- */

static void test_one(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    submit_text(id, "call it");
    sn_task task = ended(id);
    assert_int_equal(task.head.state, SN_TASK_COMPLETED);
    assert_string_equal(task.result, "call it");
    assert_string_equal(task.head.model, "tester");
    assert_int_equal(task.head.usage.input_tokens, 10);
    assert_int_equal(task.head.calls, 1);
    assert_true(task.head.progress == 1 && task.head.ended_ms >= task.head.started_ms);
    const json_t *call = json_array_get(task.calls, 0);
    assert_string_equal(json_string_value(json_object_get(call, "code")), "1");
    assert_int_equal(json_string_length(json_object_get(call, "stdout")), 3);
    sn_task_clear(&task);
    sn_auto_free char *events = follow(id, 0);
    const char *types[] = {"WORKFLOW_STARTED", "TOOL_INVOKED", "TOOL_OBSERVATION",
                           "TOOL_OBSERVATION", "WORKFLOW_COMPLETED"};
    const char *at = events;
    for (size_t i = 0; i < SN_COUNT(types); i++) {
        at = strstr(at, types[i]);
        assert_non_null(at);
        at++;
    }
    sn_auto_free char *last = follow(id, 4);
    assert_non_null(strstr(last, "\"seq\":5"));
    assert_null(strstr(last, "\"seq\":4"));
    sn_auto_free char *none = follow(id, 5000);
    assert_true(!none || !*none);
}

static void test_bad(void **state) {
    (void)state;
    sn_tasks_options options = usual();
    open_with(&options);
    sn_auto_free char *big = malloc(SN_TASK_QUERY_MOST_BYTES + 2);
    memset(big, 'x', SN_TASK_QUERY_MOST_BYTES + 1);
    big[SN_TASK_QUERY_MOST_BYTES + 1] = '\0';
    json_t *list = json_array(), *large = json_pack("{s:s}", "x", big);
    const sn_task_request bad[] = {
        {.query = NULL},
        {.query = ""},
        {.query = " \n"},
        {.query = big},
        {.query = "\xff"},
        {.query = "x", .context = list},
        {.query = "x", .context = large},
        {.query = "x", .session_id = ""},
        {.query = "x", .session_id = "a/b"},
        {.query = "x", .session_id = "task:x"},
        {.query = "x", .user_id = "\n"},
        {.query = "x", .tenant = ""},
        {.query = "x", .key = ""},
        {.query = "x", .key = "\xc3\xa9"},
    };
    for (size_t i = 0; i < SN_COUNT(bad); i++) {
        char id[SN_TASK_ID_BYTES];
        sn_error err = SN_ERROR_INIT;
        assert_int_equal(sn_tasks_submit(id, tasks, &bad[i], &err), SN_EINVALID_ARGUMENT);
        assert_true(*err.message);
    }
    json_decref(list);
    json_decref(large);
}

static void test_no_model(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_error err = SN_ERROR_INIT;
    sn_tasks_options options = SN_TASKS_OPTIONS_INIT;
    open_with(&options);
    assert_int_equal(sn_tasks_submit(id, tasks, &(sn_task_request){.query = "why?"}, &err),
                     SN_EUNAVAILABLE);
    assert_true(strstr(err.hint, "LLM_BASE_URL") && strstr(err.hint, "LLM_MODEL"));
}

static void test_failure(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    submit_text(id, "fail now");
    check_end(id, SN_TASK_FAILED, NULL, "the model is out");
    sn_auto_free char *events = follow(id, 0);
    assert_true(strstr(events, "ERROR_OCCURRED") && strstr(events, "WORKFLOW_COMPLETED"));
}

static void test_cancel(void **state) {
    (void)state;
    char runs[SN_TASK_ID_BYTES], waits[SN_TASK_ID_BYTES];
    sn_task_state now;
    sn_tasks_options options = usual();
    options.running_most = 1;
    open_with(&options);
    submit_text(runs, "gate");
    wait_running(1);
    submit_text(waits, "gate");
    assert_int_equal(sn_tasks_cancel(&now, tasks, waits, "not\nwanted", NULL), 0);
    check_end(waits, SN_TASK_CANCELLED, NULL, "not wanted");
    assert_int_equal(sn_tasks_cancel(&now, tasks, runs, NULL, NULL), 0);
    check_end(runs, SN_TASK_CANCELLED, NULL, "cancelled");
    assert_int_equal(sn_tasks_cancel(&now, tasks, runs, NULL, NULL), 1);
    assert_int_equal(now, SN_TASK_CANCELLED);
    sn_task_make_id(runs);
    assert_int_equal(sn_tasks_cancel(&now, tasks, runs, NULL, NULL), SN_ENOT_FOUND);
}

static void test_timeout(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    options.timeout_ns = 50000000;
    open_with(&options);
    submit_text(id, "gate");
    check_end(id, SN_TASK_TIMEOUT, NULL, "SHANNON_TASK_TIMEOUT_SECONDS");
}

static void test_keys(void **state) {
    (void)state;
    char one[SN_TASK_ID_BYTES], two[SN_TASK_ID_BYTES];
    sn_error err = SN_ERROR_INIT;
    sn_tasks_options options = usual();
    open_with(&options);
    json_t *context = json_pack("{s:i, s:i}", "a", 1, "b", 2),
           *same = json_pack("{s:i, s:i}", "b", 2, "a", 1);
    sn_task_request request = {.query = "q", .key = "k", .context = context};
    assert_int_equal(submit(one, &request), 0);
    request.context = same;
    assert_int_equal(submit(two, &request), 1);
    assert_string_equal(one, two);
    request.session_id = "s";
    assert_int_equal(sn_tasks_submit(two, tasks, &request, &err), SN_EINVALID_ARGUMENT);
    request = (sn_task_request){.query = "other", .key = "k"};
    assert_int_equal(submit(two, &request), SN_EINVALID_ARGUMENT);
    json_decref(context);
    json_decref(same);
}

static void test_session_order(void **state) {
    (void)state;
    char id[3][SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit(id[i], &(sn_task_request){.query = "gate", .session_id = "s"}), 0);
    wait_running(1);
    open_gate();
    for (int i = 0; i < 3; i++)
        check_end(id[i], SN_TASK_COMPLETED, "through the gate", NULL);
    assert_int_equal(most_running, 1);
}

static void test_full(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES], refused[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    options.running_most = 1;
    options.queue_most = 4; /* of which one tenant has one */
    open_with(&options);
    submit_text(id, "gate");
    wait_running(1);
    submit_text(id, "gate");
    sn_task_request request = {.query = "gate", .key = "again"};
    assert_int_equal(submit(refused, &request), SN_ERESOURCE_EXHAUSTED);
    sn_task task;
    assert_int_equal(sn_tasks_get(&task, tasks, refused, NULL), SN_ENOT_FOUND);
    open_gate();
    check_end(id, SN_TASK_COMPLETED, NULL, NULL);
    assert_int_equal(submit(refused, &request), 0); /* its key was not used up */
    check_end(refused, SN_TASK_COMPLETED, NULL, NULL);
}

static void test_many_events(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    submit_text(id, "many");
    sn_auto_free char *events = follow(id, 0);
    unsigned count = 0;
    for (const char *at = events; (at = strstr(at, "LLM_PARTIAL")); at++)
        count++;
    assert_true(count >= 3 && count < 500); /* 300,000 bytes, joined */
    assert_non_null(strstr(events, "WORKFLOW_COMPLETED"));
    assert_null(strstr(events, "\xef\xbf\xbd")); /* no character was torn */
}

static void test_list(void **state) {
    (void)state;
    char id[5][SN_TASK_ID_BYTES];
    sn_task_head *heads;
    size_t count, total;
    sn_tasks_options options = usual();
    open_with(&options);
    for (int i = 0; i < 5; i++) {
        const char *session = i % 2 ? "odd" : NULL;
        assert_int_equal(submit(id[i], &(sn_task_request){.query = i == 4 ? "fail" : "q",
                                                          .session_id = session}),
                         0);
        free(follow(id[i], 0));
    }
    sn_task_filter filter = {.limit = 2, .offset = 1};
    assert_int_equal(sn_tasks_list(&heads, &count, &total, tasks, &filter, NULL), 0);
    assert_true(count == 2 && total == 5);
    assert_string_equal(heads[0].id, id[3]); /* the newest first */
    free(heads);
    filter = (sn_task_filter){.session_id = "odd"};
    assert_int_equal(sn_tasks_list(&heads, &count, &total, tasks, &filter, NULL), 0);
    assert_true(count == 2 && total == 2);
    free(heads);
    filter = (sn_task_filter){.state = SN_TASK_FAILED};
    assert_int_equal(sn_tasks_list(&heads, &count, &total, tasks, &filter, NULL), 0);
    assert_true(count == 1 && total == 1);
    assert_string_equal(heads[0].id, id[4]);
    free(heads);
    filter = (sn_task_filter){.limit = SN_TASKS_PAGE_MOST + 1};
    assert_int_equal(sn_tasks_list(&heads, &count, &total, tasks, &filter, NULL),
                     SN_EINVALID_ARGUMENT);
}

static void test_stop(void **state) {
    (void)state;
    char runs[SN_TASK_ID_BYTES], waits[SN_TASK_ID_BYTES], late[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    options.running_most = 1;
    open_with(&options);
    submit_text(runs, "gate");
    wait_running(1);
    submit_text(waits, "gate");
    sn_tasks_stop(tasks, 0);
    check_end(runs, SN_TASK_FAILED, NULL, "interrupted");
    check_end(waits, SN_TASK_FAILED, NULL, "interrupted");
    assert_int_equal(submit(late, &(sn_task_request){.query = "q"}), SN_EUNAVAILABLE);
    sn_tasks_close(tasks);
    open_with(&options); /* and it is so afterwards, too */
    check_end(runs, SN_TASK_FAILED, NULL, "interrupted");
}

/* ---- plans ---- */

#define PLAN(text) "{\"steps\": [" text "]}"

static void submit_complex(char id[SN_TASK_ID_BYTES]) {
    assert_int_equal(
        submit(id, &(sn_task_request){.query = "the whole question", .mode = SN_MODE_COMPLEX}), 0);
}

static void test_plan(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    plans[0] = PLAN("{\"id\": \"c\", \"task\": \"third\", \"after\": [\"a\", \"b\"]},"
                    "{\"id\": \"a\", \"task\": \"gate a\"}, {\"id\": \"b\", \"task\": \"gate b\"}");
    submit_complex(id);
    wait_running(2); /* at once */
    open_gate();
    check_end(id, SN_TASK_COMPLETED, "all of it", NULL);
    assert_string_equal(order + strlen(order) - 6, "third;");
    assert_non_null(strstr(seen, "result of gate a"));
    assert_non_null(strstr(seen, "result of third"));
    assert_non_null(strstr(seen, "the whole question"));
    sn_task task = ended(id);
    assert_int_equal(task.head.usage.input_tokens, 50); /* plan, three steps, answer */
    assert_int_equal(json_array_size(task.plan), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(task.plan, 0), "state")),
                        "done");
    sn_task_clear(&task);
    sn_auto_free char *events = follow(id, 0);
    assert_non_null(strstr(events, "\"step\":\"c\""));
}

static void test_mended_plan(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    plans[0] = "I would rather not";
    plans[1] = PLAN("{\"id\": \"a\", \"task\": \"only\"}");
    submit_complex(id);
    check_end(id, SN_TASK_COMPLETED, "all of it", NULL);
    assert_string_equal(order, "only;");
}

static void test_no_plan(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    plans[0] = plans[1] = PLAN("{\"id\": \"a\", \"task\": \"x\", \"after\": [\"a\"]}");
    submit_complex(id);
    check_end(id, SN_TASK_COMPLETED, "the whole question", NULL); /* answered as it is */
    assert_int_equal(plans_asked, 2);
    sn_auto_free char *events = follow(id, 0);
    assert_non_null(strstr(events, "circle"));
}

static void test_failing_step(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_tasks_options options = usual();
    open_with(&options);
    plans[0] = PLAN("{\"id\": \"a\", \"task\": \"fail\"}, {\"id\": \"b\", \"task\": \"fine\"},"
                    "{\"id\": \"c\", \"task\": \"never\", \"after\": [\"a\"]}");
    submit_complex(id);
    check_end(id, SN_TASK_COMPLETED, "all of it", NULL);
    assert_string_equal(order, "fine;");
    assert_non_null(strstr(seen, "the step would not"));
    plans_asked = 0;
    plans[0] = PLAN("{\"id\": \"a\", \"task\": \"fail\"}");
    submit_complex(id);
    check_end(id, SN_TASK_FAILED, NULL, "the step would not");
}

static void test_cancelled_plan(void **state) {
    (void)state;
    char id[SN_TASK_ID_BYTES];
    sn_task_state now;
    sn_tasks_options options = usual();
    open_with(&options);
    plans[0] = PLAN("{\"id\": \"a\", \"task\": \"gate a\"}, {\"id\": \"b\", \"task\": \"gate b\"},"
                    "{\"id\": \"c\", \"task\": \"never\", \"after\": [\"a\"]}");
    submit_complex(id);
    wait_running(2);
    assert_int_equal(sn_tasks_cancel(&now, tasks, id, NULL, NULL), 0);
    check_end(id, SN_TASK_CANCELLED, NULL, NULL);
    assert_string_equal(order, "");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest cases[] = {
        CASE(test_one),
        CASE(test_bad),
        CASE(test_no_model),
        CASE(test_failure),
        CASE(test_cancel),
        CASE(test_timeout),
        CASE(test_keys),
        CASE(test_session_order),
        CASE(test_full),
        CASE(test_many_events),
        CASE(test_list),
        CASE(test_stop),
        CASE(test_plan),
        CASE(test_mended_plan),
        CASE(test_no_plan),
        CASE(test_failing_step),
        CASE(test_cancelled_plan),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
