;; A guest of Shannon's own kind that behaves as the page of the guest ABI asks. modules_test.py puts other bodies in the
;; places of the functions below, one at a time.
(module
  (import "shannon" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global (export "__stack_pointer") (mut i32) (i32.const 65536))
  (data (i32.const 16) "\40\00\00\00\44\00\00\00\48\00\00\00\4c\00\00\00")
  (data (i32.const 128) "\0a\00\00\00text/plain\02\00\00\0042")
  (func $is (param $wanted i32) (param $got i32)
    (if (i32.ne (local.get $wanted) (local.get $got)) (then (call $exit (i32.const 99)))))
  (func (export "_initialize") (;initialize;))
  (func (export "guest_abi") (result i32) (;abi;) (i32.const ABI))
  (func (export "guest_init") (result i32) (;init;) (i32.const 0))
  (func (export "guest_alloc") (param i32) (result i32) (;alloc;) (i32.const 1024))
  (func (export "guest_stop_cells") (result i32) (;cells;) (i32.const 16))
  (func (export "guest_run") (param i32 i32) (result i32) (;run;) (i32.const 0)))
