package dev.backstep.job.backup;

/** On the embedded database. */
class RemovalH2IT extends RemovalRules {}
