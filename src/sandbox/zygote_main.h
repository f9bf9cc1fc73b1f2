/* zygote_main.h - inside the zygote; zygote.h is for its users. */
#ifndef SN_SANDBOX_ZYGOTE_MAIN_H
#define SN_SANDBOX_ZYGOTE_MAIN_H

#include "sandbox/zygote.h"

/* What comes over the control socket first, but for the zygote's pid (walls.h). */
typedef struct sn_zygote_hello {
    int rc; /* 0, or why there is no zygote: `err` */
    sn_walls walls;
    sn_error err;
} sn_zygote_hello;

/* Called in the forked child with its end of the control socket (SOCK_SEQPACKET). */
_Noreturn void sn_zygote_main(int control, const sn_interpreter *interpreter,
                              const sn_zygote_options *options);

#endif
