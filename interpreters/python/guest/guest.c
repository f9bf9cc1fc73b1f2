/*
 * guest.c - the interpreter's side of the guest ABI (docs/design/guest-abi.md): a reactor around
 * CPython.
 *
 * C does what Python cannot: start the interpreter, read the request's records, hand events to the
 * host. Everything about *how* code is run and reported is Python, in _shannon.py beside this file.
 */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1 /* for the parser's tree */
#include <Python.h>

#include "internal/pycore_ast.h"
#include "internal/pycore_compile.h"
#include "internal/pycore_parser.h"
#include "internal/pycore_pyarena.h"

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define EXPORT(name) __attribute__((export_name(name)))

enum { ABI_VERSION = 2 };
enum { TAG_CODE = 1, TAG_FILENAME = 2, TAG_ARG = 3, TAG_FLAGS = 4, TAG_TIME_LIMIT = 5 };
enum { FLAG_ONE_SHOT = 1, FLAG_RESTORED = 2, FLAGS_ALL = 3 };
enum { EVENT_ERROR = 3 };
enum { UNREADABLE = -1, FAILED = 1 };

__attribute__((import_module("shannon"), import_name("emit"))) int32_t
shannon_emit(uint32_t kind, const void *data, uint32_t bytes);

static PyObject *run_function; /* _shannon.run */
static double time_limit;      /* seconds, of the run under way; 0: not told */

/* An ERROR's three strings, made beforehand: what can still be said when Python has no memory to
 * say it. */
static const char no_memory[] = "\013\0\0\0"
                                "MemoryError"
                                "\0\0\0\0"
                                "\014\0\0\0"
                                "MemoryError\n";

static int32_t report_no_memory(void) {
    shannon_emit(EVENT_ERROR, no_memory, sizeof no_memory - 1);
    return FAILED;
}

/* ---- the module _shannon_host: what the Python side can ask of the host ---- */

static PyObject *host_emit(PyObject *self, PyObject *args) {
    (void)self;
    unsigned int kind;
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "Iy*:emit", &kind, &data))
        return NULL;
    int32_t errnum = shannon_emit(kind, data.buf, (uint32_t)data.len);
    PyBuffer_Release(&data);
    return PyLong_FromLong(errnum);
}

/* Memory that is not touched until it is needed: given back when there is none left, so that
 * running out can be reported. */
static PyObject *host_reserve(PyObject *self, PyObject *size) {
    (void)self;
    Py_ssize_t bytes = PyLong_AsSsize_t(size);
    if (bytes < 0)
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    return PyBytes_FromStringAndSize(NULL, bytes);
}

static PyObject *host_no_memory(PyObject *self, PyObject *none) {
    (void)self, (void)none;
    report_no_memory();
    Py_RETURN_NONE;
}

/* Everything that CPython reads goes through read(), which the linker renames (--wrap=read). */
static bool input_was_read;
extern ssize_t __real_read(int fd, void *to, size_t bytes);
ssize_t __wrap_read(int fd, void *to, size_t bytes);

ssize_t __wrap_read(int fd, void *to, size_t bytes) {
    input_was_read |= fd == 0;
    return __real_read(fd, to, bytes);
}

static PyObject *host_input_was_read(PyObject *self, PyObject *none) {
    (void)self, (void)none;
    bool was_read = input_was_read;
    input_was_read = false;
    return PyBool_FromLong(was_read);
}

/*
 * Importing leaves the heap full of small holes. An execution would place its objects in them, a
 * few on each page, and every page that is written to has to be copied. So the holes are filled for
 * good: what is allocated from now on lies together, behind all there is.
 */
static PyObject *host_fill_holes(PyObject *self, PyObject *none) {
    (void)self, (void)none;
    enum { LARGEST = 1 << 20, SMALL = 1024, STEP = 16 };
    size_t filled = 0;
    void *edge = malloc(LARGEST); /* larger than any hole: it lies at the end */
    free(edge);
    for (size_t size = LARGEST; edge && size >= STEP; size -= size > SMALL ? size / 8 : STEP) {
        void *block;
        while ((block = malloc(size - sizeof(size_t))) && block < edge)
            filled += size;
        free(block);
    }
    return PyLong_FromSize_t(filled);
}

