package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Who writes to the target of a replica, and what is known of it then, on any database. */
abstract class ReplicaTargetContract extends ReplicationTest {

  @Test
  void targetIsOneDisksOnly() throws Exception {
    completed("one", Reason.NO_BASELINE);
    VmId other = new VmId("other");
    catalog.machines.register(other, "other");
    String run =
        replications.begin(
            new Replications.NewRun(
                other, "other", "other", RequestedLevel.AUTO, false, "{}", lease));
    replications.addDisk(run, 0, KEY, Optional.of("/dr/web.raw"), 1000);

    assertThatThrownBy(() -> replicas.begun(run, lease, KEY, "/dr/web.raw", false))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("disk 2000 of web");
  }

  @Test
  void targetThatARestoreWasBegunOntoHoldsNothingAnyMore() throws Exception {
    completed("one", Reason.NO_BASELINE);
    completed("two", Reason.CHANGED_EXTENTS);
    assertThat(changeId()).contains(new ChangeId("two"));
    String restore = restored("/dr/web.raw");

    String run = opened();
    take(run);

    ReplicaDisk lost = queries.replica("web", KEY).orElseThrow();
    assertThat(lost.changeId()).isEmpty();
    assertThat(lost.identity()).isEmpty();
    assertThat(lost.state()).isEqualTo(ReplicaState.PARTIAL);
    assertThat(lost.writtenBy()).contains(restore);
    take(run);
    assertThat(queries.replica("web", KEY).orElseThrow().writtenBy())
        .as("as long as nothing was copied")
        .contains(restore);
    begun(run, Reason.BASE_FAILED_VERIFY);
    complete(run, "three");
    tasks.ended(run, lease, Status.COMPLETED, Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    restored("/dr/other.raw");

    take(opened());
    assertThat(changeId()).contains(new ChangeId("three"));
    assertThat(queries.replica("web", KEY).orElseThrow().writtenBy()).isEmpty();
  }

  @Test
  void runThatARestoreCameBetweenIsPlannedAnew() throws Exception {
    String run = opened();
    take(run);
    begun(run, Reason.NO_BASELINE);
    tasks.ended(run, lease, Status.FAILED, Optional.empty());
    String restore = restored("/dr/web.raw");

    assertThat(tasks.resume(run, lease)).isTrue();
    take(run);

    assertThat(queries.run(run).orElseThrow().disks().getFirst().reason()).isEmpty();
    assertThat(queries.replica("web", KEY).orElseThrow().writtenBy()).contains(restore);
    assertThatThrownBy(() -> tasks.resume(restore, lease))
        .as("the run writes over what it has written")
        .isInstanceOf(SupersededException.class)
        .hasMessageContaining(run);
  }

  @Test
  void targetIsWrittenByARestoreOrARun() throws Exception {
    String run = opened();
    take(run);
    assertThatThrownBy(() -> restore("/dr/web.raw"))
        .isInstanceOf(TargetBusyException.class)
        .hasMessageContaining(run);
    tasks.ended(run, lease, Status.STOPPED, Optional.empty());
    String restore = restore("/dr/web.raw");

    assertThat(tasks.resume(run, lease)).isTrue();
    assertThatThrownBy(() -> take(run))
        .isInstanceOf(TargetBusyException.class)
        .hasMessageContaining(restore);
    tasks.ended(restore, lease, Status.COMPLETED, Optional.empty());
    take(run);
  }

  private String restore(String target) {
    BackupId backup = new BackupId("backup-web-20260304-050607");
    return restores.begin(
        backup, "web", List.of(), Map.of(target, target), Optional.empty(), lease);
  }

  /** One that failed: something of it may be there. */
  private String restored(String target) {
    String id = restore(target);
    tasks.ended(id, lease, Status.FAILED, Optional.empty());
    clock.advance(Duration.ofSeconds(1));
    return id;
  }
}
