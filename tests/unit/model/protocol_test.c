/* protocol_test.c - what is sent to each API, and what is read from it, without a network. */
#include "test.h"

#include "model/answer.h"
#include "model/json_text.h"
#include "util/auto.h"

#include <string.h>

/* ---- requests ---- */

static json_t *schema; /* {"type": "object"} */

static int ignore(void *user, const char *text, size_t bytes) {
    (void)user, (void)text, (void)bytes;
    return 0;
}

static void expect_request(const sn_protocol *protocol, const sn_model_request *r, unsigned quirks,
                           const char *expected) {
    json_error_t wrong;
    json_t *json = protocol->request(r, "m", quirks), *as = json_loads(expected, 0, &wrong);
    if (!as)
        fail_msg("%s: %s", wrong.text, expected);
    if (!json_equal(json, as)) {
        sn_auto_free char *text = json_dumps(json, JSON_INDENT(1));
        fail_msg("%s", text);
    }
    json_decref(json);
    json_decref(as);
}

static void requests(void **state) {
    (void)state;
    sn_tool_use uses[] = {{"c1", "run", "{\"x\": 1}"}, {"c2", "run", "{\"x\""}, {"c3", "run", ""}};
    sn_message said[] = {
        {.role = SN_ROLE_SYSTEM, .text = "S"},
        {.role = SN_ROLE_USER, .text = "U\xff"},
        {.role = SN_ROLE_ASSISTANT, .text = "A", .uses = uses, .uses_count = 3},
        {.role = SN_ROLE_TOOL, .text = "1", .use_id = "c1"},
        {.role = SN_ROLE_TOOL, .text = "no", .use_id = "c2", .is_error = true},
        {.role = SN_ROLE_TOOL, .text = NULL, .use_id = "c3"},
        {.role = SN_ROLE_USER, .text = "V"},
    };
    const sn_model_tool tool = {"run", "Runs.", schema};
    sn_model_request r = {.messages = said,
                          .messages_count = SN_COUNT(said),
                          .tools = &tool,
                          .tools_count = 1,
                          .temperature = -1,
                          .max_tokens = 9,
                          .on_text = ignore};
    expect_request(
        &sn_protocol_chat, &r, 0,
        "{\"model\": \"m\", \"max_tokens\": 9, \"stream\": true, \"stream_options\": "
        "{\"include_usage\": true}, \"tools\": [{\"type\": \"function\", \"function\": {\"name\": "
        "\"run\", \"description\": \"Runs.\", \"parameters\": {\"type\": \"object\"}}}], "
        "\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", "
        "\"content\": \"U\xEF\xBF\xBD\"}, {\"role\": \"assistant\", \"content\": \"A\", "
        "\"tool_calls\": ["
        "{\"id\": \"c1\", \"type\": \"function\", \"function\": {\"name\": \"run\", \"arguments\": "
        "\"{\\\"x\\\": 1}\"}},"
        "{\"id\": \"c2\", \"type\": \"function\", \"function\": {\"name\": \"run\", \"arguments\": "
        "\"{\\\"_raw\\\":\\\"{\\\\\\\"x\\\\\\\"\\\"}\"}},"
        "{\"id\": \"c3\", \"type\": \"function\", \"function\": {\"name\": \"run\", \"arguments\": "
        "\"{}\"}}]},"
        "{\"role\": \"tool\", \"tool_call_id\": \"c1\", \"content\": \"1\"},"
        "{\"role\": \"tool\", \"tool_call_id\": \"c2\", \"content\": \"no\"},"
        "{\"role\": \"tool\", \"tool_call_id\": \"c3\", \"content\": \"\"},"
        "{\"role\": \"user\", \"content\": \"V\"}]}");
    expect_request(
        &sn_protocol_responses, &r, 0,
        "{\"model\": \"m\", \"max_output_tokens\": 9, \"stream\": true, \"store\": false, "
        "\"include\": [\"reasoning.encrypted_content\"], \"tools\": [{\"type\": \"function\", "
        "\"name\": \"run\", \"description\": \"Runs.\", \"parameters\": {\"type\": \"object\"}, "
        "\"strict\": false}], \"input\": ["
        "{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": "
        "\"U\xEF\xBF\xBD\"}, {\"role\": \"assistant\", \"content\": \"A\"},"
        "{\"type\": \"function_call\", \"call_id\": \"c1\", \"name\": \"run\", \"arguments\": "
        "\"{\\\"x\\\": 1}\"},"
        "{\"type\": \"function_call\", \"call_id\": \"c2\", \"name\": \"run\", \"arguments\": "
        "\"{\\\"_raw\\\":\\\"{\\\\\\\"x\\\\\\\"\\\"}\"},"
        "{\"type\": \"function_call\", \"call_id\": \"c3\", \"name\": \"run\", \"arguments\": "
        "\"{}\"},"
        "{\"type\": \"function_call_output\", \"call_id\": \"c1\", \"output\": \"1\"},"
        "{\"type\": \"function_call_output\", \"call_id\": \"c2\", \"output\": \"no\"},"
        "{\"type\": \"function_call_output\", \"call_id\": \"c3\", \"output\": \"\"},"
        "{\"role\": \"user\", \"content\": \"V\"}]}");
    expect_request(
        &sn_protocol_messages, &r, 0,
        "{\"model\": \"m\", \"max_tokens\": 9, \"stream\": true, \"system\": [{\"type\": \"text\", "
        "\"text\": \"S\"}], \"tools\": [{\"name\": \"run\", \"description\": \"Runs.\", "
        "\"input_schema\": {\"type\": \"object\"}}], \"messages\": ["
        "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"U\xEF\xBF\xBD\"}]},"
        "{\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"A\"},"
        "{\"type\": \"tool_use\", \"id\": \"c1\", \"name\": \"run\", \"input\": {\"x\": 1}},"
        "{\"type\": \"tool_use\", \"id\": \"c2\", \"name\": \"run\", \"input\": {\"_raw\": "
        "\"{\\\"x\\\"\"}},"
        "{\"type\": \"tool_use\", \"id\": \"c3\", \"name\": \"run\", \"input\": {}}]},"
        "{\"role\": \"user\", \"content\": ["
        "{\"type\": \"tool_result\", \"tool_use_id\": \"c1\", \"content\": \"1\"},"
        "{\"type\": \"tool_result\", \"tool_use_id\": \"c2\", \"content\": \"no\", \"is_error\": "
        "true},"
        "{\"type\": \"tool_result\", \"tool_use_id\": \"c3\", \"content\": \"\"},"
        "{\"type\": \"text\", \"text\": \"V\"}]}]}");
}

