package dev.backstep.job.backup;

/** On the embedded database. */
class ProofH2IT extends ProofRules {}
