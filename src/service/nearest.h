/* nearest.h - which of the known words somebody meant. */
#ifndef SN_SERVICE_NEAREST_H
#define SN_SERVICE_NEAREST_H

#include "shannon.h"

/* How many letters have to be added, taken away or replaced to make one word of the other;
 * uppercase is lowercase. Of long words only the beginnings count. */
unsigned sn_word_distance(const char *a, const char *b);

#endif