static void quirks(void **state) {
    (void)state;
    const sn_model_request r = {.temperature = 0.5, .max_tokens = 9, .on_text = ignore};
    expect_request(&sn_protocol_chat, &r, SN_QUIRK_COMPLETION_TOKENS | SN_QUIRK_NO_STREAM_OPTIONS,
                   "{\"model\": \"m\", \"max_completion_tokens\": 9, \"temperature\": 0.5, "
                   "\"stream\": true, \"messages\": []}");
    expect_request(&sn_protocol_responses, &r, SN_QUIRK_NO_ENCRYPTED,
                   "{\"model\": \"m\", \"max_output_tokens\": 9, \"temperature\": 0.5, \"stream\": "
                   "true, \"store\": false, \"input\": []}");
    sn_failure no = {.status = 400, .words = "use max_completion_tokens"};
    assert_int_equal(sn_quirk_find(&sn_protocol_chat, &no, 0), SN_QUIRK_COMPLETION_TOKENS);
    assert_int_equal(sn_quirk_find(&sn_protocol_chat, &no, SN_QUIRK_COMPLETION_TOKENS), 0);
    assert_int_equal(sn_quirk_find(&sn_protocol_messages, &no, 0), 0);
    no.status = 500;
    assert_int_equal(sn_quirk_find(&sn_protocol_chat, &no, 0), 0);
}

/* What one API wants back is nothing to another one. */
static void verbatim(void **state) {
    (void)state;
    json_t *kept =
        json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s}, i]", "type", "thinking", "signature", "s",
                  "type", "reasoning", "encrypted_content", "e", "type", "other", 1);
    sn_message said[] = {{.role = SN_ROLE_ASSISTANT, .text = "A", .verbatim = kept}};
    const sn_model_request r = {.messages = said, .messages_count = 1, .temperature = -1};
    expect_request(&sn_protocol_chat, &r, 0,
                   "{\"model\": \"m\", \"messages\": [{\"role\": \"assistant\", \"content\": "
                   "\"A\"}]}");
    expect_request(
        &sn_protocol_responses, &r, 0,
        "{\"model\": \"m\", \"store\": false, \"include\": "
        "[\"reasoning.encrypted_content\"], \"input\": [{\"type\": \"reasoning\", "
        "\"encrypted_content\": \"e\"}, {\"role\": \"assistant\", \"content\": \"A\"}]}");
    expect_request(&sn_protocol_responses, &r, SN_QUIRK_NO_ENCRYPTED,
                   "{\"model\": \"m\", \"store\": false, \"input\": [{\"role\": "
                   "\"assistant\", \"content\": \"A\"}]}");
    expect_request(&sn_protocol_messages, &r, 0,
                   "{\"model\": \"m\", \"max_tokens\": 4096, \"messages\": [{\"role\": "
                   "\"assistant\", \"content\": [{\"type\": \"thinking\", \"signature\": \"s\"}, "
                   "{\"type\": \"text\", \"text\": \"A\"}]}]}");
    json_decref(kept);
}

/* ---- answers ---- */

