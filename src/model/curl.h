/*
 * curl.h - the functions of libcurl that are used, loaded when the first model is opened. It brings
 * TLS, Kerberos, LDAP and more: milliseconds for every `shannon run` if the program were linked to
 * it, and mappings that each fork would copy.
 */
#ifndef SN_MODEL_CURL_H
#define SN_MODEL_CURL_H

#include "shannon.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define SN_CURL_FUNCTIONS(F)                                                                       \
    F(global_init)                                                                                 \
    F(easy_init)                                                                                   \
    F(easy_reset)                                                                                  \
    F(easy_setopt)                                                                                 \
    F(easy_getinfo)                                                                                \
    F(easy_strerror)                                                                               \
    F(easy_cleanup)                                                                                \
    F(multi_init)                                                                                  \
    F(multi_setopt)                                                                                \
    F(multi_add_handle)                                                                            \
    F(multi_remove_handle)                                                                         \
    F(multi_perform)                                                                               \
    F(multi_poll)                                                                                  \
    F(multi_info_read)                                                                             \
    F(multi_cleanup)                                                                               \
    F(slist_append)                                                                                \
    F(slist_free_all)                                                                              \
    F(url)                                                                                         \
    F(url_set)                                                                                     \
    F(url_get)                                                                                     \
    F(url_cleanup)                                                                                 \
    F(free)

#define SN_CURL_POINTER(name) __typeof__(&curl_##name) name;

typedef struct sn_curl {
    SN_CURL_FUNCTIONS(SN_CURL_POINTER)
} sn_curl;

/* Any thread. Stays loaded. SN_EUNAVAILABLE: it is not installed. */
SN_WARN_UNUSED int sn_curl_load(const sn_curl **out, sn_error *err);

#endif
