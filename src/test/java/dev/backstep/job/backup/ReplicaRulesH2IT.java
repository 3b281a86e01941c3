package dev.backstep.job.backup;

/** On the embedded database. */
class ReplicaRulesH2IT extends ReplicaRules {}
