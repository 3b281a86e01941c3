package dev.backstep.job.backup;

/** On the embedded database. */
class GoingOnH2IT extends GoingOnRules {}
