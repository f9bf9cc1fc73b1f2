/* accept.h - an accept4(2) that is never short of descriptors. */
#ifndef SN_RPC_ACCEPT_H
#define SN_RPC_ACCEPT_H

/* Before something is served: finds out how many connections there may be. */
void sn_accept_prepare(void);

#endif
