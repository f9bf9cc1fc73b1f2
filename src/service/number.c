/* number.c - see number.h. */
#include "service/number.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sn_number_text(char out[SN_NUMBER_TEXT_BYTES], double number) {
    assert(isfinite(number));
    for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(out, SN_NUMBER_TEXT_BYTES, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            break;
    }
    char *comma = strchr(out, ',');
    if (comma)
        *comma = '.';
    return out;
}
