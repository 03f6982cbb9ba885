/* A device as time passes on it. */
#include "device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define THERMAL_SECONDS 15.0
#define STEP_SECONDS 0.001 /* integrals are carried on no oftener, unless the load changed */

static _Thread_local const struct table *table_of_call;
static _Thread_local int values_hidden; /* the call succeeds, its values are "not available" */

const struct table *answers(void) { return table_of_call; }

static double clock_seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const struct value *machine_value(const char *key) {
    const struct scenario *scenario = current_scenario();
    return scenario ? find(scenario->machine, key) : NULL;
}

double seconds_now(void) {
    const struct value *fixed = machine_value("time");
    return fixed ? strtod(fixed->text, NULL) : clock_seconds(CLOCK_MONOTONIC);
}

unsigned long long microseconds_now(void) {
    const struct value *fixed = machine_value("time");
    return (unsigned long long)(1e6 * (fixed ? strtod(fixed->text, NULL)
                                             : clock_seconds(CLOCK_REALTIME)));
}

static const struct table *table_of(const struct device *device) {
    const struct scenario *scenario = current_scenario();
    if (!scenario) return NULL;
    return device->mig < 0 ? scenario->devices[device->index]
                           : scenario->migs[device->index][device->mig];
}

/* ---- time ---- */

static double given(const struct table *table, const char *key, double otherwise) {
    const struct value *value = find(table, key);
    return value ? strtod(value->text, NULL) : otherwise;
}

static void load_of(const struct device *device, const struct table *table, double now,
                    double variables[VARIABLES]) {
    const volatile struct device_record *record = device->record;
    variables[BUSY] = record ? busy_of(record, now) : given(table, "busy", 0);
    variables[CLOCK] = record ? record->clock_ratio : given(table, "clock", 1);
    variables[HELD] = record ? is_held(record) : given(table, "held", 1);
    variables[IDLE] = record ? record->power_idle : given(table, "idle", 0);
    variables[LIMIT] = record ? record->power_limit : given(table, "limit", 0);
    variables[TOTAL] = record ? (double)record->memory_total : given(table, "total", 0);
    variables[USED] = record ? record->memory_used * variables[HELD] : given(table, "used", 0);
    variables[REASONS] = record ? (double)record->throttle_reasons : given(table, "reasons", 0);
    variables[SWING] = variables[LIMIT] - variables[IDLE];
    unsigned long long reasons = (unsigned long long)variables[REASONS];
    for (int bit = 2; bit <= 7; bit++)
        variables[SW_POWER_CAP + bit - 2] = (double)(reasons >> bit & 1);
}

static int has_changed(const struct device *device) {
    const struct device_record *record = (const struct device_record *)device->record;
    if (device->advanced_by != current_scenario()->number) return 1;
    return record && memcmp(&record->busy_ratio, device->advanced_with, sizeof device->advanced_with);
}

/* Let time pass on the device. Implicit Euler stays stable however rarely it is read. */
static void advance(struct device *device, const struct table *table) {
    double now = seconds_now(), elapsed = now - device->advanced_at, variables[VARIABLES];
    if (elapsed < STEP_SECONDS && !has_changed(device)) return;
    struct moment *moment = &device->moment;
    load_of(device, table, now, variables);
    double heat = variables[BUSY] * variables[CLOCK];
    if (!device->advanced_by) device->warm = heat; /* settled when first seen */
    device->warm += (heat - device->warm) * elapsed / (elapsed + THERMAL_SECONDS);
    variables[WARM] = device->warm;
    for (unsigned i = 0; i < product_count(); i++) {
        double product = product_of(i, variables);
        moment->summed[i] += product * elapsed;
        moment->now[i] = product;
    }
    moment->seconds = now - device->began_at;
    device->advanced_at = now;
    device->advanced_by = current_scenario()->number;
    if (device->record)
        memcpy(device->advanced_with, (const void *)&device->record->busy_ratio,
               sizeof device->advanced_with);
}

void start_device(struct device *device, unsigned index, struct device *parent, int mig) {
    *device = (struct device){.index = index, .mig = mig, .parent = parent};
    pthread_mutex_init(&device->lock, NULL);
    device->record = mig < 0 ? state_record(index) : NULL;
    /* With a fixed time, all of it has passed: what counts seconds is then the same each time. */
    device->began_at = device->advanced_at = machine_value("time") ? 0 : seconds_now();
}

/* ---- before an answer ---- */

