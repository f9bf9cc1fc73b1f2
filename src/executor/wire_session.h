/* wire_session.h - sessions as they are in proto/shannon/v1/executor.proto; wire.h has the rest. */
#ifndef SN_EXECUTOR_WIRE_SESSION_H
#define SN_EXECUTOR_WIRE_SESSION_H

#include "shannon.h"

/* Packed messages; free() them. NULL: no memory. */
void *sn_wire_session(size_t *bytes, const sn_session_info *info);
/* `next`: what to ask for to get the ones behind them; NULL: there are none. */
void *sn_wire_sessions(size_t *bytes, const sn_session_info *infos, size_t count, const char *next);

/* Which session, and what a call about it says beside. */
typedef struct sn_wire_session_request {
    char id[SN_SESSION_ID_MAX_BYTES + 1];     /* ListSessions: those behind it, "": all */
    char new_id[SN_SESSION_ID_MAX_BYTES + 1]; /* ForkSession only */
    uint64_t step;                            /* ForkSession, RewindSession */
    uint32_t limit;                           /* ListSessions */
    bool without_steps;                       /* GetSession */
} sn_wire_session_request;

typedef enum sn_wire_session_kind {
    SN_WIRE_LIST,
    SN_WIRE_GET,
    SN_WIRE_FORK,
    SN_WIRE_REWIND,
    SN_WIRE_DELETE,
} sn_wire_session_kind;

/* SN_EINVALID_ARGUMENT: it is no such message, or a name is none. */
SN_WARN_UNUSED int sn_wire_read_session(sn_wire_session_request *out, sn_wire_session_kind kind,
                                        const void *data, size_t bytes, sn_error *err);

#endif
