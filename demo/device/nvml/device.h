/* A device as time passes on it, and the steps every call takes before and while it answers. */
#ifndef DEVICE_H
#define DEVICE_H

#include <pthread.h>

#include "scenario.h"
#include "state.h"

struct device {
    unsigned index;
    int mig; /* index among its parent's MIG devices, or -1 */
    struct device *parent;
    volatile struct device_record *record; /* NULL without a state file */
    pthread_mutex_t lock;
    struct moment moment;
    double advanced_at, began_at, warm;
    unsigned long advanced_by; /* the scenario's number */
    unsigned char advanced_with[sizeof(double) * 9]; /* of the record, what a call answers from */
};

/* library.c */
nvmlReturn_t machine_result(void);
struct device *device_at(unsigned index);
struct device *mig_at(unsigned index, unsigned mig); /* NULL where there is none */
unsigned device_count(void);

/* device.c */
void start_device(struct device *device, unsigned index, struct device *parent, int mig);
double seconds_now(void); /* CLOCK_MONOTONIC, or the scenario's fixed `time` */
unsigned long long microseconds_now(void);

/* What `call` (without its nvmlDeviceGet) returns before any value is looked at. Its table of
 * answers holds for this thread until the next call. */
nvmlReturn_t begin(struct device *device, const char *call);
const struct table *answers(void);

/* NAN stands for NVML's "not available"; integers turn it into all ones. A key that the scenario
 * lacks is not supported. */
nvmlReturn_t read_value(struct device *device, const struct value *value, double *number);
nvmlReturn_t read_number(struct device *device, const char *key, double *number);
nvmlReturn_t read_u32(struct device *device, const char *key, unsigned *number);
nvmlReturn_t read_u64(struct device *device, const char *key, unsigned long long *number);
nvmlReturn_t read_text(const char *key, char *target, unsigned size);
nvmlReturn_t copy_text(char *target, unsigned size, const char *text);
unsigned to_u32(double number);
unsigned long long to_u64(double number);

/* A value's text of `name=number` words, or NULL with what to return. */
const char *read_words(const char *key, nvmlReturn_t *result);

#define CALL(device, name)                                                                         \
    do {                                                                                           \
        nvmlReturn_t refused = begin(device, name);                                                \
        if (refused) return refused;                                                               \
    } while (0)

#endif
