/*
 * support.c - the part of generated code's vocabulary that needs no inlining: whole memories,
 * tables, traps. Compiled into every native object, so that the object needs nobody's symbols; the
 * host is reached through the pointers in sn_state.
 */
#include "native.h"

void sn_native_trap(u32 trap) {
    sn_gs->host->trap(trap);
    __builtin_unreachable();
}

#ifndef SN_PROFILE /* an instrumented object is linked with the C library, for the profile's sake  \
                    */
/* The compiler may call these for its own copies. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ bytes) {
    return sn_gs->host->move(to, from, bytes);
}

void *memmove(void *to, const void *from, __SIZE_TYPE__ bytes) {
    return sn_gs->host->move(to, from, bytes);
}

void *memset(void *at, int value, __SIZE_TYPE__ bytes) {
    return sn_gs->host->set(at, value, bytes);
}
#endif

/* ---- memories ---- */

u32 sn_memory_grow(u32 memory, u32 pages) {
    return sn_gs->host->grow_memory(memory, pages);
}

static u8 *memory_range(u32 memory, u32 at, u32 bytes) {
    if (UNLIKELY((u64)at + bytes > (u64)sn_gs->memories[memory].pages * 65536))
        sn_native_trap(TRAP_OUT_OF_BOUNDS);
    return sn_gs->memories[memory].data + at;
}

void sn_memory_fill(u32 memory, u32 at, u32 value, u32 bytes) {
    sn_gs->host->set(memory_range(memory, at, bytes), (u8)value, bytes);
}

void sn_memory_copy(u32 to_memory, u32 from_memory, u32 to, u32 from, u32 bytes) {
    u8 *target = memory_range(to_memory, to, bytes);
    sn_gs->host->move(target, memory_range(from_memory, from, bytes), bytes);
}

void sn_memory_init(u32 memory, const u8 *data, u32 data_bytes, u32 to, u32 from, u32 bytes) {
    if (UNLIKELY((u64)from + bytes > data_bytes))
        sn_native_trap(TRAP_OUT_OF_BOUNDS);
    sn_gs->host->move(memory_range(memory, to, bytes), data + from, bytes);
}

/* ---- tables ---- */

static sn_place *table_range(u32 table, u32 at, u32 count) {
    if (UNLIKELY((u64)at + count > sn_gs->tables[table].size))
        sn_native_trap(TRAP_OUT_OF_BOUNDS);
    return sn_gs->tables[table].data + at;
}

sn_place sn_table_get(u32 table, u32 at) {
    return *table_range(table, at, 1);
}

void sn_table_set(u32 table, u32 at, sn_place value) {
    *table_range(table, at, 1) = value;
}

u32 sn_table_grow(u32 table, u32 count, sn_place value) {
    u32 size = sn_gs->tables[table].size;
    if (count > sn_gs->tables[table].max - size)
        return (u32)-1;
    sn_gs->tables[table].size = size + count;
    sn_table_fill(table, size, value, count);
    return size;
}

void sn_table_fill(u32 table, u32 at, sn_place value, u32 count) {
    sn_place *places = table_range(table, at, count);
    for (u32 i = 0; i < count; i++)
        places[i] = value;
}

void sn_table_copy(u32 to_table, u32 from_table, u32 to, u32 from, u32 count) {
    sn_place *target = table_range(to_table, to, count);
    const sn_place *source = table_range(from_table, from, count);
    sn_gs->host->move(target, source, count * sizeof *target);
}

void sn_table_init(u32 table, const wasm_elem_segment_expr_t *elements, u32 elements_count, u32 to,
                   u32 from, u32 count, const u32 *types) {
    if (UNLIKELY((u64)from + count > elements_count))
        sn_native_trap(TRAP_OUT_OF_BOUNDS);
    sn_place *places = table_range(table, to, count);
    for (u32 i = 0; i < count; i++) {
        const wasm_elem_segment_expr_t *element = elements ? &elements[from + i] : NULL;
        if (element && element->func)
            places[i] = SN_FUNC(((sn_funcref){types[element->type], element->func}));
        else
            places[i] = (sn_place){0};
    }
}
