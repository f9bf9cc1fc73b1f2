/* config_file.h - the lines of a configuration file; config.h says what they may be. */
#ifndef SN_SERVICE_CONFIG_FILE_H
#define SN_SERVICE_CONFIG_FILE_H

#include "service/config.h"

/* Is called for each line that says something, in order; `line` counts from 1. */
typedef struct sn_config_reader {
    void (*pair)(void *user, unsigned line, const char *key, const char *value);
    void (*problem)(void *user, unsigned line, const char *what);
    void *user;
} sn_config_reader;

/* What is told of a wrong line never quotes it: there may be a secret in it. */
void sn_config_file_parse(const sn_config_reader *reader, const char *text, size_t bytes);

#endif
