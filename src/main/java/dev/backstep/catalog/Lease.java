package dev.backstep.catalog;

import java.time.Instant;

/**
 * The right of a process to run backups until a moment.
 *
 * @param token grows with each lease and is never used again
 */
public record Lease(long token, ProcessIdentity owner, Instant acquiredAt, Instant expiresAt) {}
