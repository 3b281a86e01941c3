package dev.backstep.job.backup;

/** On the embedded database. */
class BaseRulesH2IT extends BaseRules {}
