package dev.backstep.cli;

import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.MergeWork;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.TaskRun;
import java.util.List;
import java.util.Map;

/** Retention through a running server. */
final class RemoteRetention implements RetentionVerbs {

  private final RemoteClient client;

  RemoteRetention(RemoteClient client) {
    this.client = client;
  }

  @Override
  public PrunePlan prunePlan(List<JobDefinition> definitions) {
    return RemotePrune.plan(client.post(RemotePrune.PATH, RemotePrune.request(definitions, true)));
  }

  @Override
  public TaskRun prune(List<JobDefinition> definitions) {
    return RemoteTask.of(
        client, client.post(RemotePrune.PATH, RemotePrune.request(definitions, false)));
  }

  @Override
  public PlanRow storePlan(List<JobDefinition> definitions) {
    Map<String, Object> request = RemotePrune.request(definitions, true);
    request.remove("plan");
    return RemotePrune.row(client.post(RemotePrune.PLANS, request));
  }

  @Override
  public List<PlanRow> plans(int limit) {
    return client.rows(RemotePrune.PLANS, "plans", Map.of(), limit).stream()
        .map(RemotePrune::row)
        .toList();
  }

  @Override
  public PlanRow plan(String id) {
    return RemotePrune.row(client.get(RemotePrune.planPath(id)));
  }

  @Override
  public PlanRow approvePlan(String id) {
    return RemotePrune.row(client.post(RemotePrune.planPath(id) + "/approve", Map.of()));
  }

  @Override
  public TaskRun runPlan(String id) {
    return RemoteTask.of(client, client.post(RemotePrune.planPath(id) + "/run", Map.of()));
  }

  @Override
  public MergeWork mergePlan(List<JobDefinition> definitions, boolean consolidate) {
    return RemotePrune.work(
        client.post(RemotePrune.MERGES, RemotePrune.mergeRequest(definitions, consolidate, true)));
  }

  @Override
  public TaskRun merge(List<JobDefinition> definitions, boolean consolidate) {
    return RemoteTask.of(
        client,
        client.post(RemotePrune.MERGES, RemotePrune.mergeRequest(definitions, consolidate, false)));
  }

  @Override
  public void pin(String id) {
    client.post(RemoteEngine.path(id) + "/pin", Map.of());
  }

  @Override
  public void unpin(String id) {
    client.post(RemoteEngine.path(id) + "/unpin", Map.of());
  }
}
