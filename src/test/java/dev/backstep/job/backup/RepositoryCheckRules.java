package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.CatalogContent;
import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.Removals;
import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.catalog.RepositoryChecks;
import dev.backstep.catalog.RepositoryChecks.Numbered;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.CatalogCheck;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.RepositoryCheckJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.verify.VerifyConfiguration;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Checks of whole repositories as tasks, with backups beside them; on each database. */
@Import({TaskParts.class, VerifyConfiguration.class})
abstract class RepositoryCheckRules extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired RepositoryCheckJobs repositoryChecks;
  @Autowired RepositoryChecks checks;
  @Autowired TaskJobs tasks;
  @Autowired Tasks table;
  @Autowired TaskQueries taskQueries;
  @Autowired ProcessLease lease;
  @Autowired CatalogContent content;
  @Autowired Removals removals;
  @Autowired JdbcClient jdbc;
  @Autowired PlatformTransactionManager transactions;

  private Repository repository;

  @BeforeEach
  void backUpTwice() throws Exception {
    for (String key : List.of("a", "b")) {
      machine.disks.put(key, new SimulatedDisk(key, 2_000_000, new Random(key.hashCode())));
    }
    backUp();
    backUp();
    repository = Repository.open(folder.resolve("repository"));
  }

  private void backUp() throws Exception {
    machine.disks.values().forEach(SimulatedDisk::write);
    JobDefinition definition = SimulatedSource.definition(vm, folder.resolve("repository"));
    var run = jobs.launch(definition, RequestedLevel.AUTO);
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    assertThat(queries.backup(run.backup()).status()).isEqualTo(Status.COMPLETED);
  }

  private BackupRow newest() {
    return queries.list(Optional.of(vm), 1).getFirst();
  }

  private List<CheckFinding> findings(String id) {
    return Page.rows(100, request -> checks.findings(id, request)).stream()
        .map(Numbered::finding)
        .toList();
  }

  private static void ended(TaskRun run, Status status) throws Exception {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    assertThat(run.state().status()).as("%s", run.state().error()).isEqualTo(status);
  }

  @Test
  void wholeRepositoryIsFoundClean() throws Exception {
    TaskRun run = repositoryChecks.check(repository.id().value());

    ended(run, Status.COMPLETED);
    RepositoryCheckRow row = checks.find(run.id()).orElseThrow();
    assertThat(row.restorePoints()).isEqualTo(2);
    assertThat(row.images()).isEqualTo(4);
    assertThat(row.verdict()).isEqualTo(TaskVerdict.CLEAN);
    assertThat(row.task().bytesDone()).isPositive().isEqualTo(row.task().bytesTotal());
    assertThat(findings(run.id())).isEmpty();
    assertThatThrownBy(() -> repositoryChecks.check("no such id"))
        .isInstanceOf(OperatorException.class)
        .hasMessageContaining("no repository with this id is known");
  }

  @Test
  void oldChecksAreForgottenWithWhatTheyFound() throws Exception {
    damageOneImage();
    TaskRun run = repositoryChecks.check(repository.id().value());
    ended(run, Status.COMPLETED);
    assertThat(table.trim(Instant.now().minus(Duration.ofDays(1)))).isZero();
    assertThat(findings(run.id())).isNotEmpty();
    assertThat(table.trim(Instant.now().plus(Duration.ofDays(1)))).isPositive();

    assertThat(taskQueries.find(run.id())).isEmpty();
    assertThat(checks.find(run.id())).isEmpty();
    assertThat(findings(run.id())).isEmpty();
  }

  @Test
  void whatHasOnlyJustBegunIsToBeStoppedAMomentLater() throws Exception {
    String id = checks.begin(repository.id(), repository.root().toString(), lease.token());

    assertThatThrownBy(() -> tasks.stop(id))
        .isInstanceOfSatisfying(
            OperatorException.class,
            e -> assertThat(e.kind()).isEqualTo(OperatorException.Kind.BUSY))
        .hasMessage(id + " begins or ends at this moment; ask again");

    ended(tasks.launch(id), Status.COMPLETED);
  }

  /** What the first part found is there once, and what comes behind it as well. */
  @Test
  void stoppedCheckGoesOnBehindWhatItHasChecked() throws Exception {
    damageOneImage();
    Files.writeString(repository.root().resolve("notes.txt"), "mine");
    String id = checks.begin(repository.id(), repository.root().toString(), lease.token());
    TaskRun run =
        new TransactionTemplate(transactions)
            .execute(held -> {
              jdbc.sql("select task_id from repository_checks where task_id = ? for update")
                  .param(id)
                  .query(String.class)
                  .single();
              TaskRun launched = tasks.launch(id);
              awaitPart(id);
              tasks.stop(id);
              return launched;
            });

    ended(run, Status.STOPPED);
    RepositoryCheckRow half = checks.find(id).orElseThrow();
    assertThat(half.problems()).isEqualTo(1);
    assertThat(half.restorePoints()).as("the end is missing").isZero();
    assertThat(half.verdict()).isEqualTo(TaskVerdict.DAMAGED);
    ended(tasks.relaunch(id), Status.COMPLETED);

    assertThat(findings(id))
        .extracting(CheckFinding::kind)
        .containsExactly(CheckFinding.Kind.IMAGE, CheckFinding.Kind.FOREIGN);
    RepositoryCheckRow row = checks.find(id).orElseThrow();
    assertThat(row.restorePoints()).isEqualTo(2);
    assertThat(row.images()).isEqualTo(4);
    assertThat(row.task().bytesDone()).isEqualTo(row.task().bytesTotal());
    JudgedTask judged =
        taskQueries
            .page(Optional.empty(), Optional.empty(), PageRequest.first(1))
            .items()
            .getFirst();
    assertThat(judged.task().id()).isEqualTo(id);
    assertThat(judged.verdict()).contains(TaskVerdict.DAMAGED);
    assertThat(judged.imagesDamaged()).as("of a verification alone").isEmpty();
    assertThat(checks.findings(id, PageRequest.first(1)).next()).isPresent();
  }

  private void damageOneImage() throws IOException {
    Path image = repository.disk(newest().vmId(), 0).image(newest().disks().getFirst().id());
    byte[] bytes = Files.readAllBytes(image);
    bytes[3] ^= 1;
    Files.write(image, bytes);
  }

  /**
   * A part has begun when its transaction has the task's row; it waits for the other one then. The
   * launch has the row for moments, too, but never behind the start of the step.
   */
  private void awaitPart(String id) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    TransactionTemplate apart = new TransactionTemplate(transactions);
    apart.setPropagationBehavior(TransactionTemplate.PROPAGATION_REQUIRES_NEW);
    String started =
        "select s.STEP_EXECUTION_ID from BATCH_STEP_EXECUTION s join tasks t on t.execution_id ="
            + " s.JOB_EXECUTION_ID where t.id = ? and s.STATUS = 'STARTED'";
    String free = "select id from tasks where id = ? for update skip locked";
    while (Boolean.TRUE.equals(
        apart.execute(tx -> rows(started, id).isEmpty() || !rows(free, id).isEmpty()))) {
      assertThat(System.nanoTime()).as("no part has begun").isLessThan(end);
    }
  }

  private List<String> rows(String sql, String id) {
    return jdbc.sql(sql).param(id).query(String.class).list();
  }

  @Test
  void whatIsNotThereAtASecondLookIsNoFinding() throws Exception {
    Path point =
        repository
            .root()
            .resolve("vms/" + newest().vmId() + "/restore-points/" + newest().id() + ".json");
    Path aside = folder.resolve("aside.json");
    Files.move(point, aside);
    CatalogCheck check = new CatalogCheck(content);
    assertThat(check.run(repository).problems()).hasSize(1);

    CompletableFuture<Void> back =
        CompletableFuture.runAsync(
            () -> move(aside, point),
            CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS));

    assertThat(check.run(repository).problems()).isEmpty();
    back.join();
  }

  /** However long a large restore point takes to go: its files are no images too many. */
  @Test
  void filesThatAreBeingDeletedAreNoFinding() throws Exception {
    BackupRow going = newest();
    CatalogCheck check = new CatalogCheck(content);
    removals.begin(going.id());

    assertThat(check.run(repository).problems()).isEmpty();

    removals.finished(going.id());
    assertThat(check.run(repository).problems())
        .as("they are all gone by then")
        .extracting(CheckFinding::subject)
        .contains(going.id().value(), going.disks().getFirst().id().value());
  }

  private static void move(Path from, Path to) {
    try {
      Files.move(from, to);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
