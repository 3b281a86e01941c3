package dev.backstep.catalog;

import dev.backstep.domain.RepositoryId;
import java.time.Instant;

/**
 * A repository that the catalog knows.
 *
 * @param path its folder as last registered
 */
public record RepositoryRow(RepositoryId id, String path, Instant knownSince) {}
