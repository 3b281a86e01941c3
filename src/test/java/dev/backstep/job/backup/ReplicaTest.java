package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.ReplicationJobs;
import dev.backstep.job.TaskRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ImportSelector;
import org.springframework.core.type.AnnotationMetadata;

/** Replicates simulated machines to files. */
@Import(ReplicaTest.Tasks.class)
abstract class ReplicaTest extends JobTest {

  /** What tasks need beside the backup job; by name, for not all of it is public. */
  static class Tasks implements ImportSelector {
    @Override
    public String[] selectImports(AnnotationMetadata importing) {
      return new String[] {
        "dev.backstep.job.RunningTasks",
        "dev.backstep.job.TaskLauncher",
        "dev.backstep.job.TaskListener",
        "dev.backstep.job.replicate.ReplicationConfiguration"
      };
    }
  }

  @Autowired ReplicationJobs replications;
  @Autowired ReplicationQueries queries;
  @TempDir Path folder;

  JobDefinition definition(String vm, CbtResetPolicy policy, int parallel) {
    return SimulatedSource.definition(
        vm,
        folder.resolve("repository"),
        "cbt-reset: " + policy.name().toLowerCase(Locale.ROOT),
        "max-parallel-disks: " + parallel,
        "chain-limit: 4",
        "replicate: { folder: \"" + folder.resolve("targets") + "\" }");
  }

  static void await(TaskRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).as("%s ends", run.id()).isTrue();
  }

  void check(SimulatedSource.Machine machine, JobDefinition definition, String id)
      throws IOException {
    ReplicationRun run = queries.run(id).orElseThrow();
    Map<String, byte[]> frozen = machine.lastSnapshot();
    assertThat(run.disks()).hasSameSizeAs(frozen.keySet());
    for (ReplicationRunDisk disk : run.disks()) {
      byte[] target = Files.readAllBytes(Path.of(disk.target().orElseThrow()));
      assertThat(target)
          .as("%s %s (%s %s)", id, disk.diskKey(), disk.reason(), disk.cause())
          .isEqualTo(frozen.get(disk.diskKey().value()));
      ReplicaDisk held = queries.replica(run.vmPath(), disk.diskKey()).orElseThrow();
      assertThat(held.state()).isEqualTo(ReplicaState.WHOLE);
      assertThat(held.changeId()).isEqualTo(disk.changeId());
      assertThat(disk.changeId().orElseThrow().value()).contains(id);
      Set<String> ours =
          machine.disks.get(disk.diskKey().value()).marks().stream()
              .filter(mark -> mark.startsWith("backstep." + run.replication() + "."))
              .collect(Collectors.toSet());
      assertThat(ours)
          .as("only the mark that is needed stays at disk %s", disk.diskKey())
          .containsExactly(disk.changeId().orElseThrow().value());
    }
  }

  /** A run that completes, verified. */
  ReplicationRun completed(SimulatedSource.Machine machine, JobDefinition definition)
      throws Exception {
    TaskRun run = replications.replicate(definition, RequestedLevel.AUTO, true);
    await(run);
    assertThat(run.state().status()).as(run.state().error() + "").isEqualTo(Status.COMPLETED);
    check(machine, definition, run.id());
    return queries.run(run.id()).orElseThrow();
  }
}