/* ---- compiling ---- */

/* Takes the last statement away if it is an expression. */
static expr_ty take_last_expression(mod_ty module) {
    asdl_stmt_seq *body = module->v.Module.body;
    Py_ssize_t count = asdl_seq_LEN(body);
    if (count == 0)
        return NULL;
    stmt_ty last = asdl_seq_GET(body, count - 1);
    if (last->kind != Expr_kind)
        return NULL;
    body->size--;
    return last->v.Expr.value;
}

/* New references, or NULL for what there is none of. -1: an exception is set. */
static int compile_parts(PyObject **body, PyObject **last, const char *source, PyObject *filename,
                         PyCompilerFlags *flags, PyArena *arena) {
    mod_ty module = _PyParser_ASTFromString(source, filename, Py_file_input, flags, arena);
    if (!module)
        return -1;
    expr_ty value = take_last_expression(module);
    if (!value || asdl_seq_LEN(module->v.Module.body) > 0) {
        *body = (PyObject *)_PyAST_Compile(module, filename, flags, -1, arena);
        if (!*body)
            return -1;
    }
    if (value) {
        mod_ty expression = _PyAST_Expression(value, arena);
        if (expression)
            *last = (PyObject *)_PyAST_Compile(expression, filename, flags, -1, arena);
        if (!*last)
            return -1;
    }
    return 0;
}

/* By the parser's own tree: one of Python objects would take longer than most programs. */
static PyObject *host_compile(PyObject *self, PyObject *args) {
    (void)self;
    const char *source;
    PyObject *filename, *body = NULL, *last = NULL, *result = NULL;
    int features;
    if (!PyArg_ParseTuple(args, "sUi:compile", &source, &filename, &features))
        return NULL;
    PyCompilerFlags flags = _PyCompilerFlags_INIT;
    flags.cf_flags = features | PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE;
    PyArena *arena = _PyArena_New();
    if (!arena)
        return NULL;
    if (compile_parts(&body, &last, source, filename, &flags, arena) == 0)
        result = Py_BuildValue("OOi", body ? body : Py_None, last ? last : Py_None,
                               flags.cf_flags & PyCF_MASK);
    _PyArena_Free(arena);
    Py_XDECREF(body);
    Py_XDECREF(last);
    return result;
}

