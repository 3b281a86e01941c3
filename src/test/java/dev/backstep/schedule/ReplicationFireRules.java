package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.Leases;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.catalog.ReplicationStarts;
import dev.backstep.catalog.Replications;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ReplicationJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.definition.JobFolder;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.dao.TransientDataAccessException;

/** What becomes of a start of a replication; run on each database. */
abstract class ReplicationFireRules extends FireTest {

  @Autowired Leases leases;
  @Autowired Replications runs;
  @Autowired Tasks tasks;
  @Autowired Machines known;

  /** Its file gets another name, and a typing error with it. */
  @Test
  void replicationWhoseDefinitionCannotBeReadNowStartsAsBefore() throws Exception {
    Path file = replicated("a");
    List<String> asked = new ArrayList<>();
    ReplicationFires replications = refusing(asked);

    Files.delete(file);
    Files.writeString(folder.resolve("jobs/other.yaml"), "vm: [");
    clock.set(DUE.plusSeconds(1));
    replications.round();

    assertThat(asked).containsExactly(vm("a"));
  }

  /** As when the database is away for a moment. */
  @Test
  void replicationThatBrokeAtItsStartIsTriedAgainAndHoldsUpNoOther() throws Exception {
    replicated("a");
    replicated("b");
    List<String> asked = new ArrayList<>();
    NoTasks tasks = new NoTasks();
    ReplicationFires replications =
        replications(
            tasks,
            vm -> {
              asked.add(vm);
              if (asked.size() == 1) {
                JobsDouble.databaseAway();
              }
              throw OperatorException.failed("not here", null);
            });
    clock.set(DUE.minusSeconds(30));
    replications.round();

    clock.set(DUE.plusSeconds(1));
    assertThatThrownBy(replications::round).isInstanceOf(TransientDataAccessException.class);
    List<String> first = List.copyOf(asked);
    tasks.recoveryFails = true;
    assertThatThrownBy(replications::round).hasMessage("a fault");

    assertThat(first).containsExactly(vm("a"), vm("b"));
    assertThat(asked).containsExactly(vm("a"), vm("b"), vm("a"));
  }

  @Test
  void startOfReplicationThatDiedWithItsServerIsMadeByAnother() throws Exception {
    replicated("a");
    List<String> asked = new ArrayList<>();
    ReplicationFires replications = refusing(asked);
    long other = anotherTakes(id(vm("a")));

    replications.round();
    assertThat(asked).as("begun while who took it lives").isEmpty();

    leases.release(other);
    replications.round();
    assertThat(asked).containsExactly(vm("a"));
  }

  /** The run is there, and its server died before it could note so. */
  @Test
  void startOfReplicationThatBeganIsNotMadeTwice() throws Exception {
    replicated("a");
    List<String> asked = new ArrayList<>();
    ReplicationFires replications = refusing(asked);
    VmId vm = id(vm("a"));
    long other = anotherTakes(vm);
    known.register(vm, vm("a"));
    String run =
        runs.begin(
            new Replications.NewRun(
                vm, vm("a"), vm("a"), RequestedLevel.AUTO, false, "a definition", other));

    leases.release(other);
    replications.round();

    tasks.ended(run, other, Status.FAILED, Optional.empty());
    assertThat(asked).isEmpty();
    assertThat(
            jdbc.sql("select concat(outcome, ' ', run_id) from replication_fires where vm_id = :vm")
                .param("vm", vm.value())
                .query(String.class)
                .single())
        .isEqualTo("STARTED " + run);
  }

  /** None begins; the starts before the one that is due are over. */
  private ReplicationFires refusing(List<String> asked) throws Exception {
    ReplicationFires replications =
        replications(
            new NoTasks(),
            vm -> {
              asked.add(vm);
              throw OperatorException.failed("not here", null);
            });
    clock.set(DUE.minusSeconds(30));
    replications.round();
    return replications;
  }

  /** Under a lease of its own, which is returned. */
  private long anotherTakes(VmId vm) {
    clock.set(DUE.plusSeconds(1));
    long other = leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
    Instant last = starts().last(vm, lease.token(), clock.instant());
    assertThat(starts().take(vm, last, DUE, other)).isTrue();
    return other;
  }

  private ReplicationStarts starts() {
    return new ReplicationStarts(dataSource, leases, Clock.systemUTC());
  }

  private Path replicated(String name) throws IOException {
    return Files.writeString(
        folder.resolve("jobs/replica-" + name + ".yaml"),
        yaml(vm(name), NIGHTLY)
            + "replicate: { folder: "
            + folder
            + ", schedule: { cron: \"0 0 * * * ?\", zone: UTC } }\n");
  }

  /**
   * @param asked of each VM whose replication is to start
   */
  private ReplicationFires replications(TaskJobs tasks, Consumer<String> asked) {
    Class<ReplicationJobs> type = ReplicationJobs.class;
    Object jobs =
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              if (arguments != null) {
                asked.accept(((JobDefinition) arguments[0]).vmName());
              }
              return null;
            });
    return new ReplicationFires(
        new JobFolder(folder.resolve("jobs")),
        type.cast(jobs),
        tasks,
        starts(),
        lease,
        SETTINGS,
        clock);
  }
}
