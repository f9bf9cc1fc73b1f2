/* agent_code.c - see agent_code.h. */
#include "agent_core/agent_code.h"

#include "service/query_code.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/utf8.h"

#include <string.h>

#define KIND(name) GOOGLE__PROTOBUF__VALUE__KIND_##name

/* ---- parts ---- */

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the task");
}

/* Also an empty one. */
static int copy_text(char **out, const ProtobufCBinaryData *text, const char *name, sn_error *err) {
    const char *data = text->data ? (const char *)text->data : "";
    if (memchr(data, '\0', text->len))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s contains a NUL", name);
    if (sn_utf8_valid_prefix(data, text->len) < text->len)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is not valid UTF-8", name);
    *out = strndup(data, text->len);
    return *out ? 0 : no_memory(err);
}

int sn_agent_text(char **out, const ProtobufCBinaryData *text, const char *name, sn_error *err) {
    *out = NULL;
    return text->len == 0 ? 0 : copy_text(out, text, name, err);
}

int sn_agent_parameter(const sn_value **out, const sn_struct *parameters, const char *name,
                       Google__Protobuf__Value__KindCase kind, sn_error *err) {
    const char *wanted = kind == KIND(STRING_VALUE)   ? "a text"
                         : kind == KIND(NUMBER_VALUE) ? "a number"
                                                      : "a list";
    *out = sn_struct_get(parameters, name);
    if (*out && (*out)->kind_case != kind)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "context.tool_parameters.%s is not %s", name,
                       wanted);
    return *out != NULL;
}

/* Takes over `text`. */
static void set_code(sn_agent_request *to, char *text) {
    to->code = text;
    to->request.code = text;
    to->request.code_bytes = strlen(text);
}

/* Standard input may hold anything but what is no text. */
static int set_stdin(sn_agent_request *to, const sn_value *value, sn_error *err) {
    const ProtobufCBinaryData *text = &value->string_value;
    if (text->len == 0)
        return 0;
    to->stdin_text = malloc(text->len);
    if (!to->stdin_text)
        return no_memory(err);
    memcpy(to->stdin_text, text->data, text->len);
    to->request.stdin_data = to->stdin_text;
    to->request.stdin_bytes = text->len;
    return 0;
}

static int set_code_of(sn_agent_request *to, const sn_value *value, const char *name,
                       sn_error *err) {
    char *text;
    int rc = copy_text(&text, &value->string_value, name, err);
    if (rc == 0)
        set_code(to, text);
    return rc;
}

/* ---- python_executor ---- */

static int take_python(sn_agent_request *to, const sn_struct *parameters, sn_error *err) {
    const sn_value *code, *input = NULL;
    int rc = sn_agent_parameter(&code, parameters, "code", KIND(STRING_VALUE), err);
    if (rc == 0)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "context.tool_parameters has no code");
    if (rc > 0)
        rc = set_code_of(to, code, "code", err);
    if (rc == 0)
        rc = sn_agent_parameter(&input, parameters, "stdin", KIND(STRING_VALUE), err);
    return rc > 0 ? set_stdin(to, input, err) : rc;
}

/* ---- code_executor: a command line ---- */

/* "import sys; exec(sys.stdin.read())", however it is spaced. */
static bool only_executes_stdin(const char *code) {
    static const char wanted[] = "importsys;exec(sys.stdin.read())";
    const char *next = wanted;
    for (; *code; code++) {
        char c = *code == '\n' ? ';' : *code;
        if (c == ' ' || c == '\t' || (c == ';' && !*next))
            continue;
        if (c != *next++)
            return false;
    }
    return !*next;
}

/* sys.argv is ["-c", ...] as it would be. */
static int take_args(sn_agent_request *to, const Google__Protobuf__ListValue *argv, sn_error *err) {
    to->args = calloc(argv->n_values + 1, sizeof *to->args);
    if (!to->args)
        return no_memory(err);
    for (size_t i = 0; i < argv->n_values; i++) {
        const sn_value *arg = argv->values[i];
        if (arg->kind_case != KIND(STRING_VALUE))
            return sn_fail(err, SN_EINVALID_ARGUMENT,
                           "context.tool_parameters.argv is not a list of texts");
        int rc = copy_text(&to->args[i], &arg->string_value, "argv", err);
        if (rc < 0)
            return rc;
        to->request.args_count++;
    }
    return 0;
}

