#include "hsm/token.h"

#include <libpq-fe.h>
