/* nvmlDeviceGetFieldValues: any number of fields in one call, each with a return code of its own. */
#include <math.h>

#include "device.h"

enum { AS_DOUBLE, AS_UINT, AS_ULONG, AS_ULONGLONG, AS_LONGLONG, AS_INT, AS_USHORT };

/* Fields whose scope is an NVLink. */
static int is_of_links(unsigned id) {
    return (id >= 138 && id <= 141) || id == 146 || (id >= 161 && id <= 168) ||
           (id >= 200 && id <= 225) || (id >= 235 && id <= 250) || (id >= 289 && id <= 296);
}

static unsigned link_count(struct device *device) {
    double links = 0;
    return read_value(device, find_field(answers(), 91, 0), &links) == NVML_SUCCESS && links > 0
               ? (unsigned)links : 0;
}

/* All links together, where the scenario tells only of each. */
static nvmlReturn_t sum_of_links(struct device *device, unsigned id, double *sum, int *type) {
    double one;
    *sum = 0;
    for (unsigned link = 0; link < link_count(device); link++) {
        const struct value *value = find_field(answers(), id, link);
        nvmlReturn_t result = read_value(device, value, &one);
        if (result != NVML_SUCCESS) return result;
        *type = value->type;
        *sum += one;
    }
    return link_count(device) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static nvmlValue_t as_type(double number, int type) {
    nvmlValue_t value = {.ull = 0};
    if (type == AS_DOUBLE) value.d = number;
    else if (type == AS_INT) value.si = (int)to_u32(number);
    else if (type == AS_LONGLONG) value.sll = isnan(number) ? -1 : (long long)floor(number + 0.5);
    else if (type == AS_UINT) value.ui = to_u32(number);
    else if (type == AS_USHORT) value.us = (unsigned short)to_u32(number);
    else value.ull = to_u64(number);
    return value;
}

static nvmlReturn_t answer(struct device *device, nvmlFieldValue_t *field) {
    const struct value *value = find_field(answers(), field->id, field->scope);
    nvmlReturn_t result;
    double number = 0;
    int type = value ? value->type : AS_ULONGLONG;
    int of_links = is_of_links(field->id);
    if (of_links && field->scope != TOTAL_SCOPE && field->scope >= link_count(device))
        return value ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
    if (of_links && field->scope == TOTAL_SCOPE && !value)
        result = sum_of_links(device, field->id, &number, &type);
    else result = read_value(device, value, &number);
    if (result != NVML_SUCCESS) return result;
    field->type = type;
    field->value = as_type(number, type);
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count,
                                               nvmlFieldValue_t *fields) {
    CALL(device, "FieldValues");
    long long now = (long long)microseconds_now();
    for (int i = 0; i < count; i++) {
        fields[i].timestamp = now;
        fields[i].latency_us = 2;
        fields[i].result = answer(device, &fields[i]);
    }
    return NVML_SUCCESS;
}
