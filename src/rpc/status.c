/* status.c - our codes as gRPC has them. */
#include "rpc/private.h"

#include "util/auto.h"

grpc_status_code sn_rpc_status_of(int code) {
    static const struct {
        int code;
        grpc_status_code status;
    } statuses[] = {
        {SN_EINVALID_ARGUMENT, GRPC_STATUS_INVALID_ARGUMENT},
        {SN_ENOT_FOUND, GRPC_STATUS_NOT_FOUND},
        {SN_EUNAUTHENTICATED, GRPC_STATUS_UNAUTHENTICATED},
        {SN_ERESOURCE_EXHAUSTED, GRPC_STATUS_RESOURCE_EXHAUSTED},
        {SN_EUNAVAILABLE, GRPC_STATUS_UNAVAILABLE},
        {SN_EDEADLINE_EXCEEDED, GRPC_STATUS_DEADLINE_EXCEEDED},
    };
    for (size_t i = 0; i < SN_COUNT(statuses); i++)
        if (statuses[i].code == code)
            return statuses[i].status;
    return GRPC_STATUS_INTERNAL;
}
