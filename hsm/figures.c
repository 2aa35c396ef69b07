#include "hsm/figures.h"

#define FUNCTIONS_MAX 64

static _Thread_local struct figures all[FUNCTIONS_MAX];

void figures_add(size_t function, const char *name, int64_t took_ns)
{
    if (function >= ARRAY_SIZE(all))
        return;
    struct figures *figures = &all[function];
    figures->function = name;
    figures->calls++;
    figures->total_ns += took_ns;
    if (took_ns > figures->largest_ns)
        figures->largest_ns = took_ns;
}

bool figures_at(size_t index, struct figures *ret_figures)
{
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].calls > 0 && index-- == 0) {
            *ret_figures = all[i];
            return true;
        }
    return false;
}
