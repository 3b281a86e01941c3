package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.RequestedLevel;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.springframework.beans.factory.annotation.Autowired;

/** Backups in the queue of a scheduler that tests drive by hand. */
abstract class QueueTest extends ScheduleTest {

  static final String NIGHTLY = "cron: \"0 0 1 * * ?\", zone: UTC";

  @Autowired Leases leases;

  BackupId enqueue(String vm, String schedule, Origin origin, Optional<Instant> stopAt) {
    return realJobs.enqueue(
        definition(vm, schedule),
        RequestedLevel.AUTO,
        new Launch(
            origin,
            Optional.empty(),
            Mover.INTERNAL,
            Optional.empty(),
            Optional.empty(),
            Optional.of(clock.instant()),
            stopAt,
            0,
            Optional.empty(),
            List.of()));
  }

  BackupId enqueue(String vm) {
    return enqueue(vm, NIGHTLY, Origin.API, Optional.empty());
  }

  BackupRow row(BackupId id) {
    return queries.backup(id);
  }

  BackupId running(String vm, String schedule, Optional<Instant> stopAt) throws Exception {
    BackupId id = enqueue(vm, schedule, Origin.API, stopAt);
    int before = jobs.begun.size();
    dispatcher().round();
    assertThat(jobs.begun(before + 1)).contains(id);
    return id;
  }

  /** A living process of this host that holds another lease than this one does. */
  long otherLease() {
    return leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
  }

  void ownedBy(BackupId id, long token) {
    jdbc.sql("update backups set lease_token = :token where id = :id")
        .param("token", token)
        .param("id", id.value())
        .update();
  }
}
