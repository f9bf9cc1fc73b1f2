/* operations.c - the operations on sessions of shannon.h: here (local.h), or elsewhere. What works
 * with files and the store is only there where the sessions lie. */
#include "session/local.h"
#include "util/error.h"

#include <stdlib.h>

int sn_sessions_must_be_here(const sn_sessions *s, const char *what, sn_error *err) {
    if (!s->elsewhere)
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT, "%s does not go over gRPC", what);
    sn_hint(err, "run it on the machine where the sessions lie, without AGENT_CORE_ADDR");
    return SN_EINVALID_ARGUMENT;
}

void sn_sessions_close(sn_sessions *s) {
    if (s && s->elsewhere)
        s->elsewhere->close(s);
    else
        sn_local_sessions_close(s);
}

int sn_session_list(sn_session_info **out, size_t *count, sn_sessions *s, sn_error *err) {
    return s->elsewhere ? s->elsewhere->list(out, count, s, err)
                        : sn_local_session_list(out, count, s, err);
}

int sn_session_show(sn_session_info **out, sn_sessions *s, const char *id, sn_error *err) {
    return s->elsewhere ? s->elsewhere->show(out, s, id, err)
                        : sn_local_session_show(out, s, id, err);
}

int sn_session_describe(sn_session_info **out, sn_sessions *s, const char *id, sn_error *err) {
    return s->elsewhere ? s->elsewhere->describe(out, s, id, err)
                        : sn_local_session_describe(out, s, id, err);
}

int sn_session_fork(sn_sessions *s, const char *id, uint64_t step, const char *new_id,
                    sn_error *err) {
    return s->elsewhere ? s->elsewhere->fork(s, id, step, new_id, err)
                        : sn_local_session_fork(s, id, step, new_id, err);
}

int sn_session_rewind(sn_sessions *s, const char *id, uint64_t step, sn_error *err) {
    return s->elsewhere ? s->elsewhere->rewind(s, id, step, err)
                        : sn_local_session_rewind(s, id, step, err);
}

int sn_session_delete(sn_sessions *s, const char *id, sn_error *err) {
    return s->elsewhere ? s->elsewhere->remove(s, id, err) : sn_local_session_delete(s, id, err);
}

int sn_session_clear(size_t *count, sn_sessions *s, sn_error *err) {
    sn_session_info *infos;
    size_t infos_count;
    *count = 0;
    int rc = sn_session_list(&infos, &infos_count, s, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < infos_count; i++) {
        rc = sn_session_delete(s, infos[i].id, err);
        *count += rc == 0;
        if (rc == SN_ENOT_FOUND)
            rc = 0; /* somebody else was faster */
    }
    sn_session_info_free(infos, infos_count);
    return rc;
}

int sn_session_export(sn_sessions *s, const char *id, int fd, sn_error *err) {
    return s->elsewhere ? s->elsewhere->export_to(s, id, fd, err)
                        : sn_local_session_export(s, id, fd, err);
}

int sn_session_import(sn_sessions *s, const char *id, int fd, char **made_id, sn_error *err) {
    return s->elsewhere ? s->elsewhere->import_from(s, id, fd, made_id, err)
                        : sn_local_session_import(s, id, fd, made_id, err);
}

int sn_session_verify(sn_sessions *s, void (*report)(void *user, const char *line), void *user,
                      sn_error *err) {
    int rc = sn_sessions_must_be_here(s, "verify", err);
    return rc < 0 ? rc : sn_local_session_verify(s, report, user, err);
}

int sn_sessions_get_totals(sn_sessions_totals *out, sn_sessions *s, sn_error *err) {
    int rc = sn_sessions_must_be_here(s, "counting what sessions take", err);
    return rc < 0 ? rc : sn_local_sessions_get_totals(out, s, err);
}

void sn_sessions_tidy(sn_sessions *s) {
    if (!s->elsewhere)
        sn_local_sessions_tidy(s);
}

void sn_session_info_free(sn_session_info *infos, size_t count) {
    for (size_t i = 0; infos && i < count; i++) {
        for (size_t j = 0; j < infos[i].steps_count; j++)
            free(infos[i].steps[j].code);
        free(infos[i].steps);
        free(infos[i].id);
    }
    free(infos);
}
