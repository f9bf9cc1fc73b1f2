/*
 * lines.h - connections to a model's server that are kept from one transfer to the next. A line is
 * a pair of libcurl's handles, which holds one connection; whoever makes a transfer takes one, and
 * gives it back if the transfer went well.
 */
#ifndef SN_MODEL_LINES_H
#define SN_MODEL_LINES_H

#include "model/transfer.h"

typedef struct sn_line {
    struct sn_line *next;
    CURLM *multi;
    CURL *easy;
} sn_line;

/* NULL: no memory, or no descriptors. */
sn_line *sn_line_take(sn_lines *lines, const sn_curl **curl);

/* `is_good`: it may be used again. */
void sn_line_give(sn_lines *lines, sn_line *line, bool is_good);

#endif
