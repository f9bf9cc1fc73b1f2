/* result_words.h - a result as a person reads it. All texts are NUL-terminated, but may have NULs
 * that the code wrote, and are the caller's to free; NULL: no memory. */
#ifndef SN_EXECUTOR_RESULT_WORDS_H
#define SN_EXECUTOR_RESULT_WORDS_H

#include "shannon.h"

/* What the code wrote, and the last expression's value on a line of its own. */
char *sn_result_output(size_t *bytes, const sn_result *result);

/* What went wrong, as long as it takes: the traceback where there is one. Empty: nothing did. */
char *sn_result_failure(const sn_result *result);

/* Both. */
char *sn_result_words(size_t *bytes, const sn_result *result);

#endif
