/* quirks.c - the table of APIs, and what their servers may not take (protocol.h). */
#include "model/protocol.h"

#include "util/auto.h"

#include <string.h>

static const sn_protocol *const protocols[] = {&sn_protocol_chat, &sn_protocol_responses,
                                               &sn_protocol_messages};

static const struct {
    const sn_protocol *protocol;
    const char *word; /* in the server's refusal */
    unsigned quirk;
} quirks[] = {
    {&sn_protocol_chat, "max_completion_tokens", SN_QUIRK_COMPLETION_TOKENS},
    {&sn_protocol_chat, "stream_options", SN_QUIRK_NO_STREAM_OPTIONS},
    {&sn_protocol_responses, "ncrypted", SN_QUIRK_NO_ENCRYPTED},
    {&sn_protocol_responses, "include", SN_QUIRK_NO_ENCRYPTED},
};

const sn_protocol *sn_protocol_find(const char *api) {
    for (size_t i = 0; i < SN_COUNT(protocols); i++)
        if (strcmp(protocols[i]->api, api) == 0)
            return protocols[i];
    return NULL;
}

unsigned sn_quirk_find(const sn_protocol *protocol, const sn_failure *failure, unsigned known) {
    if (failure->status != 400 && failure->status != 422)
        return 0;
    for (size_t i = 0; i < SN_COUNT(quirks); i++)
        if (quirks[i].protocol == protocol && !(known & quirks[i].quirk) &&
            strstr(failure->words, quirks[i].word))
            return quirks[i].quirk;
    return 0;
}
