package dev.backstep.job.replicate;

import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.Sources;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.SourceException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Component;

/** The runs that this process does. Thread-safe. */
@Component
class ActiveReplications {

  private final Map<String, ActiveReplication> runs = new ConcurrentHashMap<>();
  private final ReplicationQueries queries;
  private final Sources sources;
  private final RunningTasks running;

  ActiveReplications(ReplicationQueries queries, Sources sources, RunningTasks running) {
    this.queries = queries;
    this.sources = sources;
    this.running = running;
  }

  /** Opens the source that a run was begun with. */
  ActiveReplication open(String id) throws SourceException {
    ReplicationRun run = queries.run(id).orElseThrow();
    JobDefinition definition = JobDefinitions.read(run.definition());
    ActiveReplication active =
        new ActiveReplication(
            id, definition, sources.open(definition.source()), running.leaseToken(id));
    runs.put(id, active);
    return active;
  }

  ActiveReplication get(String id) {
    ActiveReplication run = runs.get(id);
    if (run == null) {
      throw new IllegalStateException(id + " does not run in this process; relaunch it");
    }
    return run;
  }

  /** Lets a run's snapshot go, if this process has it. */
  void close(String id) {
    ActiveReplication run = runs.remove(id);
    if (run != null) {
      run.closeSnapshot();
    }
  }
}
