/*
 * draft.h - a reply while it comes: an API's reader (protocol.h) adds to it what it finds, in
 * pieces or at once, and here are the bounds. sn_draft_finish() makes the reply of it.
 */
#ifndef SN_MODEL_DRAFT_H
#define SN_MODEL_DRAFT_H

#include "model/failure.h"
#include "model/model.h"
#include "util/buffer.h"

enum {
    SN_DRAFT_KEPT_MOST = 64, /* items to be handed back as they came */
    SN_DRAFT_NAME_MOST_BYTES = 256,
};

typedef struct sn_draft_use {
    json_int_t index; /* how the server tells the calls of one answer apart */
    char *id;         /* NULL: not known yet */
    char *name;
    sn_buffer arguments;
} sn_draft_use;

typedef struct sn_draft {
    /* the caller's, before anything is added */
    const char *key; /* not to be in any message; NULL: none */
    int (*on_text)(void *user, const char *text, size_t bytes); /* or NULL */
    void *user;
    /* what came */
    sn_buffer text;
    sn_draft_use uses[SN_MODEL_CALLS_MOST];
    size_t uses_count;
    json_t *kept; /* NULL, or an array: the reply's `verbatim` */
    size_t kept_bytes;
    sn_buffer thinking; /* messages: of the block under way */
    sn_buffer signature;
    char *model;
    sn_model_usage usage;
    sn_finish finish;
    bool is_finished;   /* the server said that this is all of the message */
    bool is_done;       /* and that nothing follows at all */
    bool was_told;      /* on_text has been called */
    bool is_cancelled;  /* on_text did not want more */
    sn_failure failure; /* what the server said instead */
} sn_draft;

/* Each 0, or SN_EINTERNAL: more than may be, or no sense; SN_ERESOURCE_EXHAUSTED: no memory;
 * SN_EUNAVAILABLE: cancelled by on_text. `text` may be NULL: nothing is added. */
SN_WARN_UNUSED int sn_draft_text(sn_draft *draft, const char *text, sn_error *err);
SN_WARN_UNUSED int sn_draft_arguments(sn_draft_use *use, const char *text, sn_error *err);
SN_WARN_UNUSED int sn_draft_set_name(sn_draft_use *use, const char *name, sn_error *err);
SN_WARN_UNUSED int sn_draft_set_id(sn_draft_use *use, const char *id, sn_error *err);
SN_WARN_UNUSED int sn_draft_set_model(sn_draft *draft, const char *model, sn_error *err);

/* `to`: thinking or signature. */
SN_WARN_UNUSED int sn_draft_reasoning(sn_buffer *to, const char *text, sn_error *err);

/* A call that begins. */
SN_WARN_UNUSED int sn_draft_add_use(sn_draft_use **out, sn_draft *draft, json_int_t index,
                                    sn_error *err);

/* The last one with this index; NULL: none. */
sn_draft_use *sn_draft_find_use(sn_draft *draft, json_int_t index);

/* Keeps an item for the reply's `verbatim`. */
SN_WARN_UNUSED int sn_draft_keep(sn_draft *draft, const json_t *item, sn_error *err);

/* SN_EINTERNAL: a call has no name. The draft is empty afterwards, either way still to be cleared.
 */
SN_WARN_UNUSED int sn_draft_finish(sn_model_reply *out, sn_draft *draft, sn_error *err);

void sn_draft_clear(sn_draft *draft);

#endif
