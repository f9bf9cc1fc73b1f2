/* tools.c - see tools.h. */
#include "service/tools.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_SCHEMA                                                                              \
    "{'type': 'object', 'properties': {"                                                           \
    " 'status': {'type': 'string', 'enum': ['ok', 'error', 'timeout', 'memory_limit',"             \
    "  'output_limit', 'crashed', 'cancelled']},"                                                  \
    " 'stdout': {'type': 'string'},"                                                               \
    " 'stderr': {'type': 'string'},"                                                               \
    " 'result': {'type': ['object', 'null'],"                                                      \
    "  'description': 'The value of the last expression, by MIME type.'},"                         \
    " 'outputs': {'type': 'array', 'items': {'type': 'object'},"                                   \
    "  'description': 'What display() showed, by MIME type.'},"                                    \
    " 'error': {'type': ['object', 'null'], 'properties': {'name': {'type': 'string'},"            \
    "  'value': {'type': 'string'}, 'traceback': {'type': 'string'}}},"                            \
    " 'session_id': {'type': ['string', 'null']},"                                                 \
    " 'step': {'type': 'integer'}},"                                                               \
    "'required': ['status', 'stdout', 'stderr']}"

#define SESSION_SCHEMA                                                                             \
    " 'session_id': {'type': 'string', 'minLength': 1, 'maxLength': 128,"                          \
    "  'pattern': '^[A-Za-z0-9._:-]+$', 'description': 'Executions with the same id go on where "  \
    "the last one ended: variables, functions, imports and files stay.'},"                         \
    " 'timeout_seconds': {'type': 'number', 'minimum': 1, 'maximum': 60},"                         \
    " 'memory_limit_mb': {'type': 'integer', 'minimum': 32, 'maximum': 256}"

static const char *const tags[] = {"python", "code", "sandbox", NULL};

const sn_tool sn_tools[] = {
    {
        .id = "python_executor",
        .name = "Python executor",
        .description =
            "Runs Python 3.11 in a sandbox without network. Returns what the code writes and the "
            "value of its last expression. The standard library is there; with a session_id, state "
            "is kept from one execution to the next.",
        .category = "code",
        .tags = tags,
        .examples =
            (const char *const[]){"{\"code\": \"sum(range(10))\"}",
                                  "{\"code\": \"x = 1\", \"session_id\": \"analysis\"}", NULL},
        .input_schema =
            "{'type': 'object', 'properties': {"
            " 'code': {'type': 'string', 'minLength': 1, 'maxLength': 1048576,"
            "  'description': 'Python source. The value of the last expression is returned.'},"
            " 'stdin': {'type': 'string', 'description': 'What the code reads from "
            "sys.stdin.'}," SESSION_SCHEMA "}, 'required': ['code']}",
        .output_schema = OUTPUT_SCHEMA,
    },
    {
        .id = "code_executor",
        .name = "Code executor",
        .description =
            "Runs Python 3.11 in a sandbox, for clients that name a WebAssembly interpreter and "
            "hand it the code as standard input. python_executor is the plainer form.",
        .category = "code",
        .tags = tags,
        .examples =
            (const char *const[]){"{\"stdin\": \"print(1)\", \"argv\": "
                                  "[\"python\", \"-c\", \"import sys; exec(sys.stdin.read())\"]}",
                                  NULL},
        .input_schema =
            "{'type': 'object', 'properties': {"
            " 'wasm_path': {'type': 'string',"
            "  'description': 'The interpreter; only the Python that is built in.'},"
            " 'stdin': {'type': 'string', 'description': 'Python source; with an argv of "
            "[python, -c, CODE], what CODE reads from sys.stdin.'},"
            " 'argv': {'type': 'array', 'items': {'type': 'string'}}," SESSION_SCHEMA
            "}, 'required': ['stdin']}",
        .output_schema = OUTPUT_SCHEMA,
    },
    {0},
};

const sn_tool *sn_tool_find(const char *id) {
    for (const sn_tool *tool = sn_tools; tool->id; tool++)
        if (strcmp(tool->id, id) == 0)
            return tool;
    return NULL;
}

/* The table has ' for ", so that it can be read. */
static json_t *parse(const char *text) {
    char *copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *json = copy ? json_loads(copy, 0, NULL) : NULL;
    free(copy);
    return json;
}

static void set_maximum(json_t *schema, const char *property, json_t *maximum) {
    json_t *properties = json_object_get(schema, "properties");
    json_object_set_new(json_object_get(properties, property), "maximum", maximum);
}

json_t *sn_tool_input_schema(const sn_tool *tool, const sn_executor_figures *limits) {
    json_t *schema = parse(tool->input_schema);
    set_maximum(schema, "timeout_seconds", json_real(limits->timeout_seconds));
    set_maximum(schema, "memory_limit_mb", json_integer(limits->memory_limit_mb));
    return schema;
}

json_t *sn_tool_output_schema(const sn_tool *tool) {
    return parse(tool->output_schema);
}
