/*
 * conversation.h - what was said so far in a query: the instructions, the question, what the model
 * said and what its calls gave.
 */
#ifndef SN_LLM_SERVICE_CONVERSATION_H
#define SN_LLM_SERVICE_CONVERSATION_H

#include "llm_service/agent.h"

typedef struct sn_conversation {
    sn_message *messages;
    size_t count;
} sn_conversation;

/* The instructions and the question, with its context. */
SN_WARN_UNUSED int sn_conversation_begin(sn_conversation *out, const sn_query *query,
                                         bool with_tools, sn_error *err);

/* Takes what is in the message over, and leaves it empty. */
SN_WARN_UNUSED int sn_conversation_add(sn_conversation *conversation, sn_message *message,
                                       sn_error *err);

/* What a call gave. Texts are copied. */
SN_WARN_UNUSED int sn_conversation_add_result(sn_conversation *conversation, const char *use_id,
                                              const char *text, bool is_error, sn_error *err);

void sn_conversation_clear(sn_conversation *conversation);

#endif
