package dev.backstep.job.backup;

/** On the embedded database. */
class RelaunchRulesH2IT extends RelaunchRules {}
