package dev.backstep.job;

import dev.backstep.domain.Reason;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What narrows an {@link AdminReport} down; a report takes what makes sense for it and leaves the
 * rest.
 *
 * @param vm only this VM's: THROUGHPUT, FULLS; needed by LINEAGE
 * @param disk only this disk's: THROUGHPUT, with a VM; needed by LINEAGE
 * @param since what ended (FAILED, THROUGHPUT, FULLS), began (LONGEST) or was scheduled (MISSED)
 *     then or later; for STALE the moment that a restore point must show to be new enough. Each
 *     report has a default
 * @param reason only full copies of this reason: FULLS
 */
public record AdminFilter(
    Optional<String> vm, OptionalInt disk, Optional<Instant> since, Optional<Reason> reason) {

  public static final AdminFilter NONE =
      new AdminFilter(Optional.empty(), OptionalInt.empty(), Optional.empty(), Optional.empty());
}
