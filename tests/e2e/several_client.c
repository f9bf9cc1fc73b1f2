/*
 * several_client.c - a program that executes from several threads at once, for tests of several
 * agent-cores.
 *
 *   several-client THREADS COUNT CODE [SESSION]
 *
 * COUNT executions together, where AGENT_CORE_ADDR says; "%d" in CODE and in SESSION is the number
 * of the execution. One line for each: its number, "ok" and its output, or the error's code and
 * message. Reads a line of its standard input before each execution if PACED is set.
 */
#include "shannon.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sn_executor *executor;
static int count;
static const char *code_form, *session_form;
static atomic_int next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* `form` with the number in place of "%d". */
static char *fill(const char *form, int number) {
    char *text = NULL;
    const char *at = strstr(form, "%d");
    if (at && asprintf(&text, "%.*s%d%s", (int)(at - form), form, number, at + 2) < 0)
        abort();
    return at ? text : strdup(form);
}

static void execute(int number) {
    sn_error err = SN_ERROR_INIT;
    sn_request request = SN_REQUEST_INIT;
    sn_result *result;
    char *code = fill(code_form, number);
    char *session = session_form ? fill(session_form, number) : NULL;
    request.code = code;
    request.code_bytes = strlen(code);
    request.session_id = session;
    int rc = sn_execute(&result, executor, &request, NULL, NULL, &err);
    pthread_mutex_lock(&lock);
    if (rc < 0)
        printf("%d %s %s\n", number, sn_error_name(rc), err.message);
    else
        printf("%d %s %s%s", number, sn_status_name(result->status), result->stdout_text,
               result->stdout_bytes ? "" : "\n");
    fflush(stdout);
    pthread_mutex_unlock(&lock);
    if (rc == 0)
        sn_result_free(result);
    free(code);
    free(session);
}

static void *work(void *user) {
    char line[16];
    (void)user;
    for (;;) {
        int number = atomic_fetch_add(&next, 1);
        if (number >= count || (getenv("PACED") && !fgets(line, sizeof line, stdin)))
            return NULL;
        execute(number);
    }
}

int main(int argc, char **argv) {
    enum { THREADS_MOST = 64 };
    pthread_t threads[THREADS_MOST];
    sn_error err = SN_ERROR_INIT;
    if (argc < 4)
        return 2;
    int threads_count = atoi(argv[1]) < THREADS_MOST ? atoi(argv[1]) : THREADS_MOST;
    count = atoi(argv[2]);
    code_form = argv[3];
    session_form = argc > 4 ? argv[4] : NULL;
    if (sn_executor_open(&executor, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = 0; i < threads_count; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < threads_count; i++)
        pthread_join(threads[i], NULL);
    sn_executor_close(executor);
    return 0;
}
