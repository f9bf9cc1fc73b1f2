/* configured.c - see configured.h. */
#include "model/configured.h"

int sn_model_open_configured(sn_model **out, const sn_config *config, sn_error *err) {
    sn_model_options options = SN_MODEL_OPTIONS_INIT;
    *out = NULL;
    if (!sn_config_is_set(config, "LLM_BASE_URL"))
        return 0;
    options.base_url = sn_config_string(config, "LLM_BASE_URL");
    options.api_key = sn_config_string(config, "LLM_API_KEY");
    options.model = sn_config_string(config, "LLM_MODEL");
    options.api = sn_config_string(config, "LLM_API");
    options.ca_path = sn_config_string(config, "LLM_CA_FILE");
    options.timeout_ns = (uint64_t)(sn_config_seconds(config, "LLM_TIMEOUT_SECONDS") * 1e9);
    options.retries = (unsigned)sn_config_number(config, "LLM_RETRIES");
    return sn_model_open(out, &options, err);
}
