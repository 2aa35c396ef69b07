/* FAULT_USAGE in a comment raises nothing, nor does FAULT_USAGE_MORE. */
int a = FAULT_USAGE_MORE;
