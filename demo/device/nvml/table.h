/* Building what a scenario is made of; all of it lies in the scenario's own memory. */
#ifndef TABLE_H
#define TABLE_H

#include "scenario.h"

void *allot(struct scenario *scenario, unsigned long size); /* zeroed, freed with the scenario */
char *allot_text(struct scenario *scenario, const char *text);
void free_scenario(struct scenario *scenario);

struct table *new_table(struct scenario *scenario);
void put(struct table *table, const char *key, const struct value *value);

#endif
