/* mark.h - trailing metadata of an error that the server itself has told; its value is the error's
 * name. A lost connection has none. */
#ifndef SN_RPC_MARK_H
#define SN_RPC_MARK_H

#define SN_RPC_ERROR_KEY "shannon-error"

/* Beside it, where nothing of what was asked for has been done. */
#define SN_RPC_REFUSED_KEY "shannon-refused"

#endif
