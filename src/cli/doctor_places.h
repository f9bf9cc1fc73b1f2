/* doctor_places.h - what `shannon doctor` says of the agent-cores that AGENT_CORE_ADDR names. */
#ifndef SN_CLI_DOCTOR_PLACES_H
#define SN_CLI_DOCTOR_PLACES_H

#include "executor/addresses.h"

#include <jansson.h>

typedef struct sn_doctor_place {
    sn_executor_figures figures;
    sn_error err; /* code 0: it answers */
} sn_doctor_place;

typedef struct sn_doctor_places {
    const char *text;       /* AGENT_CORE_ADDR; NULL: it is not set */
    sn_addresses addresses; /* none: the text is wrong, which is the first one's error */
    sn_doctor_place all[SN_ADDRESSES_MOST];
} sn_doctor_places;

/* Asks each. Afterwards nothing may be forked: gRPC's threads are there. */
void sn_doctor_ask(sn_doctor_places *out);
void sn_doctor_clear(sn_doctor_places *places);

/* Whether all of them answer. */
bool sn_doctor_all_answer(const sn_doctor_places *places);

void sn_doctor_print(const sn_doctor_places *places);
void sn_doctor_add_json(json_t *root, const sn_doctor_places *places);

#endif
