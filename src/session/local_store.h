/*
 * local_store.h - the store on this machine's disk: log.h holds everything, index.h finds it.
 *
 *     <folder>/00000001.seg ...   the log
 *     <folder>/index/             LMDB, made anew from the log after the machine was restarted
 *     <folder>/boot               which start of the machine the index belongs to
 *     <folder>/lock               taken while a store is opened
 *     <folder>/reserve            room for deleting sessions when the disk is full
 */
#ifndef SN_SESSION_LOCAL_STORE_H
#define SN_SESSION_LOCAL_STORE_H

#include "session/store.h"

/* Opens the store in `folder`, or makes one. SN_EUNAVAILABLE: it cannot be read or written. */
SN_WARN_UNUSED int sn_local_store_open(sn_store **out, const char *folder, sn_error *err);

#endif
