/*
 * lifetime.h - when a service ends, and what it tells the service manager about itself (systemd's
 * sd_notify protocol, a datagram to NOTIFY_SOCKET; nothing where that is not set).
 */
#ifndef SN_SERVICE_LIFETIME_H
#define SN_SERVICE_LIFETIME_H

#include "shannon.h"

/* Takes SIGTERM, SIGINT and SIGHUP away from all threads that come after, and SIGPIPE for good;
 * asks for as many descriptors as there may be. Before there are other threads. */
SN_WARN_UNUSED int sn_lifetime_begin(sn_error *err);

/* Waits for a signal that ends the service; false: `timeout_ns` have passed. */
bool sn_lifetime_wait(uint64_t timeout_ns);

/* From now on another such signal ends the process at once. */
void sn_lifetime_hurry(void);

/* "READY=1", "STOPPING=1". */
void sn_lifetime_tell(const char *state);

#endif
