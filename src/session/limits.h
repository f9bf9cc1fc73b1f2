/*
 * limits.h - what sessions may take: how many, how many steps each, how much of the disk, for how
 * long unused. Over a limit the session that was used longest ago goes, or the request is refused,
 * as it was configured.
 */
#ifndef SN_SESSION_LIMITS_H
#define SN_SESSION_LIMITS_H

#include "session/sessions.h"

/* The environment's values for what the caller left 0, then the defaults. SN_EINVALID_ARGUMENT
 * names the variable. */
SN_WARN_UNUSED int sn_limits_settle(sn_sessions_options *options, sn_error *err);

/* Before an execution in session `id`. SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_limits_make_room(sn_sessions *sessions, bool is_new, const char *id,
                                       sn_error *err);

/* Takes steps out of a history that is longer than `most`: the newest half stays, of the others the
 * gaps grow with their age. */
void sn_limits_thin(sn_record *record, size_t most);

/* After each step: gives space back now and then. */
void sn_limits_after_put(sn_sessions *sessions);

/* Deletes what was idle for too long. */
void sn_limits_expire(sn_sessions *sessions);

#endif
