/*
 * reflection_answer.h - one question of grpc.reflection's, and the answer.
 */
#ifndef SN_AGENT_CORE_REFLECTION_ANSWER_H
#define SN_AGENT_CORE_REFLECTION_ANSWER_H

#include "rpc/methods.h"

enum { SN_REFLECTION_REQUEST_MOST_BYTES = 4096 };

/* A packed ServerReflectionResponse; free() it. What is not known is an answer, too. NULL:
 * SN_EINVALID_ARGUMENT, it is no ServerReflectionRequest, or too long; SN_ERESOURCE_EXHAUSTED. */
void *sn_reflection_answer(size_t *out_bytes, const sn_rpc_methods *methods, const void *request,
                           size_t bytes, sn_error *err);

#endif