static int is_lost(const struct device *device, const struct table *table) {
    return (device->record && device->record->lost) || given(table, "lost", 0) != 0;
}

static void delay(const struct table *table) {
    const struct value *told = find(table, "delay_us");
    if (!told) told = machine_value("delay_us");
    long microseconds = told ? strtol(told->text, NULL, 10) : 0;
    if (microseconds <= 0) return;
    prctl(PR_SET_TIMERSLACK, 1UL); /* else Linux adds 50 us of its own */
    struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

/* A hanging call ends when the scenario no longer says so, or NVML is shut down. */
static const struct value *after_hanging(const struct device *device, unsigned long long key) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    const struct value *value = find_key(table_of_call, key);
    while (value && value->kind == A_HANG && machine_result() == NVML_SUCCESS) {
        nanosleep(&pause, NULL);
        table_of_call = table_of(device);
        value = find_key(table_of_call, key);
    }
    return value;
}

static nvmlReturn_t told_of_call(const struct device *device, const char *call) {
    const struct value *every = find(table_of_call, "Every");
    if (every && every->kind == A_RESULT && every->result) return every->result;
    const struct value *value = after_hanging(device, key_of(call));
    return value && value->kind == A_RESULT ? value->result : NVML_SUCCESS;
}

nvmlReturn_t begin(struct device *device, const char *call) {
    values_hidden = 0;
    nvmlReturn_t result = machine_result();
    if (result != NVML_SUCCESS) return result;
    if (!device) return NVML_ERROR_INVALID_ARGUMENT;
    table_of_call = table_of(device);
    delay(table_of_call);
    if (is_lost(device, table_of_call)) return NVML_ERROR_GPU_IS_LOST;
    result = told_of_call(device, call);
    if (result != NVML_SUCCESS) return result;
    pthread_mutex_lock(&device->lock);
    advance(device, table_of_call);
    pthread_mutex_unlock(&device->lock);
    result = device->record ? call_result(device->record, call) : NVML_SUCCESS;
    values_hidden = result < 0;
    return result < 0 ? NVML_SUCCESS : result;
}

/* ---- answers ---- */

nvmlReturn_t read_value(struct device *device, const struct value *value, double *number) {
    if (!value) return NVML_ERROR_NOT_SUPPORTED;
    if (value->kind == A_RESULT) return value->result;
    if (value->kind == A_TEXT) return NVML_ERROR_UNKNOWN;
    *number = NAN;
    if (value->kind == NOT_AVAILABLE_VALUE || values_hidden) return NVML_SUCCESS;
    pthread_mutex_lock(&device->lock);
    *number = value_now(value, &device->moment);
    pthread_mutex_unlock(&device->lock);
    return NVML_SUCCESS;
}

nvmlReturn_t read_number(struct device *device, const char *key, double *number) {
    return read_value(device, after_hanging(device, key_of(key)), number);
}

unsigned to_u32(double number) {
    return isnan(number) ? NVML_NOT_AVAILABLE : (unsigned)(long long)floor(number + 0.5);
}

unsigned long long to_u64(double number) {
    if (isnan(number) || number >= 18446744073709551615.0) return ~0ULL;
    return number < 0 ? 0 : (unsigned long long)(number + 0.5);
}

nvmlReturn_t read_u32(struct device *device, const char *key, unsigned *number) {
    double read;
    nvmlReturn_t result = read_number(device, key, &read);
    if (result == NVML_SUCCESS) *number = to_u32(read);
    return result;
}

nvmlReturn_t read_u64(struct device *device, const char *key, unsigned long long *number) {
    double read;
    nvmlReturn_t result = read_number(device, key, &read);
    if (result == NVML_SUCCESS) *number = to_u64(read);
    return result;
}

nvmlReturn_t copy_text(char *target, unsigned size, const char *text) {
    if (strlen(text) >= size) return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(target, text);
    return NVML_SUCCESS;
}

nvmlReturn_t read_text(const char *key, char *target, unsigned size) {
    nvmlReturn_t result;
    const char *text = read_words(key, &result);
    return text ? copy_text(target, size, text) : result;
}

const char *read_words(const char *key, nvmlReturn_t *result) {
    const struct value *value = find(table_of_call, key);
    *result = !value ? NVML_ERROR_NOT_SUPPORTED
                     : value->kind == A_RESULT ? value->result : NVML_SUCCESS;
    return value && value->kind != A_RESULT ? value->text : NULL;
}
