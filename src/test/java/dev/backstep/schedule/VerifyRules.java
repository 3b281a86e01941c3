package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ImportedImage;
import dev.backstep.catalog.Imports;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.RestoreTestRounds;
import dev.backstep.catalog.RestoreTests;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.Verifications;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.catalog.VerifyRounds;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Level;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RunSettings;
import dev.backstep.domain.Status;
import dev.backstep.domain.TestVerdict;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestoreTestJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.VerifyJobs;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;

/** Verifications that definitions ask for; run on each database. */
abstract class VerifyRules extends ScheduleTest {

  private static final RepositoryId REPOSITORY = new RepositoryId("verified");
  private static final String NIGHTLY = "cron: \"0 0 1 * * ?\", zone: Europe/Berlin";

  /** The last Sunday of March: there is no half past two. */
  private static final Instant BEFORE_GAP = Instant.parse("2026-03-28T12:00:00Z");

  @Autowired Verifications verifications;
  @Autowired VerificationQueries verified;
  @Autowired Tasks tasks;
  @Autowired TaskQueries taskQueries;
  @Autowired VerifyRounds rounds;
  @Autowired RestoreTests tests;
  @Autowired RestoreTestRounds testRounds;

  private final List<String> begun = new ArrayList<>();

  /** Begins them in the tables; they run until the test says otherwise. */
  private final class Begun implements VerifyJobs {
    @Override
    public TaskRun verify(Optional<BackupId> backup, boolean whole) {
      throw new AssertionError("rounds choose images");
    }

    @Override
    public TaskRun verify(String subject, List<DiskBackupId> images) {
      return begun(verifications.begin(subject, images, lease.token()));
    }
  }

  /** Restore tests likewise. */
  private class Booted implements RestoreTestJobs {
    @Override
    public TaskRun boot(String id, BootSettings settings) {
      return begun(tests.begin(new BackupId(id), id, settings.toString(), lease.token()));
    }

    @Override
    public TaskRun run(String id, RunSettings settings) {
      throw new AssertionError("definitions ask for no commands");
    }
  }

  private TaskRun begun(String id) {
    begun.add(id);
    return new TaskRun() {
      @Override
      public String id() {
        return id;
      }

      @Override
      public TaskRow state() {
        return taskQueries.find(id).orElseThrow();
      }

      @Override
      public boolean await(Duration timeout) {
        return false;
      }
    };
  }

  @BeforeEach
  void forget() {
    jdbc.sql("delete from verify_rounds").update();
    jdbc.sql("delete from restore_test_rounds").update();
    jdbc.sql("delete from restore_tests").update();
    jdbc.sql("delete from image_proofs").update();
    jdbc.sql("delete from backup_disks").update();
  }

  private Verifier verifier() {
    return new Verifier(machines, rounds, new Begun(), new NoTasks(), SETTINGS, clock);
  }

  private void define(String vm, String verify, Instant at) throws Exception {
    clock.set(at);
    define(vm, NIGHTLY + " }\nverify: { " + verify);
    reload().run();
  }

  private DiskBackupId image(String vm, int number, Instant completed) {
    new Repositories(dataSource, clock).register(REPOSITORY, "/verified");
    new Machines(dataSource, transactions, clock).register(id(vm), vm);
    DiskBackupId image = new DiskBackupId(vm + "-" + number);
    BackupId backup = new BackupId("backup-" + vm + "-" + number);
    new Imports(dataSource, clock)
        .insert(
            new Imports.Backup(
                backup,
                id(vm),
                REPOSITORY,
                "",
                completed,
                Optional.of(completed),
                Optional.empty()),
            List.of(
                new ImportedImage(
                    image,
                    backup,
                    0,
                    new DiskKey("k"),
                    Level.FULL,
                    Reason.NO_BASELINE,
                    "",
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    1,
                    1000,
                    100,
                    100,
                    image + ".qcow2",
                    completed,
                    completed,
                    Optional.of("crc32c"))));
    return image;
  }

  private List<DiskBackupId> images(String task) {
    return verified.images(task).stream().map(VerifiedImage::image).toList();
  }

  private void end(String task) {
    images(task).forEach(image -> new Proofs(dataSource, clock).proven(image, Proof.DATA, 1));
    tasks.ended(task, lease.token(), Status.COMPLETED, Optional.empty());
  }

