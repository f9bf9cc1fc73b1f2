/* store_test.c - tasks in a real LMDB, in a folder of their own. */
#include "test.h"

#include "orchestrator/record.h"
#include "orchestrator/store.h"
#include "service/log.h"
#include "util/auto.h"
#include "util/io.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

static const uint8_t prints[2][16] = {"a", "b"};
static unsigned interrupted;
static char existing[SN_TASK_ID_BYTES];

static void count_interrupted(void *user, const sn_task_head *head) {
    (void)user, (void)head;
    interrupted++;
}

static int setup(void **state) {
    char folder[] = "/tmp/shannon-tasks-XXXXXX";
    assert_non_null(mkdtemp(folder));
    *state = strdup(folder);
    interrupted = 0;
    return 0;
}

static int teardown(void **state) {
    sn_remove_tree(*state);
    free(*state);
    return 0;
}

static sn_task_store *open_with(void **state, uint64_t most, uint64_t bytes) {
    sn_task_store_options options = SN_TASK_STORE_OPTIONS_INIT;
    sn_task_store *store;
    sn_error err = SN_ERROR_INIT;
    options.folder = *state;
    options.on_interrupted = count_interrupted;
    if (most)
        options.tasks_most = most;
    if (bytes)
        options.bytes_most = bytes;
    if (sn_task_store_open(&store, &options, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

static sn_task make(const char *query) {
    sn_task task = {.query = strdup(query)};
    sn_task_make_id(task.head.id);
    task.head.state = SN_TASK_QUEUED;
    task.head.mode = SN_MODE_STANDARD;
    task.head.created_ms = sn_task_now_ms();
    strcpy(task.head.why, "one_step");
    strcpy(task.head.tenant, "t");
    return task;
}

static int add(sn_task_store *store, const sn_task *task, int print, sn_error *err) {
    return sn_task_store_add(existing, store, task, prints[print], err);
}

/* Its id is what is left of it. */
static void put(char id[SN_TASK_ID_BYTES], sn_task_store *store, const char *query, bool ended) {
    sn_task task = make(query);
    sn_task_events events = {0};
    sn_error err = SN_ERROR_INIT;
    memcpy(id, task.head.id, SN_TASK_ID_BYTES);
    if (add(store, &task, 0, &err) != 0)
        fail_msg("%s", err.message);
    if (ended) {
        task.head.state = SN_TASK_COMPLETED;
        task.head.ended_ms = task.head.created_ms;
        task.result = strdup("done");
        assert_int_equal(sn_task_store_finish(store, &task, &events, &err), 0);
    }
    sn_task_clear(&task);
}

static int state_of(sn_task_store *store, const char *id) {
    sn_task task;
    int rc = sn_task_store_get(&task, store, id, NULL);
    int got = rc < 0 ? rc : (int)task.head.state;
    if (rc == 0)
        sn_task_clear(&task);
    return got;
}

static void test_all_of_it(void **state) {
    sn_task_store *store = open_with(state, 0, 0);
    sn_task task = make("quotes \" and \n\x01 \xc3\xa9"), got;
    sn_task_events events = {0}, kept;
    task.context = json_pack("{s:i}", "a", 1);
    strcpy(task.head.session_id, "s");
    strcpy(task.head.user_id, "u");
    strcpy(task.head.key, "k");
    assert_int_equal(add(store, &task, 0, NULL), 0);
    task.head.state = SN_TASK_RUNNING;
    task.head.progress = 0.25;
    assert_int_equal(sn_task_store_update(store, &task.head, NULL), 0);
    assert_int_equal(state_of(store, task.head.id), SN_TASK_RUNNING);
    assert_int_equal(sn_task_store_events(&kept, store, task.head.id, NULL), 0);
    assert_int_equal(kept.count, 0);
    task.head.state = SN_TASK_FAILED;
    task.head.calls = 3;
    task.head.usage = (sn_model_usage){5, UINT64_C(1) << 40};
    strcpy(task.head.error, "no");
    task.result = strdup("r");
    task.calls = json_pack("[{s:s}]", "code", "1");
    assert_true(sn_task_events_add(&events, SN_TASK_STARTED, task.head.id, NULL));
    assert_true(sn_task_events_add(&events, SN_TASK_ENDED, task.head.id, NULL));
    assert_int_equal(sn_task_store_finish(store, &task, &events, NULL), 0);
    sn_task_store_close(store);

    store = open_with(state, 0, 0);
    assert_int_equal(interrupted, 0);
    assert_int_equal(sn_task_store_get(&got, store, task.head.id, NULL), 0);
    assert_memory_equal(&got.head, &task.head, offsetof(sn_task_head, why));
    assert_string_equal(got.head.session_id, "s");
    assert_string_equal(got.head.error, "no");
    assert_string_equal(got.query, task.query);
    assert_string_equal(got.result, "r");
    assert_true(json_equal(got.context, task.context) && json_equal(got.calls, task.calls));
    assert_int_equal(sn_task_store_events(&kept, store, task.head.id, NULL), 0);
    assert_int_equal(kept.count, 2);
    assert_string_equal(kept.last->data, events.last->data);
    sn_task_events_clear(&kept);
    sn_task_events_clear(&events);
    sn_task_clear(&got);
    sn_task_clear(&task);
    sn_task_store_close(store);
}

static void test_not_there(void **state) {
    sn_task_store *store = open_with(state, 0, 0);
    char id[SN_TASK_ID_BYTES];
    sn_task_make_id(id);
    assert_int_equal(state_of(store, id), SN_ENOT_FOUND);
    assert_int_equal(state_of(store, ""), SN_ENOT_FOUND);
    assert_int_equal(state_of(store, "../../etc/passwd"), SN_ENOT_FOUND);
    sn_task_store_close(store);
}

static void test_one_process(void **state) {
    sn_task_store *store = open_with(state, 0, 0), *other;
    sn_task_store_options options = SN_TASK_STORE_OPTIONS_INIT;
    sn_error err = SN_ERROR_INIT;
    options.folder = *state;
    assert_int_equal(sn_task_store_open(&other, &options, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "another process"));
    assert_int_equal(sn_task_store_open(&other, &options, NULL), SN_EUNAVAILABLE);
    sn_task_store_close(store);
}

static void test_interrupted(void **state) {
    sn_task_store *store = open_with(state, 0, 0);
    char waits[SN_TASK_ID_BYTES], ended[SN_TASK_ID_BYTES];
    sn_task_events events;
    sn_task task;
    put(waits, store, "waits", false);
    put(ended, store, "ended", true);
    sn_task_store_close(store); /* what a process that dies leaves is the same */
    store = open_with(state, 0, 0);
    assert_int_equal(interrupted, 1);
    assert_int_equal(state_of(store, ended), SN_TASK_COMPLETED);
    assert_int_equal(sn_task_store_get(&task, store, waits, NULL), 0);
    assert_int_equal(task.head.state, SN_TASK_FAILED);
    assert_true(task.head.is_interrupted && task.head.ended_ms > 0);
    assert_string_equal(task.head.error, SN_TASK_INTERRUPTED);
    assert_string_equal(task.query, "waits");
    assert_int_equal(sn_task_store_events(&events, store, waits, NULL), 0);
    assert_non_null(sn_task_events_after(&events, 123456));
    assert_int_equal(events.last->type, SN_TASK_ENDED);
    sn_task_events_clear(&events);
    sn_task_clear(&task);
    sn_task_store_close(store);
}

static int collect(void *user, const sn_task_head *head) {
    strcat(user, head->key);
    return 0;
}

static void test_room(void **state) {
    sn_task_store *store = open_with(state, 3, 0);
    sn_error err = SN_ERROR_INIT;
    char id[5][SN_TASK_ID_BYTES];
    put(id[0], store, "goes on", false);
    put(id[1], store, "first", true);
    put(id[2], store, "second", true);
    put(id[3], store, "one too many", false);
    assert_int_equal(state_of(store, id[1]), SN_ENOT_FOUND);
    assert_int_equal(state_of(store, id[0]), SN_TASK_QUEUED);
    put(id[4], store, "again", false);
    assert_int_equal(state_of(store, id[2]), SN_ENOT_FOUND);
    sn_task task = make("no room");
    assert_int_equal(add(store, &task, 0, &err), SN_ERESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.hint, "SHANNON_TASKS"));
    assert_int_equal(state_of(store, task.head.id), SN_ENOT_FOUND);
    assert_int_equal(sn_task_store_count(store), 3);
    sn_task_clear(&task);
    sn_task_store_close(store);
}

static void test_bytes(void **state) {
    sn_task_store *store = open_with(state, 0, 4 << 20);
    char *query = malloc(100001), id[SN_TASK_ID_BYTES], first[SN_TASK_ID_BYTES];
    memset(query, 'q', 100000);
    query[100000] = '\0';
    put(first, store, query, true);
    for (int i = 0; i < 100; i++) { /* 10 MB */
        put(id, store, query, true);
        assert_true(sn_task_store_bytes(store) < (4 << 20) + 200000);
    }
    assert_int_equal(state_of(store, first), SN_ENOT_FOUND);
    assert_int_equal(state_of(store, id), SN_TASK_COMPLETED);
    assert_true(sn_task_store_count(store) > 30);
    free(query);
    sn_task_store_close(store);
}

static void test_tidy(void **state) {
    sn_task_store *store = open_with(state, 0, 0);
    char ended[SN_TASK_ID_BYTES], waits[SN_TASK_ID_BYTES];
    put(ended, store, "ended", true);
    put(waits, store, "waits", false);
    int64_t now = sn_task_now_ms();
    assert_int_equal(sn_task_store_tidy(store, now + 86000 * 1000, NULL), 0);
    assert_int_equal(sn_task_store_tidy(store, now + 86401 * 1000, NULL), 1);
    assert_int_equal(state_of(store, ended), SN_ENOT_FOUND);
    assert_int_equal(state_of(store, waits), SN_TASK_QUEUED);
    assert_int_equal(sn_task_store_count(store), 1);
    sn_task_store_close(store);
}

static void test_keys(void **state) {
    sn_task_store *store = open_with(state, 0, 0);
    sn_error err = SN_ERROR_INIT;
    sn_task one = make("one"), again = make("one"), other = make("other"), later = make("later");
    strcpy(one.head.key, "k");
    strcpy(again.head.key, "k");
    strcpy(other.head.key, "k");
    strcpy(later.head.key, "k");
    assert_int_equal(add(store, &one, 0, NULL), 0);
    assert_int_equal(add(store, &again, 0, NULL), 1);
    assert_string_equal(existing, one.head.id);
    assert_int_equal(state_of(store, again.head.id), SN_ENOT_FOUND);
    assert_int_equal(add(store, &other, 1, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, one.head.id));
    strcpy(other.head.tenant, "another"); /* whose keys are its own */
    assert_int_equal(add(store, &other, 1, NULL), 0);
    later.head.created_ms += 86401 * 1000;
    assert_int_equal(add(store, &later, 1, NULL), 0);
    char keys[16] = "";
    assert_int_equal(sn_task_store_each(store, collect, keys, NULL), 0);
    assert_string_equal(keys, "kkk");
    /* The first one's key is the later one's by now, and stays so when the first one goes. */
    sn_task_events events = {0};
    one.head.state = SN_TASK_COMPLETED;
    one.head.ended_ms = 1;
    assert_int_equal(sn_task_store_finish(store, &one, &events, NULL), 0);
    assert_int_equal(sn_task_store_tidy(store, sn_task_now_ms(), NULL), 1);
    again.head.created_ms = later.head.created_ms;
    assert_int_equal(add(store, &again, 1, NULL), 1);
    assert_string_equal(existing, later.head.id);
    sn_task_clear(&one), sn_task_clear(&again), sn_task_clear(&other), sn_task_clear(&later);
    sn_task_store_close(store);
}

/* Behind the store's back. */
static void overwrite(const char *folder, const char *database, const char *id, const char *bytes) {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {strlen(id), (void *)id}, value = {strlen(bytes), (void *)bytes};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 5), 0);
    assert_int_equal(mdb_env_open(env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, database, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_damage(void **state) {
    sn_task_store *store = open_with(state, 0, 0);
    char head[SN_TASK_ID_BYTES], input[SN_TASK_ID_BYTES], events[SN_TASK_ID_BYTES];
    sn_task_events kept;
    put(head, store, "its head", true);
    put(input, store, "its input", true);
    put(events, store, "its events", true);
    sn_task_store_close(store);
    overwrite(*state, "heads", head, "rubbish");
    overwrite(*state, "heads", "no id at all", "");
    overwrite(*state, "inputs", input, "STK1............................");
    overwrite(*state, "events", events, "[]");
    sn_auto_free char *log = sn_format("%s/log", (char *)*state);
    sn_auto_fd int fd = open(log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    sn_log_set_fd(fd);
    store = open_with(state, 3, 0);
    sn_log_set_fd(2);
    char said[4096] = "";
    assert_true(pread(fd, said, sizeof said - 1, 0) > 0);
    assert_non_null(strstr(said, head));
    assert_int_equal(state_of(store, head), SN_EUNAVAILABLE);
    assert_int_equal(state_of(store, input), SN_EUNAVAILABLE);
    assert_int_equal(sn_task_store_events(&kept, store, events, NULL), SN_EUNAVAILABLE);
    char keys[16] = "";
    assert_int_equal(sn_task_store_each(store, collect, keys, NULL), 0);
    /* It is full; what is damaged makes room. */
    put(input, store, "one more", false);
    assert_int_equal(state_of(store, head), SN_ENOT_FOUND);
    sn_task_store_close(store);
}

static void test_no_environment(void **state) {
    sn_auto_free char *path = sn_format("%s/data.mdb", (char *)*state);
    sn_task_store_options options = SN_TASK_STORE_OPTIONS_INIT;
    sn_task_store *store;
    sn_error err = SN_ERROR_INIT;
    char rubbish[8192];
    memset(rubbish, 'x', sizeof rubbish);
    assert_int_equal(sn_replace_file(path, rubbish, sizeof rubbish, NULL), 0);
    options.folder = *state;
    assert_int_equal(sn_task_store_open(&store, &options, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.hint, "move the folder"));
}

static void test_events_are_bounded(void **state) {
    (void)state;
    sn_task_events events = {0}, back;
    char id[SN_TASK_ID_BYTES], *text = malloc(10001);
    sn_task_make_id(id);
    for (int i = 0; i < 3000; i++)
        assert_true(sn_task_events_add(&events, SN_TASK_PARTIAL, id, NULL));
    assert_int_equal(events.count, SN_TASK_EVENTS_MOST);
    assert_int_equal(sn_task_events_after(&events, 0)->number, 2001);
    assert_int_equal(sn_task_events_after(&events, 2999)->number, 3000);
    assert_null(sn_task_events_after(&events, 3000));
    assert_null(sn_task_events_after(&events, UINT64_MAX));
    memset(text, 'x', 10000);
    text[10000] = '\0';
    for (int i = 0; i < 300; i++)
        assert_true(
            sn_task_events_add(&events, SN_TASK_PARTIAL, id, json_pack("{s:s}", "message", text)));
    assert_true(events.bytes <= SN_TASK_EVENTS_MOST_BYTES && events.count > 90);
    json_t *json = sn_task_events_json(&events);
    assert_int_equal(sn_task_events_of_json(&back, json, NULL), 0);
    assert_true(back.bytes <= SN_TASK_EVENTS_KEPT_BYTES && back.count > 20);
    assert_int_equal(back.last->number, 3300);
    json_decref(json);
    sn_task_events_clear(&back);
    sn_task_events_clear(&events);
    assert_int_equal(sn_task_events_of_json(&back, NULL, NULL), SN_EUNAVAILABLE);
    free(text);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_all_of_it),
        CASE(test_not_there),
        CASE(test_one_process),
        CASE(test_interrupted),
        CASE(test_room),
        CASE(test_bytes),
        CASE(test_tidy),
        CASE(test_keys),
        CASE(test_damage),
        CASE(test_no_environment),
        CASE(test_events_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
