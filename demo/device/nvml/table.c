/* Keys to values: open addressing over 64-bit hashes, so that a lookup costs some nanoseconds. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPM_SCOPE 0xFFFFFFFDu /* a number no field has as its scope */

struct slot {
    unsigned long long key; /* 0: free */
    const struct value *value;
};
struct table {
    struct scenario *scenario;
    unsigned size, used; /* size: a power of two */
    struct slot *slots;
};

/* ---- a scenario's memory ---- */

#define BLOCK_BYTES (64UL << 10)

struct block {
    struct block *before;
    unsigned long used;
    char bytes[BLOCK_BYTES];
};

void *allot(struct scenario *scenario, unsigned long size) {
    struct block *block = scenario->blocks;
    size = (size + 15) & ~15UL;
    if (size > BLOCK_BYTES) abort(); /* a table of thousands of keys: no scenario is that large */
    if (!block || block->used + size > BLOCK_BYTES) {
        block = calloc(1, sizeof *block);
        block->before = scenario->blocks;
        scenario->blocks = block;
    }
    void *found = block->bytes + block->used;
    block->used += size;
    return found;
}

char *allot_text(struct scenario *scenario, const char *text) {
    return strcpy(allot(scenario, strlen(text) + 1), text);
}

void free_scenario(struct scenario *scenario) {
    for (struct block *block = scenario->blocks; block;) {
        struct block *before = block->before;
        free(block);
        block = before;
    }
    free(scenario);
}

/* ---- keys ---- */

unsigned long long key_of(const char *text) {
    unsigned long long hash = 0xCBF29CE484222325ULL; /* FNV-1a */
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001B3ULL;
    return hash | 1;
}

/* Fields and GPM metrics go by number. The last bit tells these keys from those of texts. */
static unsigned long long key_of_numbers(unsigned id, unsigned scope) {
    unsigned long long mixed = ((unsigned long long)scope << 32 | id) * 0x9E3779B97F4A7C15ULL;
    return (mixed & ~1ULL) | 1ULL << 63;
}

static unsigned long long key_of_line(const char *key) {
    unsigned id, scope;
    char rest[8];
    if (sscanf(key, "FieldValues.%u.%u", &id, &scope) == 2) return key_of_numbers(id, scope);
    if (sscanf(key, "FieldValues.%u.%7s", &id, rest) == 2 && strcmp(rest, "total") == 0)
        return key_of_numbers(id, TOTAL_SCOPE);
    if (sscanf(key, "FieldValues.%u", &id) == 1) return key_of_numbers(id, EVERY_SCOPE);
    if (sscanf(key, "Gpm.%u", &id) == 1) return key_of_numbers(id, GPM_SCOPE);
    return key_of(key);
}

static struct slot *slot_of(const struct table *table, unsigned long long key) {
    unsigned at = (unsigned)(key >> 20) & (table->size - 1);
    while (table->slots[at].key && table->slots[at].key != key) at = (at + 1) & (table->size - 1);
    return &table->slots[at];
}

struct table *new_table(struct scenario *scenario) {
    struct table *table = allot(scenario, sizeof *table);
    table->scenario = scenario;
    table->size = 64;
    table->slots = allot(scenario, table->size * sizeof *table->slots);
    return table;
}

static void grow(struct table *table) {
    struct table bigger = *table;
    bigger.size *= 2;
    bigger.slots = allot(table->scenario, bigger.size * sizeof *bigger.slots);
    for (unsigned i = 0; i < table->size; i++)
        if (table->slots[i].key) *slot_of(&bigger, table->slots[i].key) = table->slots[i];
    *table = bigger;
}

void put(struct table *table, const char *key, const struct value *value) {
    if (table->used * 2 >= table->size) grow(table);
    struct slot *slot = slot_of(table, key_of_line(key));
    if (!slot->key) table->used++;
    slot->key = key_of_line(key);
    slot->value = value;
}

const struct value *find_key(const struct table *table, unsigned long long key) {
    return table ? slot_of(table, key)->value : NULL;
}

const struct value *find(const struct table *table, const char *key) {
    return find_key(table, key_of(key));
}

const struct value *find_indexed(const struct table *table, const char *key, unsigned index) {
    char name[96];
    snprintf(name, sizeof name, "%s.%u", key, index);
    const struct value *own = find(table, name);
    return own ? own : find(table, key);
}

const struct value *find_field(const struct table *table, unsigned id, unsigned scope) {
    const struct value *own = find_key(table, key_of_numbers(id, scope));
    if (own || scope == TOTAL_SCOPE) return own;
    return find_key(table, key_of_numbers(id, EVERY_SCOPE));
}

const struct value *find_gpm(const struct table *table, unsigned id) {
    return find_key(table, key_of_numbers(id, GPM_SCOPE));
}

const char *text_of(const struct table *table, const char *key) {
    const struct value *value = find(table, key);
    return value ? value->text : "";
}
