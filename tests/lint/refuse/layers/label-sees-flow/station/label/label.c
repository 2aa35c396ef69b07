#include "station/flow/journey.h"
