package dev.backstep.job.backup;

/** On the embedded database. */
class TakeoverH2IT extends TakeoverRules {}
