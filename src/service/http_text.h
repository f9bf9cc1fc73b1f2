/* http_text.h - what single texts of a head may be. */
#ifndef SN_SERVICE_HTTP_TEXT_H
#define SN_SERVICE_HTTP_TEXT_H

#include "shannon.h"

/* A name of a header, or a method (RFC 9110's token). */
bool sn_http_is_token(const char *text, size_t bytes);

/* A header's value: no control characters but the tab. */
bool sn_http_is_value(const char *text, size_t bytes);

/* 1 to 128 of A-Z a-z 0-9 . _ - */
bool sn_http_is_request_id(const char *text);

/* A Host that means this machine and is no name that somebody else could define: localhost,
 * 127.x.y.z, [::1], with or without a port. */
bool sn_http_is_loopback_host(const char *host);

/* Whether a page from this Origin came from this Host. */
bool sn_http_is_same_origin(const char *origin, const char *host);

/* Whether a Content-Type is this one, whatever its parameters. */
bool sn_http_is_type(const char *content_type, const char *type);

#endif
