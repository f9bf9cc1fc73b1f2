/* grpc_wire.c - see grpc_wire.h. */
#include "orchestrator/grpc_wire.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define KIND(name) GOOGLE__PROTOBUF__VALUE__KIND_##name

/* ---- a context ---- */

/* Nesting was bounded when the message was unpacked. */
static json_t *json_of_value(const sn_value *value);

static json_t *json_of_list(const Google__Protobuf__ListValue *list) {
    json_t *json = json_array();
    bool ok = json;
    for (size_t i = 0; ok && i < list->n_values; i++)
        ok = json_array_append_new(json, json_of_value(list->values[i])) == 0;
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *json_of_value(const sn_value *value) {
    switch (value->kind_case) {
    case KIND(STRUCT_VALUE):
        return sn_grpc_json_of_struct(value->struct_value);
    case KIND(LIST_VALUE):
        return json_of_list(value->list_value);
    case KIND(STRING_VALUE):
        return json_stringn((const char *)value->string_value.data, value->string_value.len);
    case KIND(NUMBER_VALUE):
        if (value->number_value == floor(value->number_value) &&
            fabs(value->number_value) < 9007199254740992.0)
            return json_integer((json_int_t)value->number_value);
        return isfinite(value->number_value) ? json_real(value->number_value) : json_null();
    case KIND(BOOL_VALUE):
        return json_boolean(value->bool_value);
    default:
        return json_null();
    }
}

json_t *sn_grpc_json_of_struct(const sn_struct *object) {
    json_t *json = json_object();
    bool ok = json;
    for (size_t i = 0; ok && i < object->n_fields; i++) {
        const Google__Protobuf__Struct__FieldsEntry *field = object->fields[i];
        char *key = strndup(field->key.data ? (const char *)field->key.data : "", field->key.len);
        ok = key && strlen(key) == field->key.len &&
             json_object_set_new(json, key,
                                 field->value ? json_of_value(field->value) : json_null()) == 0;
        free(key);
    }
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}

/* ---- tasks ---- */

ProtobufCBinaryData sn_grpc_text(const char *text) {
    return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
}

static int32_t clamp(uint64_t number) {
    return number > INT32_MAX ? INT32_MAX : (int32_t)number;
}

void sn_grpc_fill_usage(Shannon__Common__TokenUsage *out, const sn_model_usage *usage,
                        const char *model) {
    shannon__common__token_usage__init(out);
    out->prompt_tokens = clamp(usage->input_tokens);
    out->completion_tokens = clamp(usage->output_tokens);
    out->total_tokens = clamp(usage->input_tokens + usage->output_tokens);
    out->model = sn_grpc_text(model);
}

static Google__Protobuf__Timestamp *fill_time(Google__Protobuf__Timestamp *out, int64_t ms) {
    google__protobuf__timestamp__init(out);
    out->seconds = ms / 1000;
    out->nanos = (int32_t)(ms % 1000 * 1000000);
    return ms > 0 ? out : NULL;
}

void sn_grpc_fill_summary(sn_grpc_summary *out, const sn_task_head *head) {
    Shannon__Orchestrator__TaskSummary *m = &out->message;
    shannon__orchestrator__task_summary__init(m);
    m->task_id = sn_grpc_text(head->id);
    m->query = sn_grpc_text(head->brief);
    m->status = (Shannon__Orchestrator__TaskStatus)head->state; /* the same numbers */
    m->mode = (Shannon__Common__ExecutionMode)head->mode;
    m->created_at = fill_time(&out->created, head->created_ms);
    m->completed_at = fill_time(&out->completed, head->ended_ms);
    sn_grpc_fill_usage(&out->usage, &head->usage, head->model);
    m->total_token_usage = &out->usage;
}
