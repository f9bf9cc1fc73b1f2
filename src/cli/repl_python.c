/* repl_python.c - see repl_python.h. */
#include "cli/repl_python.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <string.h>

enum { WORDS_MOST = 1000 };

/* Runs `code` with `text` as its input; `*out` is what it prints, or NULL if it failed. */
static int ask(char **out, sn_executor *executor, const char *session_id, const char *code,
               const char *text, size_t bytes, sn_error *err) {
    sn_request request = SN_REQUEST_INIT;
    sn_result *result;
    request.code = code;
    request.code_bytes = strlen(code);
    request.session_id = session_id;
    request.discard = session_id != NULL;
    request.timeout_seconds = 2;
    request.stdin_data = text;
    request.stdin_bytes = bytes;
    int rc = sn_execute(&result, executor, &request, NULL, NULL, err);
    if (rc < 0)
        return rc;
    *out = result->status == SN_STATUS_OK ? SN_STEAL(result->stdout_text) : NULL;
    sn_result_free(result);
    return 0;
}

int sn_statement_look(enum sn_statement *out, sn_executor *executor, const char *text, size_t bytes,
                      sn_error *err) {
    static const char code[] =
        "import codeop, sys\n"
        "text = sys.stdin.read()\n"
        "try:\n"
        "    if all(line.strip()[:1] in ('', '#') for line in text.split('\\n')):\n"
        "        print('none')\n"
        "    elif codeop.compile_command(text, '<stdin>', 'single') is None:\n"
        "        print('begun')\n"
        "except (SyntaxError, ValueError, OverflowError):\n"
        "    pass\n";
    sn_auto_free char *answer = NULL;
    int rc = ask(&answer, executor, NULL, code, text, bytes, err);
    if (rc < 0)
        return rc;
    *out = answer && strcmp(answer, "none\n") == 0    ? SN_STATEMENT_NONE
           : answer && strcmp(answer, "begun\n") == 0 ? SN_STATEMENT_BEGUN
                                                      : SN_STATEMENT_WHOLE;
    return 0;
}

size_t sn_names_complete(char ***words, sn_executor *executor, const char *session_id,
                         const char *prefix) {
    sn_auto_free char *asked = sn_format("import rlcompleter as _rl\n"
                                         "_rl = _rl.Completer(globals())\n"
                                         "for _n in range(%d):\n"
                                         "    _w = _rl.complete('%s', _n)\n"
                                         "    if not _w:\n"
                                         "        break\n"
                                         "    if _w not in ('_rl', '_n', '_w('):\n"
                                         "        print(_w)\n",
                                         WORDS_MOST, prefix);
    sn_auto_free char *answer = NULL;
    if (!asked || ask(&answer, executor, session_id, asked, NULL, 0, NULL) < 0 || !answer)
        return 0;
    size_t count = 0;
    *words = calloc(WORDS_MOST, sizeof **words);
    char *rest = answer;
    for (char *word; *words && count < WORDS_MOST && (word = strsep(&rest, "\n")) && *word;)
        if (((*words)[count] = strdup(word)))
            count++;
    return count;
}
