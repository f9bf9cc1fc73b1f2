/*
 * python_tool.h - the tool python_executor as a model sees it: what it is offered, what it asks
 * for, and what it is told came of it.
 */
#ifndef SN_LLM_SERVICE_PYTHON_TOOL_H
#define SN_LLM_SERVICE_PYTHON_TOOL_H

#include "model/model.h"
#include "shannon.h"

#define SN_PYTHON_TOOL "python_executor"

enum { SN_TOLD_MOST_BYTES = 12 << 10 }; /* of each of stdout and stderr, to a model */

/* The tool for sn_model_request, with the limits that hold; its session is the query's, so the
 * model is not asked for one. `*schema` must outlive it; json_decref() it. */
SN_WARN_UNUSED int sn_python_tool_offer(sn_model_tool *out, json_t **schema,
                                        const sn_executor_figures *limits, sn_error *err);

/* What a model asked for; `request` refers to the rest. */
typedef struct sn_python_call {
    sn_request request;
    json_t *arguments;
} sn_python_call;

/*
 * Reads the arguments of a call. What models get wrong and still mean one thing is taken: code that
 * is fenced. SN_EINVALID_ARGUMENT: they are no JSON, or not what the schema says; the error's words
 * are for the model.
 */
SN_WARN_UNUSED int sn_python_call_read(sn_python_call *out, const char *arguments, sn_error *err);
void sn_python_call_clear(sn_python_call *call);

/* What came of it, in words: what was printed, the value, the error, what was cut. free() it; NULL:
 * no memory. */
char *sn_python_tool_tell(const sn_result *result);

/* The same of an execution that there was none of. */
char *sn_python_tool_tell_error(const sn_error *error);

#endif
