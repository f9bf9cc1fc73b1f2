/* message.c - what model.h says of messages and replies. */
#include "model/model.h"

#include <stdlib.h>

void sn_message_clear(sn_message *message) {
    free(message->text);
    for (size_t i = 0; i < message->uses_count; i++) {
        free(message->uses[i].id);
        free(message->uses[i].name);
        free(message->uses[i].arguments);
    }
    free(message->uses);
    free(message->use_id);
    json_decref(message->verbatim);
    *message = (sn_message){.role = message->role};
}

void sn_model_reply_clear(sn_model_reply *reply) {
    sn_message_clear(&reply->message);
    free(reply->model);
    *reply = (sn_model_reply){.message.role = SN_ROLE_ASSISTANT};
}

const char *sn_finish_name(sn_finish finish) {
    static const char *const names[] = {
        [SN_FINISH_STOP] = "stop",
        [SN_FINISH_TOOLS] = "tool_calls",
        [SN_FINISH_LENGTH] = "length",
        [SN_FINISH_FILTER] = "content_filter",
    };
    return names[finish];
}
