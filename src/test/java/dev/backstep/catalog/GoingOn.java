package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.time.Instant;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Backups that a server is to go on with, for tests of other packages. */
public final class GoingOn {

  private GoingOn() {}

  /** As after the end of a window, or before another try. */
  public static void at(JdbcClient jdbc, BackupId id, Instant start, Optional<Instant> stopAt) {
    jdbc.sql("update backups set start_after = :start, stop_at = :stop where id = :id")
        .param("start", UtcTime.of(start))
        .param("stop", stopAt.map(UtcTime::of).orElse(null))
        .param("id", id.value())
        .update();
  }
}
