package dev.backstep.schedule;

import java.time.Duration;

/**
 * Published when this server acted on a start that a schedule asked for, so long after its time.
 */
public record FireTaken(Duration lag) {}
