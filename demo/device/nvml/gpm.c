/* GPU performance monitoring: two samples of a device, and what lay between them.
 *
 *     Gpm = 1                            # supported; without this key, it is not
 *     Gpm.2 = 78*busy                    # SM utilisation, percent: the mean over the window
 *     Gpm.249 = 1.41e11*busy*clock/s     # SM cycles active: a counter since the start
 *     GpmNewest = 97                     # a call that asks for later ones is refused altogether
 */
#include <stdlib.h>

#include "device.h"

#define VERSION 1

struct gpm_sample {
    struct device *device;
    struct moment moment;
};

NVML_API nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *support) {
    if (support->version != VERSION) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "Gpm");
    nvmlReturn_t result = read_u32(device, "Gpm", &support->supported);
    if (result == NVML_ERROR_NOT_SUPPORTED) support->supported = 0;
    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

NVML_API nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *sample) {
    nvmlReturn_t result = machine_result();
    if (result != NVML_SUCCESS) return result;
    *sample = calloc(1, sizeof **sample);
    return *sample ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

NVML_API nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
    if (!sample) return NVML_ERROR_INVALID_ARGUMENT;
    free(sample);
    return NVML_SUCCESS;
}

static nvmlReturn_t take(struct device *device, nvmlGpmSample_t sample) {
    double supported;
    if (!sample) return NVML_ERROR_INVALID_ARGUMENT;
    CALL(device, "GpmSample");
    nvmlReturn_t result = read_number(device, "Gpm", &supported);
    if (result != NVML_SUCCESS) return result;
    if (supported == 0) return NVML_ERROR_NOT_SUPPORTED;
    pthread_mutex_lock(&device->lock);
    sample->moment = device->moment;
    pthread_mutex_unlock(&device->lock);
    sample->device = device;
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample) {
    return take(device, sample);
}

NVML_API nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned gpu_instance,
                                          nvmlGpmSample_t sample) {
    CALL(device, "GpmMigSample");
    for (unsigned i = 0; i < MAX_MIG; i++) {
        struct device *mig = mig_at(device->index, i);
        unsigned id;
        if (mig && begin(mig, "GpmMigSample") == NVML_SUCCESS &&
            read_u32(mig, "GpuInstanceId", &id) == NVML_SUCCESS && id == gpu_instance)
            return take(mig, sample);
    }
    return NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t measure(const struct value *value, nvmlGpmSample_t first,
                            nvmlGpmSample_t second, double *number) {
    double ignored;
    nvmlReturn_t result = read_value(second->device, value, &ignored);
    if (result != NVML_SUCCESS) return result;
    *number = value->kind == A_NUMBER ? value_between(value, &first->moment, &second->moment)
                                      : ignored;
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *asked) {
    if (asked->version != VERSION) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (!asked->first || !asked->second) return NVML_ERROR_INVALID_ARGUMENT;
    if (!asked->first->device || asked->first->device != asked->second->device)
        return NVML_ERROR_INVALID_ARGUMENT;
    CALL(asked->second->device, "GpmMetrics");
    const struct value *newest = find(answers(), "GpmNewest");
    for (unsigned i = 0; newest && i < asked->count; i++)
        if (asked->metrics[i].id > newest->term[0].factor) return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned i = 0; i < asked->count; i++) {
        nvmlGpmMetric_t *metric = &asked->metrics[i];
        metric->result = measure(find_gpm(answers(), metric->id), asked->first, asked->second,
                                 &metric->value);
    }
    return NVML_SUCCESS;
}
