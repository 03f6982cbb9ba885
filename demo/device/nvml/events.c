/* Events: a set hears what happens after its devices were registered.
 *
 *     SupportedEventTypes = 0x8 + 0x8000 + ...   (nvmlEventType*; without the key, XIDs alone)
 *     Events = xid:79 recovery:1                 append to it: what is new is heard
 *
 * XIDs that fault injection raises in the state file are events, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"

#define XID_CRITICAL_ERROR 0x8ULL

static const struct {
    const char *name;
    unsigned long long type;
} TYPES[] = {
    {"sbe", 0x1}, {"dbe", 0x2}, {"pstate", 0x4}, {"xid", XID_CRITICAL_ERROR}, {"clock", 0x10},
    {"sbe_storm", 0x200}, {"retirement", 0x400}, {"retirement_failure", 0x800},
    {"poison", 0x1000}, {"fatal_poison", 0x2000}, {"unavailable", 0x4000}, {"recovery", 0x8000},
};

struct listener {
    unsigned long long types; /* 0: not registered */
    uint64_t raised;          /* XIDs of the state file heard */
    unsigned told;            /* events of the scenario heard */
};
struct event_set {
    struct listener listeners[MAX_DEVICES];
};

/* The `wanted`th event in a list of `type:data` words; 0 when the list is shorter. */
static int event_in(const char *list, unsigned wanted, unsigned long long *type,
                    unsigned long long *data) {
    char name[24];
    int length;
    for (unsigned i = 0; sscanf(list, " %23[a-z_]:%llu%n", name, data, &length) == 2; i++) {
        *type = 0;
        for (unsigned known = 0; known < sizeof TYPES / sizeof *TYPES; known++)
            if (strcmp(TYPES[known].name, name) == 0) *type = TYPES[known].type;
        if (i == wanted) return 1;
        list += length;
    }
    return 0;
}

static unsigned events_in(const char *list) {
    unsigned long long type, data;
    unsigned count = 0;
    while (event_in(list, count, &type, &data)) count++;
    return count;
}

NVML_API nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set) {
    nvmlReturn_t result = machine_result();
    if (result != NVML_SUCCESS) return result;
    *set = calloc(1, sizeof **set);
    return *set ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

NVML_API nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    free(set);
    return NVML_SUCCESS;
}

static nvmlReturn_t supported(struct device *device, unsigned long long *types) {
    nvmlReturn_t result = read_u64(device, "SupportedEventTypes", types);
    if (result == NVML_ERROR_NOT_SUPPORTED && !find(answers(), "SupportedEventTypes")) {
        *types = XID_CRITICAL_ERROR;
        return NVML_SUCCESS;
    }
    return result;
}

NVML_API nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device,
                                                       unsigned long long *types) {
    CALL(device, "RegisterEvents");
    return supported(device, types);
}

NVML_API nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types,
                                               nvmlEventSet_t set) {
    unsigned long long known;
    CALL(device, "RegisterEvents");
    nvmlReturn_t result = supported(device, &known);
    if (result != NVML_SUCCESS) return result;
    if (types & ~known || device->mig >= 0) return NVML_ERROR_NOT_SUPPORTED;
    set->listeners[device->index] = (struct listener){
        .types = types,
        .raised = device->record ? device->record->xid_count : 0,
        .told = events_in(text_of(answers(), "Events")),
    };
    return NVML_SUCCESS;
}

static int next_of(struct device *device, struct listener *listener, nvmlEventData_t *event) {
    const struct scenario *scenario = current_scenario();
    const char *list = text_of(scenario->devices[device->index], "Events");
    event->device = device;
    event->gpu_instance = event->compute_instance = NVML_NOT_AVAILABLE;
    if (device->record && listener->raised < device->record->xid_count) {
        event->event_type = XID_CRITICAL_ERROR;
        event->event_data = device->record->xids[listener->raised++ % XID_RING];
        return (listener->types & XID_CRITICAL_ERROR) != 0;
    }
    while (event_in(list, listener->told, &event->event_type, &event->event_data)) {
        listener->told++;
        if (event->event_type & listener->types) return 1;
    }
    return 0;
}

static int next_event(nvmlEventSet_t set, nvmlEventData_t *event) {
    for (unsigned i = 0; i < device_count(); i++)
        if (set->listeners[i].types && next_of(device_at(i), &set->listeners[i], event)) return 1;
    return 0;
}

NVML_API nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *event,
                                          unsigned timeout_ms) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double deadline = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + timeout_ms / 1000.0;
    for (;;) {
        nvmlReturn_t result = machine_result();
        if (result != NVML_SUCCESS) return result;
        if (next_event(set, event)) return NVML_SUCCESS;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((double)now.tv_sec + (double)now.tv_nsec / 1e9 >= deadline) return NVML_ERROR_TIMEOUT;
        nanosleep(&pause, NULL);
    }
}
