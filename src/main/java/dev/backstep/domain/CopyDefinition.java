package dev.backstep.domain;

import java.util.Optional;

/**
 * A second repository that has copies of a VM's restore points.
 *
 * @param repository a folder's absolute path
 * @param retention which copies stay there, whatever becomes of the restore points that they were
 *     made of; empty keeps all
 */
public record CopyDefinition(String repository, Optional<RetentionDefinition> retention) {}
