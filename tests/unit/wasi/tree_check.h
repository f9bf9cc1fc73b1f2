/* tree_check.h - whether a tree is sound, for tests and fuzzing. */
#ifndef SN_TESTS_WASI_TREE_CHECK_H
#define SN_TESTS_WASI_TREE_CHECK_H

#include "wasi/tree.h"

/*
 * Aborts, saying where, unless everything in the tree agrees: lists and hash table hold the same
 * entries, cookies rise, links are as many as entries, every node is reachable or open, and each
 * space's use is exactly what its nodes and names cost.
 */
void sn_tree_check(const sn_vfs *vfs);

#endif
