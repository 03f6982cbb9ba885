/* Parsing and evaluating the answers of a scenario file. */
#include "value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const NAMES[VARIABLES] = {
    "busy", "clock", "warm", "held", "idle", "swing", "limit", "used", "total",
    "reasons", "sw_power_cap", "hw_slowdown", "sync_boost", "sw_thermal", "hw_thermal",
    "power_brake",
};

static const struct {
    const char *name;
    nvmlReturn_t result;
} RESULTS[] = {
    {"SUCCESS", NVML_SUCCESS},
    {"UNINITIALIZED", NVML_ERROR_UNINITIALIZED},
    {"INVALID_ARGUMENT", NVML_ERROR_INVALID_ARGUMENT},
    {"NOT_SUPPORTED", NVML_ERROR_NOT_SUPPORTED},
    {"NO_PERMISSION", NVML_ERROR_NO_PERMISSION},
    {"NOT_FOUND", NVML_ERROR_NOT_FOUND},
    {"INSUFFICIENT_SIZE", NVML_ERROR_INSUFFICIENT_SIZE},
    {"DRIVER_NOT_LOADED", NVML_ERROR_DRIVER_NOT_LOADED},
    {"TIMEOUT", NVML_ERROR_TIMEOUT},
    {"FUNCTION_NOT_FOUND", NVML_ERROR_FUNCTION_NOT_FOUND},
    {"GPU_IS_LOST", NVML_ERROR_GPU_IS_LOST},
    {"RESET_REQUIRED", NVML_ERROR_RESET_REQUIRED},
    {"LIB_RM_VERSION_MISMATCH", NVML_ERROR_LIB_RM_VERSION_MISMATCH},
    {"IN_USE", NVML_ERROR_IN_USE},
    {"MEMORY", NVML_ERROR_MEMORY},
    {"NO_DATA", NVML_ERROR_NO_DATA},
    {"DEPRECATED", NVML_ERROR_DEPRECATED},
    {"NOT_READY", NVML_ERROR_NOT_READY},
    {"UNKNOWN", NVML_ERROR_UNKNOWN},
};

static const char *const TYPES[] = {"d:", "ui:", "ul:", "ull:", "sll:", "si:", "us:"};
#define UNSIGNED_LONG_LONG 3

/* ---- products of variables: each distinct one has a number, told once and for all ---- */

static unsigned masks[MAX_PRODUCTS]; /* bit per variable; 0 is the product of none: 1 */
static unsigned mask_count = 1;

static unsigned product_with(unsigned mask) {
    for (unsigned i = 0; i < mask_count; i++)
        if (masks[i] == mask) return i;
    if (mask_count == MAX_PRODUCTS) return 0;
    masks[mask_count] = mask;
    return mask_count++;
}

unsigned product_count(void) { return mask_count; }

double product_of(unsigned product, const double variables[VARIABLES]) {
    double result = 1.0;
    for (unsigned mask = masks[product]; mask; mask &= mask - 1)
        result *= variables[__builtin_ctz(mask)];
    return result;
}

int variable_named(const char *name, unsigned length) {
    for (int i = 0; i < VARIABLES; i++)
        if (strlen(NAMES[i]) == length && strncmp(NAMES[i], name, length) == 0) return i;
    return -1;
}

/* ---- parsing ---- */

int parse_result(const char *text, nvmlReturn_t *result) {
    for (unsigned i = 0; i < sizeof RESULTS / sizeof *RESULTS; i++)
        if (strcmp(RESULTS[i].name, text) == 0) {
            *result = RESULTS[i].result;
            return 1;
        }
    return 0;
}

static const char *skip_spaces(const char *text) { return text + strspn(text, " \t"); }

