/*
 * shed.h - makes fork() cheaper: a worker calls nothing of the libraries that the other roles of
 * this program need (TLS, JSON, the store, the prompt), so it does not get them. Each mapping costs
 * a microsecond when a worker is forked and another one when it ends; and what is not there cannot
 * be misused.
 */
#ifndef SN_SANDBOX_SHED_H
#define SN_SANDBOX_SHED_H

/* In the zygote: what is forked after that has none of them. */
void sn_shed_libraries(void);

#endif