static sn_draft read_answer(const sn_protocol *protocol, const char *type, const char *text,
                            int expected) {
    sn_draft draft = {.key = "sk-1"};
    sn_answer answer;
    sn_answer_init(&answer, protocol, &draft, NULL);
    int rc = sn_answer_take(&answer, 200, type, text, strlen(text));
    if (rc >= 0)
        rc = sn_answer_end(&answer);
    assert_int_equal(rc, expected);
    sn_answer_clear(&answer);
    return draft;
}

#define EVENTS "text/event-stream"

static void expect_text(const sn_protocol *protocol, const char *type, const char *text,
                        const char *said, sn_finish finish) {
    sn_draft draft = read_answer(protocol, type, text, 0);
    assert_int_equal(draft.failure.status, 0);
    assert_string_equal(draft.text.data ? draft.text.data : "", said);
    assert_int_equal(draft.finish, finish);
    sn_draft_clear(&draft);
}

static void chat_events(void **state) {
    (void)state;
    const sn_protocol *p = &sn_protocol_chat;
    expect_text(p, EVENTS,
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
                "data: {\"choices\":[]}\n\ndata: {}\n\ndata: []\n\ndata: [DONE]\n\ndata: {nonsense",
                "a", SN_FINISH_STOP);
    expect_text(p, EVENTS,
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}"
                "\n\n",
                "a", SN_FINISH_LENGTH);
    sn_draft cut = read_answer(
        p, EVENTS, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", SN_EUNAVAILABLE);
    sn_draft_clear(&cut);
    sn_draft none = read_answer(p, EVENTS, "data: {\"choices\":\n\n", SN_EINTERNAL);
    sn_draft_clear(&none);
}

static void response_events(void **state) {
    (void)state;
    const sn_protocol *p = &sn_protocol_responses;
    expect_text(p, EVENTS,
                "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"
                "data: {\"type\":\"response.new_thing\",\"delta\":\"b\"}\n\n"
                "data: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"type\":"
                "\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]}]}}\n\n",
                "a", SN_FINISH_STOP);
    expect_text(p, EVENTS,
                "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\","
                "\"incomplete_details\":{\"reason\":\"content_filter\"},\"output\":[]}}\n\n",
                "", SN_FINISH_FILTER);
    sn_draft failed = read_answer(p, EVENTS,
                                  "data: {\"type\":\"response.failed\",\"response\":{\"status\":"
                                  "\"failed\",\"error\":{\"code\":\"server_error\",\"message\":"
                                  "\"with sk-1\"}}}\n\n",
                                  0);
    assert_int_equal(failed.failure.status, 500);
    assert_string_equal(failed.failure.words, "with ****");
    sn_draft_clear(&failed);
}

static void message_events(void **state) {
    (void)state;
    const sn_protocol *p = &sn_protocol_messages;
    expect_text(p, EVENTS,
                "data: {\"type\":\"ping\"}\n\n"
                "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                "\"text_delta\",\"text\":\"a\"}}\n\n"
                "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"}}\n\n",
                "a", SN_FINISH_LENGTH);
    sn_draft failed = read_answer(p, EVENTS,
                                  "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                                  "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
                                  0);
    assert_int_equal(failed.failure.status, 529);
    assert_true(sn_failure_may_pass(&failed.failure));
    sn_draft_clear(&failed);
    /* Thinking whose signature has not come is not kept. */
    sn_draft thinks = read_answer(
        p, EVENTS,
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
        "\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"}}\n\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\ndata: {\"type\":\"message_stop\"}"
        "\n\n",
        0);
    assert_null(thinks.kept);
    sn_draft_clear(&thinks);
}

static void whole_answers(void **state) {
    (void)state;
    const char *json = "application/json; charset=utf-8";
    expect_text(&sn_protocol_chat, json,
                "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}", "a",
                SN_FINISH_STOP);
    expect_text(&sn_protocol_messages, json,
                "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":\"refusal\"}",
                "a", SN_FINISH_FILTER);
    expect_text(&sn_protocol_responses, json,
                "{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"refusal\",\"refusal\":"
                "\"a\"}]}]}",
                "a", SN_FINISH_STOP);
    const sn_protocol *all[] = {&sn_protocol_chat, &sn_protocol_responses, &sn_protocol_messages};
    for (size_t i = 0; i < SN_COUNT(all); i++) {
        static const char *const none[] = {"", "{", "[]", "{}", "null", "<html>", "\"text\""};
        for (size_t j = 0; j < SN_COUNT(none); j++) {
            sn_draft draft = read_answer(all[i], json, none[j], SN_EINTERNAL);
            sn_draft_clear(&draft);
        }
    }
}

static int make_schema(void **state) {
    (void)state;
    schema = json_pack("{s:s}", "type", "object");
    return 0;
}

static int drop_schema(void **state) {
    (void)state;
    json_decref(schema);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),        cmocka_unit_test(quirks),
        cmocka_unit_test(verbatim),        cmocka_unit_test(chat_events),
        cmocka_unit_test(response_events), cmocka_unit_test(message_events),
        cmocka_unit_test(whole_answers),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}
