#include "base/log.h"
#  include "jigs/jig.h"
