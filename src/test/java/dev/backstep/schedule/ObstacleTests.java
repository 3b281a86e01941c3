package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupQueue.Load;
import dev.backstep.catalog.DueBackup;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Texts for people and words for machines say the same. */
class ObstacleTests {

  private static final DueBackup BACKUP =
      new DueBackup(
          new BackupId("backup-a"),
          new RepositoryId("here"),
          Optional.of("hv1"),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  private static Obstacle obstacle(int all, int perHost, int perRepository) {
    ScheduleSettings settings =
        new ScheduleSettings(
            all,
            perHost,
            perRepository,
            Duration.ZERO,
            Duration.ofMinutes(5),
            Duration.ofDays(90),
            Duration.ofDays(90),
            Duration.ofDays(90));
    Limits limits =
        new Limits(settings, List.of(new Load(new RepositoryId("here"), Optional.of("hv1"))));
    return Obstacle.of(limits.refusal(BACKUP));
  }

  @Test
  void everyLimitIsKnownByItsText() {
    assertThat(obstacle(1, 9, 9)).isEqualTo(Obstacle.MAX_BACKUPS);
    assertThat(obstacle(9, 1, 9)).isEqualTo(Obstacle.HOST);
    assertThat(obstacle(9, 9, 1)).isEqualTo(Obstacle.REPOSITORY);
    assertThat(obstacle(9, 9, 9)).isEqualTo(Obstacle.SERVER);
  }

  @Test
  void anotherBackupOfTheVmIsKnownByItsText() {
    assertThat(Obstacle.of(Optional.of("backup-a of the same VM"))).isEqualTo(Obstacle.VM);
  }
}
