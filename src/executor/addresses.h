/*
 * addresses.h - the addresses of several agent-cores, as AGENT_CORE_ADDR has them:
 * "host1:50051, host2:50051".
 *
 * Which of them a session is at home at is decided by rendezvous hashing: each address is hashed
 * together with the session's id, and the largest hash wins. So all clients with the same addresses
 * agree, in whatever order they have them; and with an address more or less only those sessions
 * change that come to it, or were at it.
 */
#ifndef SN_EXECUTOR_ADDRESSES_H
#define SN_EXECUTOR_ADDRESSES_H

#include "shannon.h"

enum { SN_ADDRESSES_MOST = SN_AGENT_CORES_MOST };

typedef struct sn_addresses {
    size_t count;
    char *all[SN_ADDRESSES_MOST];
} sn_addresses;

/* SN_EINVALID_ARGUMENT names all that are wrong, or there twice. */
SN_WARN_UNUSED int sn_addresses_read(sn_addresses *out, const char *text, sn_error *err);
void sn_addresses_clear(sn_addresses *addresses);

/* The index of the one that the session is at home at. */
size_t sn_addresses_home(const sn_addresses *addresses, const char *session_id);

#endif
