package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the catalog remembers of replications by movers outside, on any database. */
abstract class MovedReplicationContract extends ReplicationTest {

  @Test
  void moverCompletesItsDisksOneByOneAndAgainChangesNothing() {
    DiskKey second = new DiskKey("2001");
    String job = moved.begin(PATH, Optional.of("job-17"), List.of(KEY, second));
    assertThat(job).isEqualTo("job-17");
    assertThat(moved.begin(PATH, Optional.of("job-17"), List.of(second, KEY))).isEqualTo(job);

    assertThat(moved.complete(job, KEY, new ChangeId("a/1"), Optional.empty())).isTrue();
    assertThat(moved.complete(job, KEY, new ChangeId("a/1"), Optional.empty())).isFalse();
    assertThatThrownBy(() -> moved.complete(job, KEY, new ChangeId("a/2"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("a/1");
    assertThat(queries.run(job).orElseThrow().status()).isEqualTo(Status.RUNNING);
    assertThat(moved.complete(job, second, new ChangeId("b/1"), Optional.empty())).isTrue();

    assertThat(queries.run(job).orElseThrow().status()).isEqualTo(Status.COMPLETED);
    assertThat(queries.replicas(PATH))
        .extracting(disk -> disk.changeId().orElseThrow().value())
        .containsExactly("a/1", "b/1");
    assertThat(moved.complete(job, KEY, new ChangeId("a/1"), Optional.empty()))
        .as("also when the job is at its end")
        .isFalse();
    assertThatThrownBy(() -> moved.complete(job, KEY, new ChangeId("a/3"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class);
  }

  @Test
  void targetsComeByPathAndKeyInPages() {
    List<String> paths = List.of("/a b", "/a b c", "/ä".repeat(300));
    for (String path : paths) {
      String job =
          moved.begin(path, Optional.empty(), List.of(new DiskKey("c 0"), new DiskKey("d")));
      moved.complete(job, new DiskKey("d"), new ChangeId("x"), Optional.empty());
      moved.complete(job, new DiskKey("c 0"), new ChangeId("x"), Optional.empty());
    }
    List<String> all =
        paths.stream().flatMap(path -> Stream.of(path + ": c 0", path + ": d")).toList();

    for (int limit = 1; limit <= 7; limit++) {
      assertThat(targets(Optional.empty(), limit)).as("pages of %s", limit).isEqualTo(all);
    }
    assertThat(targets(Optional.of("/a b c"), 1)).isEqualTo(all.subList(2, 4));
    String place = queries.page(Optional.empty(), PageRequest.first(1)).next().orElseThrow();
    assertThatThrownBy(
            () -> queries.replicas(Optional.empty(), new PageRequest(Optional.of(place), 1)))
        .as("the place in another list")
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void moverIsRefusedWhatContradictsWhatIsKnown() {
    String job = moved.begin(PATH, Optional.empty(), List.of(KEY));
    assertThat(job).startsWith("replication-");
    assertThatThrownBy(() -> moved.begin(PATH, Optional.empty(), List.of(KEY)))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining(job);
    assertThatThrownBy(() -> moved.begin(PATH, Optional.of(job), List.of(new DiskKey("other"))))
        .isInstanceOf(ReplicationConflictException.class);
    assertThatThrownBy(() -> moved.begin("/elsewhere", Optional.of(job), List.of(KEY)))
        .isInstanceOf(ReplicationConflictException.class);
    assertThatThrownBy(() -> moved.complete("nobody", KEY, new ChangeId("a"), Optional.empty()))
        .isInstanceOf(NoSuchElementException.class);
    assertThatThrownBy(
            () -> moved.complete(job, new DiskKey("9"), new ChangeId("a"), Optional.empty()))
        .isInstanceOf(NoSuchElementException.class)
        .hasMessageContaining("disk-2000");

    moved.abandon(job);

    assertThatThrownBy(() -> moved.complete(job, KEY, new ChangeId("a"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("ABANDONED");
    assertThat(queries.replica(PATH, KEY)).isEmpty();
    String next = moved.begin(PATH, Optional.empty(), List.of(KEY));
    moved.complete(next, KEY, new ChangeId("a"), Optional.empty());
    assertThatThrownBy(() -> moved.abandon(next)).isInstanceOf(ReplicationConflictException.class);
    String third = moved.begin(PATH, Optional.empty(), List.of(KEY));
    assertThatThrownBy(
            () -> moved.complete(third, KEY, new ChangeId("c"), Optional.of(new ChangeId("b"))))
        .as("a step that is missing")
        .isInstanceOf(ReplicationConflictException.class);
    assertThat(moved.complete(third, KEY, new ChangeId("c"), Optional.of(new ChangeId("a"))))
        .isTrue();
  }

  @Test
  void whoReplicatesAVmStaysTheSame() throws Exception {
    moved.begin(PATH, Optional.empty(), List.of(KEY));
    assertThatThrownBy(() ->
            replications.begin(
                new Replications.NewRun(WEB, PATH, "web", RequestedLevel.AUTO, false, "{}", lease)))
        .isInstanceOf(ReplicationConflictException.class)
        .hasMessageContaining("outside");
    String run = completed("one", Reason.NO_BASELINE);
    assertThatThrownBy(() -> moved.begin("web", Optional.empty(), List.of(KEY)))
        .isInstanceOf(ReplicationConflictException.class);
    assertThat(moved.complete(run, KEY, new ChangeId("one"), Optional.empty())).isFalse();
    assertThatThrownBy(() -> moved.complete(run, KEY, new ChangeId("two"), Optional.empty()))
        .isInstanceOf(ReplicationConflictException.class);
    assertThat(queries.replica("web", KEY).orElseThrow().mover()).isEqualTo(Mover.INTERNAL);
    assertThat(changeId()).contains(new ChangeId("one"));
  }

  @Test
  void ofTwoMoversAtOnceOneWins() throws Exception {
    for (int round = 0; round < 10; round++) {
      String job = moved.begin(PATH, Optional.empty(), List.of(KEY));
      CountDownLatch go = new CountDownLatch(1);
      List<Future<Boolean>> answers = new ArrayList<>();
      try (ExecutorService movers = Executors.newFixedThreadPool(4)) {
        for (int mover = 0; mover < 4; mover++) {
          ChangeId changeId = new ChangeId(round + "/" + mover);
          answers.add(
              movers.submit(() -> {
                go.await();
                try {
                  return moved.complete(job, KEY, changeId, Optional.empty());
                } catch (ReplicationConflictException e) {
                  return false;
                }
              }));
        }
        go.countDown();
      }
      int winners = 0;
      for (int mover = 0; mover < 4; mover++) {
        if (answers.get(mover).get()) {
          winners++;
          assertThat(queries.replica(PATH, KEY).orElseThrow().changeId())
              .contains(new ChangeId(round + "/" + mover));
        }
      }
      assertThat(winners).isEqualTo(1);
      clock.advance(Duration.ofSeconds(1));
    }
    assertThat(queries.page(Optional.of(PATH), PageRequest.first(4)).items()).hasSize(4);
  }

  /** Page by page. */
  private List<String> targets(Optional<String> path, int limit) {
    List<String> targets = new ArrayList<>();
    Optional<String> after = Optional.empty();
    do {
      Page<ReplicaDisk> page = queries.replicas(path, new PageRequest(after, limit));
      page.items().forEach(disk -> targets.add(disk.vmPath() + ": " + disk.diskKey().value()));
      after = page.next();
    } while (after.isPresent());
    return targets;
  }
}
