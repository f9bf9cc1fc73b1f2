/*
 * endpoint.h - what is asked, and with which headers: checked once, when a model is opened.
 */
#ifndef SN_MODEL_ENDPOINT_H
#define SN_MODEL_ENDPOINT_H

#include "model/protocol.h"

enum { SN_ENDPOINT_URL_MOST_BYTES = 2048, SN_ENDPOINT_KEY_MOST_BYTES = 4000 };

/* The URL of an API below a base URL: the protocol's path appended, and its version where the base
 * URL does not end in it. free() it. SN_EINVALID_ARGUMENT: it is no base URL, and why. */
SN_WARN_UNUSED int sn_endpoint_url(char **out, const char *base_url, const sn_protocol *protocol,
                                   sn_error *err);

/* Whether a key can be in a header: visible ASCII characters. SN_EINVALID_ARGUMENT says so without
 * the key. */
SN_WARN_UNUSED int sn_endpoint_check_key(const char *key, sn_error *err);

#endif
