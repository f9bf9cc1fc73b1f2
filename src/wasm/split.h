/*
 * split.h - takes the one C file that wasm2c 1.0.32 writes apart.
 *
 * The file has a regular shape: its own support code, prototypes, initialisers, one function after
 * another, and at the end what ties an instance together. The functions are cut into parts of
 * about equal size for several compilers, the rest is kept by kind. On the way the instance pointer
 * is taken out of every function (native.h says what is there instead). All names in the file come
 * from canonical.c, so each use of the word "instance" is one of a few patterns; anything else, or
 * a file that stops early, is an error and not a guess.
 */
#ifndef SN_WASM_SPLIT_H
#define SN_WASM_SPLIT_H

#include "util/buffer.h"

typedef struct sn_split {
    sn_buffer types;      /* structures for several results */
    sn_buffer state;      /* members of the instance structure: globals and flags */
    uint32_t types_count; /* the file's; must be the module's */
    sn_buffer prototypes;
    sn_buffer externs;   /* declarations of `constants` */
    sn_buffer constants; /* passive segments */
    sn_buffer globals;   /* body of the initialiser of globals */
    sn_buffer tables;    /* body of the initialiser of tables */
    sn_buffer functions; /* all of them */
    size_t *starts;      /* where each part begins in `functions`; parts_count + 1 of them */
    size_t parts_count;  /* 0 if there are no functions */
    bool tables_change;  /* a function writes to a table */
} sn_split;

/*
 * `header` and `source` are the two files, NUL-terminated. Parts are cut at `part_bytes`.
 * SN_EUNAVAILABLE: the text has another shape; SN_ERESOURCE_EXHAUSTED: it is cut off, or no memory.
 * Release with sn_split_free(), also after an error.
 */
SN_WARN_UNUSED int sn_split_read(sn_split *out, const char *header, const char *source,
                                 size_t part_bytes, sn_error *err);
void sn_split_free(sn_split *split);

/* Appends `text` without the instance pointer. For sn_split_read() and tests. */
SN_WARN_UNUSED int sn_split_rewrite(sn_buffer *out, const char *text, size_t bytes, sn_error *err);

#endif
