/*
 * number.h - a double as the shortest decimal text that reads back as the same double: 0.1, and not
 * 0.10000000000000001. For texts that programs read, so the point is a point in every locale.
 */
#ifndef SN_SERVICE_NUMBER_H
#define SN_SERVICE_NUMBER_H

#include "shannon.h"

enum { SN_NUMBER_TEXT_BYTES = 32 };

/* Finite numbers only: how infinity is written is the format's affair. Returns `out`. */
const char *sn_number_text(char out[SN_NUMBER_TEXT_BYTES], double number);

#endif
