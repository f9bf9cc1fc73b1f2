/*
 * migrate.c - carries a session over to another interpreter than the one it was made with: a state
 * is of no use to it, so the session's steps are run again, from the first, with a fixed seed and
 * clock. See shannon.h.
 */
#include "session/sessions.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>

static int cannot(sn_error *err, const char *id, const char *why) {
    sn_fail(err, SN_EUNAVAILABLE, "session '%s' cannot be migrated: %s", id, why);
    return sn_hint(err, "it is kept as it is, for the interpreter that it was made with");
}

/* Every step from the first must be there. */
static int check(const sn_session_info *info, sn_error *err) {
    if (info->usable)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "session '%s' needs no migration: its interpreter is the one that is here",
                       info->id);
    for (size_t i = 0; i < info->steps_count; i++)
        if (info->steps[i].step != i + 1)
            return cannot(err, info->id,
                          "steps of its history were thinned out, or it was imported");
    return 0;
}

static int run_again(sn_executor *executor, const char *id, const char *copy,
                     const sn_session_step *step, sn_error *err) {
    const sn_deterministic fixed = {.seed = step->step, .time = step->time};
    sn_request request = SN_REQUEST_INIT;
    sn_result *result;
    request.code = step->code;
    request.code_bytes = strlen(step->code);
    request.session_id = copy;
    request.deterministic = &fixed;
    int rc = sn_execute(&result, executor, &request, NULL, NULL, err);
    if (rc < 0)
        return rc;
    if (result->status != step->status || result->unsaved) {
        sn_auto_free char *why =
            sn_format("step %llu was '%s', and is '%s' when it is run again%s%s",
                      (unsigned long long)step->step, sn_status_name(step->status),
                      sn_status_name(result->status), result->error_value ? ": " : "",
                      result->error_value ? result->error_value : "");
        rc = cannot(err, id, why);
    }
    sn_result_free(result);
    return rc;
}

/* The copy takes the session's place. */
static int replace(sn_sessions *s, const char *id, const char *copy, sn_error *err) {
    sn_record old = {0}, made = {0};
    int rc = sn_lock_take(s->locks, id, (uint64_t)(s->options.wait_seconds * 1e9), -1, err);
    if (rc < 0)
        return rc;
    rc = sn_store_get(&old, s->store, id, err);
    if (rc == 0)
        rc = sn_store_get(&made, s->store, copy, err);
    if (rc == 0) {
        snprintf(made.id, sizeof made.id, "%s", id);
        made.created_ms = old.created_ms;
        rc = sn_store_put(s->store, &made, NULL, err);
    }
    sn_sessions_cool(s, id);
    sn_record_clear(&old);
    sn_record_clear(&made);
    sn_lock_release(s->locks, id);
    return rc;
}

int sn_session_migrate(sn_executor *executor, const char *id, sn_error *err) {
    sn_sessions *sessions = sn_executor_sessions(executor, err);
    sn_session_info *info;
    if (!sessions)
        return err ? err->code : SN_EUNAVAILABLE;
    int rc = sn_sessions_must_be_here(sessions, "migrate", err);
    if (rc == 0)
        rc = sn_session_show(&info, sessions, id, err);
    if (rc < 0)
        return rc;
    sn_auto_free char *copy =
        sn_format("migrating-%llx", (unsigned long long)sn_now_ns() ^ (uint64_t)getpid());
    rc = check(info, err);
    for (size_t i = 0; rc == 0 && i < info->steps_count; i++)
        rc = run_again(executor, id, copy, &info->steps[i], err);
    if (rc == 0)
        rc = replace(sessions, id, copy, err);
    (void)!sn_session_delete(sessions, copy, NULL);
    sn_session_info_free(info, 1);
    return rc;
}
