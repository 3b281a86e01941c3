package dev.backstep.job.backup;

/** On the embedded database. */
class JobRulesH2IT extends JobRules {}
