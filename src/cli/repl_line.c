/* repl_line.c - see repl_line.h. */
#include "cli/repl_line.h"

#include "cli/interrupt.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <string.h>
#include <wchar.h>

enum { REMEMBERED_LINES = 1000 };

struct sn_repl_lines {
    EditLine *edit; /* NULL: no terminal */
    History *history;
    const char *history_path;
    const char *prompt;
    char *line;
    size_t capacity;
    sn_repl_lines_complete_fn complete;
    void *user;
};

/* ---- completion ---- */

static bool is_in_name(char c) {
    return c == '_' || c == '.' || (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') ||
           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t in_common(char *const *words, size_t count) {
    size_t length = strlen(words[0]);
    for (size_t i = 1; i < count; i++) {
        size_t same = 0;
        while (same < length && words[i][same] == words[0][same])
            same++;
        length = same;
    }
    while (length && ((unsigned char)words[0][length] & 0xC0) == 0x80)
        length--; /* not within a character */
    return length;
}

static void list(const sn_repl_lines *lines, char *const *words, size_t count) {
    FILE *out;
    int columns = 80;
    size_t width = 0;
    el_get(lines->edit, EL_GETFP, 1, &out);
    el_get(lines->edit, EL_GETTC, "co", &columns, NULL);
    for (size_t i = 0; i < count; i++)
        width = strlen(words[i]) + 2 > width ? strlen(words[i]) + 2 : width;
    size_t in_line = width < (size_t)columns ? (size_t)columns / width : 1;
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%-*s", i % in_line == 0 ? "\r\n" : "", (int)width, words[i]);
    fprintf(out, "\r\n");
    fflush(out);
}

/* What is certain is filled in; where there is a choice, it is shown. */
static unsigned char choose(sn_repl_lines *lines, char *const *words, size_t count, size_t have) {
    if (count == 0)
        return CC_REFRESH_BEEP;
    size_t common = in_common(words, count);
    if (common > have) {
        sn_auto_free char *more = strndup(words[0] + have, common - have);
        return more && el_insertstr(lines->edit, more) == 0 ? CC_REFRESH : CC_REFRESH_BEEP;
    }
    if (count == 1)
        return CC_REFRESH;
    list(lines, words, count);
    return CC_REDISPLAY;
}

static unsigned char on_tab(EditLine *edit, int key) {
    (void)key;
    sn_repl_lines *lines;
    el_get(edit, EL_CLIENTDATA, &lines);
    const LineInfo *at = el_line(edit);
    const char *begin = at->cursor;
    while (begin > at->buffer && is_in_name(begin[-1]))
        begin--;
    size_t have = (size_t)(at->cursor - begin);
    if (have == 0)
        return el_insertstr(edit, "    ") == 0 ? CC_REFRESH : CC_REFRESH_BEEP;
    sn_auto_free char *prefix = strndup(begin, have);
    char **words = NULL;
    size_t count = prefix ? lines->complete(lines->user, &words, prefix) : 0;
    unsigned char done = choose(lines, words, count, have);
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    free(words);
    return done;
}

/* ---- a terminal ---- */

static char *tell_prompt(EditLine *edit) {
    sn_repl_lines *lines;
    el_get(edit, EL_CLIENTDATA, &lines);
    return (char *)lines->prompt;
}

/* False: it was interrupted, be it only just before it waits. */
static bool wait_for_input(void) {
    enum { INPUT, INTERRUPT };
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {sn_interrupt_fd(), POLLIN, 0}};
    while (!fds[INPUT].revents && !fds[INTERRUPT].revents)
        if (poll(fds, SN_COUNT(fds), -1) < 0 && errno != EINTR)
            return false;
    return !fds[INTERRUPT].revents;
}

/* libedit's own way of reading goes on after a signal. */
static int read_character(EditLine *edit, wchar_t *out) {
    (void)edit;
    mbstate_t state = {0};
    for (;;) {
        char byte;
        if (!wait_for_input())
            return -1;
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        size_t used = mbrtowc(out, &byte, 1, &state);
        if (used == (size_t)-2)
            continue;
        if (used == (size_t)-1)
            *out = L'\uFFFD';
        return 1;
    }
}

static bool begin_history(sn_repl_lines *lines) {
    HistEvent event;
    lines->history = history_init();
    if (!lines->history)
        return false;
    history(lines->history, &event, H_SETSIZE, REMEMBERED_LINES);
    history(lines->history, &event, H_SETUNIQUE, 1);
    if (lines->history_path)
        history(lines->history, &event, H_LOAD, lines->history_path);
    el_set(lines->edit, EL_HIST, history, lines->history);
    return true;
}

static bool begin_editing(sn_repl_lines *lines) {
    lines->edit = el_init("shannon", stdin, stdout, stderr);
    if (!lines->edit)
        return false;
    el_set(lines->edit, EL_CLIENTDATA, lines);
    el_set(lines->edit, EL_PROMPT, tell_prompt);
    el_set(lines->edit, EL_EDITOR, "emacs");
    el_set(lines->edit, EL_SIGNAL, 0);
    el_set(lines->edit, EL_GETCFN, read_character);
    el_set(lines->edit, EL_ADDFN, "shannon-complete", "complete a name", on_tab);
    el_set(lines->edit, EL_BIND, "^I", "shannon-complete", NULL);
    el_set(lines->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return begin_history(lines);
}

int sn_repl_lines_open(sn_repl_lines **out, const char *history_path,
                       sn_repl_lines_complete_fn complete, void *user, sn_error *err) {
    sn_repl_lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the prompt");
    lines->history_path = history_path;
    lines->complete = complete;
    lines->user = user;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
            setlocale(LC_CTYPE, "C.UTF-8");
        if (!begin_editing(lines)) {
            sn_repl_lines_close(lines);
            return sn_fail(err, SN_EUNAVAILABLE, "the terminal cannot be used for editing");
        }
    }
    if (!lines->edit)
        setvbuf(stdin, NULL, _IONBF, 0); /* what is there can be waited for */
    *out = lines;
    return 0;
}

void sn_repl_lines_close(sn_repl_lines *lines) {
    if (!lines)
        return;
    if (lines->history)
        history_end(lines->history);
    if (lines->edit)
        el_end(lines->edit);
    free(lines->line);
    free(lines);
}

bool sn_repl_lines_is_terminal(const sn_repl_lines *lines) {
    return lines->edit != NULL;
}

/* ---- lines ---- */

static void remember(sn_repl_lines *lines, const char *line) {
    HistEvent event;
    if (line[strspn(line, " \t\n")] == '\0')
        return;
    history(lines->history, &event, H_ENTER, line);
    if (lines->history_path)
        history(lines->history, &event, H_SAVE, lines->history_path);
}

static const char *edited(sn_repl_lines *lines, const char *prompt) {
    int count;
    lines->prompt = prompt;
    el_resize(lines->edit);
    el_set(lines->edit, EL_PREP_TERM, 1); /* before the prompt, which invites typing */
    const char *line = el_gets(lines->edit, &count);
    if (!line)
        return NULL;
    remember(lines, line);
    size_t bytes = strlen(line);
    char *grown = realloc(lines->line, bytes + 1);
    if (!grown)
        return NULL;
    lines->line = grown;
    return memcpy(lines->line, line, bytes + 1);
}

enum sn_line sn_repl_lines_next(const char **line, sn_repl_lines *lines, const char *prompt) {
    const char *read_line;
    if (sn_interrupt_is_end()) /* it came while a statement was executed */
        return SN_LINE_END;
    if (lines->edit)
        read_line = edited(lines, prompt);
    else if (!wait_for_input())
        read_line = NULL;
    else
        read_line = getline(&lines->line, &lines->capacity, stdin) < 0 ? NULL : lines->line;
    if (sn_interrupt_taken()) {
        if (sn_interrupt_is_end())
            return SN_LINE_END;
        clearerr(stdin);
        return SN_LINE_INTERRUPTED;
    }
    if (!read_line)
        return SN_LINE_END;
    lines->line[strcspn(lines->line, "\n")] = '\0';
    *line = lines->line;
    return SN_LINE;
}