/* One factor, a number or a variable; NULL where there is neither. */
static const char *parse_factor(const char *text, double *number, unsigned *mask) {
    unsigned word = (unsigned)strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    int variable = variable_named(text, word);
    if (variable >= 0) {
        *mask |= 1u << variable;
        return text + word;
    }
    char *end;
    *number *= strtod(text, &end);
    return end == text ? NULL : end;
}

/* One term: factors joined by `*`, then `/s` where it grows with time. */
static const char *parse_term(const char *text, struct term *term) {
    unsigned mask = 0;
    for (;;) {
        text = parse_factor(skip_spaces(text), &term->factor, &mask);
        if (!text) return NULL;
        text = skip_spaces(text);
        if (*text != '*') break;
        text++;
    }
    term->product = product_with(mask);
    term->per_second = strncmp(text, "/s", 2) == 0;
    return skip_spaces(text + 2 * term->per_second);
}

static int parse_number(const char *text, struct value *value) {
    double sign = 1.0;
    while (value->terms < MAX_TERMS) {
        struct term *term = &value->term[value->terms++];
        term->factor = sign;
        text = parse_term(text, term);
        if (!text) return 0;
        if (!*text) return 1;
        if (*text != '+' && *text != '-') return 0;
        sign = *text++ == '-' ? -1.0 : 1.0;
    }
    return 0;
}

void parse_value(struct value *value, const char *text) {
    *value = (struct value){.text = text};
    value->type = UNSIGNED_LONG_LONG;
    for (int i = 0; i < (int)(sizeof TYPES / sizeof *TYPES); i++)
        if (strncmp(text, TYPES[i], strlen(TYPES[i])) == 0) {
            value->type = i;
            text = skip_spaces(text + strlen(TYPES[i]));
            break;
        }
    if (parse_result(text, &value->result)) value->kind = A_RESULT;
    else if (strcmp(text, "NOT_AVAILABLE") == 0) value->kind = NOT_AVAILABLE_VALUE;
    else if (strcmp(text, "HANG") == 0) value->kind = A_HANG;
    else value->kind = parse_number(text, value) ? A_NUMBER : A_TEXT;
}

/* ---- evaluating ---- */

double value_now(const struct value *value, const struct moment *moment) {
    double sum = 0.0;
    for (unsigned i = 0; i < value->terms; i++) {
        const struct term *term = &value->term[i];
        const double *products = term->per_second ? moment->summed : moment->now;
        sum += term->factor * products[term->product];
    }
    return sum;
}

/* What the driver reports of a window: the mean of what is a level, the last of what only grows. */
double value_between(const struct value *value, const struct moment *from,
                     const struct moment *until) {
    double window = until->seconds - from->seconds, sum = 0.0;
    if (window <= 0.0) return value_now(value, until);
    for (unsigned i = 0; i < value->terms; i++) {
        const struct term *term = &value->term[i];
        double grown = until->summed[term->product] - from->summed[term->product];
        sum += term->factor * (term->per_second ? until->summed[term->product] : grown / window);
    }
    return round(sum * 1e6) / 1e6; /* what is left of a difference of long sums is not that exact */
}

/* ---- `name=number` words ---- */

static const char *after(const char *text, const char *name) {
    unsigned long length = strlen(name);
    for (const char *word = skip_spaces(text); *word; word = skip_spaces(word)) {
        if (strncmp(word, name, length) == 0 && word[length] == '=') return word + length + 1;
        word += strcspn(word, " \t");
    }
    return NULL;
}

double attribute(const char *text, const char *name, double otherwise) {
    const char *found = after(text, name);
    if (!found) return otherwise;
    return strncmp(found, "NOT_AVAILABLE", 13) == 0 ? NAN : strtod(found, NULL);
}

unsigned attribute_text(const char *text, const char *name, char *target, unsigned size) {
    const char *found = after(text, name);
    unsigned length = found ? (unsigned)strcspn(found, " \t") : 0;
    if (length >= size) length = size - 1;
    if (length) memcpy(target, found, length);
    target[length] = 0;
    return length;
}
