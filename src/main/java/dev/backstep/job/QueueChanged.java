package dev.backstep.job;

/** Published when a backup was put in the queue, or one has ended: something may begin now. */
public record QueueChanged() {}
