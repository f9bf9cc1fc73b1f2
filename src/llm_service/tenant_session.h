/*
 * tenant_session.h - whose a session is. Behind the doors, session "s" of tenant "alice" is
 * "alice:s": no tenant's name has a colon, so nobody else can name it. The operator, who is no
 * tenant (NULL), names sessions as they are there.
 */
#ifndef SN_LLM_SERVICE_TENANT_SESSION_H
#define SN_LLM_SERVICE_TENANT_SESSION_H

#include "shannon.h"

enum { SN_SESSION_ID_BYTES = SN_SESSION_ID_MAX_BYTES + 1 };

/* What the caller's `id` is behind the doors. `name` is what the error calls it: "session_id".
 * SN_EINVALID_ARGUMENT: it is no name for a session. */
SN_WARN_UNUSED int sn_tenant_session(char out[SN_SESSION_ID_BYTES], const char *tenant,
                                     const char *name, const char *id, sn_error *err);

/* What a session is for the caller: a part of `id`; NULL: it is not the caller's. */
const char *sn_tenant_session_name(const char *tenant, const char *id);

/* Takes the tenant's name from sessions that a message quotes. `tenant` and `text` may be NULL. */
void sn_tenant_session_tell(const char *tenant, char *text);

#endif
