package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.domain.TestVerdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** What the catalog remembers of verifications, on any database. */
abstract class VerificationContract extends VerificationTest {

  @Test
  void restorePointIsCheckedWithAllThatItNeedsRootsFirst() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    List<DiskBackupId> overlay = completed("a", full);
    completed("a", overlay);
    completed("b", List.of());

    String id = verifications.begin(Optional.of(backupOf(overlay.get(0))), true, lease);

    assertThat(queries.images(id))
        .extracting(VerifiedImage::image)
        .containsExactly(full.get(0), overlay.get(0), full.get(1), overlay.get(1));
    VerificationRow row = queries.find(id).orElseThrow();
    assertThat(row.images()).isEqualTo(4);
    assertThat(row.checked()).isZero();
    assertThat(row.task().bytesTotal()).isEqualTo(1200);
    assertThat(row.task().status()).isEqualTo(Status.RUNNING);
  }

  @Test
  void imagesAndFindingsComeInPagesAndEachOnce() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    completed("a", full);
    completed("b", List.of());
    String id = verifications.begin(Optional.empty(), true, lease);
    List<VerifiedImage> images = queries.images(id);
    for (VerifiedImage image : images) {
      for (int i = 0; i < 3; i++) {
        verifications.found(id, finding(image.number(), "damage " + i));
      }
    }

    for (int limit = 1; limit <= 19; limit++) {
      assertThat(inPages(limit, request -> queries.images(id, request))).isEqualTo(images);
      List<ImageFinding> findings = inPages(limit, request -> queries.findings(id, request));
      assertThat(findings).extracting(ImageFinding::image).containsOnlyElementsOf(images);
      assertThat(findings)
          .extracting(row -> row.image().number() + " " + row.finding().found())
          .hasSize(3 * images.size())
          .doesNotHaveDuplicates()
          .isSorted();
    }
    assertThatThrownBy(() -> queries.findings(id, new PageRequest(Optional.of("1"), 5)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void allAreCheckedButWhatIsNoRestorePointAnyMore() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    List<DiskBackupId> overlay = completed("a", full);
    List<DiskBackupId> other = completed("b", List.of());
    new Removals(catalog.dataSource, clock).begin(backupOf(other.get(0)));

    String id = verifications.begin(Optional.empty(), false, lease);

    assertThat(queries.images(id))
        .extracting(VerifiedImage::image)
        .containsExactly(full.get(0), overlay.get(0), full.get(1), overlay.get(1));
    assertThat(queries.isCompleted(full.get(0))).isTrue();
    assertThat(queries.isCompleted(other.get(0))).isFalse();
  }

  @Test
  void resultsFindingsAndProofsStay() throws Exception {
    List<DiskBackupId> full = completed("a", List.of());
    String id = verifications.begin(Optional.empty(), true, lease);

    verifications.checked(id, 1, 300);
    verifications.done(id, 1, ImageResult.CLEAN);
    proofs.proven(full.get(0), Proof.DATA, 7);
    proofs.proven(full.get(0), Proof.DATA, 8);
    FindingRow whole =
        new FindingRow(2, "MISSING", Optional.empty(), List.of(), "nothing", "a file");
    FindingRow part =
        new FindingRow(
            2,
            "DATA",
            Optional.of(new ByteRange(65_536, 10)),
            List.of(new ByteRange(0, 65_536), new ByteRange(1L << 40, 65_536)),
            "x".repeat(9000),
            "1");
    verifications.found(id, whole);
    verifications.found(id, part);
    verifications.done(id, 2, ImageResult.DAMAGED);

    VerificationRow row = queries.find(id).orElseThrow();
    assertThat(row.checked()).isEqualTo(2);
    assertThat(row.damaged()).isEqualTo(1);
    assertThat(row.task().bytesDone()).isEqualTo(300);
    List<FindingRow> findings =
        Page.rows(100, request -> queries.findings(id, request)).stream()
            .map(ImageFinding::finding)
            .toList();
    assertThat(findings).hasSize(2).first().isEqualTo(whole);
    assertThat(findings.get(1).range()).isEqualTo(part.range());
    assertThat(findings.get(1).disk()).isEqualTo(part.disk());
    assertThat(findings.get(1).found()).as("a cut text").hasSizeLessThan(3000);
  }

  @Test
  void idsTellTasksFromBackups() {
    String id = tasks.begin(TaskKind.COPY, "x".repeat(900), "{}", lease);

    assertThat(TaskKind.ofId(id)).contains(TaskKind.COPY);
    assertThat(TaskKind.ofId("backup-verify-20260101-000000")).isEmpty();
    assertThat(TaskKind.ofId("17")).isEmpty();
    tasks.progress(id, 7, 9);
    TaskRow row = taskQueries.find(id).orElseThrow();
    assertThat(row.subject()).as("a cut subject").hasSize(500);
    assertThat(row.settings()).isEqualTo("{}");
    assertThat(row.bytesDone()).isEqualTo(7);
    assertThat(row.bytesTotal()).isEqualTo(9);
  }

  @Test
  void listTellsWhatCameOfEach() throws Exception {
    completed("a", List.of());
    JdbcTransactionManager manager = new JdbcTransactionManager(catalog.dataSource);
    RestoreTests tests = new RestoreTests(catalog.dataSource, manager, tasks, clock);
    BackupId backup = new BackupId("backup-a");
    String passed = tests.begin(backup, "a", "{}", lease);
    tests.ended(passed, TestVerdict.PASSED, "");
    end(passed, Status.COMPLETED);
    String failed = tests.begin(backup, "a", "{}", lease);
    tests.ended(failed, TestVerdict.FAILED, "");
    end(failed, Status.COMPLETED);
    String notBooted = tests.begin(backup, "a", "{}", lease);
    end(notBooted, Status.FAILED);
    String booting = tests.begin(backup, "a", "{}", lease);
    clock.advance(Duration.ofSeconds(1));
    String clean = verifications.begin(Optional.empty(), true, lease);
    verifications.done(clean, 1, ImageResult.CLEAN);
    end(clean, Status.COMPLETED);
    String stopped = verifications.begin(Optional.empty(), true, lease);
    end(stopped, Status.STOPPED);
    String damaged = verifications.begin(Optional.empty(), true, lease);
    verifications.done(damaged, 1, ImageResult.DAMAGED);
    verifications.done(damaged, 2, ImageResult.DAMAGED);
    end(damaged, Status.COMPLETED);
    String finding = verifications.begin(Optional.empty(), true, lease);
    verifications.done(finding, 2, ImageResult.DAMAGED);
    String copy = tasks.begin(TaskKind.COPY, "x", "{}", lease);

    assertThat(taskQueries.page(Optional.empty(), Optional.empty(), PageRequest.first(20)).items())
        .extracting(row -> row.task().id(), JudgedTask::verdict, JudgedTask::imagesDamaged)
        .containsExactlyInAnyOrder(
            tuple(passed, Optional.of(TaskVerdict.PASSED), OptionalInt.empty()),
            tuple(failed, Optional.of(TaskVerdict.FAILED), OptionalInt.empty()),
            tuple(notBooted, Optional.of(TaskVerdict.NOT_DONE), OptionalInt.empty()),
            tuple(booting, Optional.of(TaskVerdict.PENDING), OptionalInt.empty()),
            tuple(clean, Optional.of(TaskVerdict.CLEAN), OptionalInt.of(0)),
            tuple(stopped, Optional.of(TaskVerdict.NOT_DONE), OptionalInt.of(0)),
            tuple(damaged, Optional.of(TaskVerdict.DAMAGED), OptionalInt.of(2)),
            tuple(finding, Optional.of(TaskVerdict.DAMAGED), OptionalInt.of(1)),
            tuple(copy, Optional.empty(), OptionalInt.empty()));
    assertThat(taskQueries.judged(damaged).orElseThrow().imagesDamaged()).hasValue(2);
    assertThat(tests.find(notBooted).orElseThrow().outcome()).isEqualTo(TaskVerdict.NOT_DONE);
    assertThat(queries.find(damaged).orElseThrow().verdict()).isEqualTo(TaskVerdict.DAMAGED);
    assertThat(queries.find(finding).orElseThrow().checked()).isEqualTo(1);
  }

  @Test
  void onlyItsOwnerWritesToIt() throws Exception {
    completed("a", List.of());
    String id = verifications.begin(Optional.empty(), true, lease);
    long other = catalog.lease();

    tasks.lock(id, lease);
    assertThatThrownBy(() -> tasks.lock(id, other))
        .isInstanceOf(FencedException.class)
        .hasMessageContaining(id);
    assertThat(tasks.ended(id, other, Status.STOPPED, Optional.empty())).isFalse();
    assertThat(taskQueries.dead()).isEmpty();
    catalog.leases.release(lease);
    assertThatThrownBy(() -> tasks.lock(id, lease)).isInstanceOf(FencedException.class);
    assertThat(taskQueries.dead()).extracting(TaskRow::id).containsExactly(id);
    assertThat(tasks.resume(id, other)).as("still called running").isFalse();
    assertThat(tasks.ended(id, lease, Status.FAILED, Optional.of("it died"))).isTrue();
    assertThat(tasks.resume(id, other)).isTrue();
    assertThat(taskQueries.find(id).orElseThrow().error()).isEmpty();
    tasks.lock(id, other);
  }

  @Test
  void pagesAreNewestFirstAndIdsTellThoseOfOneSecondApart() throws Exception {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      ids.addFirst(verifications.begin(Optional.empty(), true, lease));
      clock.advance(Duration.ofMillis(2));
    }

    Page<VerificationRow> first = queries.page(PageRequest.first(3));
    Page<VerificationRow> second = queries.page(new PageRequest(first.next(), 3));

    assertThat(first.items())
        .extracting(VerificationRow::id)
        .containsExactlyElementsOf(ids.subList(0, 3));
    assertThat(second.items())
        .extracting(VerificationRow::id)
        .containsExactlyElementsOf(ids.subList(3, 5));
    assertThat(second.next()).isEmpty();
    assertThat(taskQueries.page(Optional.empty(), Optional.empty(), PageRequest.first(3)).items())
        .extracting(row -> row.task().id())
        .containsExactlyElementsOf(ids.subList(0, 3));
    assertThat(
            taskQueries
                .page(Optional.of(TaskKind.COPY), Optional.empty(), PageRequest.first(3))
                .items())
        .isEmpty();
    end(ids.get(1), Status.FAILED);
    tasks.ended(
        tasks.begin(TaskKind.COPY, "x", "{}", lease), lease, Status.FAILED, Optional.empty());
    assertThat(taskIds(Optional.empty(), Status.FAILED)).hasSize(2).contains(ids.get(1));
    assertThat(taskIds(Optional.of(TaskKind.VERIFY), Status.FAILED)).containsExactly(ids.get(1));
    assertThat(taskIds(Optional.of(TaskKind.VERIFY), Status.RUNNING))
        .hasSize(4)
        .doesNotContain(ids.get(1));
  }

  private List<String> taskIds(Optional<TaskKind> kind, Status status) {
    return taskQueries.page(kind, Optional.of(status), PageRequest.first(9)).items().stream()
        .map(row -> row.task().id())
        .toList();
  }

  private static FindingRow finding(int image, String found) {
    return new FindingRow(image, "DATA", Optional.empty(), List.of(), found, "none");
  }

  private static <T> List<T> inPages(int limit, Function<PageRequest, Page<T>> list) {
    List<T> rows = new ArrayList<>();
    Optional<String> after = Optional.empty();
    do {
      Page<T> page = list.apply(new PageRequest(after, limit));
      assertThat(page.items()).hasSizeLessThanOrEqualTo(limit);
      rows.addAll(page.items());
      after = page.next();
    } while (after.isPresent());
    return rows;
  }

  private void end(String id, Status status) {
    assertThat(tasks.ended(id, lease, status, Optional.empty())).isTrue();
  }
}
