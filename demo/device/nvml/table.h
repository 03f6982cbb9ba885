/* Building the tables that a scenario is made of. */
#ifndef TABLE_H
#define TABLE_H

#include "scenario.h"

struct table *new_table(void);
void put(struct table *table, const char *key, const struct value *value);

#endif
