/*
 * model_client.c - asks models for model_test.py. The first line of standard input is the model's
 * options, each further one a question, and each is answered by a line: what came of it, the
 * pieces that were streamed, how long it took, and how many descriptors are open. A question with
 * "at_once" is asked by so many threads, and answered by a list.
 */
#include "model/model.h"
#include "util/auto.h"
#include "util/io.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { AT_ONCE_MOST = 64 };

#define MS UINT64_C(1000000)

static const char *text(const json_t *json, const char *key) {
    return json_string_value(json_object_get(json, key));
}

static double number(const json_t *json, const char *key, double usual) {
    const json_t *value = json_object_get(json, key);
    return json_is_number(value) ? json_number_value(value) : usual;
}

static char *copy(const json_t *json, const char *key) {
    return text(json, key) ? strdup(text(json, key)) : NULL;
}

/* ---- questions ---- */

static sn_role role_of(const char *name) {
    static const char *const names[] = {"system", "user", "assistant", "tool"};
    for (size_t i = 0; i < SN_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (sn_role)i;
    abort();
}

static sn_message read_message(const json_t *json) {
    const json_t *uses = json_object_get(json, "uses");
    sn_message m = {.role = role_of(text(json, "role")),
                    .text = copy(json, "text"),
                    .use_id = copy(json, "use_id"),
                    .is_error = json_is_true(json_object_get(json, "is_error")),
                    .verbatim = json_deep_copy(json_object_get(json, "verbatim"))};
    m.uses_count = json_array_size(uses);
    m.uses = calloc(m.uses_count + 1, sizeof *m.uses);
    for (size_t i = 0; i < m.uses_count; i++) {
        const json_t *use = json_array_get(uses, i);
        m.uses[i] = (sn_tool_use){copy(use, "id"), copy(use, "name"), copy(use, "arguments")};
    }
    return m;
}

typedef struct call {
    sn_model *model;
    const json_t *json;
    json_t *pieces;
    size_t stop_after; /* pieces; 0: never */
    json_t *result;
} call;

static int on_text(void *user, const char *piece, size_t bytes) {
    call *c = user;
    json_array_append_new(c->pieces, json_stringn(piece, bytes));
    return c->stop_after && json_array_size(c->pieces) >= c->stop_after;
}

static int timer(double ms) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    uint64_t ns = (uint64_t)(ms * (double)MS);
    ns = ns ? ns : 1;
    struct itimerspec spec = {.it_value = {(time_t)(ns / (1000 * MS)), (long)(ns % (1000 * MS))}};
    timerfd_settime(fd, 0, &spec, NULL);
    return fd;
}

/* ---- answers ---- */

static json_t *reply_json(const sn_model_reply *r) {
    json_t *uses = json_array();
    for (size_t i = 0; i < r->message.uses_count; i++) {
        const sn_tool_use *use = &r->message.uses[i];
        json_array_append_new(uses, json_pack("{s:s, s:s, s:s}", "id", use->id, "name", use->name,
                                              "arguments", use->arguments));
    }
    return json_pack("{s:s?, s:o, s:s, s:s, s:I, s:I, s:O?}", "text", r->message.text, "uses", uses,
                     "finish", sn_finish_name(r->finish), "model", r->model, "input_tokens",
                     (json_int_t)r->usage.input_tokens, "output_tokens",
                     (json_int_t)r->usage.output_tokens, "verbatim", r->message.verbatim);
}

