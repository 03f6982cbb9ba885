/* One answer of a scenario file: a number that may follow load and time, a text, or an error. */
#ifndef VALUE_H
#define VALUE_H

#include "abi.h"

/* What an expression can name; each is a factor of a term, in a file as in `700*busy*clock`. */
enum variable {
    BUSY,      /* share of time in which kernels run */
    CLOCK,     /* what throttling leaves of the highest clocks */
    WARM,      /* busy times clock, as slow as heat */
    HELD,      /* 1 while a process holds the device */
    IDLE,      /* watts at rest */
    SWING,     /* watts between rest and the power limit */
    LIMIT,     /* watts */
    USED,      /* bytes of memory */
    TOTAL,     /* bytes of memory */
    REASONS,   /* bitmask of what holds the clocks down; below its bits, 0 or 1 */
    SW_POWER_CAP,
    HW_SLOWDOWN,
    SYNC_BOOST,
    SW_THERMAL,
    HW_THERMAL,
    POWER_BRAKE,
    VARIABLES,
};

#define MAX_PRODUCTS 64 /* distinct products of variables in one process */
#define MAX_TERMS 6

struct term {
    double factor;
    unsigned product; /* which product of variables; see product_of */
    int per_second;   /* grows by factor * product each second */
};

enum value_kind { A_NUMBER, A_TEXT, A_RESULT, NOT_AVAILABLE_VALUE, A_HANG };

struct value {
    enum value_kind kind;
    nvmlReturn_t result;
    int type; /* nvmlValueType_t for field values */
    unsigned terms;
    struct term term[MAX_TERMS];
    const char *text; /* as it stands in the file */
};

/* What a product of variables is now, and what it has summed up to over time. */
struct moment {
    double seconds;
    double now[MAX_PRODUCTS];
    double summed[MAX_PRODUCTS];
};

void parse_value(struct value *value, const char *text); /* keeps `text` */
int parse_result(const char *text, nvmlReturn_t *result);
int variable_named(const char *name, unsigned length);

unsigned product_count(void);
double product_of(unsigned product, const double variables[VARIABLES]);

double value_now(const struct value *value, const struct moment *moment);
double value_between(const struct value *value, const struct moment *from,
                     const struct moment *until);

/* The number after `name=` in a text of `name=number` words; `otherwise` where it is not there. */
double attribute(const char *text, const char *name, double otherwise);
/* The same for a word; returns its length. */
unsigned attribute_text(const char *text, const char *name, char *target, unsigned size);

#endif
