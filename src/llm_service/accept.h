/* accept.h - what a client wants to get: the header Accept (RFC 9110, 12.5.1). */
#ifndef SN_LLM_SERVICE_ACCEPT_H
#define SN_LLM_SERVICE_ACCEPT_H

#include "shannon.h"

/* How much a type is wanted, in thousandths: the quality of the most specific range that it fits;
 * 0: not at all, or nothing in the list fits. `*is_named`: that range is the type itself, without a
 * *. */
unsigned sn_accept_quality(bool *is_named, const char *accept, const char *type);

/* Whether a client wants events more than JSON; NULL: there is no such header. Those who take
 * everything get JSON. */
bool sn_accept_events(const char *accept);

#endif