  @Test
  void newImageIsVerifiedInTheNextRoundAndAgainInTime() throws Exception {
    Instant start = Instant.parse("2026-11-10T12:00:00Z");
    define(vm("a"), "new-within: 24h, all-within: 2d", start);
    DiskBackupId image = image(vm("a"), 1, start);
    Verifier verifier = verifier();

    verifier.round();
    assertThat(begun).as("it is not yet six").isEmpty();
    assertThat(schedules().schedule(vm("a"), 1).nextVerification())
        .contains(Instant.parse("2026-11-11T05:00:00Z"));
    clock.set(Instant.parse("2026-11-11T05:00:30Z"));
    verifier.round();
    assertThat(begun).hasSize(1);
    assertThat(images(begun.getFirst())).containsExactly(image);
    verifier.round();
    assertThat(begun).as("once").hasSize(1);
    end(begun.getFirst());
    clock.advance(Duration.ofDays(3));
    verifier.round();
    assertThat(begun).as("what was missed is made up for by one").hasSize(2);
    end(begun.getLast());
    verifier.round();
    assertThat(begun).hasSize(2);
    assertThat(rounds.last(id(vm("a")))).contains(Instant.parse("2026-11-14T05:00:30Z"));
  }

  @Test
  void neverBesideABackupAndOneAtATime() throws Exception {
    Instant start = Instant.parse("2026-11-10T12:00:00Z");
    define(vm("a"), "all-within: 2d", start);
    define(vm("b"), "all-within: 2d", start);
    image(vm("a"), 1, start);
    image(vm("b"), 1, start);
    clock.set(start.plus(Duration.ofDays(1)));
    BackupId waiting =
        realJobs.enqueue(
            definition(vm("a"), NIGHTLY), RequestedLevel.FULL, Launch.byApi("test", List.of()));
    Verifier verifier = verifier();

    verifier.round();
    assertThat(begun).hasSize(1);
    assertThat(verified.images(begun.getFirst()).getFirst().vmName()).isEqualTo(vm("b"));
    jdbc.sql("update backups set status = 'ABANDONED', active_vm_id = null where id = :id")
        .param("id", waiting.value())
        .update();
    verifier.round();
    assertThat(begun).as("another one runs").hasSize(1);
    end(begun.getFirst());
    verifier.round();
    assertThat(begun).hasSize(2);
    assertThat(verified.images(begun.getLast()).getFirst().vmName()).isEqualTo(vm("a"));
    end(begun.getLast());
  }

  @Test
  void roundOfTheHourThatDoesNotExistIsDueAtItsEnd() throws Exception {
    define(vm("a"), "cron: \"0 30 2 * * ?\", all-within: 2d", BEFORE_GAP);
    image(vm("a"), 1, BEFORE_GAP);
    Verifier verifier = verifier();

    clock.set(Instant.parse("2026-03-29T00:59:00Z"));
    verifier.round();
    assertThat(begun).isEmpty();
    clock.set(Instant.parse("2026-03-29T01:00:00Z"));
    verifier.round();

    assertThat(begun).hasSize(1);
    end(begun.getFirst());
    clock.set(Instant.parse("2026-03-29T12:00:00Z"));
    verifier.round();
    assertThat(begun).as("once in that night").hasSize(1);
  }

  @Test
  void oldVerificationsAreForgottenAndTheirProofsStay() throws Exception {
    Instant start = Instant.parse("2026-01-10T12:00:00Z");
    DiskBackupId image = image(vm("a"), 1, start);
    String old = verifications.begin("old", List.of(image), lease.token());
    end(old);
    String running = verifications.begin("running", List.of(image), lease.token());

    // The clock of the tables is the machine's.
    assertThat(tasks.trim(Instant.now().minus(Duration.ofDays(1)))).isZero();
    assertThat(tasks.trim(Instant.now().plus(Duration.ofDays(1)))).isPositive();

    assertThat(verified.find(old)).isEmpty();
    assertThat(taskQueries.find(old)).isEmpty();
    assertThat(verified.find(running)).isPresent();
    assertThat(rounds.candidates(id(vm("a"))).getFirst().provenAt()).isPresent();
    end(running);
  }

  /** Its proof never gets younger: it would be the first of each round. */
  @Test
  void imageThatWasFoundDamagedTakesNoRound() throws Exception {
    Instant start = Instant.parse("2026-01-10T12:00:00Z");
    DiskBackupId damaged = image(vm("a"), 1, start);
    DiskBackupId other = image(vm("a"), 2, start);

    jdbc.sql("update backup_disks set damaged = true where id = :id")
        .param("id", damaged.value())
        .update();

    assertThat(rounds.candidates(id(vm("a"))))
        .extracting(VerifyRounds.Candidate::image)
        .containsExactly(other);
  }

