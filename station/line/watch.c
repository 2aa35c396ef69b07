#include "station/line/watch.h"

#include "station/flow/flow.h"

/* Each is above what its slowest honest end takes: 10 s for an answer of a unit (40 s with a new link), 20 s for a try
 * of the record and six tries, and a minute for four tokens whose servers hang and are left one after another. A token
 * in this process has no time limit of its own: it is what these are for. */
#define OPEN_S 90
#define END_S 60
#define SCAN_S 240
#define CLOSE_S 180
#define STEP_S 600

static const unsigned step_seconds[FLOW_STEPS + 1] = {
    [FLOW_IDENTIFY] = 120, [FLOW_RESERVE] = 180, [FLOW_ISSUE] = 300, [FLOW_INJECT] = 240,
    [FLOW_RESTART] = 240,  [FLOW_PROVE] = 600,   [FLOW_LOCK] = 300,  [FLOW_PRINT] = 480,
};

static struct watch within(unsigned seconds)
{
    return (struct watch){.on = true, .until = deadline_in_ms(seconds * 1000)};
}

struct watch watch_start(void)
{
    return within(OPEN_S);
}

struct watch watch_state(const struct slot_message *state, bool ending)
{
    if (state->view == SLOT_WORKING) {
        unsigned seconds = state->step <= FLOW_STEPS ? step_seconds[state->step] : 0;
        return within(seconds > 0 ? seconds : STEP_S);
    }
    return ending ? within(END_S) : (struct watch){.on = false};
}

struct watch watch_scan(void)
{
    return within(SCAN_S);
}

struct watch watch_answer(uint32_t fault)
{
    return fault == 0 ? within(CLOSE_S) : (struct watch){.on = false};
}

bool watch_is_overdue(const struct watch *watch)
{
    return watch->on && deadline_passed(watch->until);
}
