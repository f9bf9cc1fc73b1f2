/* model.c - see model.h: a model from its options. */
#include "model/model.h"

#include "model/endpoint.h"
#include "model/model_private.h"
#include "util/error.h"
#include "util/io.h"

#include <stdlib.h>
#include <string.h>

static int find_protocol(const sn_protocol **out, const char *api, sn_error *err) {
    *out = sn_protocol_find(api ? api : "chat");
    if (*out)
        return 0;
    return sn_fail(err, SN_EINVALID_ARGUMENT,
                   "there is no API \"%.40s\" of models: chat, responses or messages", api);
}

static int fill(sn_model *m, const sn_model_options *o, sn_error *err) {
    if (!o->model || !*o->model)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the model's name is missing");
    int rc = find_protocol(&m->protocol, o->api, err);
    if (rc == 0)
        rc = sn_endpoint_check_key(o->api_key, err);
    if (rc == 0)
        rc = sn_endpoint_url(&m->url, o->base_url, m->protocol, err);
    if (rc < 0)
        return rc;
    m->name = sn_format("%s", o->model);
    m->ca_path = o->ca_path ? sn_format("%s", o->ca_path) : NULL;
    if (o->api_key) {
        m->key = sn_format("%s", o->api_key);
        m->key_line = sn_format("%s%s", m->protocol->key_header, o->api_key);
    }
    return sn_lines_open(&m->lines, err);
}

int sn_model_open(sn_model **out, const sn_model_options *options, sn_error *err) {
    sn_model *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a model");
    m->options = *options;
    m->options.base_url = m->options.api_key = m->options.model = NULL;
    m->options.ca_path = m->options.api = NULL;
    int rc = fill(m, options, err);
    if (rc < 0)
        sn_model_close(m);
    else
        *out = m;
    return rc;
}

static void forget(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void sn_model_close(sn_model *m) {
    if (!m)
        return;
    sn_lines_close(m->lines);
    forget(m->key);
    forget(m->key_line);
    free(m->url);
    free(m->name);
    free(m->ca_path);
    free(m);
}

const char *sn_model_name(const sn_model *model) {
    return model->name;
}

const char *sn_model_api(const sn_model *model) {
    return model->protocol->api;
}
