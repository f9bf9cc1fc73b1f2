/* several_sessions.c - sessions on several machines, each on one of them. See several.h and
 * whereabouts.h. */
#include "executor/remote_transfer.h"
#include "executor/several.h"
#include "session/sessions.h"
#include "util/auto.h"
#include "util/error.h"

#include <string.h>

typedef struct sessions_of_several {
    sn_sessions base;
    sn_several *several;
    bool owns_several;
} sessions_of_several;

static sn_several *several_of(sn_sessions *base) {
    return ((sessions_of_several *)base)->several;
}

/* ---- lists ---- */

enum { SESSIONS_MOST = 1 << 22 };

typedef struct infos {
    sn_session_info *all;
    size_t count;
} infos;

static int list_machine(infos *all, sn_machines *machines, size_t machine, sn_error *err) {
    infos more;
    int rc = sn_machines_reach(machines, machine, err);
    if (rc == 0)
        rc = sn_session_list(&more.all, &more.count, machines->all[machine].sessions, err);
    if (rc == SN_EUNAVAILABLE)
        sn_machines_learn(machines, machine, SN_RPC_LOST);
    if (rc < 0)
        return rc;
    sn_session_info *grown = NULL;
    if (all->count + more.count <= SESSIONS_MOST)
        grown = realloc(all->all, (all->count + more.count + 1) * sizeof *grown);
    if (!grown) {
        sn_session_info_free(more.all, more.count);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the list of sessions");
    }
    memcpy(grown + all->count, more.all, more.count * sizeof *grown);
    all->all = grown;
    all->count += more.count;
    free(more.all);
    return 0;
}

/* By id; of one name, the one with the most steps is first. */
static int by_id(const void *a, const void *b) {
    const sn_session_info *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->step < y->step) - (x->step > y->step);
}

/* What only keeps a fork's name at its home is nobody's business. */
static void drop_doubles(infos *list) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool is_double = kept > 0 && strcmp(list->all[kept - 1].id, list->all[i].id) == 0;
        if (!is_double) {
            list->all[kept++] = list->all[i];
            continue;
        }
        free(list->all[i].id);
        free(list->all[i].steps);
    }
    list->count = kept;
}

/* A list that is not whole would be taken for one that is. */
static int list(sn_session_info **out, size_t *count, sn_sessions *base, sn_error *err) {
    sn_machines *machines = &several_of(base)->machines;
    infos all = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < machines->addresses.count; i++)
        rc = list_machine(&all, machines, i, err);
    if (rc < 0) {
        sn_session_info_free(all.all, all.count);
        return rc == SN_EUNAVAILABLE
                   ? sn_hint(err, "leave it out of AGENT_CORE_ADDR to see those of the others")
                   : rc;
    }
    qsort(all.all, all.count, sizeof *all.all, by_id);
    drop_doubles(&all);
    *out = all.all;
    *count = all.count;
    return 0;
}

/* ---- one of them ---- */

static int check_id(const char *id, sn_error *err) {
    if (id && sn_session_id_is_valid(id))
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT,
                   "a session's id must have 1 to %d characters of A-Za-z0-9._:-",
                   SN_SESSION_ID_MAX_BYTES);
}

/* Where it lies; where nobody has it, its home, which says so best. */
static int find(sn_found *out, sn_several *several, const char *id, sn_error *err) {
    int rc = check_id(id, err);
    if (rc == 0)
        rc = sn_whereabouts_find(out, &several->whereabouts, &several->machines, id, true, err);
    if (rc < 0 || out->is_there || !out->unasked.code)
        return rc;
    sn_fail(err, out->unasked.code, "session '%s' is not on those machines that answer: %s", id,
            out->unasked.message);
    return sn_hint(err, "it may lie there, and can be used when that one is back");
}

static sn_sessions *on(sn_several *several, size_t machine) {
    return several->machines.all[machine].sessions;
}

static int show(sn_session_info **out, sn_sessions *base, const char *id, sn_error *err) {
    sn_several *several = several_of(base);
    sn_found found;
    int rc = find(&found, several, id, err);
    return rc < 0 ? rc : sn_session_show(out, on(several, found.machine), id, err);
}

static int describe(sn_session_info **out, sn_sessions *base, const char *id, sn_error *err) {
    sn_several *several = several_of(base);
    sn_found found;
    int rc = find(&found, several, id, err);
    return rc < 0 ? rc : sn_session_describe(out, on(several, found.machine), id, err);
}

static int rewind_session(sn_sessions *base, const char *id, uint64_t step, sn_error *err) {
    sn_several *several = several_of(base);
    sn_found found;
    int rc = find(&found, several, id, err);
    return rc < 0 ? rc : sn_session_rewind(on(several, found.machine), id, step, err);
}

static int delete_session(sn_sessions *base, const char *id, sn_error *err) {
    sn_several *several = several_of(base);
    sn_found found;
    int rc = find(&found, several, id, err);
    if (rc < 0)
        return rc;
    sn_whereabouts_forget(&several->whereabouts, id);
    rc = sn_session_delete(on(several, found.machine), id, err);
    if (rc == 0 && !found.is_home) /* what kept its name there */
        (void)!sn_session_delete(on(several, sn_addresses_home(&several->machines.addresses, id)),
                                 id, NULL);
    return rc;
}

