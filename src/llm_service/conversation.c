/* conversation.c - see conversation.h. */
#include "llm_service/conversation.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>
#include <string.h>

static const char instructions[] =
    "You answer questions. Where computing helps, run Python with the tool python_executor instead "
    "of guessing: print what you want to see. If the code fails, read the error, mend the code and "
    "run it again. When you know the answer, say it plainly; the user sees your words, and not the "
    "code's output.";

static const char instructions_without_tools[] =
    "You answer questions, plainly and as shortly as they allow.";

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the conversation");
}

int sn_conversation_add(sn_conversation *c, sn_message *message, sn_error *err) {
    sn_message *messages = reallocarray(c->messages, c->count + 1, sizeof *messages);
    if (!messages)
        return no_memory(err);
    c->messages = messages;
    messages[c->count++] = *message;
    *message = (sn_message){0};
    return 0;
}

static int add(sn_conversation *c, sn_message message, sn_error *err) {
    int rc = message.text ? sn_conversation_add(c, &message, err) : no_memory(err);
    sn_message_clear(&message);
    return rc;
}

static char *question(const sn_query *query) {
    if (!query->context || json_object_size(query->context) == 0)
        return strdup(query->query);
    sn_auto_free char *context = json_dumps(query->context, JSON_INDENT(2) | JSON_SORT_KEYS);
    return context ? sn_format("%s\n\nContext:\n%s", query->query, context) : NULL;
}

int sn_conversation_begin(sn_conversation *out, const sn_query *query, bool with_tools,
                          sn_error *err) {
    const char *system = with_tools ? instructions : instructions_without_tools;
    *out = (sn_conversation){0};
    int rc = add(out, (sn_message){.role = SN_ROLE_SYSTEM, .text = strdup(system)}, err);
    return rc < 0 ? rc : add(out, (sn_message){.role = SN_ROLE_USER, .text = question(query)}, err);
}

int sn_conversation_add_result(sn_conversation *c, const char *use_id, const char *text,
                               bool is_error, sn_error *err) {
    sn_message message = {.role = SN_ROLE_TOOL, .is_error = is_error};
    message.use_id = strdup(use_id);
    message.text = message.use_id ? strdup(text) : NULL;
    return add(c, message, err);
}

void sn_conversation_clear(sn_conversation *c) {
    for (size_t i = 0; i < c->count; i++)
        sn_message_clear(&c->messages[i]);
    free(c->messages);
    *c = (sn_conversation){0};
}