static int count_fds(void) {
    int count = -3; /* ".", "..", and the folder itself */
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void *ask(void *user) {
    call *c = user;
    const json_t *messages = json_object_get(c->json, "messages");
    const json_t *tools = json_object_get(c->json, "tools");
    size_t messages_count = json_array_size(messages), tools_count = json_array_size(tools);
    sn_message said[messages_count + 1];
    sn_model_tool offered[tools_count + 1];
    double cancel_ms = number(c->json, "cancel_ms", NAN);
    double deadline_ms = number(c->json, "deadline_ms", NAN);
    sn_auto_fd int cancel_fd = isnan(cancel_ms) ? -1 : timer(cancel_ms);
    sn_error err = SN_ERROR_INIT;
    sn_model_reply reply;
    for (size_t i = 0; i < messages_count; i++)
        said[i] = read_message(json_array_get(messages, i));
    for (size_t i = 0; i < tools_count; i++) {
        const json_t *tool = json_array_get(tools, i);
        offered[i] = (sn_model_tool){text(tool, "name"), text(tool, "description"),
                                     json_object_get(tool, "input_schema")};
    }
    uint64_t began = sn_now_ns();
    sn_model_request request = {
        .model = text(c->json, "model"),
        .messages = said,
        .messages_count = messages_count,
        .tools = offered,
        .tools_count = tools_count,
        .no_calls = json_is_true(json_object_get(c->json, "no_calls")),
        .temperature = number(c->json, "temperature", -1),
        .max_tokens = (unsigned)number(c->json, "max_tokens", 0),
        .deadline_ns = isnan(deadline_ms) ? 0 : began + (uint64_t)(deadline_ms * (double)MS),
        .cancel_fd = cancel_fd,
        .request_id = text(c->json, "request_id"),
        .on_text = json_is_true(json_object_get(c->json, "stream")) ? on_text : NULL,
        .user = c};
    c->stop_after = (size_t)number(c->json, "stop_after", 0);
    int rc = sn_model_ask(&reply, c->model, &request, &err);
    double ms = (double)(sn_now_ns() - began) / (double)MS;
    for (size_t i = 0; i < messages_count; i++)
        sn_message_clear(&said[i]);
    json_t *what = rc == 0 ? reply_json(&reply)
                           : json_pack("{s:s, s:s, s:s}", "code", sn_error_name(rc), "message",
                                       err.message, "hint", err.hint);
    c->result = json_pack("{s:o, s:O, s:i, s:f, s:i}", rc == 0 ? "reply" : "error", what, "pieces",
                          c->pieces, "tries", (int)reply.tries, "ms", ms, "fds", count_fds());
    sn_model_reply_clear(&reply);
    return NULL;
}

static void say(json_t *json) {
    sn_auto_free char *line = json_dumps(json, JSON_COMPACT);
    puts(line);
    fflush(stdout);
    json_decref(json);
}

static void answer(sn_model *model, const json_t *json) {
    size_t at_once = (size_t)number(json, "at_once", 1);
    pthread_t threads[AT_ONCE_MOST];
    call calls[AT_ONCE_MOST];
    json_t *results = json_array();
    for (size_t i = 0; i < at_once && i < AT_ONCE_MOST; i++) {
        calls[i] = (call){.model = model, .json = json, .pieces = json_array()};
        pthread_create(&threads[i], NULL, ask, &calls[i]);
    }
    for (size_t i = 0; i < at_once && i < AT_ONCE_MOST; i++) {
        pthread_join(threads[i], NULL);
        json_array_append_new(results, calls[i].result);
        json_decref(calls[i].pieces);
    }
    say(json_object_get(json, "at_once") ? json_incref(results)
                                         : json_incref(json_array_get(results, 0)));
    json_decref(results);
}

static json_t *next_line(void) {
    sn_auto_free char *line = NULL;
    size_t size = 0;
    if (getline(&line, &size, stdin) < 0)
        return NULL;
    json_t *json = json_loads(line, JSON_ALLOW_NUL, NULL);
    if (!json)
        abort();
    return json;
}

int main(void) {
    sn_error err = SN_ERROR_INIT;
    sn_model *model;
    json_t *given = next_line(), *question;
    sn_model_options options = SN_MODEL_OPTIONS_INIT;
    options.base_url = text(given, "base_url");
    options.api_key = text(given, "api_key");
    options.model = text(given, "model");
    options.api = text(given, "api");
    options.ca_path = text(given, "ca_path");
    options.retries = (unsigned)number(given, "retries", options.retries);
    options.calls_most = (unsigned)number(given, "calls_most", options.calls_most);
    options.pause_ns = (uint64_t)(number(given, "pause_ms", 500) * (double)MS);
    options.timeout_ns = (uint64_t)(number(given, "timeout_ms", 20000) * (double)MS);
    options.idle_ns = (uint64_t)(number(given, "idle_ms", 10000) * (double)MS);
    int rc = sn_model_open(&model, &options, &err);
    say(json_pack("{s:s, s:s, s:s}", "code", sn_error_name(rc), "message", err.message, "hint",
                  err.hint));
    json_decref(given);
    while (rc == 0 && (question = next_line())) {
        answer(model, question);
        json_decref(question);
    }
    sn_model_close(model);
    return 0;
}
