/*
 * mhd.h - the functions of libmicrohttpd that are used, loaded when the first server starts. It
 * brings GnuTLS and what that needs: 2 ms for every `shannon run` if the program were linked to it,
 * and mappings that each fork would copy.
 */
#ifndef SN_SERVICE_MHD_H
#define SN_SERVICE_MHD_H

#include "shannon.h"

#include <microhttpd.h>

#define SN_MHD_FUNCTIONS(F)                                                                        \
    F(start_daemon)                                                                                \
    F(quiesce_daemon)                                                                              \
    F(stop_daemon)                                                                                 \
    F(get_connection_info)                                                                         \
    F(get_connection_values_n)                                                                     \
    F(suspend_connection)                                                                          \
    F(resume_connection)                                                                           \
    F(create_response_from_buffer)                                                                 \
    F(create_response_from_callback)                                                               \
    F(create_response_from_fd64)                                                                   \
    F(set_response_options)                                                                        \
    F(add_response_header)                                                                         \
    F(queue_response)                                                                              \
    F(destroy_response)

#define SN_MHD_POINTER(name) __typeof__(&MHD_##name) name;

typedef struct sn_mhd {
    SN_MHD_FUNCTIONS(SN_MHD_POINTER)
} sn_mhd;

/* Any thread. Stays loaded. SN_EUNAVAILABLE: it is not installed. */
SN_WARN_UNUSED int sn_mhd_load(const sn_mhd **out, sn_error *err);

#endif
