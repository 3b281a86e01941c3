package dev.backstep.domain;

import java.time.Instant;
import java.util.OptionalLong;

/**
 * That something was proven.
 *
 * @param at when it last was
 * @param executionId which Batch execution did
 */
public record Proven(Instant at, OptionalLong executionId) {}
