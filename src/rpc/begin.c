/* begin.c - see begin.h. */
#include "rpc/begin.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <stdlib.h>

static void say_nothing(gpr_log_func_args *said) {
    (void)said;
}

/* gRPC writes to stderr, between the lines of our log, what errors say, too. */
void sn_rpc_begin(void) {
    if (!getenv("GRPC_VERBOSITY"))
        gpr_set_log_function(say_nothing);
    grpc_init();
}
