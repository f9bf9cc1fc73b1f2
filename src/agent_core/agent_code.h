/*
 * agent_code.h - where the code is: in the tool parameters of a task, or in its query. See
 * agent_request.h.
 */
#ifndef SN_AGENT_CORE_AGENT_CODE_H
#define SN_AGENT_CORE_AGENT_CODE_H

#include "agent_core/agent_request.h"
#include "agent_core/struct_json.h"

/* Copies a text; NULL where there is none, or an empty one. SN_EINVALID_ARGUMENT: it has a NUL or
 * is no UTF-8. `name` is what the error calls it. */
SN_WARN_UNUSED int sn_agent_text(char **out, const ProtobufCBinaryData *text, const char *name,
                                 sn_error *err);

/* The text, number or list of this name. 1: it is there; 0: not; SN_EINVALID_ARGUMENT: it is
 * something else. */
SN_WARN_UNUSED int sn_agent_parameter(const sn_value **out, const sn_struct *parameters,
                                      const char *name, Google__Protobuf__Value__KindCase kind,
                                      sn_error *err);

/* Takes tool, code, standard input and arguments from the tool parameters. */
SN_WARN_UNUSED int sn_agent_code_of_parameters(sn_agent_request *to, const sn_struct *parameters,
                                               const char *interpreter_path, sn_error *err);

/* Takes the code from a query; SN_EUNAVAILABLE: it has none. Only a `simple` task is executed for a
 * fenced block among words: any other may want something else done with it. */
SN_WARN_UNUSED int sn_agent_code_of_query(sn_agent_request *to, const ProtobufCBinaryData *query,
                                          bool simple, sn_error *err);

#endif
