/* model_private.h - what model.c opens and ask.c uses. */
#ifndef SN_MODEL_MODEL_PRIVATE_H
#define SN_MODEL_MODEL_PRIVATE_H

#include "model/model.h"
#include "model/protocol.h"
#include "model/transfer.h"

#include <stdatomic.h>

struct sn_model {
    sn_model_options options; /* its texts: NULL */
    const sn_protocol *protocol;
    char *url;
    char *key; /* NULL: none */
    char *key_line;
    char *name;
    char *ca_path; /* NULL: the machine's */
    sn_lines *lines;
    atomic_uint calls;
    atomic_uint quirks;
};

#endif
