int a; /* FIXME later */