  private RestoreTester tester() {
    return new RestoreTester(machines, testRounds, rounds, new Booted(), SETTINGS, clock);
  }

  private void defineTest(String vm, Instant at) throws Exception {
    clock.set(at);
    define(vm, NIGHTLY + " }\nrestore-test: { console: login");
    reload().run();
  }

  private BackupId tested(String task) {
    return tests.find(task).orElseThrow().backup();
  }

  private void endTest(String task, TestVerdict verdict) {
    tests.ended(task, verdict, "");
    tasks.ended(task, lease.token(), Status.COMPLETED, Optional.empty());
  }

  @Test
  void newestRestorePointIsBootedWhenItIsTimeAndOnceForAllThatWasMissed() throws Exception {
    Instant tuesday = Instant.parse("2026-11-10T12:00:00Z");
    defineTest(vm("a"), tuesday);
    image(vm("a"), 1, tuesday);
    image(vm("a"), 2, tuesday.plusSeconds(60));
    RestoreTester tester = tester();

    tester.round();
    assertThat(begun).as("it is not yet Sunday").isEmpty();
    assertThat(schedules().schedule(vm("a"), 1).nextRestoreTest())
        .contains(Instant.parse("2026-11-15T08:00:00Z"));
    clock.set(Instant.parse("2026-11-15T08:00:10Z"));
    tester.round();
    tester.round();

    assertThat(begun).hasSize(1);
    assertThat(tested(begun.getFirst()).value()).isEqualTo("backup-" + vm("a") + "-2");
    endTest(begun.getFirst(), TestVerdict.FAILED);
    tester.round();
    assertThat(begun).hasSize(1);
    clock.advance(Duration.ofDays(40));
    tester.round();
    endTest(begun.getLast(), TestVerdict.PASSED);
    tester.round();
    assertThat(begun).hasSize(2);
  }

  @Test
  void restoreTestWaitsForBackupsAndVerificationsAndOtherTests() throws Exception {
    Instant start = Instant.parse("2026-11-10T12:00:00Z");
    defineTest(vm("a"), start);
    defineTest(vm("b"), start);
    DiskBackupId image = image(vm("a"), 1, start);
    image(vm("b"), 1, start);
    clock.set(start.plus(Duration.ofDays(7)));
    BackupId waiting =
        realJobs.enqueue(
            definition(vm("a"), NIGHTLY), RequestedLevel.FULL, Launch.byApi("test", List.of()));
    String verification = verifications.begin("x", List.of(image), lease.token());
    rounds.ran(id(vm("a")), clock.instant(), Optional.of(verification), Optional.empty());
    RestoreTester tester = tester();

    tester.round();
    assertThat(begun).as("a verification runs").isEmpty();
    end(verification);
    tester.round();
    tester.round();
    assertThat(begun).as("the other VM's, and no second one beside it").hasSize(1);
    assertThat(tested(begun.getFirst()).value()).isEqualTo("backup-" + vm("b") + "-1");
    endTest(begun.getFirst(), TestVerdict.PASSED);
    tester.round();
    assertThat(begun).as("a backup waits").hasSize(1);
    jdbc.sql("update backups set status = 'ABANDONED', active_vm_id = null where id = :id")
        .param("id", waiting.value())
        .update();
    tester.round();
    assertThat(begun).hasSize(2);
    endTest(begun.getLast(), TestVerdict.PASSED);
  }

  @Test
  void nothingIsBootedWhereThereIsNoRestorePoint() throws Exception {
    Instant start = Instant.parse("2026-11-10T12:00:00Z");
    defineTest(vm("a"), start);
    clock.set(start.plus(Duration.ofDays(7)));

    tester().round();

    assertThat(begun).isEmpty();
    assertThat(testRounds.last(id(vm("a")))).contains(clock.instant());
  }

  @Test
  void restorePointThatWasRemovedMeanwhileDoesNotCostTheRound() throws Exception {
    Instant start = Instant.parse("2026-11-10T12:00:00Z");
    defineTest(vm("a"), start);
    image(vm("a"), 1, start);
    clock.set(start.plus(Duration.ofDays(7)));
    RestoreTestJobs removed =
        new Booted() {
          @Override
          public TaskRun boot(String id, BootSettings settings) {
            throw OperatorException.notFound(id + ": there is no such backup", null);
          }
        };

    new RestoreTester(machines, testRounds, rounds, removed, SETTINGS, clock).round();
    tester().round();

    assertThat(begun).hasSize(1);
    endTest(begun.getFirst(), TestVerdict.PASSED);
  }
}
