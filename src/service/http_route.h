/*
 * http_route.h - what a client asks for, taken apart: the target of a request line
 * ("/v1/a%20b?x=1") into the parts of its path and the pairs of its query, and whether a route's
 * pattern fits.
 *
 * Strict, so that nobody can read a target in two ways: an escape that is none, text that is not
 * UTF-8, control characters, parts "." and "..", a slash that is hidden as %2F, a name that the
 * query has twice are all refused.
 */
#ifndef SN_SERVICE_HTTP_ROUTE_H
#define SN_SERVICE_HTTP_ROUTE_H

#include "shannon.h"

enum { SN_HTTP_PARTS_MOST = 32, SN_HTTP_QUERY_MOST = 32 };

typedef struct sn_http_target {
    size_t parts_count; /* of "/": one, empty */
    size_t query_count;
    const char *parts[SN_HTTP_PARTS_MOST]; /* decoded, NUL-terminated */
    struct {
        const char *name;
        const char *value;
    } query[SN_HTTP_QUERY_MOST];
    char *path; /* the parts as they follow each other, each with its NUL */
    char *rest; /* the same with slashes between them */
    char *pairs;
} sn_http_target;

/* SN_EINVALID_ARGUMENT; SN_ERESOURCE_EXHAUSTED: no memory. Free it in either case. */
SN_WARN_UNUSED int sn_http_target_parse(sn_http_target *out, const char *text, sn_error *err);
void sn_http_target_free(sn_http_target *target);

/* NULL: it was not given. */
const char *sn_http_target_query(const sn_http_target *target, const char *name);

/* Whether a route may have this pattern. */
bool sn_http_pattern_is_valid(const char *pattern);

bool sn_http_pattern_fits(const char *pattern, const sn_http_target *target);

/* What stands for {name} or {name...} in a pattern that fits; NULL: it has no such parameter. */
const char *sn_http_pattern_param(const char *pattern, const sn_http_target *target,
                                  const char *name);

#endif
