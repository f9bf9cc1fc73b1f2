/*
 * settings_table.h - the settings of all services, in one table, as they may share a file; and the
 * rules between them.
 */
#ifndef SN_SERVICE_SETTINGS_TABLE_H
#define SN_SERVICE_SETTINGS_TABLE_H

#include "service/config.h"
#include "service/tenants.h"

extern sn_setting sn_settings_table[];
extern const size_t sn_settings_count;

/* Gives a setting another default, for a command that has one of its own. The text is kept. Before
 * anything is opened. */
void sn_settings_set_usual(const char *name, const char *usual);

/* Opens the configuration of a service and checks what no single setting shows: that nothing is
 * served to other machines without a token, and that TLS has both its files, and a model its server
 * and its name. `problems` and errors as sn_config_open(). */
SN_WARN_UNUSED int sn_settings_open(sn_config **out, sn_buffer *problems, const char *file,
                                    const sn_override *overrides, size_t overrides_count,
                                    sn_error *err);

/*
 * Puts all that is set and no secret into the environment, where the layers below look for what is
 * theirs. While the program has one thread.
 */
SN_WARN_UNUSED int sn_settings_export(const sn_config *config, sn_error *err);

/* Those of SHANNON_TENANTS_FILE, and NULL if it is not set. `problems` and errors as
 * sn_tenants_open(). */
SN_WARN_UNUSED int sn_settings_tenants(sn_tenants **out, sn_buffer *problems,
                                       const sn_config *config, sn_error *err);

/* "127.0.0.1:50051", "[::1]:50051"; free() it. */
char *sn_settings_address(const sn_config *config, const char *name);

#endif