static PyMethodDef host_methods[] = {
    {"compile", host_compile, METH_VARARGS,
     "compile(source, filename, futures) -> code or None, code of a last expression or None, "
     "futures"},
    {"emit", host_emit, METH_VARARGS, "emit(kind, data) -> errno: hand an event to the host"},
    {"fill_holes", host_fill_holes, METH_NOARGS, "fill_holes() -> bytes: see guest.c"},
    {"input_was_read", host_input_was_read, METH_NOARGS,
     "input_was_read() -> bool: whether fd 0 was read since this was last asked"},
    {"reserve", host_reserve, METH_O, "reserve(bytes): memory that is set aside, untouched"},
    {"no_memory", host_no_memory, METH_NOARGS,
     "no_memory(): report a MemoryError without using any"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef host_module = {
    PyModuleDef_HEAD_INIT, "_shannon_host", NULL, -1, host_methods, NULL, NULL, NULL, NULL};

static PyObject *host_init(void) {
    return PyModule_Create(&host_module);
}

/* ---- being stopped from outside (patches/stop-from-outside.patch) ---- */

extern void (*_Py_HostStopHook)(int why);
extern void _Py_HostStopCells(void **cells);

enum { STOP_CELLS = 4 };
enum { STOP_TIME = 1, STOP_CPU = 2, STOP_CANCEL = 3 };

static void raise_stop(int why) {
    char text[96];
    if (why == STOP_CANCEL) {
        PyErr_SetNone(PyExc_KeyboardInterrupt); /* as Ctrl-C does it everywhere */
        return;
    }
    if (why == STOP_CPU)
        snprintf(text, sizeof text, "the limit of CPU time was reached");
    else if (time_limit > 0)
        snprintf(text, sizeof text, "the time limit of %g seconds was reached", time_limit);
    else
        snprintf(text, sizeof text, "the time limit was reached");
    PyErr_SetString(PyExc_TimeoutError, text);
}

/* The addresses of STOP_CELLS words, in the order in which the host is to write them. */
EXPORT("guest_stop_cells") void *guest_stop_cells(void) {
    static void *cells[STOP_CELLS];
    _Py_HostStopCells(cells);
    return cells;
}

/* ---- starting ---- */

/* CPython's own tests want modules that look at it from C; only the interpreter that runs these
 * tests has them (scripts/setup_python_wasi.sh --with-tests). */
#ifdef SHANNON_TEST_MODULES
#define TEST_MODULES(MODULE)                                                                       \
    MODULE(_testcapi)                                                                              \
    MODULE(_testinternalcapi)                                                                      \
    MODULE(_testbuffer)                                                                            \
    MODULE(_xxtestfuzz)
#define DECLARE(name) extern PyObject *PyInit_##name(void);
TEST_MODULES(DECLARE)
#define APPEND(name)                                                                               \
    if (PyImport_AppendInittab(#name, PyInit_##name) < 0)                                          \
        return -1;
static int append_test_modules(void) {
    TEST_MODULES(APPEND)
    return 0;
}
#else
static int append_test_modules(void) {
    return 0;
}
#endif

/* Where things would be; there is no program. */
static PyStatus set_paths(PyConfig *config) {
    static const wchar_t *const search[] = {L"/usr/lib/python3.11", L"/tmp"};
    struct {
        wchar_t **field;
        const wchar_t *value;
    } const paths[] = {
        {&config->program_name, L"python3.11"},
        {&config->executable, L""}, /* sys.executable: what Python says when it does not know */
        {&config->base_executable, L""},
        {&config->prefix, L"/usr"},
        {&config->base_prefix, L"/usr"},
        {&config->exec_prefix, L"/usr"},
        {&config->base_exec_prefix, L"/usr"},
    };
    PyStatus status = PyStatus_Ok();
    for (size_t i = 0; i < Py_ARRAY_LENGTH(paths) && !PyStatus_Exception(status); i++)
        status = PyConfig_SetString(config, paths[i].field, paths[i].value);
    config->module_search_paths_set = 1;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(search) && !PyStatus_Exception(status); i++)
        status = PyWideStringList_Append(&config->module_search_paths, search[i]);
    return status;
}

static PyStatus start_python(void) {
    PyPreConfig pre;
    PyPreConfig_InitIsolatedConfig(&pre);
    pre.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&pre);
    if (PyStatus_Exception(status))
        return status;

    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.use_hash_seed = 1; /* fixed: every machine makes the same image */
    config.hash_seed = 0;
    config.site_import = 0;
    config.write_bytecode = 0;
    config.install_signal_handlers = 0;
    config.pathconfig_warnings = 0;
    status = set_paths(&config);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

/* One line on fd 2, for when nothing of Python works yet. */
static void say(const char *text) {
    (void)!write(2, text, strlen(text));
    (void)!write(2, "\n", 1);
}

EXPORT("guest_abi") int32_t guest_abi(void) {
    return ABI_VERSION;
}

EXPORT("guest_init") int32_t guest_init(void) {
    if (PyImport_AppendInittab("_shannon_host", host_init) < 0 || append_test_modules() < 0) {
        say("guest: no memory");
        return FAILED;
    }
    PyStatus status = start_python();
    if (PyStatus_Exception(status)) {
        say(status.err_msg ? status.err_msg : "guest: Python did not start");
        return FAILED;
    }
    _Py_HostStopHook = raise_stop;
    (void)!chdir("/tmp");
    Py_SetRecursionLimit(1000); /* as everywhere; CPython assumes a smaller stack on WASI */
    PyObject *module = PyImport_ImportModule("_shannon");
    run_function = module ? PyObject_GetAttrString(module, "run") : NULL;
    PyObject *prepared = module ? PyObject_CallMethod(module, "prepare", NULL) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(prepared);
    if (!run_function || !prepared) {
        PyErr_Print();
        return FAILED;
    }
    return 0;
}

/* ---- running ---- */

EXPORT("guest_alloc") void *guest_alloc(uint32_t bytes) {
    return PyMem_RawMalloc(bytes ? bytes : 1);
}

typedef struct request {
    PyObject *code;
    PyObject *filename;
    PyObject *args;
    uint32_t flags;
} request;

static void request_clear(request *r) {
    Py_CLEAR(r->code);
    Py_CLEAR(r->filename);
    Py_CLEAR(r->args);
}

/* One record; false if it cannot be understood (no exception) or kept (an exception is set). */
static int take_record(request *r, uint32_t tag, const char *value, uint32_t bytes) {
    if (tag == TAG_FLAGS) {
        if (bytes != sizeof r->flags)
            return 0;
        memcpy(&r->flags, value, bytes);
        return (r->flags & ~(uint32_t)FLAGS_ALL) == 0;
    }
    if (tag == TAG_TIME_LIMIT) {
        uint32_t milliseconds;
        if (bytes != sizeof milliseconds)
            return 0;
        memcpy(&milliseconds, value, bytes);
        time_limit = milliseconds / 1e3;
        return 1;
    }
    if (tag == TAG_CODE || tag == TAG_FILENAME) {
        PyObject **slot = tag == TAG_CODE ? &r->code : &r->filename;
        if (*slot)
            return 0;
        *slot = PyUnicode_DecodeUTF8(value, bytes, tag == TAG_CODE ? "strict" : "replace");
        return *slot != NULL;
    }
    if (tag != TAG_ARG)
        return 0;
    PyObject *text = PyUnicode_DecodeUTF8(value, bytes, "surrogateescape");
    int ok = text && PyList_Append(r->args, text) == 0;
    Py_XDECREF(text);
    return ok;
}

static int read_request(request *r, const char *data, uint32_t bytes) {
    r->args = PyList_New(0);
    if (!r->args)
        return 0;
    while (bytes > 0) {
        uint32_t head[2];
        if (bytes < sizeof head)
            return 0;
        memcpy(head, data, sizeof head);
        if (head[1] > bytes - sizeof head || !take_record(r, head[0], data + sizeof head, head[1]))
            return 0;
        data += sizeof head + head[1];
        bytes -= (uint32_t)sizeof head + head[1];
    }
    if (!r->filename)
        r->filename = PyUnicode_FromString("<python>");
    return r->code && r->filename;
}

EXPORT("guest_run") int32_t guest_run(char *data, uint32_t bytes) {
    request r = {0};
    time_limit = 0;
    int readable = read_request(&r, data, bytes);
    PyMem_RawFree(data);
    if (!readable) {
        int out_of_memory = PyErr_ExceptionMatches(PyExc_MemoryError);
        PyErr_Clear();
        request_clear(&r);
        return out_of_memory ? report_no_memory() : UNREADABLE;
    }
    PyObject *status =
        PyObject_CallFunction(run_function, "OOOii", r.code, r.filename, r.args,
                              (r.flags & FLAG_ONE_SHOT) != 0, (r.flags & FLAG_RESTORED) != 0);
    request_clear(&r);
    long exit_status = status ? PyLong_AsLong(status) : FAILED;
    Py_XDECREF(status);
    if (PyErr_Occurred()) { /* only without memory: `run` catches everything else */
        PyErr_Clear();
        return report_no_memory();
    }
    return (int32_t)(exit_status & 255);
}
