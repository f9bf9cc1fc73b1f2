/* address.c - see address.h. */
#include "rpc/address.h"

#include <stdlib.h>
#include <string.h>

bool sn_rpc_address_is_valid(const char *address) {
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    unsigned long port =
        colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;
    return port >= 1 && port <= 65535 && *end == '\0' && colon > address &&
           strlen(address) <= SN_RPC_ADDRESS_MOST_BYTES && !strpbrk(address, "/, \t\r\n%");
}
