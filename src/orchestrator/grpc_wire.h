/* grpc_wire.h - tasks as shannon.orchestrator's messages have them. */
#ifndef SN_ORCHESTRATOR_GRPC_WIRE_H
#define SN_ORCHESTRATOR_GRPC_WIRE_H

#include "agent_core/struct_json.h"
#include "orchestrator.pb-c.h"
#include "orchestrator/task.h"

/* A request's context; json_decref() it. NULL: no memory, or a text is none. */
json_t *sn_grpc_json_of_struct(const sn_struct *object);

ProtobufCBinaryData sn_grpc_text(const char *text);

/* A list's entry and what it refers to; the head stays the caller's. */
typedef struct sn_grpc_summary {
    Shannon__Orchestrator__TaskSummary message;
    Google__Protobuf__Timestamp created, completed;
    Shannon__Common__TokenUsage usage;
} sn_grpc_summary;

void sn_grpc_fill_summary(sn_grpc_summary *out, const sn_task_head *head);
void sn_grpc_fill_usage(Shannon__Common__TokenUsage *out, const sn_model_usage *usage,
                        const char *model);

#endif
