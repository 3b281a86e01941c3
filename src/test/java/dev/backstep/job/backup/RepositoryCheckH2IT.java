package dev.backstep.job.backup;

/** On the embedded database. */
class RepositoryCheckH2IT extends RepositoryCheckRules {}
