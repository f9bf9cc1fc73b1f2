/* answer.h - one question of a task's to the answer function. */
#ifndef SN_ORCHESTRATOR_ANSWER_H
#define SN_ORCHESTRATOR_ANSWER_H

#include "orchestrator/live.h"
#include "orchestrator/report.h"

/* Sets in the query what holds for the whole task, and counts what it cost. `report` NULL: what
 * happens is not told. `*out`: the text; free() it, also after an error. */
SN_WARN_UNUSED int sn_answer(char **out, sn_live *live, sn_query *query, sn_report *report,
                             sn_error *err);

#endif
