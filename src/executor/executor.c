/* executor.c - the public calls: where it is to be executed, and what is checked wherever it is. */
#include "executor/backend.h"
#include "executor/remote.h"
#include "executor/several.h"
#include "executor/validate.h"
#include "session/local.h"

static int open_elsewhere(sn_executor **out, const sn_executor_options *options, sn_place place,
                          sn_error *err) {
    sn_addresses addresses;
    int rc = sn_addresses_read(&addresses, place.address, err);
    if (rc < 0)
        return rc;
    if (addresses.count > 1) {
        rc = sn_several_open(out, options, &addresses, &place, err);
    } else {
        place.address = addresses.all[0];
        rc = sn_remote_open(out, options, &place, err);
    }
    sn_addresses_clear(&addresses);
    return rc;
}

static int open_sessions_elsewhere(sn_sessions **out, sn_place place, sn_error *err) {
    sn_addresses addresses;
    int rc = sn_addresses_read(&addresses, place.address, err);
    if (rc < 0)
        return rc;
    if (addresses.count > 1) {
        rc = sn_several_sessions_open(out, &addresses, &place, err);
    } else {
        place.address = addresses.all[0];
        rc = sn_remote_sessions_open(out, &place, err);
    }
    sn_addresses_clear(&addresses);
    return rc;
}

int sn_executor_open(sn_executor **out, const sn_executor_options *options, sn_error *err) {
    static const sn_executor_options defaults = SN_EXECUTOR_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    sn_place place = sn_place_find(options->agent_core_addr, options->api_token, options->ca_path);
    return place.address ? open_elsewhere(out, options, place, err)
                         : sn_local_open(out, options, err);
}

void sn_executor_close(sn_executor *executor) {
    if (executor)
        executor->backend->close(executor);
}

sn_sessions *sn_executor_sessions(sn_executor *executor, sn_error *err) {
    return executor->backend->sessions(executor, err);
}

int sn_executor_get_figures(sn_executor_figures *out, sn_executor *executor, sn_error *err) {
    return executor->backend->get_figures(out, executor, err);
}

int sn_execute(sn_result **out, sn_executor *executor, const sn_request *request,
               sn_event_fn on_event, void *user, sn_error *err) {
    int rc = sn_request_validate(request, &executor->settings, err);
    return rc < 0 ? rc : executor->backend->execute(out, executor, request, on_event, user, err);
}

int sn_sessions_open(sn_sessions **out, const sn_sessions_options *options, sn_error *err) {
    static const sn_sessions_options defaults = SN_SESSIONS_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    sn_place place = sn_place_find(options->agent_core_addr, options->api_token, options->ca_path);
    return place.address ? open_sessions_elsewhere(out, place, err)
                         : sn_local_sessions_open(out, options, err);
}
