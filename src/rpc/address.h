/* address.h - what an address of an agent-core looks like: "HOST:PORT". */
#ifndef SN_RPC_ADDRESS_H
#define SN_RPC_ADDRESS_H

#include <stdbool.h>

enum { SN_RPC_ADDRESS_MOST_BYTES = 300 };

#define SN_RPC_ADDRESS_HINT "it must be HOST:PORT, such as 192.0.2.7:50051 or [2001:db8::7]:50051"

bool sn_rpc_address_is_valid(const char *address);

#endif
