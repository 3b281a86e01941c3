package dev.backstep.job.backup;

/** On the embedded database. */
class RecoveryRulesH2IT extends RecoveryRules {}
