/* tenant_session.c - see tenant_session.h. */
#include "llm_service/tenant_session.h"

#include "session/sessions.h"
#include "util/error.h"

#include <stdio.h>
#include <string.h>

int sn_tenant_session(char out[SN_SESSION_ID_BYTES], const char *tenant, const char *name,
                      const char *id, sn_error *err) {
    size_t before = tenant ? strlen(tenant) + 1 : 0;
    size_t most = SN_SESSION_ID_MAX_BYTES - before;
    if (!sn_session_id_is_valid(id) || strlen(id) > most)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "%s must have 1 to %zu characters of A-Za-z0-9._:-", name, most);
    snprintf(out, SN_SESSION_ID_BYTES, "%s%s%s", tenant ? tenant : "", tenant ? ":" : "", id);
    return 0;
}

const char *sn_tenant_session_name(const char *tenant, const char *id) {
    size_t bytes = tenant ? strlen(tenant) : 0;
    if (!tenant || !id)
        return id;
    return strncmp(id, tenant, bytes) == 0 && id[bytes] == ':' ? id + bytes + 1 : NULL;
}

void sn_tenant_session_tell(const char *tenant, char *text) {
    size_t bytes = tenant ? strlen(tenant) : 0;
    for (char *at = text; tenant && at && (at = strchr(at, '\'')); at++)
        if (strncmp(at + 1, tenant, bytes) == 0 && at[1 + bytes] == ':')
            memmove(at + 1, at + 2 + bytes, strlen(at + 2 + bytes) + 1);
}
