/* draft.c - see draft.h. */
#include "model/draft.h"

#include "util/auto.h"
#include "util/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the model's answer");
}

static int too_much(sn_error *err, const char *what, size_t most_bytes) {
    return sn_fail(err, SN_EINTERNAL, "the model sent %s of more than %zu MiB", what,
                   most_bytes >> 20);
}

static int add(sn_buffer *to, const char *text, size_t most_bytes, const char *what,
               sn_error *err) {
    size_t bytes = strlen(text);
    if (bytes > most_bytes - to->bytes)
        return too_much(err, what, most_bytes);
    return sn_buffer_add(to, text, bytes) ? 0 : no_memory(err);
}

int sn_draft_text(sn_draft *d, const char *text, sn_error *err) {
    if (!text || !*text)
        return 0;
    int rc = add(&d->text, text, SN_MODEL_TEXT_MOST_BYTES, "a text", err);
    if (rc < 0 || !d->on_text)
        return rc;
    d->was_told = true;
    d->is_cancelled = d->on_text(d->user, text, strlen(text)) != 0;
    return d->is_cancelled ? sn_fail(err, SN_EUNAVAILABLE, "cancelled") : 0;
}

int sn_draft_arguments(sn_draft_use *use, const char *text, sn_error *err) {
    return text ? add(&use->arguments, text, SN_MODEL_ARGUMENTS_MOST_BYTES, "arguments", err) : 0;
}

int sn_draft_reasoning(sn_buffer *to, const char *text, sn_error *err) {
    return text ? add(to, text, SN_MODEL_TEXT_MOST_BYTES, "reasoning", err) : 0;
}

/* Servers repeat names, and send empty ones with what follows the first piece. */
static int set(char **slot, const char *text, sn_error *err) {
    if (!text || !*text || (*slot && strcmp(*slot, text) == 0))
        return 0;
    if (strlen(text) > SN_DRAFT_NAME_MOST_BYTES)
        return sn_fail(err, SN_EINTERNAL, "the model's server sent a name of more than %d bytes",
                       SN_DRAFT_NAME_MOST_BYTES);
    char *copy = strdup(text);
    if (!copy)
        return no_memory(err);
    free(*slot);
    *slot = copy;
    return 0;
}

int sn_draft_set_name(sn_draft_use *use, const char *name, sn_error *err) {
    return set(&use->name, name, err);
}

int sn_draft_set_id(sn_draft_use *use, const char *id, sn_error *err) {
    return set(&use->id, id, err);
}

int sn_draft_set_model(sn_draft *d, const char *model, sn_error *err) {
    return set(&d->model, model, err);
}

int sn_draft_add_use(sn_draft_use **out, sn_draft *d, json_int_t index, sn_error *err) {
    *out = NULL;
    if (d->uses_count == SN_MODEL_CALLS_MOST)
        return sn_fail(err, SN_EINTERNAL, "the model wants more than %d calls at once",
                       SN_MODEL_CALLS_MOST);
    *out = &d->uses[d->uses_count++];
    **out = (sn_draft_use){.index = index};
    return 0;
}

sn_draft_use *sn_draft_find_use(sn_draft *d, json_int_t index) {
    for (size_t i = d->uses_count; i > 0; i--)
        if (d->uses[i - 1].index == index)
            return &d->uses[i - 1];
    return NULL;
}

int sn_draft_keep(sn_draft *d, const json_t *item, sn_error *err) {
    size_t bytes = json_dumpb(item, NULL, 0, JSON_COMPACT);
    if (json_array_size(d->kept) == SN_DRAFT_KEPT_MOST)
        return sn_fail(err, SN_EINTERNAL, "the model sent more than %d items of reasoning",
                       SN_DRAFT_KEPT_MOST);
    if (bytes > SN_MODEL_TEXT_MOST_BYTES - d->kept_bytes)
        return too_much(err, "reasoning", SN_MODEL_TEXT_MOST_BYTES);
    d->kept_bytes += bytes;
    if (!d->kept)
        d->kept = json_array();
    return json_array_append_new(d->kept, json_deep_copy(item)) < 0 ? no_memory(err) : 0;
}

/* ---- the reply ---- */

/* Some servers name no call; what answers it has to. */
static char *make_id(void) {
    uint64_t number[2] = {0};
    char *id;
    (void)!getrandom(number, sizeof number, GRND_NONBLOCK);
    return asprintf(&id, "call_%016" PRIx64 "%08" PRIx32, number[0], (uint32_t)number[1]) < 0 ? NULL
                                                                                              : id;
}

static int finish_use(sn_tool_use *out, sn_draft_use *use, sn_error *err) {
    size_t bytes;
    if (!use->name)
        return sn_fail(err, SN_EINTERNAL, "the model's server sent a call without a name");
    out->id = use->id ? SN_STEAL(use->id) : make_id();
    out->name = SN_STEAL(use->name);
    out->arguments = sn_buffer_take(&use->arguments, &bytes);
    return out->id && out->arguments ? 0 : no_memory(err);
}

static sn_finish finish_of(const sn_draft *d) {
    if (d->finish == SN_FINISH_STOP || d->finish == SN_FINISH_TOOLS)
        return d->uses_count ? SN_FINISH_TOOLS : SN_FINISH_STOP;
    return d->finish;
}

int sn_draft_finish(sn_model_reply *out, sn_draft *d, sn_error *err) {
    size_t bytes;
    sn_model_reply reply = {
        .message.role = SN_ROLE_ASSISTANT, .finish = finish_of(d), .usage = d->usage};
    int rc = 0;
    if (d->text.bytes && !(reply.message.text = sn_buffer_take(&d->text, &bytes)))
        rc = no_memory(err);
    if (d->uses_count && !(reply.message.uses = calloc(d->uses_count, sizeof(sn_tool_use))))
        rc = no_memory(err);
    for (size_t i = 0; rc == 0 && i < d->uses_count; i++) {
        reply.message.uses_count++;
        rc = finish_use(&reply.message.uses[i], &d->uses[i], err);
    }
    reply.message.verbatim = SN_STEAL(d->kept);
    reply.model = SN_STEAL(d->model);
    if (rc == 0 && !reply.model)
        rc = no_memory(err);
    if (rc < 0)
        sn_model_reply_clear(&reply);
    *out = reply;
    return rc;
}

void sn_draft_clear(sn_draft *d) {
    sn_buffer_free(&d->text);
    sn_buffer_free(&d->thinking);
    sn_buffer_free(&d->signature);
    for (size_t i = 0; i < d->uses_count; i++) {
        free(d->uses[i].id);
        free(d->uses[i].name);
        sn_buffer_free(&d->uses[i].arguments);
    }
    json_decref(d->kept);
    free(d->model);
    *d = (sn_draft){.key = d->key, .on_text = d->on_text, .user = d->user};
}
