/* doctor_places.c - see doctor_places.h. */
#include "cli/doctor_places.h"

#include <stdio.h>
#include <stdlib.h>

static void ask_one(sn_doctor_place *out, const char *address) {
    sn_executor_options options = SN_EXECUTOR_OPTIONS_INIT;
    sn_executor *executor;
    options.agent_core_addr = address;
    if (sn_executor_open(&executor, &options, &out->err) < 0)
        return;
    (void)!sn_executor_get_figures(&out->figures, executor, &out->err);
    sn_executor_close(executor);
}

void sn_doctor_ask(sn_doctor_places *out) {
    const char *text = getenv("AGENT_CORE_ADDR");
    if (!text || !*text)
        return;
    out->text = text;
    if (sn_addresses_read(&out->addresses, text, &out->all[0].err) < 0)
        return;
    for (size_t i = 0; i < out->addresses.count; i++)
        ask_one(&out->all[i], out->addresses.all[i]);
}

void sn_doctor_clear(sn_doctor_places *places) {
    sn_addresses_clear(&places->addresses);
}

bool sn_doctor_all_answer(const sn_doctor_places *places) {
    bool all = places->all[0].err.code == 0;
    for (size_t i = 0; i < places->addresses.count; i++)
        all = all && places->all[i].err.code == 0;
    return all;
}

/* ---- as text ---- */

static void print_one(const sn_doctor_places *places) {
    const sn_doctor_place *p = &places->all[0];
    printf("agent-core at %s.\n", places->text);
    if (p->err.code)
        printf("It does NOT answer: %s\n%s%s", p->err.message, p->err.hint,
               *p->err.hint ? "\n" : "");
    else
        printf("It answers. Limits there: %u MB of memory, %g s, %u executions at once\n",
               p->figures.memory_limit_mb, p->figures.timeout_seconds, p->figures.workers);
}

static void print_several(const sn_doctor_places *places) {
    puts("these agent-cores:");
    for (size_t i = 0; i < places->addresses.count; i++) {
        const sn_doctor_place *p = &places->all[i];
        if (p->err.code)
            printf("  NO   %-22s %s\n", places->addresses.all[i], p->err.message);
        else
            printf("  yes  %-22s %u MB of memory, %g s, %u executions at once\n",
                   places->addresses.all[i], p->figures.memory_limit_mb, p->figures.timeout_seconds,
                   p->figures.workers);
    }
}

void sn_doctor_print(const sn_doctor_places *places) {
    if (!places->text)
        return;
    fputs("\nAGENT_CORE_ADDR is set: `shannon run`, `repl` and `session` use ", stdout);
    if (places->addresses.count > 1)
        print_several(places);
    else
        print_one(places);
}

/* ---- as JSON ---- */

static json_t *place_json(const char *address, const sn_doctor_place *p) {
    return json_pack("{s:s, s:b, s:s?}", "address", address, "answers", p->err.code == 0, "reason",
                     p->err.code ? p->err.message : NULL);
}

void sn_doctor_add_json(json_t *root, const sn_doctor_places *places) {
    if (!places->text)
        return;
    if (places->addresses.count <= 1) {
        json_object_set_new(root, "agent_core", place_json(places->text, &places->all[0]));
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < places->addresses.count; i++)
        json_array_append_new(list, place_json(places->addresses.all[i], &places->all[i]));
    json_object_set_new(root, "agent_cores", list);
}
