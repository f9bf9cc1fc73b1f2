/*
 * several.h - an executor over several agent-cores: executions without a session go to whichever
 * answers and has the least to do (machines.h), those in a session to the machine where it lies
 * (whereabouts.h).
 *
 * An execution that found nobody to connect to has not begun, and is tried on the next machine; so
 * is one that an agent-core refused, being full or shutting down, and says so. Any other that was
 * sent is never sent again, as it may have run: its error is the caller's.
 */
#ifndef SN_EXECUTOR_SEVERAL_H
#define SN_EXECUTOR_SEVERAL_H

#include "executor/whereabouts.h"

/* Both take what is in `addresses`. */
SN_WARN_UNUSED int sn_several_open(sn_executor **out, const sn_executor_options *options,
                                   sn_addresses *addresses, const sn_place *place, sn_error *err);
SN_WARN_UNUSED int sn_several_sessions_open(sn_sessions **out, sn_addresses *addresses,
                                            const sn_place *place, sn_error *err);

/* ---- between several.c and several_sessions.c ---- */

typedef struct sn_several {
    sn_machines machines;
    sn_whereabouts whereabouts;
} sn_several;

SN_WARN_UNUSED int sn_several_connect(sn_several **out, sn_addresses *addresses,
                                      const sn_place *place, sn_error *err);
void sn_several_disconnect(sn_several *several);

/* Sessions on what somebody else has and closes later. */
sn_sessions *sn_several_sessions_on(sn_several *several, sn_error *err);

#endif
