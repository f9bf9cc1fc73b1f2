/*
 * protocol.h - one API of language models: how a conversation is written for it, and how its
 * answers are read, whole or event by event. chat.c, responses.c, messages.c.
 *
 * Quirks are what a server turned out not to take; they are learned from its refusals (quirks.c)
 * and remembered as long as the model is open.
 */
#ifndef SN_MODEL_PROTOCOL_H
#define SN_MODEL_PROTOCOL_H

#include "model/draft.h"
#include "model/model.h"

enum sn_quirk {
    SN_QUIRK_COMPLETION_TOKENS = 1, /* chat: max_tokens is called max_completion_tokens */
    SN_QUIRK_NO_STREAM_OPTIONS = 2, /* chat */
    SN_QUIRK_NO_ENCRYPTED = 4,      /* responses: no encrypted reasoning, either way */
};

typedef struct sn_protocol {
    const char *api;         /* as LLM_API has it */
    const char *path;        /* what is appended to the base URL */
    const char *version;     /* NULL, or the base URL's last part, appended where it is missing */
    const char *key_header;  /* what the key is appended to */
    const char *more_header; /* NULL, or one that is always sent */
    /* The body; it streams if there is an on_text. NULL: no memory. */
    json_t *(*request)(const sn_model_request *request, const char *model, unsigned quirks);
    /* Both add to the draft what they find and skip what they don't know; an error that the server
     * tells becomes draft->failure. Errors as in draft.h. */
    int (*take_answer)(sn_draft *draft, const json_t *answer, sn_error *err);
    int (*take_event)(sn_draft *draft, const json_t *event, sn_error *err);
} sn_protocol;

extern const sn_protocol sn_protocol_chat;
extern const sn_protocol sn_protocol_responses;
extern const sn_protocol sn_protocol_messages;

/* NULL: there is none of that name. */
const sn_protocol *sn_protocol_find(const char *api);

/* The quirk that a refusal in these words shows and that was not known; 0: none. */
unsigned sn_quirk_find(const sn_protocol *protocol, const sn_failure *failure, unsigned known);

#endif
