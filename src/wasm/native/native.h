/*
 * native.h - the vocabulary of generated code.
 *
 * wasm2c writes each function body as C over a set of macros and functions for loads, stores,
 * checked arithmetic, indirect calls and so on. split.c drops wasm2c's own definitions of these and
 * of the instance structure; here are ours. They differ in what an instance is: there is one at a
 * time, its state lies below GS base (abi.h) and so no function carries a pointer to it, linear
 * memory 0 is addressed through GS, and a table that never changes is a constant array.
 *
 * Semantics are the specification's, with one freedom taken: a load whose result is not used may
 * be left out, so that it doesn't trap when it is out of bounds.
 */
#ifndef SN_WASM_NATIVE_H
#define SN_WASM_NATIVE_H

#include "abi.h"

/* Also for what is only declared: calls between the parts then go straight. */
#pragma GCC visibility push(hidden)

typedef __UINT8_TYPE__ u8;
typedef __INT8_TYPE__ s8;
typedef __UINT16_TYPE__ u16;
typedef __INT16_TYPE__ s16;
typedef __UINT32_TYPE__ u32;
typedef __INT32_TYPE__ s32;
typedef __UINT64_TYPE__ u64;
typedef __INT64_TYPE__ s64;
typedef float f32;
typedef double f64;
typedef _Bool bool;
#define false 0
#define true 1
#define NULL ((void *)0)

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SN_INLINE static inline __attribute__((always_inline, unused))

/* Pointers whose value is an offset from GS base. */
#define SN_GS __attribute__((address_space(256)))
#define sn_gs ((sn_state SN_GS *)(-(s64)SN_STATE_BYTES))

#define FUNC_PROLOGUE
#define FUNC_EPILOGUE

/* ---- traps; numbers as in enum sn_trap ---- */

enum {
    TRAP_OUT_OF_BOUNDS = 1,
    TRAP_INTEGER_OVERFLOW,
    TRAP_DIVIDE_BY_ZERO,
    TRAP_INVALID_CONVERSION,
    TRAP_UNREACHABLE,
    TRAP_INDIRECT_CALL,
    TRAP_UNCAUGHT_EXCEPTION,
    TRAP_STACK_EXHAUSTED,
};

__attribute__((noreturn, cold)) void sn_native_trap(u32 trap);
#define UNREACHABLE sn_native_trap(TRAP_UNREACHABLE)

/* ---- loads and stores ---- */

#define SN_ANY __attribute__((aligned(1), may_alias))
typedef u8 SN_ANY any_u8;
typedef s8 SN_ANY any_s8;
typedef u16 SN_ANY any_u16;
typedef s16 SN_ANY any_s16;
typedef u32 SN_ANY any_u32;
typedef s32 SN_ANY any_s32;
typedef u64 SN_ANY any_u64;
typedef f32 SN_ANY any_f32;
typedef f64 SN_ANY any_f64;

/* The memory with GS, and any other. */
#define SN_CELL_GS(n, type, at) (*(any_##type SN_GS *)(at))
#define SN_CELL_BASE(n, type, at) (*(any_##type *)(sn_gs->memories[n].data + (at)))

#define SN_LOAD(M, n, CELL, name, type, widened, result)                                           \
    SN_INLINE result M##_##name(u64 at) {                                                          \
        return (result)(widened)CELL(n, type, at);                                                 \
    }
#define SN_STORE(M, n, CELL, name, type, value_type)                                               \
    SN_INLINE void M##_##name(u64 at, value_type value) {                                          \
        CELL(n, type, at) = (type)value;                                                           \
    }

