/*
 * answer.h - what a server sends, as it comes, to a draft: events, one JSON text, or an error,
 * whichever it is. By its status and Content-Type, and where that is missing or wrong (servers that
 * were asked for a stream and do not know how, proxies), by how it begins.
 */
#ifndef SN_MODEL_ANSWER_H
#define SN_MODEL_ANSWER_H

#include "model/protocol.h"
#include "model/sse_parse.h"

enum {
    SN_ANSWER_MOST_BYTES = 16 << 20,  /* of one JSON text */
    SN_REFUSAL_MOST_BYTES = 64 << 10, /* of an error; what is more is dropped */
};

typedef struct sn_answer {
    const sn_protocol *protocol;
    sn_draft *draft;
    sn_error *err; /* where what is wrong is told */
    /* private */
    sn_sse_parser events;
    sn_buffer body;
    enum { SN_ANSWER_UNKNOWN, SN_ANSWER_EVENTS, SN_ANSWER_JSON, SN_ANSWER_REFUSAL } kind;
    int status;
} sn_answer;

void sn_answer_init(sn_answer *answer, const sn_protocol *protocol, sn_draft *draft, sn_error *err);

/* 0, 1: the message is complete and nothing more matters; or what is wrong with it. */
SN_WARN_UNUSED int sn_answer_take(sn_answer *answer, int status, const char *content_type,
                                  const char *data, size_t bytes);

/* The server has sent all of it. An error or an answer that is cut short is a code, too; one that
 * the server told is in draft->failure. */
SN_WARN_UNUSED int sn_answer_end(sn_answer *answer);

void sn_answer_clear(sn_answer *answer);

#endif