/* Whether stdin is the code; if not, the code has been taken. */
static int take_argv(sn_agent_request *to, const sn_value *value, sn_error *err) {
    int rc = take_args(to, value->list_value, err);
    size_t count = to->request.args_count;
    to->request.args_count = 0;
    if (rc < 0)
        return rc;
    if (count <= 1 || (count == 2 && strcmp(to->args[1], "-") == 0))
        return 1;
    if (count < 3 || strcmp(to->args[1], "-c") != 0) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "argv is not the command line of an execution");
        return sn_hint(err,
                       "it is [\"python\", \"-c\", CODE, ...], or left out, and stdin the code");
    }
    if (count > 3) {
        to->request.args = (const char *const *)to->args + 1;
        to->request.args_count = count - 2;
    }
    char *code = SN_STEAL(to->args[2]);
    memmove(to->args + 2, to->args + 3, (count - 2) * sizeof *to->args);
    if (!only_executes_stdin(code)) {
        set_code(to, code);
        return 0;
    }
    free(code);
    return 1;
}

static int take_command(sn_agent_request *to, const sn_struct *parameters, sn_error *err) {
    const sn_value *argv = NULL, *input = NULL;
    int stdin_is_code = 1;
    int rc = sn_agent_parameter(&argv, parameters, "argv", KIND(LIST_VALUE), err);
    if (rc > 0)
        rc = stdin_is_code = take_argv(to, argv, err);
    if (rc >= 0)
        rc = sn_agent_parameter(&input, parameters, "stdin", KIND(STRING_VALUE), err);
    if (rc < 0)
        return rc;
    if (rc == 0 && stdin_is_code)
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "context.tool_parameters has no stdin, which would be the code");
    if (rc == 0)
        return 0;
    return stdin_is_code ? set_code_of(to, input, "stdin", err) : set_stdin(to, input, err);
}

/* ---- which tool ---- */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* By its name alone: what a client says is not looked for on our disks. */
static int check_interpreter(const sn_struct *parameters, const char *interpreter_path,
                             sn_error *err) {
    const sn_value *value;
    sn_auto_free char *path = NULL;
    if (sn_struct_get(parameters, "wasm_base64"))
        return sn_fail(err, SN_EINVALID_ARGUMENT,
                       "context.tool_parameters.wasm_base64: modules of clients are not run");
    int rc = sn_agent_parameter(&value, parameters, "wasm_path", KIND(STRING_VALUE), err);
    if (rc > 0)
        rc = sn_agent_text(&path, &value->string_value, "wasm_path", err);
    if (rc < 0 || !path)
        return rc;
    const char *ours = last_part(interpreter_path);
    if (strcmp(last_part(path), ours) == 0)
        return 0;
    sn_fail(err, SN_EINVALID_ARGUMENT, "wasm_path is %.400s, which is not run here", path);
    return sn_hint(err, "leave it out, or name %s, which is Python", ours);
}

static int find_tool(sn_agent_request *to, const sn_struct *parameters, sn_error *err) {
    const sn_value *value;
    sn_auto_free char *id = NULL;
    int rc = sn_agent_parameter(&value, parameters, "tool", KIND(STRING_VALUE), err);
    if (rc > 0)
        rc = sn_agent_text(&id, &value->string_value, "context.tool_parameters.tool", err);
    if (rc < 0)
        return rc;
    to->tool = sn_tool_find(id                                  ? id
                            : sn_struct_get(parameters, "code") ? "python_executor"
                                                                : "code_executor");
    if (to->tool)
        return 0;
    sn_fail(err, SN_ENOT_FOUND, "there is no tool '%.100s' here", id);
    return sn_hint(err, "agent-core has python_executor and code_executor");
}

int sn_agent_code_of_parameters(sn_agent_request *to, const sn_struct *parameters,
                                const char *interpreter_path, sn_error *err) {
    int rc = find_tool(to, parameters, err);
    if (rc == 0)
        rc = check_interpreter(parameters, interpreter_path, err);
    if (rc < 0)
        return rc;
    return sn_struct_get(parameters, "code") || strcmp(to->tool->id, "python_executor") == 0
               ? take_python(to, parameters, err)
               : take_command(to, parameters, err);
}

/* ---- queries ---- */

int sn_agent_code_of_query(sn_agent_request *to, const ProtobufCBinaryData *query, bool simple,
                           sn_error *err) {
    sn_auto_free char *text = NULL;
    int rc = copy_text(&text, query, "query", err);
    if (rc < 0)
        return rc;
    char *code = sn_query_code(text, simple ? SN_CODE_ANYWHERE : SN_CODE_ALONE);
    if (code) {
        to->tool = sn_tool_find("python_executor");
        set_code(to, code);
        return 0;
    }
    sn_fail(err, SN_EUNAVAILABLE,
            "agent-core executes code only, and the task holds none: it needs a model");
    return sn_hint(err, "send such tasks to the orchestrator, or the code in "
                        "context.tool_parameters");
}