/* All that a module may do with memory number n, called M. */
#define SN_MEMORY(M, n, CELL)                                                                      \
    enum { M##_index = n };                                                                        \
    SN_LOAD(M, n, CELL, i32_load, u32, u32, u32)                                                   \
    SN_LOAD(M, n, CELL, i64_load, u64, u64, u64)                                                   \
    SN_LOAD(M, n, CELL, f32_load, f32, f32, f32)                                                   \
    SN_LOAD(M, n, CELL, f64_load, f64, f64, f64)                                                   \
    SN_LOAD(M, n, CELL, i32_load8_s, s8, s32, u32)                                                 \
    SN_LOAD(M, n, CELL, i64_load8_s, s8, s64, u64)                                                 \
    SN_LOAD(M, n, CELL, i32_load8_u, u8, u32, u32)                                                 \
    SN_LOAD(M, n, CELL, i64_load8_u, u8, u64, u64)                                                 \
    SN_LOAD(M, n, CELL, i32_load16_s, s16, s32, u32)                                               \
    SN_LOAD(M, n, CELL, i64_load16_s, s16, s64, u64)                                               \
    SN_LOAD(M, n, CELL, i32_load16_u, u16, u32, u32)                                               \
    SN_LOAD(M, n, CELL, i64_load16_u, u16, u64, u64)                                               \
    SN_LOAD(M, n, CELL, i64_load32_s, s32, s64, u64)                                               \
    SN_LOAD(M, n, CELL, i64_load32_u, u32, u64, u64)                                               \
    SN_STORE(M, n, CELL, i32_store, u32, u32)                                                      \
    SN_STORE(M, n, CELL, i64_store, u64, u64)                                                      \
    SN_STORE(M, n, CELL, f32_store, f32, f32)                                                      \
    SN_STORE(M, n, CELL, f64_store, f64, f64)                                                      \
    SN_STORE(M, n, CELL, i32_store8, u8, u32)                                                      \
    SN_STORE(M, n, CELL, i32_store16, u16, u32)                                                    \
    SN_STORE(M, n, CELL, i64_store8, u8, u64)                                                      \
    SN_STORE(M, n, CELL, i64_store16, u16, u64)                                                    \
    SN_STORE(M, n, CELL, i64_store32, u32, u64)

#define i32_load(M, at) M##_i32_load(at)
#define i64_load(M, at) M##_i64_load(at)
#define f32_load(M, at) M##_f32_load(at)
#define f64_load(M, at) M##_f64_load(at)
#define i32_load8_s(M, at) M##_i32_load8_s(at)
#define i64_load8_s(M, at) M##_i64_load8_s(at)
#define i32_load8_u(M, at) M##_i32_load8_u(at)
#define i64_load8_u(M, at) M##_i64_load8_u(at)
#define i32_load16_s(M, at) M##_i32_load16_s(at)
#define i64_load16_s(M, at) M##_i64_load16_s(at)
#define i32_load16_u(M, at) M##_i32_load16_u(at)
#define i64_load16_u(M, at) M##_i64_load16_u(at)
#define i64_load32_s(M, at) M##_i64_load32_s(at)
#define i64_load32_u(M, at) M##_i64_load32_u(at)
#define i32_store(M, at, value) M##_i32_store(at, value)
#define i64_store(M, at, value) M##_i64_store(at, value)
#define f32_store(M, at, value) M##_f32_store(at, value)
#define f64_store(M, at, value) M##_f64_store(at, value)
#define i32_store8(M, at, value) M##_i32_store8(at, value)
#define i32_store16(M, at, value) M##_i32_store16(at, value)
#define i64_store8(M, at, value) M##_i64_store8(at, value)
#define i64_store16(M, at, value) M##_i64_store16(at, value)
#define i64_store32(M, at, value) M##_i64_store32(at, value)

/* ---- whole memories ---- */

u32 sn_memory_grow(u32 memory, u32 pages);
void sn_memory_fill(u32 memory, u32 at, u32 value, u32 bytes);
void sn_memory_copy(u32 to_memory, u32 from_memory, u32 to, u32 from, u32 bytes);
void sn_memory_init(u32 memory, const u8 *data, u32 data_bytes, u32 to, u32 from, u32 bytes);

#define SN_PAGES(M) (sn_gs->memories[M##_index].pages)
#define wasm_rt_grow_memory(M, pages) sn_memory_grow(M##_index, pages)
#define memory_fill(M, at, value, bytes) sn_memory_fill(M##_index, at, value, bytes)
/* wasm2c 1.0.32 writes the memories of memory.copy in the wrong order: here the source is first. */
#define memory_copy(M, N, to, from, bytes) sn_memory_copy(N##_index, M##_index, to, from, bytes)
#define memory_init(M, data, data_bytes, to, from, bytes)                                          \
    sn_memory_init(M##_index, data, data_bytes, to, from, bytes)

/* ---- tables ---- */

typedef sn_funcref wasm_rt_funcref_t;
typedef void *wasm_rt_externref_t;
typedef sn_code wasm_rt_function_ptr_t;
#define wasm_rt_funcref_null_value ((sn_funcref){0, NULL})
#define wasm_rt_externref_null_value NULL

typedef struct wasm_elem_segment_expr_t {
    u32 type;
    sn_code func;
    u32 unused;
} wasm_elem_segment_expr_t;

sn_place sn_table_get(u32 table, u32 at);
void sn_table_set(u32 table, u32 at, sn_place value);
u32 sn_table_grow(u32 table, u32 count, sn_place value);
void sn_table_fill(u32 table, u32 at, sn_place value, u32 count);
void sn_table_copy(u32 to_table, u32 from_table, u32 to, u32 from, u32 count);
void sn_table_init(u32 table, const wasm_elem_segment_expr_t *elements, u32 elements_count, u32 to,
                   u32 from, u32 count, const u32 *types);

#define SN_FUNC(value) ((sn_place){.function = (value)})
#define SN_EXTERN(value) ((sn_place){.external = (value)})
#define SN_SIZE(T) (sn_gs->tables[T##_index].size)
#define funcref_table_get(T, at) (sn_table_get(T##_index, at).function)
#define funcref_table_set(T, at, value) sn_table_set(T##_index, at, SN_FUNC(value))
#define funcref_table_fill(T, at, value, count) sn_table_fill(T##_index, at, SN_FUNC(value), count)
#define funcref_table_copy(T, U, to, from, count)                                                  \
    sn_table_copy(T##_index, U##_index, to, from, count)
#define funcref_table_init(T, elements, elements_count, to, from, count)                           \
    sn_table_init(T##_index, elements, elements_count, to, from, count, func_types)
#define wasm_rt_grow_funcref_table(T, count, value) sn_table_grow(T##_index, count, SN_FUNC(value))
#define externref_table_get(T, at) (sn_table_get(T##_index, at).external)
#define externref_table_set(T, at, value) sn_table_set(T##_index, at, SN_EXTERN(value))
#define externref_table_fill(T, at, value, count)                                                  \
    sn_table_fill(T##_index, at, SN_EXTERN(value), count)
#define externref_table_copy(T, U, to, from, count)                                                \
    sn_table_copy(T##_index, U##_index, to, from, count)
#define externref_table_init(T, elements_count, to, from, count)                                   \
    sn_table_init(T##_index, NULL, elements_count, to, from, count, NULL)
#define wasm_rt_grow_externref_table(T, count, value)                                              \
    sn_table_grow(T##_index, count, SN_EXTERN(value))
#define wasm_rt_allocate_funcref_table(T, min, max) ((void)0)
#define wasm_rt_allocate_externref_table(T, min, max) ((void)0)

/* A table that never changes: its places are a constant array that all parts see. */
#define SN_TABLE_CONST(T, n, count)                                                                \
    enum { T##_index = n };                                                                        \
    extern const sn_place T##_places[count];                                                       \
    SN_INLINE sn_code T##_code(u32 at, u32 type) {                                                 \
        if (UNLIKELY(at >= (count)) || UNLIKELY(T##_places[at].function.type != type))             \
            sn_native_trap(TRAP_INDIRECT_CALL);                                                    \
        return T##_places[at].function.func;                                                       \
    }

#define SN_TABLE(T, n)                                                                             \
    enum { T##_index = n };                                                                        \
    SN_INLINE sn_code T##_code(u32 at, u32 type) {                                                 \
        const sn_place *places = sn_gs->tables[n].data;                                            \
        if (UNLIKELY(at >= sn_gs->tables[n].size) || UNLIKELY(places[at].function.type != type))   \
            sn_native_trap(TRAP_INDIRECT_CALL);                                                    \
        return places[at].function.func;                                                           \
    }

#define CALL_INDIRECT(T, type, number, at, ...)                                                    \
    ((type)T##_code(at, func_types[number]))(__VA_ARGS__)

/* ---- calls to the host ---- */

/* A host function gets its stack whole: it is not entered when little is left. */
SN_INLINE const sn_state_import *sn_import(u32 number) {
    if (UNLIKELY((u64)__builtin_frame_address(0) < sn_gs->host_stack_limit))
        sn_native_trap(TRAP_STACK_EXHAUSTED);
    return &sn_gs->imports[number];
}

/* ---- integers ---- */

#define I32_CLZ(x) ((x) ? (u32)__builtin_clz(x) : 32u)
#define I64_CLZ(x) ((x) ? (u64)__builtin_clzll(x) : 64u)
#define I32_CTZ(x) ((x) ? (u32)__builtin_ctz(x) : 32u)
#define I64_CTZ(x) ((x) ? (u64)__builtin_ctzll(x) : 64u)
#define I32_POPCNT(x) ((u32)__builtin_popcount(x))
#define I64_POPCNT(x) ((u64)__builtin_popcountll(x))

#define SN_DIVISION(bits)                                                                          \
    SN_INLINE u##bits I##bits##_DIV_S(u##bits x, u##bits y) {                                      \
        if (UNLIKELY(y == 0))                                                                      \
            sn_native_trap(TRAP_DIVIDE_BY_ZERO);                                                   \
        if (UNLIKELY(x == (u##bits)1 << (bits - 1) && y == (u##bits) - 1))                         \
            sn_native_trap(TRAP_INTEGER_OVERFLOW);                                                 \
        return (u##bits)((s##bits)x / (s##bits)y);                                                 \
    }                                                                                              \
    SN_INLINE u##bits I##bits##_REM_S(u##bits x, u##bits y) {                                      \
        if (UNLIKELY(y == 0))                                                                      \
            sn_native_trap(TRAP_DIVIDE_BY_ZERO);                                                   \
        if (UNLIKELY(y == (u##bits) - 1)) /* the lowest number has no opposite */                  \
            return 0;                                                                              \
        return (u##bits)((s##bits)x % (s##bits)y);                                                 \
    }                                                                                              \
    SN_INLINE u##bits I##bits##_ROTL(u##bits x, u##bits count) {                                   \
        return x << (count & (bits - 1)) | x >> (-count & (bits - 1));                             \
    }                                                                                              \
    SN_INLINE u##bits I##bits##_ROTR(u##bits x, u##bits count) {                                   \
        return x >> (count & (bits - 1)) | x << (-count & (bits - 1));                             \
    }
SN_DIVISION(32)
SN_DIVISION(64)

/* The operands' common type is right for both widths. */
#define SN_NOT_ZERO(y)                                                                             \
    ({                                                                                             \
        __typeof__(y) divisor_ = (y);                                                              \
        if (UNLIKELY(divisor_ == 0))                                                               \
            sn_native_trap(TRAP_DIVIDE_BY_ZERO);                                                   \
        divisor_;                                                                                  \
    })
#define DIV_U(x, y) ((x) / SN_NOT_ZERO(y))
#define REM_U(x, y) ((x) % SN_NOT_ZERO(y))

/* ---- numbers with a point ---- */

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define signbit(x) __builtin_signbit(x)
#define copysign __builtin_copysign
#define copysignf __builtin_copysignf
/* The processor's own operations make signalling NaNs quiet, as the specification wants. */
#define wasm_quiet(x) (x)
#define wasm_quietf(x) (x)
#define wasm_floor __builtin_floor
#define wasm_floorf __builtin_floorf
#define wasm_ceil __builtin_ceil
#define wasm_ceilf __builtin_ceilf
#define wasm_trunc __builtin_trunc
#define wasm_truncf __builtin_truncf
#define wasm_nearbyint __builtin_nearbyint
#define wasm_nearbyintf __builtin_nearbyintf
#define wasm_fabs __builtin_fabs
#define wasm_fabsf __builtin_fabsf
#define wasm_sqrt __builtin_sqrt
#define wasm_sqrtf __builtin_sqrtf

/* A NaN operand gives a quiet NaN (x + y does); of two zeros the sign decides. */
#define SN_MINMAX(type, suffix)                                                                    \
    SN_INLINE type sn_min_##suffix(type x, type y) {                                               \
        if (UNLIKELY(x != x) || UNLIKELY(y != y))                                                  \
            return x + y;                                                                          \
        if (x == y)                                                                                \
            return signbit(x) ? x : y;                                                             \
        return x < y ? x : y;                                                                      \
    }                                                                                              \
    SN_INLINE type sn_max_##suffix(type x, type y) {                                               \
        if (UNLIKELY(x != x) || UNLIKELY(y != y))                                                  \
            return x + y;                                                                          \
        if (x == y)                                                                                \
            return signbit(x) ? y : x;                                                             \
        return x > y ? x : y;                                                                      \
    }
SN_MINMAX(f32, f32)
SN_MINMAX(f64, f64)
#define FMIN(x, y) _Generic((x), f32: sn_min_f32, f64: sn_min_f64)(x, y)
#define FMAX(x, y) _Generic((x), f32: sn_max_f32, f64: sn_max_f64)(x, y)

/*
 * Conversions to integers: `is_inside` says that the number, its fraction cut off, is in the range
 * of the result. Otherwise the one kind traps; the other gives 0 for NaN, else `low` or `high`.
 */
#define SN_CONVERT(name, sat_name, type, result, is_inside, low, high, is_low)                     \
    SN_INLINE result name(type x) {                                                                \
        if (LIKELY(is_inside))                                                                     \
            return (result)SN_CONVERT_CAST_##name(x);                                              \
        sn_native_trap(x != x ? TRAP_INVALID_CONVERSION : TRAP_INTEGER_OVERFLOW);                  \
    }                                                                                              \
    SN_INLINE result sat_name(type x) {                                                            \
        if (LIKELY(is_inside))                                                                     \
            return (result)SN_CONVERT_CAST_##name(x);                                              \
        return x != x ? 0 : (is_low) ? (result)(low) : (result)(high);                             \
    }
#define SN_CONVERT_CAST_I32_TRUNC_S_F32(x) (s32)(x)
#define SN_CONVERT_CAST_I32_TRUNC_S_F64(x) (s32)(x)
#define SN_CONVERT_CAST_I64_TRUNC_S_F32(x) (s64)(x)
#define SN_CONVERT_CAST_I64_TRUNC_S_F64(x) (s64)(x)
#define SN_CONVERT_CAST_I32_TRUNC_U_F32(x) (u32)(x)
#define SN_CONVERT_CAST_I32_TRUNC_U_F64(x) (u32)(x)
#define SN_CONVERT_CAST_I64_TRUNC_U_F32(x) (u64)(x)
#define SN_CONVERT_CAST_I64_TRUNC_U_F64(x) (u64)(x)

#define SN_2_31 2147483648.0
#define SN_2_32 4294967296.0
#define SN_2_63 9223372036854775808.0
#define SN_2_64 18446744073709551616.0
#define SN_S32_MIN 0x80000000u
#define SN_S64_MIN 0x8000000000000000ull

SN_CONVERT(I32_TRUNC_S_F32, I32_TRUNC_SAT_S_F32, f32, u32, x >= (f32)-SN_2_31 && x < (f32)SN_2_31,
           SN_S32_MIN, ~SN_S32_MIN, x < 0)
SN_CONVERT(I32_TRUNC_S_F64, I32_TRUNC_SAT_S_F64, f64, u32, x > -SN_2_31 - 1 && x < SN_2_31,
           SN_S32_MIN, ~SN_S32_MIN, x < 0)
SN_CONVERT(I64_TRUNC_S_F32, I64_TRUNC_SAT_S_F32, f32, u64, x >= (f32)-SN_2_63 && x < (f32)SN_2_63,
           SN_S64_MIN, ~SN_S64_MIN, x < 0)
SN_CONVERT(I64_TRUNC_S_F64, I64_TRUNC_SAT_S_F64, f64, u64, x >= -SN_2_63 && x < SN_2_63, SN_S64_MIN,
           ~SN_S64_MIN, x < 0)
SN_CONVERT(I32_TRUNC_U_F32, I32_TRUNC_SAT_U_F32, f32, u32, x > -1.0f && x < (f32)SN_2_32, 0u,
           0xffffffffu, x < 0)
SN_CONVERT(I32_TRUNC_U_F64, I32_TRUNC_SAT_U_F64, f64, u32, x > -1.0 && x < SN_2_32, 0u, 0xffffffffu,
           x < 0)
SN_CONVERT(I64_TRUNC_U_F32, I64_TRUNC_SAT_U_F32, f32, u64, x > -1.0f && x < (f32)SN_2_64, 0ull,
           0xffffffffffffffffull, x < 0)
SN_CONVERT(I64_TRUNC_U_F64, I64_TRUNC_SAT_U_F64, f64, u64, x > -1.0 && x < SN_2_64, 0ull,
           0xffffffffffffffffull, x < 0)

#define SN_REINTERPRET(name, from, to)                                                             \
    SN_INLINE to name(from x) {                                                                    \
        to result;                                                                                 \
        __builtin_memcpy(&result, &x, sizeof result);                                              \
        return result;                                                                             \
    }
SN_REINTERPRET(f32_reinterpret_i32, u32, f32)
SN_REINTERPRET(i32_reinterpret_f32, f32, u32)
SN_REINTERPRET(f64_reinterpret_i64, u64, f64)
SN_REINTERPRET(i64_reinterpret_f64, f64, u64)

#endif
