/* whereabouts.c - see whereabouts.h. */
#include "executor/whereabouts.h"

#include "session/sessions.h"
#include "util/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- what is remembered ---- */

static sn_remembered *place_of(const sn_whereabouts *w, const char *id) {
    return &w->table[XXH3_64bits(id, strlen(id)) % SN_REMEMBERED];
}

/* SIZE_MAX: nothing is. */
static size_t recall(sn_whereabouts *w, const char *id) {
    pthread_mutex_lock(&w->lock);
    const sn_remembered *place = place_of(w, id);
    size_t machine = strcmp(place->id, id) == 0 ? place->machine : SIZE_MAX;
    pthread_mutex_unlock(&w->lock);
    return machine;
}

void sn_whereabouts_keep(sn_whereabouts *w, const char *id, size_t machine) {
    pthread_mutex_lock(&w->lock);
    sn_remembered *place = place_of(w, id);
    snprintf(place->id, sizeof place->id, "%s", id);
    place->machine = (uint8_t)machine;
    pthread_mutex_unlock(&w->lock);
}

void sn_whereabouts_forget(sn_whereabouts *w, const char *id) {
    pthread_mutex_lock(&w->lock);
    sn_remembered *place = place_of(w, id);
    if (strcmp(place->id, id) == 0)
        *place = (sn_remembered){0};
    pthread_mutex_unlock(&w->lock);
}

int sn_whereabouts_open(sn_whereabouts *out, sn_error *err) {
    *out = (sn_whereabouts){.lock = PTHREAD_MUTEX_INITIALIZER};
    out->table = calloc(SN_REMEMBERED, sizeof *out->table);
    return out->table ? 0 : sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for sessions");
}

void sn_whereabouts_close(sn_whereabouts *w) {
    free(w->table);
    w->table = NULL;
}

/* ---- asking ---- */

typedef enum answer { ABSENT, EMPTY, PRESENT } answer;

static int ask(answer *out, sn_machines *machines, size_t machine, const char *id, sn_error *err) {
    sn_session_info *info;
    int rc = sn_machines_reach(machines, machine, err);
    if (rc == 0)
        rc = sn_session_describe(&info, machines->all[machine].sessions, id, err);
    *out = ABSENT;
    if (rc == SN_ENOT_FOUND)
        return 0;
    if (rc == SN_EUNAVAILABLE || rc == SN_EDEADLINE_EXCEEDED)
        sn_machines_learn(machines, machine, SN_RPC_LOST);
    if (rc < 0)
        return rc;
    *out = info->step ? PRESENT : EMPTY;
    sn_session_info_free(info, 1);
    return 0;
}

static int unknown(const char *id, const char *where, const sn_error *why, sn_error *err) {
    sn_fail(err, why->code, "session '%s' %s: %s", id, where, why->message);
    return sn_hint(err, "a session lies on one machine; it can be used when that one is back");
}

static int at(sn_found *out, sn_whereabouts *w, const char *id, size_t machine, size_t home) {
    *out = (sn_found){.machine = machine, .is_there = true, .is_home = machine == home};
    sn_whereabouts_keep(w, id, machine);
    return 0;
}

/* 1: it is found. */
static int ask_others(sn_found *out, sn_whereabouts *w, sn_machines *machines, const char *id,
                      size_t home) {
    for (size_t i = 0; i < machines->addresses.count; i++) {
        answer said;
        sn_error why = SN_ERROR_INIT;
        if (i == home)
            continue;
        if (ask(&said, machines, i, id, &why) < 0) {
            out->unasked = why;
            continue;
        }
        if (said != ABSENT)
            return at(out, w, id, i, home) + 1;
    }
    return 0;
}

static int search(sn_found *out, sn_whereabouts *w, sn_machines *machines, const char *id,
                  size_t home, sn_error *err) {
    answer said;
    sn_error why = SN_ERROR_INIT;
    *out = (sn_found){.machine = home, .is_home = true};
    if (ask(&said, machines, home, id, &why) < 0)
        return unknown(id, "lies on a machine that is not there", &why, err);
    if (said == PRESENT)
        return at(out, w, id, home, home);
    if (ask_others(out, w, machines, id, home))
        return 0;
    if (said == EMPTY && out->unasked.code)
        return unknown(id, "may lie on a machine that is not there", &out->unasked, err);
    out->is_there = said == EMPTY;
    return 0;
}

int sn_whereabouts_find(sn_found *out, sn_whereabouts *w, sn_machines *machines, const char *id,
                        bool afresh, sn_error *err) {
    size_t home = sn_addresses_home(&machines->addresses, id), known = recall(w, id);
    answer said;
    sn_error why = SN_ERROR_INIT;
    if (known == home && !afresh)
        return at(out, w, id, home, home);
    if (known == SIZE_MAX || known == home)
        return search(out, w, machines, id, home, err);
    if (ask(&said, machines, known, id, &why) < 0)
        return unknown(id, "lies on a machine that is not there", &why, err);
    if (said != ABSENT)
        return at(out, w, id, known, home);
    sn_whereabouts_forget(w, id);
    return search(out, w, machines, id, home, err);
}
