/* config_value.h - one value of a setting: from text, and what it may be in words. */
#ifndef SN_SERVICE_CONFIG_VALUE_H
#define SN_SERVICE_CONFIG_VALUE_H

#include "service/config.h"

enum { SN_ALLOWED_MAX_BYTES = 480, SN_WHY_MAX_BYTES = 512 };

typedef union sn_value {
    uint64_t number;
    double seconds;
    bool boolean;
    size_t choice;
    sn_address address;
} sn_value;

/* False: `why` goes on after the value: "is not a number from 1 to 10". */
SN_WARN_UNUSED bool sn_value_parse(sn_value *out, char why[SN_WHY_MAX_BYTES],
                                   const sn_setting *setting, const char *text);

/* "a number from 1 to 10" */
void sn_value_allowed(char out[SN_ALLOWED_MAX_BYTES], const sn_setting *setting);

#endif
