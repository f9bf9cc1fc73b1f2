/*
 * local.h - shannon.h's operations on sessions, for those that lie on this machine. operations.c
 * chooses between these and what `struct sn_sessions` names for sessions elsewhere.
 */
#ifndef SN_SESSION_LOCAL_H
#define SN_SESSION_LOCAL_H

#include "session/sessions.h"

SN_WARN_UNUSED int sn_local_sessions_open(sn_sessions **out, const sn_sessions_options *options,
                                          sn_error *err);
void sn_local_sessions_close(sn_sessions *sessions);
SN_WARN_UNUSED int sn_local_sessions_get_totals(sn_sessions_totals *out, sn_sessions *sessions,
                                                sn_error *err);
void sn_local_sessions_tidy(sn_sessions *sessions);

SN_WARN_UNUSED int sn_local_session_list(sn_session_info **out, size_t *count,
                                         sn_sessions *sessions, sn_error *err);
SN_WARN_UNUSED int sn_local_session_show(sn_session_info **out, sn_sessions *sessions,
                                         const char *id, sn_error *err);
SN_WARN_UNUSED int sn_local_session_describe(sn_session_info **out, sn_sessions *sessions,
                                             const char *id, sn_error *err);
SN_WARN_UNUSED int sn_local_session_fork(sn_sessions *sessions, const char *id, uint64_t step,
                                         const char *new_id, sn_error *err);
SN_WARN_UNUSED int sn_local_session_rewind(sn_sessions *sessions, const char *id, uint64_t step,
                                           sn_error *err);
SN_WARN_UNUSED int sn_local_session_delete(sn_sessions *sessions, const char *id, sn_error *err);
SN_WARN_UNUSED int sn_local_session_export(sn_sessions *sessions, const char *id, int fd,
                                           sn_error *err);
SN_WARN_UNUSED int sn_local_session_import(sn_sessions *sessions, const char *id, int fd,
                                           char **made_id, sn_error *err);
SN_WARN_UNUSED int sn_local_session_verify(sn_sessions *sessions,
                                           void (*report)(void *user, const char *line), void *user,
                                           sn_error *err);

#endif
