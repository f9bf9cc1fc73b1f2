/*
 * tools.h - the tools that services offer to models and agents, and what each takes and gives, as
 * JSON Schema. One table for all doors.
 */
#ifndef SN_SERVICE_TOOLS_H
#define SN_SERVICE_TOOLS_H

#include "shannon.h"

#include <jansson.h>

typedef struct sn_tool {
    const char *id;
    const char *name; /* for people */
    const char *description;
    const char *category;
    const char *const *tags;     /* NULL at the end */
    const char *const *examples; /* parameters as JSON; NULL at the end */
    const char *input_schema;    /* without the limits */
    const char *output_schema;
} sn_tool;

/* Ends with an id of NULL. */
extern const sn_tool sn_tools[];

/* NULL: there is none of that id. */
const sn_tool *sn_tool_find(const char *id);

/* What it takes, with the limits that hold here. json_decref() it. NULL: no memory. */
json_t *sn_tool_input_schema(const sn_tool *tool, const sn_executor_figures *limits);
json_t *sn_tool_output_schema(const sn_tool *tool);

#endif
