/* error.c - how the command line reports an error of Shannon or of the caller. */
#include "cli/cli.h"

#include "util/auto.h"

#include <jansson.h>
#include <stdio.h>

static void print_json(const sn_error *err) {
    json_t *root = json_pack("{s:{s:s, s:s, s:s}}", "error", "code", sn_error_name(err->code),
                             "message", err->message, "hint", err->hint);
    sn_auto_free char *text = root ? json_dumps(root, 0) : NULL;
    json_decref(root);
    if (text)
        puts(text);
}

int sn_cli_error(const sn_error *err, bool json) {
    if (json)
        print_json(err);
    fprintf(stderr, "shannon: %s: %s\n", sn_error_name(err->code), err->message);
    if (err->hint[0])
        fprintf(stderr, "  %s\n", err->hint);
    return err->code == SN_EINVALID_ARGUMENT ? SN_EXIT_USAGE : SN_EXIT_FAILED;
}

void sn_cli_notice(void *user, const char *text) {
    (void)user;
    fprintf(stderr, "shannon: %s\n", text);
}
