#include <cups/cups.h>
#include <microhttpd.h>
