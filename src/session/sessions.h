/*
 * sessions.h - sn_sessions: what an execution in a session goes through, and the operations on
 * sessions that need no execution.
 *
 * A *turn* is one execution's time in a session: it holds the session's lock from before the state
 * is looked at until after the step is on disk. States of sessions used lately are kept in memory,
 * so that the next turn need not read them; what is kept is bounded, and dropped when it was not
 * used for a while (sn_sessions_tidy).
 */
#ifndef SN_SESSION_SESSIONS_H
#define SN_SESSION_SESSIONS_H

#include "session/lock.h"
#include "session/state.h"
#include "session/store.h"

#include <pthread.h>

typedef struct sn_warm_state {
    char id[SN_SESSION_ID_MAX_BYTES + 1];
    uint64_t node; /* that it is the state of */
    uint64_t used_ns;
    sn_state *state;
} sn_warm_state;

enum { SN_WARM_STATES = 64 };

/* What is done with sessions that lie on another machine; shannon.h says what each does. */
typedef struct sn_sessions_elsewhere {
    void (*close)(sn_sessions *sessions);
    int (*list)(sn_session_info **out, size_t *count, sn_sessions *sessions, sn_error *err);
    int (*show)(sn_session_info **out, sn_sessions *sessions, const char *id, sn_error *err);
    int (*describe)(sn_session_info **out, sn_sessions *sessions, const char *id, sn_error *err);
    int (*fork)(sn_sessions *sessions, const char *id, uint64_t step, const char *new_id,
                sn_error *err);
    int (*rewind)(sn_sessions *sessions, const char *id, uint64_t step, sn_error *err);
    int (*remove)(sn_sessions *sessions, const char *id, sn_error *err);
    int (*export_to)(sn_sessions *sessions, const char *id, int fd, sn_error *err);
    int (*import_from)(sn_sessions *sessions, const char *id, int fd, char **made_id,
                       sn_error *err);
} sn_sessions_elsewhere;

struct sn_sessions {
    const sn_sessions_elsewhere *elsewhere; /* NULL: they lie here; else nothing below is set */
    sn_sessions_options options;            /* settled */
    char *home;
    sn_store *store;
    sn_locks *locks;
    const sn_image *image; /* NULL: no executor */
    pthread_mutex_t mutex; /* of what follows */
    sn_warm_state warm[SN_WARM_STATES];
    unsigned puts; /* since it was tidied */
};

/* SN_EINVALID_ARGUMENT: they lie elsewhere, and `what` is not done over gRPC. */
int sn_sessions_must_be_here(const sn_sessions *sessions, const char *what, sn_error *err);

/* As sn_session_show(), without the steps, which all have to be read for it. */
SN_WARN_UNUSED int sn_session_describe(sn_session_info **out, sn_sessions *sessions, const char *id,
                                       sn_error *err);

bool sn_session_id_is_valid(const char *id);
int64_t sn_now_ms(void);

/* ---- turns ---- */

typedef struct sn_turn {
    sn_sessions *sessions;
    sn_record record;
    bool is_new;
    sn_state *state; /* NULL: the base image */
    sn_changes changes;
} sn_turn;

/* Waits its turn and reads the session's state; a session that is not there begins at step 0, and
 * room is made for a step that is to be kept. SN_ERESOURCE_EXHAUSTED: in use, or there are too
 * many; SN_EUNAVAILABLE: its interpreter is not the one that there is now. */
SN_WARN_UNUSED int sn_turn_begin(sn_turn **out, sn_sessions *sessions, const char *id, bool keep,
                                 int cancel_fd, sn_error *err);

/* The last step. */
uint64_t sn_turn_step(const sn_turn *turn);

/* Makes a step of what `changes` say: on disk when it returns. An error: the session is as it was
 * before. */
SN_WARN_UNUSED int sn_turn_commit(sn_turn *turn, const void *code, size_t code_bytes,
                                  enum sn_status status, sn_error *err);

/* NULL is allowed. */
void sn_turn_end(sn_turn *turn);

/* ---- the rest of a state's life ---- */

/* Reads the state that a node and those below it say. `image` NULL: pages of linear memory are left
 * as what differs. */
SN_WARN_UNUSED int sn_state_read(sn_state **out, sn_store *store, const sn_image *image,
                                 uint64_t node, sn_error *err);

/* Forgets what is kept in memory of a session. */
void sn_sessions_cool(sn_sessions *sessions, const char *id);

#endif
