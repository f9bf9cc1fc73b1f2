/* zygote_main.h - the zygote's own side; zygote.h is for its users. */
#ifndef SN_SANDBOX_ZYGOTE_MAIN_H
#define SN_SANDBOX_ZYGOTE_MAIN_H

#include "sandbox/interpreter.h"

/* Called in the forked child with its end of the control socket (SOCK_SEQPACKET). */
_Noreturn void sn_zygote_main(int control, const sn_interpreter *interpreter);

#endif
