package dev.backstep;

import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Merges;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PlanRow;
import dev.backstep.catalog.PrunePlans;
import dev.backstep.catalog.Repositories;
import dev.backstep.cli.RetentionVerbs;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.MergePlanner;
import dev.backstep.job.MergeWork;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PlanJobs;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.PrunePlanner;
import dev.backstep.job.TaskRun;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;
import org.springframework.context.ApplicationContext;

/** Retention in this process. */
final class SpringRetention implements RetentionVerbs {

  private final ApplicationContext context;

  SpringRetention(ApplicationContext context) {
    this.context = context;
  }

  @Override
  public PrunePlan prunePlan(List<JobDefinition> definitions) {
    return new PrunePlanner(context.getBean(KeptPoints.class), context.getBean(Repositories.class))
        .plan(definitions, Instant.now());
  }

  @Override
  public TaskRun prune(List<JobDefinition> definitions) {
    return context.getBean(PruneJobs.class).prune(definitions, names(definitions));
  }

  @Override
  public PlanRow storePlan(List<JobDefinition> definitions) {
    return context.getBean(PlanJobs.class).store(definitions, SpringEngine.user());
  }

  @Override
  public List<PlanRow> plans(int limit) {
    return Page.rows(limit, context.getBean(PrunePlans.class)::page);
  }

  @Override
  public PlanRow plan(String id) {
    return context
        .getBean(PrunePlans.class)
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(id + ": no such plan; `backstep plans` shows the plans"));
  }

  @Override
  public PlanRow approvePlan(String id) {
    return context.getBean(PlanJobs.class).approve(id, SpringEngine.user());
  }

  @Override
  public TaskRun runPlan(String id) {
    return context.getBean(PlanJobs.class).run(id);
  }

  @Override
  public MergeWork mergePlan(List<JobDefinition> definitions, boolean consolidate) {
    Repositories repositories = context.getBean(Repositories.class);
    PrunePlanner retention = new PrunePlanner(context.getBean(KeptPoints.class), repositories);
    return new MergePlanner(retention, context.getBean(Merges.class), repositories)
        .plan(definitions, consolidate, Instant.now());
  }

  @Override
  public TaskRun merge(List<JobDefinition> definitions, boolean consolidate) {
    return context.getBean(MergeJobs.class).merge(definitions, consolidate, names(definitions));
  }

  @Override
  public void pin(String id) {
    context.getBean(PruneJobs.class).pin(id);
  }

  @Override
  public void unpin(String id) {
    context.getBean(PruneJobs.class).unpin(id);
  }

  private static String names(List<JobDefinition> definitions) {
    return definitions.stream().map(JobDefinition::vmName).collect(Collectors.joining(", "));
  }
}
