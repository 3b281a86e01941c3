package dev.backstep.job.backup;

/** On the embedded database. */
class PublishingH2IT extends PublishingRules {}
