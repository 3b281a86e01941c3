package dev.backstep.job.backup;

/** On the embedded database. */
class TaskRecoveryH2IT extends TaskRecoveryRules {}
