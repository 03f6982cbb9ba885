/* A scenario file: what each device of one machine answers, read anew whenever it changes. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "value.h"

#define MAX_DEVICES 64
#define MAX_MIG 8
#define EVERY_SCOPE 0xFFFFFFFEu /* a field's value for each scope that has none of its own */
#define TOTAL_SCOPE 0xFFFFFFFFu /* NVML's scope of all links together */

struct table; /* keys and their values */

struct scenario {
    unsigned long number; /* of all that were read, from 1 */
    unsigned gpus;         /* as many as the file says there are */
    unsigned devices_told; /* so many have tables: a state file may have more */
    struct block *blocks;
    struct table *machine;
    struct table *devices[MAX_DEVICES];
    struct table *migs[MAX_DEVICES][MAX_MIG];
};

/* The scenario as the file says now; NULL when there is none. The few before it stay valid: a call
 * under way may still read them. */
const struct scenario *current_scenario(void);
void look_at_scenario(void); /* at once, however short a time ago it was looked at */

const struct value *find(const struct table *table, const char *key);
const struct value *find_indexed(const struct table *table, const char *key, unsigned index);
const struct value *find_field(const struct table *table, unsigned id, unsigned scope);
const struct value *find_gpm(const struct table *table, unsigned id);
unsigned long long key_of(const char *text);
const struct value *find_key(const struct table *table, unsigned long long key);
const char *text_of(const struct table *table, const char *key); /* "" where it is not there */

#endif
