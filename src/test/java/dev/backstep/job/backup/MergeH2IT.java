package dev.backstep.job.backup;

/** On the embedded database. */
class MergeH2IT extends MergeRules {}
