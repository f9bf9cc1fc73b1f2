/*
 * rebuild.h - makes the index anew from the log.
 */
#ifndef SN_SESSION_REBUILD_H
#define SN_SESSION_REBUILD_H

#include "session/index.h"

/* Into an empty index. Takes what is whole; what is not, at the end of the last two segments, was
 * never reported as done, and will not be taken later either (SN_LOG_VOID). */
SN_WARN_UNUSED int sn_index_rebuild(sn_index *index, const char *folder, sn_error *err);

#endif
