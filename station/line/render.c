#include "station/line/line.h"

#include <unistd.h>

static const char *const argv[] = {"kokuin", "station", "render", NULL};

const struct label_child line_label_child = {.argv = argv};

int label_child_run(void)
{
    return label_render_main(STDIN_FILENO, STDOUT_FILENO);
}
