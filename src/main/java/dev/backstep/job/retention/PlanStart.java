package dev.backstep.job.retention;

import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.PlanRow;
import dev.backstep.catalog.PrunePlans;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PlanJobs;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.definition.JobDefinitions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/** Stores plans, has them approved, and runs them as far as they still fit. */
@Component
class PlanStart implements PlanJobs {

  private final PrunePlans plans;
  private final PruneJobs prunes;
  private final Tasks tasks;
  private final TaskJobs jobs;
  private final ProcessLease lease;
  private final RetentionSettings settings;
  private final Transactions transactions;

  PlanStart(
      PrunePlans plans,
      PruneJobs prunes,
      Tasks tasks,
      TaskJobs jobs,
      ProcessLease lease,
      RetentionSettings settings,
      PlatformTransactionManager manager) {
    this.plans = plans;
    this.prunes = prunes;
    this.tasks = tasks;
    this.jobs = jobs;
    this.lease = lease;
    this.settings = settings;
    this.transactions = new Transactions(manager);
  }

  @Override
  public PlanRow store(List<JobDefinition> definitions, String who) {
    PrunePlan plan = prunes.plan(definitions);
    String id =
        plans.add(
            new PrunePlans.NewPlan(
                definitions.stream().map(JobDefinition::vmName).collect(Collectors.joining(", ")),
                definitions.stream().map(JobDefinitions::write).toList(),
                plan.dropped().stream().map(PrunePlan.Point::id).toList(),
                plan.bytesFreed(),
                who));
    return find(id);
  }

  @Override
  public PlanRow find(String id) {
    return plans
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(id + ": no such plan; `backstep plans` shows the plans"));
  }

  @Override
  public Page<PlanRow> page(PageRequest request) {
    return plans.page(request);
  }

  @Override
  public PlanRow approve(String id, String who) {
    PlanRow plan = find(id);
    if (plan.createdBy().equals(who)) {
      throw OperatorException.conflict(
          id + " was made by " + who + ", so another user must approve it", null);
    }
    if (!plans.approve(id, who)) {
      throw OperatorException.conflict(id + " is " + plan.status() + ", not OPEN", null);
    }
    return find(id);
  }

  @Override
  public TaskRun run(String id) {
    PlanRow plan = find(id);
    requireRunnable(plan);
    Map<BackupId, PrunePlan.Point> now = new HashMap<>();
    prunes.plan(plan.definitions().stream().map(JobDefinitions::read).toList()).machines().stream()
        .flatMap(machine -> machine.points().stream())
        .forEach(point -> now.put(point.id(), point));
    List<String> going = new ArrayList<>();
    List<String> staying = new ArrayList<>();
    long bytes = 0;
    for (BackupId drop : plan.drops()) {
      PrunePlan.Point point = now.get(drop);
      if (point == null) {
        staying.add(drop + ": is no restore point any more");
      } else if (point.action() == PrunePlan.Action.DROP) {
        going.add(drop.value());
        bytes += point.bytes();
      } else {
        staying.add(drop + ": " + String.join(", ", point.reasons()));
      }
    }
    String note = String.join("\n", staying);
    if (going.isEmpty()) {
      throw OperatorException.conflict(
          id + " does not fit any more, nothing of it would go: " + note, null);
    }
    return jobs.launch(begin(plan, String.join("\n", going), note, bytes));
  }

  private void requireRunnable(PlanRow plan) {
    if (plan.status() != PlanRow.Status.OPEN && plan.status() != PlanRow.Status.APPROVED) {
      throw OperatorException.conflict(plan.id() + " is " + plan.status(), null);
    }
    if (settings.pruneApproval() && plan.status() == PlanRow.Status.OPEN) {
      throw OperatorException.conflict(
          plan.id() + " is not approved, which backstep.server.prune-approval asks for", null);
    }
  }

  /** Of several that run it at the same time one does. */
  private String begin(PlanRow plan, String going, String note, long bytes) {
    return transactions.in(() -> {
      String task =
          tasks.begin(TaskKind.PRUNE, plan.subject() + ", by " + plan.id(), going, lease.token());
      if (!plans.run(plan, task, note)) {
        throw OperatorException.conflict(plan.id() + " is being run, or was put aside", null);
      }
      tasks.progress(task, 0, bytes);
      return task;
    });
  }
}
