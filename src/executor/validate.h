/*
 * validate.h - the request as the contract has it. A value over a limit is refused with the limit's
 * name and number; nothing is clamped.
 */
#ifndef SN_EXECUTOR_VALIDATE_H
#define SN_EXECUTOR_VALIDATE_H

#include "executor/settings.h"

/* SN_EINVALID_ARGUMENT. */
SN_WARN_UNUSED int sn_request_validate(const sn_request *request, const sn_settings *settings,
                                       sn_error *err);

#endif
