int a = FAULT_USAGE;
