#include "station/cli/main.h"
#include "station/web/screen.h"
