int sealed;
