/* configured.h - the model that a service's settings name (LLM_BASE_URL and so on). */
#ifndef SN_MODEL_CONFIGURED_H
#define SN_MODEL_CONFIGURED_H

#include "model/model.h"
#include "service/config.h"

/* `*out` is NULL, and that is no error, where none is configured. Errors as sn_model_open(). */
SN_WARN_UNUSED int sn_model_open_configured(sn_model **out, const sn_config *config, sn_error *err);

#endif
