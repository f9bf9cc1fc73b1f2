/*
 * in_turn.h - sn_execute() for a thread that has no slot: it waits until it is its turn, so that
 * what questions have executed shares the slots, and the fairness, of everything else.
 */
#ifndef SN_LLM_SERVICE_IN_TURN_H
#define SN_LLM_SERVICE_IN_TURN_H

#include "service/admission.h"

/*
 * As sn_execute(), which happens on a thread of the admission's while this one waits; so `on_event`
 * is called there. `admission` NULL: at once, here. Moreover SN_ERESOURCE_EXHAUSTED: the queue is
 * full, or its turn did not come in time; SN_EUNAVAILABLE: request->cancel_fd became readable while
 * it waited, or the admission is being shut down.
 */
SN_WARN_UNUSED int sn_execute_in_turn(sn_result **out, sn_executor *executor,
                                      const sn_request *request, sn_admission *admission,
                                      const char *tenant, sn_event_fn on_event, void *user,
                                      sn_error *err);

#endif
