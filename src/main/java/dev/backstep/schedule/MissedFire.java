package dev.backstep.schedule;

import java.time.Instant;

/** A start that was due by a schedule and that no server has any record of. */
public record MissedFire(String vmName, Instant dueAt) {}