/* ---- forks ---- */

/* An empty session: made by an execution, and then rewound. */
static int keep_name(sn_several *several, size_t home, const char *id, sn_error *err) {
    sn_request request = SN_REQUEST_INIT;
    sn_result *result;
    sn_rpc_fate fate;
    request.code = "None";
    request.code_bytes = strlen(request.code);
    request.session_id = id;
    int rc = sn_machines_check(&several->machines, home, -1, err);
    if (rc == 0)
        rc = sn_remote_send(&result, &fate, several->machines.all[home].channel, &request, NULL,
                            NULL, err);
    if (rc < 0)
        return rc;
    if (result->unsaved)
        rc = sn_fail(err, SN_EUNAVAILABLE, "agent-core at %s cannot keep the name '%s': %s",
                     several->machines.addresses.all[home], id, result->unsaved);
    sn_result_free(result);
    return rc < 0 ? rc : sn_session_rewind(on(several, home), id, 0, err);
}

/* `new_id` must be free wherever it can be asked for. */
static int check_new(size_t *home, sn_several *several, const char *new_id, sn_error *err) {
    sn_found found;
    int rc = check_id(new_id, err);
    if (rc == 0)
        rc = sn_whereabouts_find(&found, &several->whereabouts, &several->machines, new_id, true,
                                 err);
    if (rc < 0)
        return rc;
    *home = found.machine;
    if (!found.is_there)
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT, "there is a session '%s' already", new_id);
    return sn_hint(err, "take another name, or delete the one that is there");
}

static int fork_session(sn_sessions *base, const char *id, uint64_t step, const char *new_id,
                        sn_error *err) {
    sn_several *several = several_of(base);
    sn_found found;
    size_t home;
    int rc = check_new(&home, several, new_id, err);
    if (rc == 0)
        rc = find(&found, several, id, err);
    if (rc < 0)
        return rc;
    bool is_elsewhere = found.is_there && found.machine != home;
    if (is_elsewhere)
        rc = keep_name(several, home, new_id, err);
    if (rc == 0)
        rc = sn_session_fork(on(several, found.machine), id, step, new_id, err);
    if (rc == 0)
        sn_whereabouts_keep(&several->whereabouts, new_id, found.machine);
    else if (is_elsewhere)
        (void)!sn_session_delete(on(several, home), new_id, NULL);
    return rc;
}

/* ---- files ---- */

static int export_session(sn_sessions *base, const char *id, int fd, sn_error *err) {
    sn_several *several = several_of(base);
    sn_found found;
    int rc = find(&found, several, id, err);
    return rc < 0 ? rc : sn_session_export(on(several, found.machine), id, fd, err);
}

/* Made at home, as any session is. */
static int import_session(sn_sessions *base, const char *id, int fd, char **made_id,
                          sn_error *err) {
    sn_several *several = several_of(base);
    sn_remote_file file = {.fd = -1};
    size_t home;
    int rc = id ? check_id(id, err) : 0;
    if (rc == 0)
        rc = sn_remote_file_open(&file, fd, err);
    const char *name = id ? id : file.transfer.id;
    if (rc == 0)
        rc = check_new(&home, several, name, err);
    if (rc == 0)
        rc = sn_remote_import(several->machines.all[home].channel, id, &file, made_id, err);
    if (rc == 0)
        sn_whereabouts_keep(&several->whereabouts, name, home);
    sn_remote_file_close(&file);
    return rc;
}

/* ---- life ---- */

static void close_sessions(sn_sessions *base) {
    sessions_of_several *s = (sessions_of_several *)base;
    if (s->owns_several)
        sn_several_disconnect(s->several);
    free(s);
}

sn_sessions *sn_several_sessions_on(sn_several *several, sn_error *err) {
    static const sn_sessions_elsewhere elsewhere = {
        .close = close_sessions,
        .list = list,
        .show = show,
        .describe = describe,
        .fork = fork_session,
        .rewind = rewind_session,
        .remove = delete_session,
        .export_to = export_session,
        .import_from = import_session,
    };
    sessions_of_several *s = calloc(1, sizeof *s);
    if (!s) {
        sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for sessions");
        return NULL;
    }
    s->base.elsewhere = &elsewhere;
    s->several = several;
    return &s->base;
}

int sn_several_sessions_open(sn_sessions **out, sn_addresses *addresses, const sn_place *place,
                             sn_error *err) {
    sn_several *several;
    int rc = sn_several_connect(&several, addresses, place, err);
    if (rc < 0)
        return rc;
    *out = sn_several_sessions_on(several, err);
    if (!*out) {
        sn_several_disconnect(several);
        return SN_ERESOURCE_EXHAUSTED;
    }
    ((sessions_of_several *)*out)->owns_several = true;
    return 0;
}
