#include "hsm/password.h"
