/*
 * failure.h - an error that a server answers with, in the body of a response or in a stream: what
 * HTTP status it amounts to, and the server's words, made fit to be shown: one line, cut, without
 * control characters and without the key.
 */
#ifndef SN_MODEL_FAILURE_H
#define SN_MODEL_FAILURE_H

#include "shannon.h"

#include <jansson.h>

enum { SN_FAILURE_WORDS_BYTES = 400 };

typedef struct sn_failure {
    int status;                         /* 0: there is none */
    bool is_final;                      /* asking again is of no use, whatever the status says */
    char words[SN_FAILURE_WORDS_BYTES]; /* "": it said nothing */
} sn_failure;

/* Of a response with this status: from its body. */
void sn_failure_read(sn_failure *out, int status, const char *body, size_t bytes, const char *key);

/* Of what stands at "error" in a stream, or in a response that says 200. `key` may be NULL. */
void sn_failure_from_json(sn_failure *out, const json_t *error, const char *key);

/* Whether another try may help: 408, 409, 429, 5xx. */
bool sn_failure_may_pass(const sn_failure *failure);

/* As sn_model_ask() reports it. `url`: what was asked. */
int sn_failure_report(const sn_failure *failure, const char *url, sn_error *err);

#endif
